//! Named limits: what each bounds, and what happens when it is wrong.

use std::time::Duration;

/// Containers of one task. AWS allows 10; internal ones come on top.
pub const CONTAINERS_MAX: usize = 16;
/// Layers below one root filesystem: the kernel's own limit for an overlay.
pub const LAYERS_MAX: usize = 500;
/// One message of the control socket. A status with every container is below 32 KiB.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes queued for a control client that does not read; beyond it the client is dropped and must reconnect.
pub const CLIENT_QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Control clients of one supervisor at the same time.
pub const CLIENTS_MAX: usize = 8;
/// A log line longer than this is split into partial records.
pub const LINE_BYTES_MAX: usize = 256 * 1024;
/// Largest single read from a container's pipe: a bigger one costs memory in every supervisor, a smaller one
/// wake-ups.
pub const READ_BYTES_MAX: usize = 128 * 1024;
/// Capacity asked for a container's pipes. Pages are only taken while full.
pub const PIPE_BYTES: usize = 256 * 1024;
/// A spool segment is closed at this size; a consumer frees disk space in steps of it.
pub const SEGMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Blocking log mode: the container's writes wait while more than this is unread.
pub const SPOOL_UNREAD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Non-blocking log mode: the largest buffer a task definition may ask for.
pub const LOG_BUFFER_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// What is kept of a health check's output, as Docker keeps it.
pub const HEALTH_OUTPUT_BYTES_MAX: usize = 4096;
/// What AWS keeps of a container's reason.
pub const REASON_BYTES_MAX: usize = 1024;
/// Processes of one task together, so that a fork bomb does not take the host's pid space.
pub const TASK_PIDS_MAX: u64 = 16_384;
/// A task may have one process for each of these bytes of its memory: the number of threads that Linux allows a machine with that
/// memory, as each of Fargate's virtual machines is. 512 MiB make 4,096.
pub const TASK_BYTES_PER_PID: u64 = 128 * 1024;
/// Size of a container's /dev/shm, as on Fargate.
pub const SHARED_MEMORY_MIB: u64 = 64;
/// Rounds of killing a cgroup's processes before its survivors are reported as an error.
pub const KILL_ROUNDS_MAX: usize = 200;
/// Size of a passwd or group file of an image that is read to resolve a user.
pub const PASSWD_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How much of a volume's content an image may seed.
pub const SEED_ENTRIES_MAX: usize = 200_000;
/// Between two tries to write to a disk that is full.
pub const FULL_DISK_PAUSE: Duration = Duration::from_millis(500);
/// How often a task that has ended tries to write its last log lines and its result to a full disk before it gives them up:
/// its interface and folder wait that long.
pub const FULL_DISK_TRIES_MAX: u32 = 120;
