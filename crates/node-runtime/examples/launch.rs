//! Measures task launches: `launch [tasks] [at once] [crun|runc|runsc] [quota MiB, 0 for none]`. Needs root
//! and
//! busybox-static. Prints the time from the launch call to RUNNING, the rates of starting and of stopping,
//! and the
//! memory of a supervisor.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use node_runtime::client::TaskConnection;
use node_runtime::protocol::{Command, Report};
use node_runtime::spawner::{self, LaunchRequest, Spawner};
use node_runtime::spec::{
    ContainerSpec, Isolation, NetworkSource, RuntimeKind, RuntimeSpec, SPEC_VERSION, StorageSpec, TaskSpec,
};
use node_runtime::status::{ContainerPhase, TaskPhase, TaskStatus};
use node_runtime::{storage, teardown};
use stdx::clock::{Clock, SystemClock};

struct Bench {
    spawner: Spawner,
    root: PathBuf,
    instance: String,
    runtime: RuntimeSpec,
    quota: Option<u64>,
    clock: SystemClock,
}

fn main() -> io::Result<()> {
    let spawner = spawner::start()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: usize| -> usize {
        arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (kind, path) = match arguments.get(2).map(String::as_str) {
        Some("runc") => (RuntimeKind::Runc, "/usr/sbin/runc"),
        Some("runsc") => (RuntimeKind::Runsc, "/usr/bin/runsc"),
        _ => (RuntimeKind::Crun, "/usr/bin/crun"),
    };
    let instance = format!("bench{}", std::process::id());
    let root = PathBuf::from(format!("/tmp/ng-{instance}"));
    let quota = Some(number(3, 0) as u64).filter(|mebibytes| *mebibytes > 0).map(|mebibytes| mebibytes << 20);
    make_layer(&root.join("layer"))?;
    fs::create_dir_all(root.join("tasks"))?;
    if let Some(bytes) = quota {
        storage::prepare_template(&root.join("templates"), bytes)?;
    }
    let runtime = RuntimeSpec { kind, path: path.into(), state_dir: root.join("state") };
    let bench = Bench { spawner, root, instance, runtime, quota, clock: SystemClock::new() };
    let result = measure(&bench, number(0, 100), number(1, 1));
    let errors = teardown::teardown_all(&bench.instance, std::slice::from_ref(&bench.runtime));
    fs::remove_dir_all(&bench.root)?;
    for error in errors {
        println!("left behind: {error}");
    }
    result
}

fn measure(bench: &Bench, tasks: usize, at_once: usize) -> io::Result<()> {
    bench.launch(tasks)?.stop()?;
    let next = AtomicUsize::new(0);
    let running = Mutex::new(Vec::new());
    let begin = bench.clock.monotonic();
    run_parallel(at_once, || {
        while let index = next.fetch_add(1, Ordering::SeqCst)
            && index < tasks
        {
            let task = bench.launch(index)?;
            running.lock().map_err(|_| io::Error::other("a launch panicked"))?.push(task);
        }
        Ok(())
    })?;
    let started_in = bench.clock.monotonic() - begin;
    let running = running.into_inner().map_err(|_| io::Error::other("a launch panicked"))?;
    let mut times: Vec<Duration> = running.iter().map(|task| task.took).collect();
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    let rate = |took: Duration| tasks as f64 / took.as_secs_f64();
    println!(
        "{tasks} tasks, {at_once} at once: median {:.1?}, p90 {:.1?}, p99 {:.1?}, {:.0} tasks/s",
        at(50),
        at(90),
        at(99),
        rate(started_in)
    );
    let in_runtime = |task: &Running| {
        let main = &task.status.containers[0];
        Some(main.started_at?.since(main.created_at?))
    };
    let mut runtime_times: Vec<Duration> = running.iter().filter_map(in_runtime).collect();
    runtime_times.sort();
    println!("of it in the OCI runtime: median {:.1?}", runtime_times.get(runtime_times.len() / 2));
    print_memory(&running)?;
    let begin = bench.clock.monotonic();
    let queue = Mutex::new(running);
    run_parallel(at_once.max(16), || {
        while let Some(task) = queue.lock().map_err(|_| io::Error::other("a stop panicked"))?.pop() {
            task.stop()?;
        }
        Ok(())
    })?;
    let stopped_in = bench.clock.monotonic() - begin;
    println!("stopped and cleaned up in {stopped_in:.2?}, {:.0} tasks/s", rate(stopped_in));
    Ok(())
}

fn run_parallel(count: usize, work: impl Fn() -> io::Result<()> + Sync) -> io::Result<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&work)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| io::Error::other("a worker panicked"))?)
    })
}

struct Running {
    connection: TaskConnection,
    took: Duration,
    status: TaskStatus,
}

impl Bench {
    fn launch(&self, index: usize) -> io::Result<Running> {
        let args = vec!["/bin/sh".into(), "-c".into(), "trap 'exit 0' TERM; sleep 1000 & wait".into()];
        let container =
            ContainerSpec::new("main", &format!("task{index}-1"), vec![self.root.join("layer")], args);
        let spec = TaskSpec {
            version: SPEC_VERSION,
            task_id: format!("task{index}"),
            instance: self.instance.clone(),
            cpu_units: 256,
            memory_mib: 512,
            isolation: match self.runtime.kind {
                RuntimeKind::Runsc => Isolation::Kernel,
                _ => Isolation::Namespace,
            },
            runtime: self.runtime.clone(),
            network: NetworkSource::New,
            hostname: "bench".into(),
            resolv_conf: String::new(),
            hosts: String::new(),
            storage: StorageSpec { limit_bytes: self.quota, template_dir: self.root.join("templates") },
            share_processes: false,
            volumes: Vec::new(),
            containers: vec![container],
        };
        let dir = self.root.join("tasks").join(&spec.task_id);
        let begin = self.clock.monotonic();
        let mut connection = self.spawner.launch(LaunchRequest { dir, spec, network: None })?;
        loop {
            match connection.receive()? {
                Some(Report::NetworkReady { .. }) => connection.send(&Command::Proceed)?,
                Some(Report::Status { status }) if status.containers[0].phase == ContainerPhase::Running => {
                    let took = self.clock.monotonic() - begin;
                    return Ok(Running { connection, took, status: *status });
                }
                Some(Report::Status { status }) if status.phase == TaskPhase::Finished => {
                    return Err(io::Error::other(format!("the task did not start: {:?}", status.stop)));
                }
                Some(_) => {}
                None => return Err(io::Error::other("the supervisor ended")),
            }
        }
    }
}

impl Running {
    fn stop(mut self) -> io::Result<()> {
        self.connection.send(&Command::Stop { reason: "measured".into() })?;
        loop {
            match self.connection.receive()? {
                Some(Report::Status { status }) if status.phase == TaskPhase::Finished => {
                    return match status.cleanup_errors.is_empty() {
                        true => Ok(()),
                        false => Err(io::Error::other(status.cleanup_errors.join("; "))),
                    };
                }
                Some(_) => {}
                None => return Err(io::Error::other("the supervisor ended")),
            }
        }
    }
}

fn print_memory(running: &[Running]) -> io::Result<()> {
    let (mut proportional, mut private) = (0, 0);
    for task in running {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", task.status.supervisor_pid))?;
        let field = |name: &str| -> usize {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
        };
        proportional += field("Pss:");
        private += field("Private_Clean:") + field("Private_Dirty:");
    }
    let count = running.len().max(1);
    println!("a supervisor: {} KiB proportional, {} KiB private", proportional / count, private / count);
    Ok(())
}

fn make_layer(layer: &Path) -> io::Result<()> {
    for folder in ["bin", "etc", "tmp", "proc", "sys", "dev"] {
        fs::create_dir_all(layer.join(folder))?;
    }
    fs::copy("/bin/busybox", layer.join("bin/busybox"))?;
    for applet in ["sh", "sleep"] {
        symlink("busybox", layer.join("bin").join(applet))?;
    }
    Ok(())
}
