//! ELBv2's quotas and the sizes of its requests. Quotas that AWS raises on request stand higher here where one machine
//! easily serves more; DescribeAccountLimits tells these very numbers.

/// Load balancers of one account and region, per kind. Each has an interface and a namespace per subnet.
pub const LOAD_BALANCERS_MAX: usize = 50;
pub const LISTENERS_MAX: usize = 50;
/// Rules of one load balancer, the default ones not counted. A request is matched against them one by one: more make
/// those slower that match late.
pub const RULES_MAX: usize = 1000;
pub const TARGET_GROUPS_MAX: usize = 3000;
pub const TARGET_GROUPS_PER_LOAD_BALANCER_MAX: usize = 1000;
pub const TARGET_GROUPS_PER_ACTION_MAX: usize = 5;
/// Targets of one group. Each is probed by itself.
pub const TARGETS_MAX: usize = 1000;
/// Certificates of a listener besides its default one.
pub const CERTIFICATES_MAX: usize = 25;
pub const SECURITY_GROUPS_MAX: usize = 5;
/// Addresses that a subnet must have to spare.
pub const FREE_ADDRESSES_MIN: i32 = 8;

pub const CONDITION_VALUES_MAX: usize = 5;
pub const CONDITION_WILDCARDS_MAX: usize = 5;
pub const CONDITION_VALUE_LENGTH_MAX: usize = 128;
pub const HEADER_NAME_LENGTH_MAX: usize = 40;
pub const REWRITE_LENGTH_MAX: usize = 1024;
/// Bytes of memory that a compiled regular expression may take: what the balancer refuses must be refused here.
pub const REGEX_BYTES_MAX: usize = 256 * 1024;

pub const NAME_LENGTH_MAX: usize = 32;
pub const ATTRIBUTES_MAX: usize = 20;
pub const ATTRIBUTE_VALUE_LENGTH_MAX: usize = 1024;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_LENGTH_MAX: usize = 128;
pub const TAG_VALUE_LENGTH_MAX: usize = 256;
/// Resources that one request about tags names.
pub const TAGGED_RESOURCES_MAX: usize = 20;
/// ARNs and names that one request lists.
pub const NAMES_PER_REQUEST_MAX: usize = 400;

pub const PAGE_MAX: i32 = 400;

/// Changes of rows that one commit takes: below the store's limit, with room for what they depend on. More targets or
/// rules are changed by several commits.
pub const CHANGES_PER_COMMIT: usize = 100;
/// Priorities that one SetRulePriorities changes, which happens at once or not at all.
pub const PRIORITIES_PER_REQUEST_MAX: usize = CHANGES_PER_COMMIT;
/// Commits of one deletion before it is given up as one that others keep adding to.
pub const COMMITS_PER_DELETION_MAX: usize = 200;
