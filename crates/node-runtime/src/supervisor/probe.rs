//! Health checks: a command run inside the container, with its output and exit code kept.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use super::processes::{Purpose, Streams};
use super::{Supervisor, output};
use crate::lifecycle::Event;
use crate::limits::HEALTH_OUTPUT_BYTES_MAX;
use crate::{runtime, sys};

/// A check under way.
#[derive(Debug)]
pub(super) struct Probe {
    /// The runtime's call.
    pid: i32,
    /// Where the runtime writes the pid of the command itself.
    pid_file: PathBuf,
    pub output: Option<File>,
    text: Vec<u8>,
    aborted: bool,
}

impl Supervisor {
    pub(super) fn start_probe(&mut self, index: usize) {
        if let Err(error) = self.call_exec(index) {
            self.note_health(index, None, format!("the health check could not be run: {error}"));
            self.step(Event::Probed { container: index, healthy: false });
        }
    }

    fn call_exec(&mut self, index: usize) -> io::Result<()> {
        let container = &self.spec.containers[index];
        if self.slots[index].probe.is_some() {
            return Err(io::Error::other("the check before has not ended"));
        }
        let check =
            container.health_check.as_ref().ok_or_else(|| io::Error::other("there is no health check"))?;
        let command = match check.command.split_first() {
            Some((kind, rest)) if kind == "CMD" && !rest.is_empty() => rest.to_vec(),
            Some((kind, rest)) if kind == "CMD-SHELL" && !rest.is_empty() => {
                vec!["/bin/sh".into(), "-c".into(), rest.join(" ")]
            }
            _ => return Err(io::Error::other("the command must begin with CMD or CMD-SHELL")),
        };
        let pid_file = self.slots[index].bundle.join("probe");
        let arguments =
            runtime::exec_arguments(&self.spec.runtime, &container.runtime_id, &pid_file, &command);
        let (ours, theirs) = output::new_pipe()?;
        let error = theirs.try_clone()?;
        let streams = Streams { input: None, output: Some(theirs), error: Some(error) };
        let pid =
            self.processes.spawn(&self.spec.runtime.path, &arguments, streams, Purpose::Probe(index))?;
        let probe = Probe { pid, pid_file, output: Some(ours), text: Vec::new(), aborted: false };
        self.slots[index].probe = Some(probe);
        Ok(())
    }

    /// Takes output as it comes, so that a talkative check is not stuck in a full pipe.
    pub(super) fn read_probe(&mut self, index: usize) {
        if let Some(probe) = &mut self.slots[index].probe {
            probe.read();
        }
    }

    pub(super) fn probe_ended(&mut self, index: usize, code: i32) {
        let Some(mut probe) = self.slots[index].probe.take() else { return };
        probe.read();
        if probe.aborted {
            return;
        }
        let text = String::from_utf8_lossy(&probe.text).into_owned();
        self.note_health(index, Some(code), text);
        self.step(Event::Probed { container: index, healthy: code == 0 });
    }

    /// The check took too long, or its container ends.
    pub(super) fn abort_probe(&mut self, index: usize) {
        let Some(probe) = &mut self.slots[index].probe else { return };
        probe.aborted = true;
        // First the command inside, then the call that waits for it.
        let inner = fs::read_to_string(&probe.pid_file).ok().and_then(|text| text.trim().parse::<i32>().ok());
        if let Some(inner) = inner.filter(|_| self.spec.runtime.kind != crate::spec::RuntimeKind::Runsc) {
            let _ = sys::kill(inner, libc::SIGKILL);
        }
        let _ = sys::kill(probe.pid, libc::SIGKILL);
        let text = String::from_utf8_lossy(&probe.text).into_owned();
        self.note_health(index, None, text);
    }

    fn note_health(&mut self, index: usize, exit_code: Option<i32>, output: String) {
        if let Some(report) = &mut self.status.containers[index].health {
            report.exit_code = exit_code;
            report.output = output;
            self.changed = true;
        }
    }
}

impl Probe {
    fn read(&mut self) {
        let Some(pipe) = &mut self.output else { return };
        let mut bytes = [0; 4096];
        loop {
            match pipe.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => {
                    let room = HEALTH_OUTPUT_BYTES_MAX.saturating_sub(self.text.len());
                    self.text.extend_from_slice(&bytes[..count.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.output = None;
    }
}
