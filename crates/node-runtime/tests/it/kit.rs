//! What the tests share: a root file system of busybox, a spawner, and tasks that can be waited for.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use node_runtime::client::TaskConnection;
use node_runtime::protocol::{Command, Report};
use node_runtime::spawner::{LaunchRequest, Spawner};
use node_runtime::spec::{
    ContainerSpec, Isolation, NetworkSource, RuntimeKind, RuntimeSpec, StorageSpec, TaskSpec,
};
use node_runtime::spool::{FLAG_END, Reader};
use node_runtime::status::{ContainerStatus, TaskPhase, TaskStatus};
use node_runtime::taskdir;
use node_runtime::teardown::teardown_all;

/// Longer than any wait of a sound run, shorter than a patient person.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Kit {
    pub spawner: Spawner,
    pub root: PathBuf,
    pub instance: String,
    pub runtime: RuntimeSpec,
    counter: AtomicU32,
}

impl Kit {
    pub fn new(spawner: Spawner, kind: RuntimeKind, path: &Path) -> Self {
        let name = format!("{kind:?}").to_lowercase();
        let instance = format!("it{}{name}", std::process::id());
        let root = PathBuf::from(format!("/tmp/ng-{instance}"));
        fs::create_dir_all(root.join("tasks")).expect("a folder in /tmp");
        make_layer(&root.join("layer"));
        let state_dir = root.join("state");
        let runtime = RuntimeSpec { kind, path: path.to_owned(), state_dir };
        Self { spawner, root, instance, runtime, counter: AtomicU32::new(0) }
    }

    /// Tears everything down and says what is left of it on the host.
    pub fn end(self) -> Vec<String> {
        let Self { spawner, root, instance, runtime, .. } = self;
        drop(spawner);
        let mut left = teardown_all(&instance, &[runtime]);
        let mounts = fs::read_to_string("/proc/self/mounts").expect("procfs");
        let named = root.display().to_string();
        left.extend(mounts.lines().filter(|line| line.contains(&named)).map(String::from));
        for hierarchy in fs::read_dir("/sys/fs/cgroup").expect("cgroups are mounted").flatten() {
            let group = hierarchy.path().join(format!("neargate-{instance}"));
            left.extend(group.exists().then(|| group.display().to_string()));
        }
        let loops = Process::new("losetup").arg("-a").output().expect("util-linux is installed");
        left.extend(
            String::from_utf8_lossy(&loops.stdout)
                .lines()
                .filter(|line| line.contains(&named))
                .map(String::from),
        );
        fs::remove_dir_all(root).expect("nothing holds the test's folder");
        left
    }

    pub fn layer(&self) -> PathBuf {
        self.root.join("layer")
    }

    /// A container that runs a shell script.
    pub fn container(&self, name: &str, script: &str) -> ContainerSpec {
        let number = self.counter.fetch_add(1, Ordering::SeqCst);
        let id = format!("{}-{number:010}", self.instance);
        ContainerSpec::new(name, &id, vec![self.layer()], vec!["/bin/sh".into(), "-c".into(), script.into()])
    }

    pub fn spec(&self, containers: Vec<ContainerSpec>) -> TaskSpec {
        let number = self.counter.fetch_add(1, Ordering::SeqCst);
        TaskSpec {
            version: node_runtime::spec::SPEC_VERSION,
            task_id: format!("task{number}"),
            instance: self.instance.clone(),
            cpu_units: 1024,
            memory_mib: 512,
            isolation: if self.is_gvisor() { Isolation::Kernel } else { Isolation::Namespace },
            runtime: self.runtime.clone(),
            network: NetworkSource::New,
            hostname: "ip-172-31-0-9.ec2.internal".into(),
            resolv_conf: "nameserver 172.31.0.2\n".into(),
            hosts: "127.0.0.1 localhost\n".into(),
            storage: StorageSpec { limit_bytes: None, template_dir: self.root.join("templates") },
            share_processes: false,
            volumes: Vec::new(),
            containers,
        }
    }

    pub fn launch(&self, spec: TaskSpec) -> Task {
        let dir = self.dir(&spec);
        let connection = self
            .spawner
            .launch(LaunchRequest { dir: dir.clone(), spec, network: None })
            .expect("the spawner takes the task");
        connection.set_timeout(Some(PATIENCE)).expect("a socket has timeouts");
        let mut task = Task { dir, connection, status: None };
        task.proceed();
        task
    }

    pub fn dir(&self, spec: &TaskSpec) -> PathBuf {
        self.root.join("tasks").join(&spec.task_id)
    }

    /// Runs a task to its end.
    pub fn run(&self, spec: TaskSpec) -> Done {
        self.launch(spec).finish()
    }

    /// Runs one container to its end.
    pub fn run_script(&self, script: &str) -> Done {
        self.run(self.spec(vec![self.container("main", script)]))
    }

    pub fn is_gvisor(&self) -> bool {
        self.runtime.kind == RuntimeKind::Runsc
    }
}

pub struct Task {
    pub dir: PathBuf,
    pub connection: TaskConnection,
    pub status: Option<TaskStatus>,
}

/// A task that has ended.
pub struct Done {
    pub dir: PathBuf,
    pub status: TaskStatus,
}

impl Task {
    fn proceed(&mut self) {
        loop {
            match self.connection.receive().expect("the supervisor answers") {
                Some(Report::NetworkReady { .. }) => break,
                Some(_) => {}
                None => panic!("the supervisor ended: {}", self.supervisor_log()),
            }
        }
        self.connection.send(&Command::Proceed).expect("the supervisor listens");
    }

    pub fn stop(&mut self) {
        self.connection.send(&Command::Stop { reason: "asked".into() }).expect("the supervisor listens");
    }

    /// Reads reports until the status fulfils a condition.
    pub fn wait(&mut self, what: &str, condition: impl Fn(&TaskStatus) -> bool) -> TaskStatus {
        if let Some(status) = self.status.as_ref().filter(|status| condition(status)) {
            return status.clone();
        }
        loop {
            match self.connection.receive() {
                Ok(Some(Report::Status { status })) => {
                    self.status = Some(*status.clone());
                    if condition(&status) {
                        return *status;
                    }
                }
                Ok(Some(_)) => {}
                other => panic!(
                    "waiting until {what}: {other:?}, last {:#?}, log {}",
                    self.status,
                    self.supervisor_log()
                ),
            }
        }
    }

    pub fn wait_line(&mut self, container: u8, text: &str) {
        let mut reader = Reader::at(&self.dir.join(taskdir::SPOOL_FOLDER), Default::default());
        let mut seen = Vec::new();
        loop {
            loop {
                let batch = reader.read(1 << 20).expect("the spool can be read");
                if batch.is_empty() {
                    break;
                }
                for record in batch.records().filter(|record| record.container == container) {
                    seen.push(String::from_utf8_lossy(record.payload).into_owned());
                }
            }
            if seen.iter().any(|line| line == text) {
                return;
            }
            let read = reader.position();
            let command = Command::SpoolRead { read, acknowledged: Default::default() };
            self.connection.send(&command).expect("the supervisor listens");
            loop {
                match self.connection.receive().expect("the supervisor answers") {
                    Some(Report::SpoolAdvanced { .. }) => break,
                    Some(Report::Status { status }) => {
                        assert!(status.phase != TaskPhase::Finished, "no line {text:?} in {seen:?}");
                        self.status = Some(*status);
                    }
                    Some(_) => {}
                    None => panic!("the supervisor ended"),
                }
            }
        }
    }

    pub fn finish(mut self) -> Done {
        let status = self.wait("the task has finished", |status| status.phase == TaskPhase::Finished);
        Done { dir: self.dir, status }
    }

    fn supervisor_log(&self) -> String {
        fs::read_to_string(self.dir.join("supervisor.log")).unwrap_or_default()
    }
}

impl Done {
    pub fn container(&self, name: &str) -> &ContainerStatus {
        self.status
            .containers
            .iter()
            .find(|container| container.name == name)
            .expect("the container is in the status")
    }

    pub fn code(&self) -> Option<i32> {
        self.status.containers[0].exit_code
    }

    /// Both streams of a container, in order, without the ends.
    pub fn lines_of(&self, container: u8) -> Vec<String> {
        let mut reader = Reader::open(&self.dir.join(taskdir::SPOOL_FOLDER)).expect("the spool opens");
        let mut lines = Vec::new();
        loop {
            let batch = reader.read(1 << 20).expect("the spool can be read");
            if batch.is_empty() {
                return lines;
            }
            let records = batch.records().filter(|record| record.container == container);
            lines.extend(
                records
                    .filter(|record| record.flags & FLAG_END == 0)
                    .map(|record| String::from_utf8_lossy(record.payload).into_owned()),
            );
        }
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines_of(0)
    }

    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// The supervisor is gone and so is everything of the task but its result.
    pub fn assert_clean(&self) {
        assert_eq!(self.status.cleanup_errors, Vec::<String>::new());
        assert!(!self.dir.join("storage").exists() && !self.dir.join("bundles").exists());
    }
}

/// A root file system of busybox alone.
fn make_layer(layer: &Path) {
    for folder in ["bin", "etc", "tmp", "proc", "sys", "dev", "root", "home/app", "seeded"] {
        fs::create_dir_all(layer.join(folder)).expect("a folder");
    }
    fs::set_permissions(layer.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("our own folder");
    fs::copy("/bin/busybox", layer.join("bin/busybox")).expect("the package busybox-static is installed");
    let listed = Process::new("/bin/busybox").arg("--list").output().expect("busybox runs");
    for applet in String::from_utf8_lossy(&listed.stdout).lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", layer.join("bin").join(applet)).expect("a link");
    }
    fs::write(
        layer.join("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n",
    )
    .expect("a file");
    fs::write(layer.join("etc/group"), "root:x:0:\napp:x:1001:\nextra:x:50:app\n").expect("a file");
    fs::write(layer.join("seeded/from-image"), "seed\n").expect("a file");
}
