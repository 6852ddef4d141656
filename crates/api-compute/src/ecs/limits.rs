//! Named limits of ECS.

/// Every name: clusters, families, containers, volumes.
pub const NAME_LENGTH_MAX: usize = 255;
pub const CONTAINERS_MAX: usize = 10;
/// The whole definition as JSON.
pub const TASK_DEFINITION_BYTES_MAX: usize = 64 * 1024;
pub const ENVIRONMENT_FILES_MAX: usize = 10;
pub const PORT_RANGES_MAX: usize = 100;
pub const IGNORED_EXIT_CODES_MAX: usize = 50;
pub const PLACEMENT_CONSTRAINTS_MAX: usize = 10;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_LENGTH_MAX: usize = 128;
pub const TAG_VALUE_LENGTH_MAX: usize = 256;
/// Items of one page of a listing, and the default.
pub const PAGE_MAX: usize = 100;
/// What Describe operations take at once.
pub const DESCRIBE_MAX: usize = 100;
pub const DESCRIBE_SERVICES_MAX: usize = 10;
pub const DELETE_TASK_DEFINITIONS_MAX: usize = 10;
pub const TASK_PROTECTION_MAX: usize = 10;
pub const RUN_TASK_COUNT_MAX: usize = 10;
pub const SUBNETS_MAX: usize = 16;
pub const SECURITY_GROUPS_MAX: usize = 5;
pub const OVERRIDES_BYTES_MAX: usize = 8192;
pub const STARTED_BY_LENGTH_MAX: usize = 128;
pub const CLIENT_TOKEN_LENGTH_MAX: usize = 64;
pub const STOP_REASON_LENGTH_MAX: usize = 1024;
pub const CAPACITY_PROVIDERS_MAX: usize = 20;
pub const STRATEGY_WEIGHT_MAX: i32 = 1000;
pub const STRATEGY_BASE_MAX: i32 = 100_000;
pub const MEMORY_MIB_MIN: u32 = 6;
