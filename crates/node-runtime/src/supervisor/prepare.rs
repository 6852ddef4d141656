//! Everything before the first container: network, cgroup, storage, root file systems, bundles.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::mount::{MountPropagationFlags, mount_change};

use super::Supervisor;
use crate::oci::{self, Prepared};
use crate::protocol::Report;
use crate::runtime::{self, CONFIG_FILE};
use crate::spec::{ContainerSpec, Isolation, RuntimeKind};
use crate::status::StopFacts;
use crate::{cgroup, identity, rootfs, storage, sys};

/// The container init, built from `init/init.rs`.
const INIT_PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/init"));
const INIT_FILE: &str = "init";
/// The cgroup in which a gVisor sandbox really runs.
pub(super) const SANDBOX: &str = "sandbox";

impl Supervisor {
    pub(super) fn prepare(&mut self, network: Option<OwnedFd>, children: &OwnedFd) -> Result<(), StopFacts> {
        let failed = |class: &str, error: io::Error| StopFacts::StartFailed {
            container: None,
            reason: format!("{class}: {error}"),
        };
        let resource = |error| failed("ResourceInitializationError", error);
        self.refuse_unsupported().map_err(resource)?;
        // What this task mounts is gone with its supervisor, and no other task ever sees it.
        sys::unshare(libc::CLONE_NEWNS).map_err(resource)?;
        let recursive = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
        mount_change("/", recursive).map_err(|error| resource(error.into()))?;
        self.join_network(network, children).map_err(resource)?;
        if self.machine.is_finished() {
            return Ok(());
        }
        let group = cgroup::task_group(&self.spec.instance, &self.spec.task_id);
        cgroup::create_task(&self.hierarchy, &group, self.spec.cpu_units, self.spec.memory_mib)
            .map_err(resource)?;
        storage::prepare(&self.dir, &self.storage_point(), &self.spec.storage)
            .and_then(|mounted| {
                self.storage_mounted = mounted;
                self.make_volumes()
            })
            .map_err(|error| failed("CannotCreateVolumeError", error))?;
        self.write_etc().and_then(|()| self.write_init()).map_err(resource)?;
        fs::create_dir_all(&self.spec.runtime.state_dir).map_err(resource)?;
        let processes = if self.spec.share_processes && self.spec.runtime.kind != RuntimeKind::Runsc {
            Some(self.hold_processes().map_err(resource)?)
        } else {
            None
        };
        if self.spec.runtime.kind == RuntimeKind::Runsc {
            self.start_sandbox().map_err(|reason| StopFacts::StartFailed { container: None, reason })?;
        }
        for index in 0..self.spec.containers.len() {
            self.slots[index].bundle = self.bundle(index);
            if let Err(error) = self.prepare_container(index, processes.clone()) {
                self.slots[index].unprepared = Some(runtime::create_failure(&error.to_string()));
            }
        }
        Ok(())
    }

    /// What can't be done is told, not left out.
    fn refuse_unsupported(&self) -> io::Result<()> {
        let gvisor = self.spec.runtime.kind == RuntimeKind::Runsc;
        if (self.spec.isolation == Isolation::Kernel) != gvisor {
            return Err(io::Error::other(
                "kernel isolation and the runtime runsc come together or not at all",
            ));
        }
        if gvisor && self.spec.share_processes {
            return Err(io::Error::other("pidMode task is not supported with kernel isolation"));
        }
        let settings = self.spec.containers.iter().flat_map(|container| &container.sysctls);
        match settings.map(|(name, _)| name).find(|name| gvisor && !oci::is_network_setting(name)) {
            Some(name) => {
                Err(io::Error::other(format!("sysctl {name} is not supported with kernel isolation")))
            }
            None => Ok(()),
        }
    }

    pub(super) fn storage_point(&self) -> PathBuf {
        self.dir.join("storage")
    }

    fn bundle(&self, index: usize) -> PathBuf {
        self.dir.join(format!("bundles/{index}"))
    }

    fn join_network(&mut self, network: Option<OwnedFd>, children: &OwnedFd) -> io::Result<()> {
        if let Some(namespace) = network {
            return sys::setns(namespace.as_fd(), libc::CLONE_NEWNET);
        }
        sys::unshare(libc::CLONE_NEWNET)?;
        sys::loopback_up()?;
        let pid = self.status.supervisor_pid;
        self.control.broadcast(&Report::NetworkReady { pid });
        while !self.may_proceed && !self.machine.is_finished() {
            for ready in self.wait(children)? {
                self.handle(ready, children);
            }
        }
        Ok(())
    }

    fn make_volumes(&self) -> io::Result<()> {
        for volume in &self.spec.volumes {
            let folder = self.volume(volume);
            fs::create_dir_all(&folder)?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }

    fn volume(&self, name: &str) -> PathBuf {
        // Names come from a task definition, whose rules allow no slash; a path must not depend on that.
        let safe = name.replace(['/', '\0'], "_");
        self.storage_point().join("volumes").join(format!("v-{safe}"))
    }

    /// Every container gets its own copies: a container may write to them.
    fn write_etc(&self) -> io::Result<()> {
        for index in 0..self.spec.containers.len() {
            let folder = self.etc(index);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("resolv.conf"), &self.spec.resolv_conf)?;
            fs::write(folder.join("hosts"), &self.spec.hosts)?;
            fs::write(folder.join("hostname"), format!("{}\n", self.spec.hostname))?;
        }
        Ok(())
    }

    fn etc(&self, index: usize) -> PathBuf {
        self.storage_point().join(format!("etc/{index}"))
    }

    fn write_init(&self) -> io::Result<()> {
        let path = self.dir.join(INIT_FILE);
        fs::write(&path, INIT_PROGRAM)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
    }

    /// A process whose only purpose is to be the first one of a pid namespace that containers join.
    fn hold_processes(&mut self) -> io::Result<PathBuf> {
        let own = fs::File::open("/proc/self/ns/pid")?;
        let program = std::ffi::CString::new(self.dir.join(INIT_FILE).into_os_string().into_encoded_bytes())
            .map_err(io::Error::other)?;
        sys::unshare(libc::CLONE_NEWPID)?;
        let Some(pid) = sys::fork()? else {
            let _ = sys::die_with_parent();
            sys::exec(&program);
            sys::exit_now(127);
        };
        sys::setns(own.as_fd(), libc::CLONE_NEWPID)?;
        self.helpers.push(pid);
        let path = PathBuf::from(format!("/proc/{pid}/ns/pid"));
        if !path.exists() {
            return Err(io::Error::other("the holder of the shared pid namespace did not start"));
        }
        Ok(path)
    }

    fn prepare_container(&mut self, index: usize, processes: Option<PathBuf>) -> io::Result<()> {
        let container = self.spec.containers[index].clone();
        let bundle = self.slots[index].bundle.clone();
        let root = bundle.join("rootfs");
        let own = self.storage_point().join(format!("containers/{index}"));
        rootfs::mount_overlay(&container.layers, &own.join("upper"), &own.join("work"), &root)?;
        let folder = rootfs::open_folder(&root)?;
        let identity = identity::resolve(&folder, &container.user).map_err(io::Error::other)?;
        if !container.cwd.is_empty() {
            rootfs::ensure_folder(&folder, &container.cwd)
                .map_err(|error| io::Error::other(format!("working directory {}: {error}", container.cwd)))?;
        }
        apply_network_settings(&container)?;
        let mount_sources = self.seed_volumes(&container, &folder)?;
        let group = cgroup::container_group(&self.spec.instance, &self.spec.task_id, &container.runtime_id);
        let prepared = Prepared {
            rootfs: root,
            identity,
            etc: self.etc(index),
            mount_sources,
            init_program: self.dir.join(INIT_FILE),
            network: self.network_path(),
            processes,
            cgroup: group.clone(),
            cgroup_v2: self.hierarchy.is_v2(),
            open_files: sys::raise_open_files(oci::OPEN_FILES_DEFAULT),
            sandbox: self.sandbox.clone(),
        };
        self.slots[index].cgroup = group;
        write_config(&bundle, &oci::config(&self.spec, &container, &prepared))
    }

    fn network_path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.status.supervisor_pid))
    }

    /// The first container that mounts a volume fills it, if its image has something there.
    fn seed_volumes(&mut self, container: &ContainerSpec, root: &OwnedFd) -> io::Result<Vec<PathBuf>> {
        let mut sources = Vec::with_capacity(container.mounts.len());
        for mount in &container.mounts {
            let source = self.volume(&mount.volume);
            if !source.exists() {
                return Err(io::Error::other(format!("volume {} does not exist", mount.volume)));
            }
            if fs::read_dir(&source)?.next().is_none() {
                rootfs::seed_volume(root, &mount.path, &source)?;
            }
            sources.push(source);
        }
        Ok(sources)
    }

    /// The gVisor sandbox of the task: a container of its own, so that it outlives each of the task's.
    fn start_sandbox(&mut self) -> Result<(), String> {
        let id = runtime::sandbox_id(&self.spec.task_id);
        let bundle = self.dir.join("bundles/sandbox");
        let make = || -> io::Result<()> {
            let root = bundle.join("rootfs");
            fs::create_dir_all(root.join("proc"))?;
            fs::copy(self.dir.join(INIT_FILE), root.join("init"))?;
            let group = cgroup::container_group(&self.spec.instance, &self.spec.task_id, SANDBOX);
            let config = oci::sandbox_config(&self.spec, &root, &self.network_path(), &group);
            // On the host gVisor binds without any capability; inside, it asks root's as Linux does.
            fs::write(UNPRIVILEGED_PORTS, "0")?;
            write_config(&bundle, &config)
        };
        make().map_err(|error| runtime::create_failure(&error.to_string()))?;
        let arguments = runtime::run_arguments(&self.spec.runtime, &bundle, &id, None);
        let succeeded = self
            .processes
            .call(&self.spec.runtime.path, &arguments)
            .map_err(|error| runtime::create_failure(&error.to_string()))?;
        self.sandbox = Some(id);
        if succeeded { Ok(()) } else { Err(runtime::start_failure(&bundle)) }
    }
}

/// The first port that everyone may bind, of the calling process's network namespace.
const UNPRIVILEGED_PORTS: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// This process is in the task's network namespace, so these are the task's own.
fn apply_network_settings(container: &ContainerSpec) -> io::Result<()> {
    for (name, value) in container.sysctls.iter().filter(|(name, _)| oci::is_network_setting(name)) {
        let parts: Vec<&str> = name.split(['.', '/']).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(io::Error::other(format!("sysctl {name} is not a name")));
        }
        fs::write(Path::new("/proc/sys").join(parts.join("/")), value)
            .map_err(|error| io::Error::new(error.kind(), format!("sysctl {name}: {error}")))?;
    }
    Ok(())
}

fn write_config(bundle: &Path, config: &serde_json::Value) -> io::Result<()> {
    fs::create_dir_all(bundle)?;
    fs::write(bundle.join(CONFIG_FILE), serde_json::to_vec(config)?)
}
