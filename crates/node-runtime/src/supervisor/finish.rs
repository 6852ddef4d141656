//! The end: everything is undone, and what can't be is told, before the last word goes out.

use std::fs;
use std::io;
use std::path::Path;

use stdx::clock::Clock;

use super::Supervisor;
use crate::limits::{FULL_DISK_PAUSE, FULL_DISK_TRIES_MAX};
use crate::status::{ContainerPhase, TaskPhase};
use crate::{cgroup, runtime, sys, taskdir};

impl Supervisor {
    pub(super) fn finish(&mut self) {
        let now = self.clock.now();
        for container in &mut self.status.containers {
            container.phase = ContainerPhase::Stopped;
            container.pid = None;
        }
        self.status.stopping_at.get_or_insert(now);
        self.status.execution_stopped_at.get_or_insert(now);
        let mut errors = std::mem::take(&mut self.status.cleanup_errors);
        self.end_processes(&mut errors);
        for index in 0..self.slots.len() {
            self.output.drain(index, now);
        }
        self.output.close(now);
        self.write_output();
        // Before anything waits for room on the disk: the task's own files may be what fills it.
        self.undo_mounts(&mut errors);
        self.retry_on_full_disk(|supervisor| {
            supervisor.write_output();
            !supervisor.output.is_stuck()
        });
        self.status.cleanup_errors = errors;
        self.status.phase = TaskPhase::Finished;
        self.status.finished_at = Some(self.clock.now());
        self.retry_on_full_disk(|supervisor| {
            taskdir::write_status(&supervisor.dir, &supervisor.status).is_ok()
        });
        self.changed = true;
        self.report();
        self.control.finish();
    }

    fn retry_on_full_disk(&mut self, mut try_once: impl FnMut(&mut Self) -> bool) {
        for _ in 0..FULL_DISK_TRIES_MAX {
            if try_once(self) {
                return;
            }
            std::thread::sleep(FULL_DISK_PAUSE);
        }
    }

    fn end_processes(&mut self, errors: &mut Vec<String>) {
        if let Some(sandbox) = self.sandbox.take() {
            let arguments = runtime::delete_arguments(&self.spec.runtime, &sandbox);
            match self.processes.call(&self.spec.runtime.path, &arguments) {
                Ok(true) => {}
                Ok(false) => errors.push(format!("the sandbox {sandbox} could not be deleted")),
                Err(error) => errors.push(error.to_string()),
            }
        }
        for pid in self.helpers.drain(..) {
            if sys::kill(pid, libc::SIGKILL).is_ok() {
                sys::wait_for(pid);
            }
        }
        let group = cgroup::task_group(&self.spec.instance, &self.spec.task_id);
        if let Err(error) = cgroup::kill_all(&self.hierarchy, &group) {
            errors.push(error.to_string());
        }
        errors.extend(cgroup::remove(&self.hierarchy, &group));
    }

    fn undo_mounts(&mut self, errors: &mut Vec<String>) {
        let mut note = |what: &Path, result: io::Result<()>| match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                errors.push(format!("{}: {error}", what.display()));
            }
            _ => {}
        };
        for index in 0..self.slots.len() {
            let root = self.dir.join(format!("bundles/{index}/rootfs"));
            match sys::unmount(&root) {
                // It was never mounted.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
                other => note(&root, other),
            }
        }
        let storage = self.storage_point();
        if self.storage_mounted {
            note(&storage, sys::unmount(&storage));
        }
        for folder in [storage, self.dir.join("bundles")] {
            note(&folder, fs::remove_dir_all(&folder));
        }
        for file in ["init", "control.sock"] {
            let path = self.dir.join(file);
            note(&path, fs::remove_file(&path));
        }
    }
}
