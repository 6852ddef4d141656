//! Starting, signalling and ending containers through the OCI runtime.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use stdx::clock::Clock;

use super::prepare::SANDBOX;
use super::probe::Probe;
use super::processes::{Purpose, Streams};
use super::report::limit_reason;
use super::{Supervisor, output};
use crate::cgroup;
use crate::lifecycle::Event;
use crate::runtime::{self, CONSOLE_SOCKET, LOG_FILE, PID_FILE};
use crate::spec::RuntimeKind;
use crate::spool::{STDERR, STDOUT};
use crate::{signal, sys};

/// Where `runsc wait` writes how a container ended.
const WAIT_FILE: &str = "wait";
pub(super) const OUT_OF_MEMORY: &str = "OutOfMemoryError: Container killed due to memory usage";

/// What the supervisor holds for one container.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub bundle: PathBuf,
    pub cgroup: String,
    /// Why it can't be started, known before any runtime was called.
    pub unprepared: Option<String>,
    pub pid: Option<i32>,
    pub probe: Option<Probe>,
    /// Pipes of a start under way.
    starting: Option<Ends>,
    deleting: bool,
    start_wanted: bool,
    /// Held so that standard input stays open.
    input: Option<File>,
}

#[derive(Debug, Default)]
struct Ends {
    output: Option<File>,
    error: Option<File>,
    /// The listener, and the bundle's folder by which the runtime finds it.
    console: Option<(UnixListener, File)>,
}

impl Slot {
    pub(super) fn is_deleting(&self) -> bool {
        self.deleting
    }

    pub(super) fn probe_output(&self) -> Option<BorrowedFd<'_>> {
        Some(self.probe.as_ref()?.output.as_ref()?.as_fd())
    }
}

impl Supervisor {
    pub(super) fn start(&mut self, index: usize) {
        if self.slots[index].deleting {
            // The runtime still holds the id of the last run.
            self.slots[index].start_wanted = true;
            return;
        }
        let failed = match self.slots[index].unprepared.clone() {
            Some(reason) => Err(reason),
            None => self.call_run(index).map_err(|error| runtime::create_failure(&error.to_string())),
        };
        if let Err(reason) = failed {
            self.start_failed(index, reason);
        }
    }

    fn call_run(&mut self, index: usize) -> io::Result<()> {
        let container = &self.spec.containers[index];
        let slot = &mut self.slots[index];
        for file in [PID_FILE, LOG_FILE, CONSOLE_SOCKET] {
            remove_if_there(&slot.bundle.join(file))?;
        }
        let mut ends = Ends::default();
        let mut streams = Streams::default();
        let mut console = None;
        if container.tty {
            let folder = File::open(&slot.bundle)?;
            let path = console_path(&folder);
            let listener = UnixListener::bind(&path)?;
            listener.set_nonblocking(true)?;
            ends.console = Some((listener, folder));
            console = Some(path);
        } else {
            let (ours, theirs) = output::new_pipe()?;
            (ends.output, streams.output) = (Some(ours), Some(theirs));
            let (ours, theirs) = output::new_pipe()?;
            (ends.error, streams.error) = (Some(ours), Some(theirs));
            if container.interactive {
                let (theirs, ours) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
                (slot.input, streams.input) = (Some(ours.into()), Some(theirs.into()));
            }
        }
        let runtime = &self.spec.runtime;
        let arguments =
            runtime::run_arguments(runtime, &slot.bundle, &container.runtime_id, console.as_deref());
        slot.starting = Some(ends);
        self.processes.spawn(&runtime.path, &arguments, streams, Purpose::Run(index))?;
        Ok(())
    }

    fn start_failed(&mut self, index: usize, reason: String) {
        let reason = limit_reason(reason);
        self.slots[index].starting = None;
        self.slots[index].input = None;
        self.status.containers[index].reason = Some(reason.clone());
        self.changed = true;
        self.step(Event::StartFailed(index, reason));
    }

    /// Handles every child that has ended.
    pub(super) fn reap(&mut self, children: &OwnedFd) {
        // The descriptor only wakes; which children have ended is asked anew.
        let mut ignored = [0; 1024];
        while rustix::io::read(children, &mut ignored[..]).is_ok() {}
        while let Some((purpose, code)) = self.processes.reap() {
            match purpose {
                Purpose::Run(index) => self.run_ended(index, code),
                Purpose::Container(index) => self.exited(index, code),
                Purpose::Probe(index) => self.probe_ended(index, code),
                Purpose::Delete(index) => self.deleted(index, code),
                Purpose::Other => {}
            }
        }
    }

    fn run_ended(&mut self, index: usize, code: i32) {
        let ends = self.slots[index].starting.take().unwrap_or_default();
        let bundle = self.slots[index].bundle.clone();
        if code != 0 {
            let reason = runtime::start_failure(&bundle);
            self.start_failed(index, reason);
            self.delete(index);
            return;
        }
        let begun = self.attach(index, ends).and_then(|()| {
            if self.spec.runtime.kind == RuntimeKind::Runsc {
                self.wait_for_runsc(index)
            } else {
                self.claim(index)
            }
        });
        match begun {
            Ok(ended) => {
                self.status.containers[index].pid = self.slots[index].pid;
                self.step(Event::Started(index));
                if let Some(code) = ended {
                    self.exited(index, code);
                }
            }
            Err(error) => {
                let _ = cgroup::kill_all(&self.hierarchy, &self.slots[index].cgroup);
                self.start_failed(index, runtime::create_failure(&error.to_string()));
                self.delete(index);
            }
        }
    }

    fn attach(&mut self, index: usize, ends: Ends) -> io::Result<()> {
        if let Some((listener, _folder)) = ends.console {
            let terminal = receive_terminal(&listener)?;
            rustix::io::ioctl_fionbio(&terminal, true)?;
            self.output.attach(index, STDOUT, terminal);
        }
        for (number, pipe) in [(STDOUT, ends.output), (STDERR, ends.error)] {
            if let Some(pipe) = pipe {
                self.output.attach(index, number, pipe.into());
            }
        }
        Ok(())
    }

    /// Takes the container's first process, now our child, by the pid that the runtime wrote.
    fn claim(&mut self, index: usize) -> io::Result<Option<i32>> {
        let text = fs::read_to_string(self.slots[index].bundle.join(PID_FILE))?;
        let pid = text.trim().parse().map_err(|_| io::Error::other("the runtime wrote no pid"))?;
        self.slots[index].pid = Some(pid);
        Ok(self.processes.adopt(pid, Purpose::Container(index)))
    }

    /// A gVisor container is no process of the host: a waiting call stands for it.
    fn wait_for_runsc(&mut self, index: usize) -> io::Result<Option<i32>> {
        let result = File::create(self.slots[index].bundle.join(WAIT_FILE))?;
        let arguments = runtime::wait_arguments(&self.spec.runtime, &self.spec.containers[index].runtime_id);
        let streams = Streams { output: Some(result), ..Streams::default() };
        let pid =
            self.processes.spawn(&self.spec.runtime.path, &arguments, streams, Purpose::Container(index))?;
        self.slots[index].pid = Some(pid);
        Ok(None)
    }

    fn exited(&mut self, index: usize, code: i32) {
        let mut code = code;
        if self.spec.runtime.kind == RuntimeKind::Runsc {
            code = runtime::waited_exit_code(&self.slots[index].bundle.join(WAIT_FILE)).unwrap_or(code);
        }
        self.slots[index].pid = None;
        self.slots[index].input = None;
        let group = self.slots[index].cgroup.clone();
        let gvisor = self.spec.runtime.kind == RuntimeKind::Runsc;
        // All processes of a gVisor sandbox are in its own group: when memory ends, all its containers end
        // with it.
        let counted = if gvisor {
            cgroup::container_group(&self.spec.instance, &self.spec.task_id, SANDBOX)
        } else {
            group.clone()
        };
        let out_of_memory = cgroup::out_of_memory_kills(&self.hierarchy, &counted) > 0;
        if gvisor && out_of_memory {
            code = 128 + libc::SIGKILL;
        }
        if self.spec.share_processes {
            // In a shared pid namespace the end of the first process ends no other.
            if let Err(error) = cgroup::kill_all(&self.hierarchy, &group) {
                eprintln!("supervisor: {error}");
            }
        }
        self.output.drain(index, self.clock.now());
        let status = &mut self.status.containers[index];
        status.exit_code = Some(code);
        status.out_of_memory = out_of_memory;
        status.reason = out_of_memory.then(|| OUT_OF_MEMORY.into());
        self.changed = true;
        self.delete(index);
        self.step(Event::Exited { container: index, code });
    }

    fn delete(&mut self, index: usize) {
        let runtime = &self.spec.runtime;
        let arguments = runtime::delete_arguments(runtime, &self.spec.containers[index].runtime_id);
        match self.processes.spawn(&runtime.path, &arguments, Streams::default(), Purpose::Delete(index)) {
            Ok(_) => self.slots[index].deleting = true,
            Err(error) => self.status.cleanup_errors.push(format!("deleting a container: {error}")),
        }
    }

    fn deleted(&mut self, index: usize, _code: i32) {
        let slot = &mut self.slots[index];
        slot.deleting = false;
        if std::mem::take(&mut slot.start_wanted) {
            if self.machine.stop().is_some() {
                self.step(Event::StartFailed(index, String::from("the task stopped before the restart")));
            } else {
                self.start(index);
            }
        }
    }

    pub(super) fn signal(&mut self, index: usize) {
        let number = signal::number(self.spec.containers[index].stop_signal.as_deref());
        self.send_signal(index, number, false);
    }

    /// Only a task that ends kills its containers.
    pub(super) fn kill(&mut self, index: usize) {
        let group = cgroup::task_group(&self.spec.instance, &self.spec.task_id);
        cgroup::lift_cpu_limit(&self.hierarchy, &group);
        self.send_signal(index, libc::SIGKILL, true);
    }

    fn send_signal(&mut self, index: usize, number: i32, all: bool) {
        let Some(pid) = self.slots[index].pid else { return };
        let sent = if self.spec.runtime.kind == RuntimeKind::Runsc {
            let id = &self.spec.containers[index].runtime_id;
            let arguments = runtime::kill_arguments(&self.spec.runtime, id, number, all);
            self.processes
                .spawn(&self.spec.runtime.path, &arguments, Streams::default(), Purpose::Other)
                .map(|_| ())
        } else {
            // Our own child that was not reaped: its pid can't mean anyone else.
            sys::kill(pid, number)
        };
        if let Err(error) = sent {
            eprintln!("supervisor: container {index} can't be signalled: {error}");
        }
    }
}

/// The console socket's path for the runtime, which connects to it by name: by the folder's descriptor, since the whole
/// path may not fit a socket's address.
fn console_path(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{}/{CONSOLE_SOCKET}", std::process::id(), folder.as_raw_fd()))
}

/// The terminal's other side, which the runtime sends through the console socket before its call ends.
fn receive_terminal(listener: &UnixListener) -> io::Result<OwnedFd> {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    let (stream, _) = listener.accept()?;
    let mut bytes = [0; 4096];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    recvmsg(&stream, &mut [io::IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut received = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.last(),
        _ => None,
    });
    received.next().ok_or_else(|| io::Error::other("the runtime sent no terminal"))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
