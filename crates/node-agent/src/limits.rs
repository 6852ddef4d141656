//! Named limits of the agent.

use std::time::Duration;

/// Bytes of log records moved at once. Larger costs memory per task that writes much; smaller pays the store's commit too
/// often.
pub const LOG_BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Requests per second of one task at the metadata endpoint, and how many may come at once, as the ECS agent has it.
pub const METADATA_RATE: u32 = 40;
pub const METADATA_BURST: u32 = 60;

/// Bytes of a request's body at the metadata endpoint.
pub const METADATA_BODY_BYTES_MAX: usize = 16 * 1024;

/// Sandboxes that start at the same time. Starting is work for the processors: more at once would only make each of them
/// slower.
pub const TASK_STARTS_AT_ONCE_MAX: usize = 16;

/// How long a supervisor that was just asked for may take to answer on its control socket.
pub const SUPERVISOR_START_MAX: Duration = Duration::from_secs(20);

/// How long a request's body may pause at the metadata endpoint.
pub const METADATA_BODY_TIME_MAX: Duration = Duration::from_secs(5);

/// Connections of one VPC's tasks to their endpoints.
pub const METADATA_CONNECTIONS_MAX: usize = 2_048;

/// Launches of one task that may get lost with a dying spawner. Each is made again; a node on which they keep dying must
/// end the task rather than try for ever.
pub const LOST_LAUNCHES_MAX: u32 = 3;

/// Bytes of one environment file. The variables of a process lie in its memory and are handed over at its start.
pub const ENVIRONMENT_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Variables that the environment files of one container give it.
pub const ENVIRONMENT_FILE_VARIABLES_MAX: usize = 10_000;

/// After a network that could not be made as control wants it.
pub const NETWORK_RETRY: Duration = Duration::from_millis(250);

/// How often an interface is tried before its task fails: the waits between grow to two seconds, so this is about ten.
pub const ATTACH_ATTEMPTS_MAX: u32 = 10;

/// Flows that one flow log counts in one interval. More are left out, which its records say as SKIPDATA.
pub const FLOWS_PER_INTERVAL_MAX: usize = 100_000;

/// How often the counts of flows are taken out of the kernel. Its tables hold what comes between.
pub const FLOW_COLLECTION_PERIOD: Duration = Duration::from_secs(60);

/// Flows of one direction and outcome that the kernel counts between two collections.
pub const KERNEL_FLOWS_MAX: usize = 65_536;

/// Intervals of one flow log whose records wait because the log store refuses them. The oldest is lost then.
pub const FLOW_RECORDS_WAITING_MAX: usize = 30;

/// Records of a flow log written at once, each of some 150 bytes.
pub const FLOW_LINES_PER_APPEND_MAX: usize = 2_000;

/// How long a VPC stays on the node after the last thing in it. Shorter, and of tasks that come one after the other each would pay
/// for making it; longer, and its namespace and its listeners are kept for nobody.
pub const UNUSED_VPC_KEPT: Duration = Duration::from_secs(60);

/// How often running tasks are measured.
pub const MEASURE_PERIOD: Duration = Duration::from_secs(1);

/// A longer interval than this is a gap, whose use can't be told of a moment.
pub const MEASURE_GAP_MAX: Duration = Duration::from_millis(2_500);

/// Rounds of measuring from one reading of the interfaces to the next: their rates are told per minute, and a reading takes
/// the kernel some microseconds per interface.
pub const NETWORK_READING_ROUNDS: u64 = 10;

/// Rounds between two readings of a task's ephemeral storage, which fills slowly.
pub const STORAGE_READING_ROUNDS: u32 = 29;
