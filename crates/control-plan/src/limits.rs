//! Named limits of planning.

use std::time::Duration;

/// Tasks placed by one commit. Each costs five preconditions and four writes, a public address and a claim on its subnet
/// included, and the store takes 128 of either: more would be refused, fewer would pay a commit too often when many tasks
/// start at once.
pub const PLACEMENTS_PER_COMMIT_MAX: usize = 16;

/// Spot tasks that one commit interrupts: each costs a precondition and two writes, an event of its service included.
pub const INTERRUPTIONS_PER_COMMIT_MAX: usize = 12;

/// Rows that one cleanup commit deletes.
pub const DELETIONS_PER_COMMIT_MAX: usize = 48;

/// Live tasks of one node. Beyond, RunTask's tasks end with AWS's capacity message. The bound keeps a runaway caller from
/// filling the host's process table; a node with less to give runs out of memory or addresses before.
pub const TASKS_PER_NODE_MAX: usize = 4_000;

/// A stopped task is described for this long. ECS promises at least one hour.
pub const STOPPED_TASK_KEPT: Duration = Duration::from_secs(60 * 60);

/// Tasks that one plan of a service starts. Each is a precondition and a write of the store's 128; what is left follows with
/// the next plan.
pub const LAUNCHES_PER_PLAN_MAX: usize = 40;

/// Tasks that one plan of a service stops, with the same cost.
pub const STOPS_PER_PLAN_MAX: usize = 40;

/// Of them, those that are unhealthy: each is told by an event of its own, and together they must fit in a commit.
pub const UNHEALTHY_STOPS_PER_PLAN_MAX: usize = 8;

/// The first wait after a task failed to start, doubled by each further failure up to what ECS waits at most. A shorter one
/// lets an image that can't start fill the history; a longer one delays the recovery from a failure that passes.
pub const START_DELAY_FIRST: Duration = Duration::from_secs(1);
pub const START_DELAY_MAX: Duration = Duration::from_secs(27 * 60);

/// A task that ran for this long did start: exits before it count as failures. Longer, and an application that was killed
/// soon is taken for one that can't run; shorter, and one that crashes late in its start is started again without end.
pub const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// Failures in a row from which a service tells of them.
pub const INCONSISTENT_STARTS_TOLD_FROM: u32 = 3;

/// Older deployments that one plan looks back through for one that was completed.
pub const DEPLOYMENTS_SEARCHED_MAX: usize = 100;

/// Older deployments that one plan ends. There is more than one only when updates came faster than this planned.
pub const SUPERSEDED_PER_PLAN_MAX: usize = 8;

/// How long after its delay a draining target waits for its balancer to say that it was taken out. Shorter, and a request
/// may still be sent to a task that ends; longer, and a balancer that is away holds up every stop.
pub const DRAIN_REPORT_PATIENCE: Duration = Duration::from_secs(30);

/// Targets of an interrupted Spot task drain no longer than the warning that AWS gives.
pub const INTERRUPTED_DRAIN_MAX: Duration = Duration::from_secs(120);

/// Changes of targets in one commit. Each is up to three preconditions, and where each is of another service, up to three
/// events with as many old ones dropped: more would not fit into the store's 128.
pub const TARGET_CHANGES_PER_COMMIT_MAX: usize = 10;

/// Days of one task's usage that one commit records, each with a write. More than one is due only after an outage.
pub const DAYS_METERED_PER_TASK_MAX: usize = 30;

/// Usage is kept task by task for so many days, which is how long there is hourly data.
pub const USAGE_DETAILED_DAYS: i32 = 15;

/// Usage is kept for so many months before the current one, as Cost Explorer keeps it.
pub const USAGE_KEPT_MONTHS: i32 = 14;

/// Records of usage that one commit takes out, each with a precondition and a write, and as many again where none share
/// their attributes.
pub const USAGE_FOLDED_PER_COMMIT_MAX: usize = 60;

/// Tasks whose changes one commit tells: two preconditions and two writes each.
pub const TASKS_TOLD_PER_COMMIT_MAX: usize = 40;

/// Attempts at deliveries at once. Each may hold a message of 256 KiB and a connection.
pub const DELIVERIES_AT_ONCE_MAX: usize = 256;

/// Of these, attempts towards receivers whose last attempt failed: what receivers that are down can take from the others.
pub const DELIVERIES_OF_FAILING_LANES_MAX: usize = 128;

/// Attempts at once towards one receiver. More makes it answer slower; fewer makes far ones slow.
pub const DELIVERIES_PER_LANE_MAX: usize = 16;

/// How long a deployment that alarms watch is watched on, when nobody said how long: what its alarms need, but ECS's default is
/// below five minutes.
pub const COMPUTED_BAKE_MAX: Duration = Duration::from_mins(5);
/// Buses that one event goes on to in a row. Fewer would cut chains that people do build; more would only let a ring of buses turn
/// longer.
pub const EVENT_HOPS_MAX: u32 = 5;

/// How long an API destination may take to answer, as AWS has it.
pub const API_DESTINATION_TIMEOUT_SECS: u32 = 5;

/// Bytes of one delivery of an event. The store takes 1.5 MiB in a commit, in which the event itself may be written as well; texts
/// within texts grow by their escapes, so what is refused is far beyond the 256 KiB that targets take.
pub const EVENT_DELIVERY_BYTES_MAX: usize = 900 * 1024;
