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
/// Tasks that one service may want, as AWS's quota.
pub const SERVICE_TASKS_MAX: u32 = 5000;
pub const SERVICE_LOAD_BALANCERS_MAX: usize = 5;
pub const SERVICE_REGISTRIES_MAX: usize = 1;
pub const SERVICE_TOKEN_LENGTH_MAX: usize = 36;
pub const BAKE_TIME_MINUTES_MAX: u32 = 1440;
/// Alarms that watch one service's deployments. AWS names no bound; each is looked up by every plan of the service.
pub const DEPLOYMENT_ALARMS_MAX: usize = 100;
pub const ALARM_NAME_CHARS_MAX: usize = 255;
pub const LIST_SERVICES_DEFAULT: usize = 10;
pub const LIST_SERVICE_DEPLOYMENTS_DEFAULT: usize = 20;
/// What the operations that describe deployments and revisions take at once.
pub const DESCRIBE_REVISIONS_MAX: usize = 20;
/// Rows that one commit forgets of the INACTIVE service whose name is taken again. More would exceed what the store
/// takes at once.
pub const FORGOTTEN_ROWS_PER_COMMIT: usize = 100;
