//! The OCI configuration of a container, from the specification and what was prepared for it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::filter;
use crate::limits::SHARED_MEMORY_MIB;
use crate::spec::{ContainerSpec, RuntimeKind, TaskSpec};

mod capabilities;
mod seccomp;
#[cfg(test)]
mod tests;

/// Where the init program is seen inside a container; /dev is a tmpfs, so nothing is left in the root file
/// system.
const INIT_PATH: &str = "/dev/init";
/// Fargate's default for open files, as far as the host can give it.
pub(crate) const OPEN_FILES_DEFAULT: u64 = 65_535;

/// Who a container's process runs as, with names resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    pub additional_gids: Vec<u32>,
    pub home: String,
}

/// What was prepared for one container.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub rootfs: PathBuf,
    pub identity: Identity,
    /// Folder with this container's hosts, hostname and resolv.conf.
    pub etc: PathBuf,
    /// Host paths of the specification's mounts, in its order.
    pub mount_sources: Vec<PathBuf>,
    pub init_program: PathBuf,
    /// A namespace path, such as `/proc/17/ns/net`.
    pub network: PathBuf,
    pub processes: Option<PathBuf>,
    pub cgroup: String,
    pub cgroup_v2: bool,
    /// The default limit of open files.
    pub open_files: u64,
    /// The id of the sandbox that this container joins, for a runtime with a kernel per task.
    pub sandbox: Option<String>,
}

/// The configuration of one container of a task.
pub(crate) fn config(task: &TaskSpec, container: &ContainerSpec, prepared: &Prepared) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "hostname": task.hostname,
        "root": {"path": prepared.rootfs, "readonly": container.readonly_root},
        "process": process(container, prepared, &task.hostname),
        "mounts": mounts(container, prepared),
        "annotations": annotations(task, container, prepared.sandbox.as_deref()),
        "linux": linux(task, container, prepared),
    })
}

/// The configuration of the container that holds a gVisor sandbox open: only the init program.
pub(crate) fn sandbox_config(task: &TaskSpec, rootfs: &Path, network: &Path, cgroup: &str) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "hostname": task.hostname,
        "root": {"path": rootfs, "readonly": true},
        "process": {"terminal": false, "cwd": "/", "args": ["/init"], "env": [], "user": {"uid": 0, "gid": 0},
            "capabilities": {}, "noNewPrivileges": true},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "annotations": {"io.kubernetes.cri.container-type": "sandbox"},
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
                {"type": "network", "path": network}],
            "cgroupsPath": format!("/{cgroup}"),
        },
    })
}

fn process(container: &ContainerSpec, prepared: &Prepared, hostname: &str) -> Value {
    let capabilities = capabilities::resolve(&container.capabilities_added, &container.capabilities_dropped);
    let mut args = container.args.clone();
    if container.init_process {
        args.splice(0..0, [INIT_PATH.into(), "--".into()]);
    }
    let user = &prepared.identity;
    // Linux takes them from a process that is not root when it executes its program; gVisor has to be told.
    let granted = if prepared.sandbox.is_some() && user.uid != 0 { Vec::new() } else { capabilities.clone() };
    json!({
        "terminal": container.tty,
        "user": {"uid": user.uid, "gid": user.gid, "additionalGids": user.additional_gids, "umask": 0o022},
        "args": args,
        "env": environment(container, user, hostname),
        "cwd": if container.cwd.is_empty() { "/" } else { &container.cwd },
        "capabilities": {"bounding": capabilities, "effective": granted, "permitted": granted},
        "rlimits": rlimits(container, prepared.open_files),
        "noNewPrivileges": false,
        "oomScoreAdj": 0,
    })
}

/// The task definition's variables, and what Docker adds when they are absent.
fn environment(container: &ContainerSpec, user: &Identity, hostname: &str) -> Vec<String> {
    let mut env = container.env.clone();
    let mut add = |name: &str, value: &str| {
        let prefix = format!("{name}=");
        if !container.env.iter().any(|variable| variable.starts_with(&prefix)) {
            env.push(prefix + value);
        }
    };
    add("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add("HOSTNAME", hostname);
    add("HOME", &user.home);
    if container.tty {
        add("TERM", "xterm");
    }
    env
}

fn rlimits(container: &ContainerSpec, open_files: u64) -> Vec<Value> {
    let entry = |name: &str, soft: u64, hard: u64| json!({"type": format!("RLIMIT_{}", name.to_ascii_uppercase()), "soft": soft, "hard": hard});
    // The default, when it is spelled out, is still the default: as far as the host can give it.
    let asked = |value: u64| if value == OPEN_FILES_DEFAULT { open_files } else { value };
    let mut limits: Vec<Value> = container
        .ulimits
        .iter()
        .map(|limit| match limit.name.as_str() {
            "nofile" => entry("nofile", asked(limit.soft), asked(limit.hard)),
            name => entry(name, limit.soft, limit.hard),
        })
        .collect();
    if !container.ulimits.iter().any(|limit| limit.name.eq_ignore_ascii_case("nofile")) {
        limits.push(entry("nofile", open_files, open_files));
    }
    limits
}

fn mounts(container: &ContainerSpec, prepared: &Prepared) -> Vec<Value> {
    let shared_memory = format!("size={SHARED_MEMORY_MIB}m");
    let system = |destination: &str, kind: &str, options: &[&str]| json!({"destination": destination, "type": kind, "source": kind, "options": options});
    let bind = |destination: &str, source: &Path, mode: &str| json!({"destination": destination, "type": "bind", "source": source, "options": ["rbind", mode, "rprivate"]});
    let mut all = vec![
        system("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        system("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        system(
            "/dev/pts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        system("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        system("/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
        system("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        system("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", &shared_memory]),
    ];
    for file in ["resolv.conf", "hostname", "hosts"] {
        all.push(bind(&format!("/etc/{file}"), &prepared.etc.join(file), "rw"));
    }
    if container.init_process {
        all.push(bind(INIT_PATH, &prepared.init_program, "ro"));
    }
    for tmpfs in &container.tmpfs {
        let mut options = vec![String::from("nosuid"), "nodev".into(), format!("size={}m", tmpfs.size_mib)];
        options.extend(tmpfs.options.iter().cloned());
        all.push(json!({"destination": tmpfs.path, "type": "tmpfs", "source": "tmpfs", "options": options}));
    }
    // Parents before children, whatever the order in the task definition.
    let mut volumes: Vec<_> = container.mounts.iter().zip(&prepared.mount_sources).collect();
    volumes.sort_by(|(one, _), (other, _)| Path::new(&one.path).cmp(Path::new(&other.path)));
    all.extend(
        volumes
            .into_iter()
            .map(|(mount, source)| bind(&mount.path, source, if mount.readonly { "ro" } else { "rw" })),
    );
    all
}

/// The seccomp profile for a container with exactly these capabilities.
pub(crate) fn seccomp_profile(capabilities: &[String]) -> Value {
    seccomp::profile(capabilities)
}

fn annotations(task: &TaskSpec, container: &ContainerSpec, sandbox: Option<&str>) -> Value {
    let mut annotations = serde_json::Map::new();
    if task.runtime.kind == RuntimeKind::Crun {
        let capabilities =
            capabilities::resolve(&container.capabilities_added, &container.capabilities_dropped);
        let profile = seccomp_profile(&capabilities);
        // The profile itself stays in the configuration: a crun that does not know the annotation compiles
        // it.
        if let Some(program) = filter::compiled(&profile, &task.storage.template_dir) {
            annotations.insert("run.oci.seccomp_bpf_data".into(), program.into());
        }
    }
    if task.runtime.kind == RuntimeKind::Runsc {
        let kind = if sandbox.is_some() { "container" } else { "sandbox" };
        annotations.insert("io.kubernetes.cri.container-type".into(), kind.into());
        annotations.insert("io.kubernetes.cri.container-name".into(), container.name.clone().into());
        if let Some(sandbox) = sandbox {
            annotations.insert("io.kubernetes.cri.sandbox-id".into(), sandbox.into());
        }
    }
    Value::Object(annotations)
}

fn linux(task: &TaskSpec, container: &ContainerSpec, prepared: &Prepared) -> Value {
    let mut namespaces = vec![
        json!({"type": "mount"}),
        json!({"type": "ipc"}),
        json!({"type": "uts"}),
        json!({"type": "network", "path": prepared.network}),
    ];
    namespaces.push(match &prepared.processes {
        Some(path) => json!({"type": "pid", "path": path}),
        None => json!({"type": "pid"}),
    });
    // As Docker: the container sees its own group as the root in version 2, and the host's layout in version
    // 1.
    if prepared.cgroup_v2 {
        namespaces.push(json!({"type": "cgroup"}));
    }
    let sysctls: serde_json::Map<String, Value> = container
        .sysctls
        .iter()
        .filter(|(name, _)| !is_network_setting(name))
        .cloned()
        .map(own_value)
        .collect();
    let capabilities = capabilities::resolve(&container.capabilities_added, &container.capabilities_dropped);
    json!({
        "namespaces": namespaces,
        "cgroupsPath": format!("/{}", prepared.cgroup),
        "resources": resources(task, container),
        "sysctl": sysctls,
        "rootfsPropagation": "private",
        "seccomp": seccomp::profile(&capabilities),
        "maskedPaths": ["/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys",
            "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
            "/sys/firmware", "/sys/devices/virtual/powercap"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    })
}

/// Settings of the network namespace, which all containers share: the supervisor makes them, because runc
/// refuses them
/// when it is in that namespace already.
pub(crate) fn is_network_setting(name: &str) -> bool {
    name.starts_with("net.") || name.starts_with("net/")
}

fn own_value((name, value): (String, String)) -> (String, Value) {
    (name, value.into())
}

fn resources(task: &TaskSpec, container: &ContainerSpec) -> Value {
    const MIB: u64 = 1024 * 1024;
    let mut memory = serde_json::Map::new();
    if let Some(limit) = container.memory_limit_mib {
        memory.insert("limit".into(), (limit.min(task.memory_mib) * MIB).into());
        memory.insert("swap".into(), (limit.min(task.memory_mib) * MIB).into());
    }
    if let Some(reservation) = container.memory_reservation_mib {
        memory.insert("reservation".into(), (reservation * MIB).into());
    }
    // The kernel's least weight is 2; Docker and ECS treat 0 and 1 as that.
    let mut resources = json!({
        "cpu": {"shares": container.cpu_units.max(2)},
        "devices": [
            {"allow": false, "access": "rwm"},
            {"allow": true, "type": "c", "access": "m"},
            {"allow": true, "type": "b", "access": "m"},
            {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"},
            {"allow": true, "type": "c", "major": 1, "minor": 5, "access": "rwm"},
            {"allow": true, "type": "c", "major": 1, "minor": 7, "access": "rwm"},
            {"allow": true, "type": "c", "major": 1, "minor": 8, "access": "rwm"},
            {"allow": true, "type": "c", "major": 1, "minor": 9, "access": "rwm"},
            {"allow": true, "type": "c", "major": 5, "minor": 0, "access": "rwm"},
            {"allow": true, "type": "c", "major": 5, "minor": 2, "access": "rwm"},
            {"allow": true, "type": "c", "major": 136, "access": "rwm"},
        ],
    });
    if !memory.is_empty() {
        resources["memory"] = Value::Object(memory);
    }
    resources
}
