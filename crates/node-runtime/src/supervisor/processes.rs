//! Child processes: calls of the runtime, and containers' first processes, which become our children as
//! orphans.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Ends of processes that nobody asked about yet: a container may end before its runtime's call does.
const UNCLAIMED_MAX: usize = 256;

/// What a child of ours was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The runtime's call that creates and starts a container.
    Run(usize),
    /// A container's own first process, or the runtime's process that lasts as long.
    Container(usize),
    Probe(usize),
    Delete(usize),
    /// A call whose result does not matter.
    Other,
}

#[derive(Debug, Default)]
pub(super) struct Processes {
    known: Vec<(i32, Purpose)>,
    unclaimed: Vec<(i32, i32)>,
    /// Ends that were seen while waiting for something else.
    backlog: Vec<(Purpose, i32)>,
}

/// Standard streams of a child; none means /dev/null.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub input: Option<File>,
    pub output: Option<File>,
    pub error: Option<File>,
}

impl Processes {
    pub(super) fn spawn(
        &mut self,
        program: &Path,
        arguments: &[OsString],
        streams: Streams,
        purpose: Purpose,
    ) -> io::Result<i32> {
        let or_nothing = |file: Option<File>| file.map_or_else(Stdio::null, Stdio::from);
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(or_nothing(streams.input))
            .stdout(or_nothing(streams.output))
            .stderr(or_nothing(streams.error))
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", program.display())))?;
        let pid = child.id().cast_signed();
        self.known.push((pid, purpose));
        Ok(pid)
    }

    /// Runs something to its end. True when it succeeded.
    pub(super) fn call(&mut self, program: &Path, arguments: &[OsString]) -> io::Result<bool> {
        let pid = self.spawn(program, arguments, Streams::default(), Purpose::Other)?;
        self.known.retain(|(known, _)| *known != pid);
        // Others are reaped meanwhile: the call may itself be waiting for one of them to be gone.
        loop {
            match crate::sys::reap(true) {
                Some((ended, code)) if ended == pid => return Ok(code == 0),
                Some((ended, code)) => {
                    let wanted = self.take(ended, code);
                    self.backlog.extend(wanted);
                }
                None => return Err(io::Error::other("a call's end was missed")),
            }
        }
    }

    /// From now on the end of `pid` means something. Its exit code at once, when it has ended already.
    pub(super) fn adopt(&mut self, pid: i32, purpose: Purpose) -> Option<i32> {
        if let Some(position) = self.unclaimed.iter().position(|(ended, _)| *ended == pid) {
            return Some(self.unclaimed.swap_remove(position).1);
        }
        self.known.push((pid, purpose));
        None
    }

    /// The next ended child that was started for something.
    pub(super) fn reap(&mut self) -> Option<(Purpose, i32)> {
        if let Some(ended) = self.backlog.pop() {
            return Some(ended);
        }
        while let Some((pid, code)) = crate::sys::reap(false) {
            if let Some(ended) = self.take(pid, code) {
                return Some(ended);
            }
        }
        None
    }

    /// What the ended child was for, if anyone asked.
    fn take(&mut self, pid: i32, code: i32) -> Option<(Purpose, i32)> {
        if let Some(position) = self.known.iter().position(|(known, _)| *known == pid) {
            return Some((self.known.swap_remove(position).1, code));
        }
        if !self.known.iter().any(|(_, purpose)| matches!(purpose, Purpose::Run(_))) {
            // No start is under way, so no container's first process is unknown: this is someone's orphan.
            self.unclaimed.clear();
            return None;
        }
        if self.unclaimed.len() == UNCLAIMED_MAX {
            self.unclaimed.remove(0);
        }
        self.unclaimed.push((pid, code));
        None
    }
}
