//! EC2's quotas and the sizes of its requests.

/// Rules of one security group and one direction: AWS's default quota.
pub const RULES_PER_DIRECTION_MAX: usize = 60;

/// Elastic IP addresses of one account and region. AWS begins with five; here the pool itself is the scarcer thing.
pub const ELASTIC_IPS_MAX: usize = 1000;

/// NAT gateways of one zone that aren't deleted: AWS's default quota is 5, which test suites that run side by side exceed.
pub const NAT_GATEWAYS_PER_ZONE_MAX: usize = 40;

/// Interfaces of one account and region: AWS's default quota.
pub const NETWORK_INTERFACES_MAX: usize = 5000;

/// Private addresses of one interface, the primary one counted: what AWS's largest instances take.
pub const ADDRESSES_PER_INTERFACE_MAX: usize = 50;

/// Security groups of one interface: AWS's default quota.
pub const GROUPS_PER_INTERFACE_MAX: usize = 5;

/// Network ACLs of one VPC: AWS's default quota.
pub const NETWORK_ACLS_PER_VPC_MAX: usize = 200;

/// Entries of one network ACL and direction, the last one not counted: AWS's default quota.
pub const ACL_ENTRIES_PER_DIRECTION_MAX: usize = 20;

pub const CLIENT_TOKEN_LENGTH_MAX: usize = 64;

/// Security groups of one account and region: AWS's default quota.
pub const SECURITY_GROUPS_MAX: usize = 2500;

/// VPCs of one account and region. AWS begins with 5 and raises it on request; here nobody is there to ask. Each costs the
/// host a network namespace.
pub const VPCS_MAX: usize = 100;

/// IPv4 blocks of one VPC, the primary one counted: AWS's default quota.
pub const BLOCKS_PER_VPC_MAX: usize = 5;

/// IPv6 blocks of one VPC. AWS's default quota is 5; a VPC here has one /56, which is as many /64 as a VPC has subnets.
pub const IPV6_BLOCKS_PER_VPC_MAX: usize = 1;

/// IPv6 blocks of one subnet: AWS's quota.
pub const IPV6_BLOCKS_PER_SUBNET_MAX: usize = 1;

/// IPv6 addresses of one interface: what AWS's largest instances take.
pub const IPV6_ADDRESSES_PER_INTERFACE_MAX: usize = 50;

/// Subnets of one VPC: AWS's default quota.
pub const SUBNETS_PER_VPC_MAX: usize = 200;

/// Route tables of one VPC. AWS's quota is 200; a new block of the VPC changes all of them in one commit, which takes 128
/// writes.
pub const ROUTE_TABLES_PER_VPC_MAX: usize = 100;

/// Routes of one table, those of the VPC's own blocks counted: AWS's default quota. A prefix list counts as many as it
/// may have entries.
pub const ROUTES_PER_TABLE_MAX: usize = 500;

/// Internet gateways of one account and region, and egress-only ones: as AWS, as many as VPCs.
pub const INTERNET_GATEWAYS_MAX: usize = VPCS_MAX;

/// Sets of DHCP options of one account and region, far from what anybody needs.
pub const DHCP_OPTIONS_MAX: usize = 1000;

/// Servers of one kind that a set of DHCP options names: AWS's limit.
pub const DHCP_SERVERS_MAX: usize = 4;

pub const GROUP_NAME_LENGTH_MAX: usize = 255;
pub const DESCRIPTION_LENGTH_MAX: usize = 255;

pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_LENGTH_MAX: usize = 127;
pub const TAG_VALUE_LENGTH_MAX: usize = 255;

/// Resources that one CreateTags or DeleteTags names.
pub const TAGGED_RESOURCES_MAX: usize = 1000;

/// Values of all filters of a request.
pub const FILTER_VALUES_MAX: usize = 200;

/// A page's length when the caller names none, and at most.
pub const PAGE_MAX: usize = 1000;
pub const PAGE_MIN: usize = 5;

/// Identifiers that one request names.
pub const IDS_MAX: usize = 1000;

/// Entries of one prefix list: AWS's default quota.
pub const PREFIX_LIST_ENTRIES_MAX: i32 = 1000;

/// Entries that one request adds, and as many that it removes.
pub const PREFIX_LIST_CHANGES_MAX: usize = 100;

/// Prefix lists of one account and region: AWS's default quota.
pub const PREFIX_LISTS_MAX: usize = 100;

/// AWS's quota is 1000 versions; the oldest go earlier here, so that a list's record stays small.
pub const PREFIX_LIST_VERSIONS_KEPT_MAX: usize = 100;

/// Blocks and descriptions of a list's former versions: a record must fit into a commit.
pub const PREFIX_LIST_HISTORY_BYTES_MAX: usize = 256 * 1024;

pub const PREFIX_LIST_NAME_LENGTH_MAX: usize = 255;

/// Groups of one network interface: AWS's default quota.
pub const SECURITY_GROUPS_PER_INTERFACE_MAX: usize = 5;

/// Interface endpoints of one VPC: AWS's default quota.
pub const INTERFACE_ENDPOINTS_PER_VPC_MAX: usize = 50;

/// Gateway endpoints of one account and region: AWS's default quota.
pub const GATEWAY_ENDPOINTS_MAX: usize = 20;

/// Route tables that one endpoint's request names: each is a write of one commit.
pub const ENDPOINT_ROUTE_TABLES_MAX: usize = 50;

/// AWS's own for an endpoint's policy.
pub const ENDPOINT_POLICY_BYTES_MAX: usize = 20_480;

/// Endpoints that one request deletes: each may change several route tables in the same commit.
pub const ENDPOINTS_DELETED_MAX: usize = 25;

/// Active peering connections of one VPC: AWS's default quota.
pub const PEERINGS_PER_VPC_MAX: usize = 50;

/// Requests of one account that nobody has accepted: AWS's default quota.
pub const PEERING_REQUESTS_MAX: usize = 25;

/// Resources that one CreateFlowLogs or flow logs that one DeleteFlowLogs names: each is a write of one commit.
pub const FLOW_LOGS_PER_REQUEST_MAX: usize = 100;

/// Flow logs of one resource.
pub const FLOW_LOGS_PER_RESOURCE_MAX: usize = 10;
