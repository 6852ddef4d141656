//! Servers come and go, supervisors are killed, everything is torn down: nothing is lost and nothing stays.

use std::fs;
use std::path::Path;

use node_runtime::client::TaskConnection;
use node_runtime::protocol::Report;
use node_runtime::spool::{FLAG_DROPPED, Position, Reader};
use node_runtime::status::{ContainerPhase, StopFacts, TaskPhase};
use node_runtime::{spec, taskdir};
use stdx::clock::Timestamp;

use crate::Test;
use crate::kit::{Kit, Task};

pub const TESTS: &[Test] = &[
    ("a_new_server_takes_over", a_new_server_takes_over),
    ("a_killed_supervisor_is_noticed_and_cleaned_up", a_killed_supervisor_is_noticed_and_cleaned_up),
    ("a_running_task_can_be_discarded", a_running_task_can_be_discarded),
    ("non_blocking_logs_drop_and_count", non_blocking_logs_drop_and_count),
    ("blocking_logs_wait_and_lose_nothing", blocking_logs_wait_and_lose_nothing),
    ("nothing_is_mounted_on_the_host", nothing_is_mounted_on_the_host),
];

const LOOP: &str = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done";

fn a_new_server_takes_over(kit: &Kit) {
    let mut task = kit.launch(kit.spec(vec![kit.container("main", LOOP)]));
    task.wait_line(0, "ready");
    let Task { dir, connection, .. } = task;
    drop(connection);
    assert!(taskdir::is_supervised(&dir).expect("the lock can be tested"));
    let mut connection = TaskConnection::connect(&dir).expect("the supervisor listens");
    let first = connection.receive().expect("the supervisor answers");
    let Some(Report::Status { status }) = first else { panic!("the first report is a status: {first:?}") };
    assert_eq!(status.containers[0].phase, ContainerPhase::Running);
    let mut task = Task { dir, connection, status: Some(*status) };
    task.stop();
    let done = task.finish();
    assert_eq!(done.code(), Some(0));
    let concluded = taskdir::conclude(&done.dir, Timestamp::default()).expect("the result is on disk");
    assert_eq!(concluded, done.status);
    done.assert_clean();
    taskdir::remove(&done.dir).expect("a finished task's folder can go");
}

fn a_killed_supervisor_is_noticed_and_cleaned_up(kit: &Kit) {
    let mut spec = kit.spec(vec![kit.container("main", LOOP)]);
    spec.storage.limit_bytes = Some(64 << 20);
    let task_id = spec.task_id.clone();
    let mut task = kit.launch(spec);
    task.wait_line(0, "ready");
    let status = task.wait("it runs", |status| status.containers[0].phase == ContainerPhase::Running);
    let pid = rustix::process::Pid::from_raw(status.supervisor_pid).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("our own supervisor");
    while !matches!(task.connection.receive(), Ok(None) | Err(_)) {}
    let now = Timestamp::from_millis(5);
    let concluded = taskdir::conclude(&task.dir, now).expect("what is left can be concluded");
    assert_eq!(
        (concluded.stop.as_ref(), concluded.phase),
        (Some(&StopFacts::SupervisorLost), TaskPhase::Finished)
    );
    assert_eq!(concluded.containers[0].exit_code, None, "nobody saw how it ended");
    assert_eq!(concluded.cleanup_errors, Vec::<String>::new());
    assert!(!kit.runtime.state_dir.join(&concluded.containers[0].runtime_id).exists());
    assert_no_cgroup(&kit.instance, &task_id);
    taskdir::remove(&task.dir).expect("nothing holds the folder");
}

fn a_running_task_can_be_discarded(kit: &Kit) {
    let spec = kit.spec(vec![kit.container("main", LOOP)]);
    let task_id = spec.task_id.clone();
    let mut task = kit.launch(spec);
    task.wait_line(0, "ready");
    taskdir::discard(&task.dir).expect("a running task can be discarded");
    assert!(!task.dir.exists());
    assert_no_cgroup(&kit.instance, &task_id);
}

fn non_blocking_logs_drop_and_count(kit: &Kit) {
    let mut container = kit.container("main", "seq 1 300000");
    container.log = spec::LogSpec::NonBlocking { max_buffer_bytes: 100_000 };
    let done = kit.run(kit.spec(vec![container]));
    let mut reader = Reader::at(&done.dir.join(taskdir::SPOOL_FOLDER), Position(0));
    let (mut kept, mut dropped) = (0, 0);
    loop {
        let batch = reader.read(1 << 20).expect("the spool can be read");
        if batch.is_empty() {
            break;
        }
        for record in batch.records() {
            match record.flags {
                0 => kept += 1,
                FLAG_DROPPED => {
                    dropped +=
                        u64::from_le_bytes(record.payload.try_into().expect("a count has eight bytes"));
                }
                _ => {}
            }
        }
    }
    assert_eq!(kept + dropped, 300_000);
    assert!(dropped > 100_000 && kept > 1000, "{kept} kept");
    assert_eq!(done.container("main").dropped_lines, dropped);
}

fn blocking_logs_wait_and_lose_nothing(kit: &Kit) {
    if kit.is_gvisor() {
        return;
    }
    // 1.2 million lines of 100 bytes: twice what may be unread.
    let line = "x".repeat(100);
    let script = format!("yes {line} | head -1200000; echo done");
    let mut task = kit.launch(kit.spec(vec![kit.container("main", &script)]));
    // It reads and acknowledges nothing at first: the writer gets stuck at the limit, later it goes on.
    let spool = task.dir.join(taskdir::SPOOL_FOLDER);
    task.wait("it runs", |status| status.containers[0].phase == ContainerPhase::Running);
    let mut reader = Reader::open(&spool).expect("the spool opens");
    let mut lines = 0;
    let mut ended = false;
    while !ended {
        loop {
            let batch = reader.read(4 << 20).expect("the spool can be read");
            if batch.is_empty() {
                break;
            }
            lines += batch.records().filter(|record| record.flags == 0).count();
            ended |= batch.records().any(|record| record.payload == b"done");
        }
        reader.acknowledge(reader.position()).expect("the position can be kept");
        let read = reader.position();
        let command = node_runtime::protocol::Command::SpoolRead { read, acknowledged: read };
        if ended || task.connection.send(&command).is_err() {
            break;
        }
        while !matches!(task.connection.receive(), Ok(Some(Report::SpoolAdvanced { .. }) | None) | Err(_)) {}
    }
    assert_eq!(lines, 1_200_001);
    let segments = fs::read_dir(&spool).expect("the spool is there").count();
    assert!(segments < 4, "{segments} files: consumed segments are deleted");
    task.finish().assert_clean();
}

fn nothing_is_mounted_on_the_host(kit: &Kit) {
    let mut spec = kit.spec(vec![kit.container("main", LOOP)]);
    spec.storage.limit_bytes = Some(64 << 20);
    let mut task = kit.launch(spec);
    task.wait_line(0, "ready");
    let mounts = fs::read_to_string("/proc/self/mounts").expect("procfs");
    let ours = kit.root.display().to_string();
    assert!(!mounts.contains(&ours), "a task's mount is seen on the host");
    task.stop();
    task.finish().assert_clean();
}

pub fn assert_no_cgroup(instance: &str, task_id: &str) {
    for hierarchy in fs::read_dir("/sys/fs/cgroup").expect("cgroups are mounted").flatten() {
        let group = hierarchy.path().join(format!("neargate-{instance}")).join(task_id);
        assert!(!Path::new(&group).exists(), "{} is left", group.display());
    }
}
