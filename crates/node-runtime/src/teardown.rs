//! Ending what a supervisor can't end itself: tasks whose supervisor was killed, and everything at once.
//!
//! Every step goes on through failures and all of them are returned.

use std::fs;
use std::io;
use std::path::Path;

use stdx::clock::Timestamp;

use crate::cgroup::{self, Hierarchy};
use crate::spec::{RuntimeSpec, TaskSpec};
use crate::status::{ContainerPhase, StopFacts, TaskPhase, TaskStatus};
use crate::supervisor::first_status;
use crate::{runtime, sys, taskdir};

/// Takes the result of a task whose supervisor has ended or is just ending. If it was killed, its containers
/// are
/// killed too, and the status says honestly that their end was not seen. Blocks until the supervisor is gone.
pub fn conclude(dir: &Path, now: Timestamp) -> io::Result<TaskStatus> {
    let _lock = taskdir::take_lock(dir)?;
    let spec = taskdir::read_spec(dir)?;
    let mut status = taskdir::read_status(dir)?.unwrap_or_else(|| first_status(&spec));
    if status.phase == TaskPhase::Finished {
        return Ok(status);
    }
    status.cleanup_errors.extend(clean(dir, &spec));
    for container in &mut status.containers {
        if container.phase != ContainerPhase::Stopped {
            container.finished_at = container.started_at.map(|_| now);
            container.phase = ContainerPhase::Stopped;
            container.pid = None;
        }
    }
    status.stop.get_or_insert(StopFacts::SupervisorLost);
    status.stopping_at.get_or_insert(now);
    status.execution_stopped_at.get_or_insert(now);
    status.finished_at = Some(now);
    status.phase = TaskPhase::Finished;
    status.sequence += 1;
    taskdir::write_status(dir, &status)?;
    Ok(status)
}

/// Whether a supervisor ever began with the task. Blocks until none lives.
pub fn has_begun(dir: &Path) -> io::Result<bool> {
    let _lock = taskdir::take_lock(dir)?;
    Ok(taskdir::read_status(dir)?.is_some())
}

/// Ends a task nobody wants any more, whatever state it is in, and deletes its folder.
pub fn discard(dir: &Path) -> io::Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    let mut errors = Vec::new();
    if let Ok(spec) = taskdir::read_spec(dir) {
        if taskdir::is_supervised(dir)?
            && let Some(status) = taskdir::read_status(dir)?
        {
            // The lock is held, so this pid is still the supervisor's.
            let _ = sys::kill(status.supervisor_pid, libc::SIGKILL);
        }
        let _lock = taskdir::take_lock(dir)?;
        errors = clean(dir, &spec);
    }
    fs::remove_dir_all(dir)?;
    if errors.is_empty() { Ok(()) } else { Err(io::Error::other(errors.join("; "))) }
}

/// Kills every process of an installation's tasks and supervisors, removes their cgroups and the runtimes'
/// state.
/// Mounts and loop devices go with the supervisors that made them. Returns all that failed.
pub fn teardown_all(instance: &str, runtimes: &[RuntimeSpec]) -> Vec<String> {
    let hierarchy = match Hierarchy::detect() {
        Ok(hierarchy) => hierarchy,
        Err(error) => return vec![error.to_string()],
    };
    let mut errors = Vec::new();
    let group = cgroup::instance_group(instance);
    // Supervisors first: they would restart what is killed.
    for part in [format!("{group}/{}", cgroup::SUPERVISORS), group.clone()] {
        if let Err(error) = cgroup::kill_all(&hierarchy, &part) {
            errors.push(error.to_string());
        }
    }
    errors.extend(cgroup::remove(&hierarchy, &group));
    for runtime in runtimes {
        remove_folder(&runtime.state_dir, &mut errors);
    }
    errors
}

/// What a dead supervisor left: processes, cgroups, the runtime's state, its folders.
fn clean(dir: &Path, spec: &TaskSpec) -> Vec<String> {
    let mut errors = Vec::new();
    match Hierarchy::detect() {
        Ok(hierarchy) => {
            let group = cgroup::task_group(&spec.instance, &spec.task_id);
            if let Err(error) = cgroup::kill_all(&hierarchy, &group) {
                errors.push(error.to_string());
            }
            delete_containers(spec);
            errors.extend(cgroup::remove(&hierarchy, &group));
        }
        Err(error) => errors.push(error.to_string()),
    }
    for folder in ["storage", "bundles"] {
        remove_folder(&dir.join(folder), &mut errors);
    }
    errors
}

/// The runtime is asked first, its state's folder is removed in any case: it may have been killed half-way.
fn delete_containers(spec: &TaskSpec) {
    let sandbox = runtime::sandbox_id(&spec.task_id);
    for id in spec.containers.iter().map(|container| &container.runtime_id).chain([&sandbox]) {
        if spec.runtime.state_dir.join(id).exists() {
            let _ = std::process::Command::new(&spec.runtime.path)
                .args(runtime::delete_arguments(&spec.runtime, id))
                .stdin(std::process::Stdio::null())
                .output();
            let _ = fs::remove_dir_all(spec.runtime.state_dir.join(id));
        }
    }
}

fn remove_folder(folder: &Path, errors: &mut Vec<String>) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            errors.push(format!("{}: {error}", folder.display()));
        }
        _ => {}
    }
}
