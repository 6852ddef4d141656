//! Named limits of the loops.

use std::time::Duration;

/// A loop runs at least this often, also when nothing wakes it: the bound on how long a missed wake-up can matter.
pub const PERIOD_MAX: Duration = Duration::from_secs(30);

/// The wait after a failed commit, so that a full disk isn't hammered.
pub const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// Messages waiting for a node. A node that reads slower than this much is waited for: dispatch serves one node only.
pub const DOWN_QUEUE_MAX: usize = 1_024;

/// Observations waiting for their commit. Agents wait beyond that.
pub const UP_QUEUE_MAX: usize = 1_024;

/// Frames waiting for a balancer. One that reads slower is waited for: the session serves it alone.
pub const EDGE_DOWN_QUEUE_MAX: usize = 256;

/// Reports of a balancer waiting to be written. It waits beyond that.
pub const EDGE_UP_QUEUE_MAX: usize = 256;

/// Reports in one commit: each costs one precondition and one write of the store's 128.
pub const EDGE_REPORTS_PER_COMMIT_MAX: usize = 60;

/// A balancer without any load balancer ends after this time. Too short starts it anew for each of a row of tests, too long
/// holds its memory for nothing.
pub const EDGE_IDLE_MAX: Duration = Duration::from_secs(30);

/// Seconds that its connections get then: they are of load balancers that were deleted that long ago.
pub const EDGE_IDLE_DRAIN_SECS: u32 = 5;

/// Bytes read from a balancer at once. Less costs system calls; more is memory that an idle session holds.
pub const EDGE_READ_BYTES: usize = 16 * 1024;

/// Observations in one commit: each costs one precondition and one write of the store's 128.
pub const OBSERVATIONS_PER_COMMIT_MAX: usize = 60;

/// Everything is looked at this often, also what no change seems to touch.
pub const FULL_PASS_PERIOD: Duration = Duration::from_secs(10 * 60);

/// Services whose tasks are looked up one by one. Beyond, reading the tables in order is the cheaper way.
pub const SERVICES_LOOKED_UP_MAX: usize = 256;

/// The wait before a decision that met another writer is made again, when that writer's change doesn't wake the loop.
pub const CONFLICT_PAUSE: Duration = Duration::from_millis(50);

/// How long a session with the balancer waits at its start for the interfaces of load balancers. Too short would take
/// listeners away that a restarted server is about to find again; longer delays every other change behind one interface that
/// can't be made.
pub const EDGE_INTERFACES_PATIENCE: Duration = Duration::from_secs(5);

/// Things in place that one commit writes or forgets: each costs one precondition and one write of the store's 128.
pub const IN_PLACE_CHANGES_PER_COMMIT_MAX: usize = 60;

/// A difference between the wall clock and the time that passed which is a jump, not a correction.
pub const CLOCK_JUMP_MIN: Duration = Duration::from_millis(1_500);

/// Alarms are added to a commit until it has this many writes: one alarm's transition has up to 23, with a precondition for each
/// and one more, and the store takes 128 of either.
pub const ALARM_WRITES_PER_COMMIT: usize = 60;

/// CloudWatch keeps the history of alarms for this long.
pub const ALARM_HISTORY_AGE_MAX: Duration = Duration::from_hours(30 * 24);

/// Items of the history of all alarms. Each is about a kilobyte of memory.
pub const ALARM_HISTORY_ITEMS_MAX: usize = 100_000;

/// Items that one commit forgets.
pub const ALARM_HISTORY_PRUNED_PER_COMMIT: usize = 100;
/// Seconds of measurements waiting to be made into metrics. A slow store loses what is beyond, and never holds up dispatch.
pub const MEASURED_QUEUE_MAX: usize = 16;

/// Between two counts of the live tasks of services.
pub const LIVE_COUNT_PERIOD: Duration = Duration::from_secs(10);

/// Clusters whose events of one minute wait to be written to their performance logs.
pub const PERFORMANCE_QUEUE_MAX: usize = 1_024;

/// Writes, and preconditions, that one commit of many small decisions collects: the store takes 128.
pub const WRITES_PER_COMMIT_MAX: usize = 100;

/// Outcomes of deliveries in one commit: each costs one precondition and one write of the store's 128.
pub const DELIVERY_OUTCOMES_PER_COMMIT_MAX: usize = 60;

/// Characters of a failure that a delivery remembers.
pub const DELIVERY_ERROR_CHARS_MAX: usize = 500;

/// How long attempts get to end when the server stops. Those that don't are made again, and may arrive twice.
pub const DELIVERY_DRAIN_MAX: Duration = Duration::from_secs(3);

/// Deliveries that wait. With more, messages wait instead, whose publishers are told when those are too many.
pub const DELIVERIES_WAITING_MAX: usize = 50_000;

/// Deliveries and messages in one commit, and bytes of them: the store takes 128 writes and 1.5 MiB.
pub const MESSAGE_WRITES_PER_COMMIT_MAX: usize = 100;
pub const MESSAGE_BYTES_PER_COMMIT_MAX: usize = 512 * 1024;

/// Leftovers of topics that one commit removes.
pub const TOPIC_LEFTOVERS_PER_COMMIT_MAX: usize = 100;
/// A scaling activity whose tasks haven't come or gone by then is told as unfulfilled. Shorter than the start of a large image
/// behind a slow link, it would be wrong; longer, it would hold up nothing but its own end.
pub const SCALING_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Application Auto Scaling tells of activities for six weeks.
pub const SCALING_ACTIVITIES_KEPT_FOR: Duration = Duration::from_secs(42 * 24 * 60 * 60);

/// Activities of one target that are kept: enough for six weeks of one each half hour.
pub const SCALING_ACTIVITIES_KEPT: usize = 2_000;

/// Activities of the past that one commit forgets.
pub const SCALING_ACTIVITIES_FORGOTTEN: usize = 60;

/// Days before the last six weeks in which activities are looked for: a server that was off for longer forgets them later.
pub const SCALING_DAYS_LOOKED_BACK: i64 = 400;

/// Commits for one target before it is another's turn.
pub const SCALING_STEPS_PER_TURN: usize = 8;

/// Records of a target without its service that one commit takes away; a policy counts with its alarms.
pub const SCALING_RECORDS_FORGOTTEN: usize = 60;
/// Budgets are compared with what was spent this often. More often costs a sum over the period of each; less often tells
/// later.
pub const BUDGETS_PERIOD: Duration = Duration::from_secs(60);
/// Events that one commit takes out.
pub const EVENTS_PER_COMMIT_MAX: usize = 40;

/// Writes of such a commit: each may cost a precondition as well, and the store takes 128 of either. It must hold one event and all
/// targets of one rule.
pub const EVENT_WRITES_PER_COMMIT_MAX: usize = 120;

/// Deliveries that wait for somebody. With more, events and schedules wait themselves, until PutEvents throttles: a target that is
/// down may fill the memory only so far.
pub const DELIVERIES_MAX: usize = 50_000;

/// Archived events that one commit sends again.
pub const REPLAYED_PER_COMMIT_MAX: usize = 60;

/// Ids that a replay remembers, against events that lie in the archive twice: what was written by one commit of the events loop lies
/// no further apart than twice that.
pub const REPLAY_REMEMBERED_MAX: usize = 256;

/// With more waiting than this, replays wait: what is new goes first.
pub const REPLAYS_WAIT_ABOVE: usize = 1_000;

/// How long a replay is described after its end, as AWS has it.
pub const REPLAYS_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Rules and schedules that one commit fires: each writes up to ten deliveries and streams, and what was fired.
pub const FIRINGS_PER_COMMIT_MAX: usize = 8;

/// Schedules of a deleted group that one commit deletes.
pub const GROUP_DELETIONS_PER_COMMIT_MAX: usize = 100;

/// Bytes of what such a commit brings about, and of the events that a replay's commit sends again: the store takes 1.5 MiB, and the
/// event that didn't fit whole is written as well.
pub const EVENT_BYTES_PER_COMMIT_MAX: usize = 900 * 1024;
