//! The supervisor of one task: a single-threaded process around the pure lifecycle machine.
//!
//! It prepares mounts and cgroups, calls the OCI runtime, holds the containers' output and exit codes,
//! answers the
//! control socket, and undoes everything at the end. It outlives the server.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use stdx::clock::{Clock, SystemClock};

use crate::cgroup::Hierarchy;
use crate::lifecycle::{Decision, Event, Machine};
use crate::limits::FULL_DISK_PAUSE;
use crate::protocol::Command;
use crate::spec::TaskSpec;
use crate::status::{ContainerPhase, StopFacts, TaskPhase, TaskStatus};
use crate::{sys, taskdir};

mod containers;
mod control;
mod finish;
mod output;
mod prepare;
mod probe;
mod processes;
mod report;

pub(crate) use report::first_status;

use containers::Slot;
use control::{Control, Source as ControlSource};
use output::Output;
use processes::Processes;

/// What the spawner hands over.
#[derive(Debug)]
pub(crate) struct Inheritance {
    pub dir: PathBuf,
    pub control: UnixStream,
    pub listener: UnixListener,
    pub network: Option<OwnedFd>,
}

struct Supervisor {
    dir: PathBuf,
    spec: TaskSpec,
    clock: SystemClock,
    hierarchy: Hierarchy,
    machine: Machine,
    status: TaskStatus,
    control: Control,
    output: Output,
    processes: Processes,
    slots: Vec<Slot>,
    /// Something in the status changed and was not reported yet.
    changed: bool,
    may_proceed: bool,
    storage_mounted: bool,
    /// The id of the gVisor sandbox, while there is one.
    sandbox: Option<String>,
    /// Processes of ours beside the containers.
    helpers: Vec<i32>,
}

/// Where a readable descriptor belongs to.
#[derive(Clone, Copy)]
enum Ready {
    Children,
    Control(ControlSource),
    Output(usize),
    Probe(usize),
}

/// Runs a task to its end.
pub(crate) fn run(inheritance: Inheritance) -> io::Result<()> {
    let Inheritance { dir, control, listener, network } = inheritance;
    let children = sys::signal_descriptor(libc::SIGCHLD)?;
    sys::become_subreaper()?;
    // The last process to be killed for want of memory: with it, exit codes and logs would be lost.
    let _ = std::fs::write("/proc/self/oom_score_adj", "-900");
    let spec = taskdir::read_spec(&dir)?;
    let mut supervisor = Supervisor::new(dir, spec, Control::new(listener, control)?)?;
    // Without this a restarted server would take the task for one that never began, and start it again.
    taskdir::write_status(&supervisor.dir, &supervisor.status)?;
    supervisor.report();
    let driven = match supervisor.prepare(network, &children) {
        Ok(()) => supervisor.drive(&children),
        // No container ever starts.
        Err(facts) => {
            supervisor.status.stop.get_or_insert(facts);
            Ok(())
        }
    };
    if driven.is_err() {
        supervisor.status.stop.get_or_insert(StopFacts::SupervisorLost);
    }
    supervisor.finish();
    driven
}

/// The last word about a task whose supervisor could not even begin.
pub(crate) fn give_up(dir: &Path, error: &io::Error) {
    let Ok(spec) = taskdir::read_spec(dir) else { return };
    let mut status = report::first_status(&spec);
    let now = SystemClock::new().now();
    for container in &mut status.containers {
        container.phase = ContainerPhase::Stopped;
    }
    let reason = format!("ResourceInitializationError: {error}");
    status.stop = Some(StopFacts::StartFailed { container: None, reason });
    (status.stopping_at, status.execution_stopped_at, status.finished_at) = (Some(now), Some(now), Some(now));
    status.phase = TaskPhase::Finished;
    if matches!(taskdir::read_status(dir), Ok(None))
        && let Err(error) = taskdir::write_status(dir, &status)
    {
        eprintln!("supervisor: {error}");
    }
}

impl Supervisor {
    fn new(dir: PathBuf, spec: TaskSpec, control: Control) -> io::Result<Self> {
        let machine = Machine::of(&spec).map_err(io::Error::other)?;
        Ok(Self {
            control,
            output: Output::new(&dir, &spec)?,
            hierarchy: Hierarchy::detect()?,
            status: report::first_status(&spec),
            processes: Processes::default(),
            slots: (0..spec.containers.len()).map(|_| Slot::default()).collect(),
            clock: SystemClock::new(),
            machine,
            dir,
            spec,
            changed: false,
            may_proceed: false,
            storage_mounted: false,
            sandbox: None,
            helpers: Vec::new(),
        })
    }

    /// The loop: one event at a time goes through the machine until it says that all have ended.
    fn drive(&mut self, children: &OwnedFd) -> io::Result<()> {
        self.status.phase = self.status.phase.max(TaskPhase::Running);
        self.changed = true;
        self.step(Event::Tick);
        loop {
            self.report();
            if self.machine.is_finished() && self.slots.iter().all(|slot| !slot.is_deleting()) {
                return Ok(());
            }
            for ready in self.wait(children)? {
                self.handle(ready, children);
            }
            self.write_output();
            if self.machine.deadline().is_some_and(|at| at <= self.clock.monotonic()) {
                self.step(Event::Tick);
            }
        }
    }

    fn wait(&mut self, children: &OwnedFd) -> io::Result<Vec<Ready>> {
        let deadline = self
            .machine
            .deadline()
            .map(|at| at.saturating_sub(self.clock.monotonic()) + Duration::from_millis(1));
        let retry = self.output.is_stuck().then_some(FULL_DISK_PAUSE);
        let timeout = deadline.into_iter().chain(retry).min().map(|left| Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut sources = vec![Ready::Children];
        let mut descriptors = vec![PollFd::new(children, PollFlags::IN)];
        for (source, descriptor, flags) in self.control.sources() {
            sources.push(Ready::Control(source));
            descriptors.push(PollFd::from_borrowed_fd(descriptor, flags));
        }
        for (stream, descriptor) in self.output.sources() {
            sources.push(Ready::Output(stream));
            descriptors.push(PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
        }
        for (index, slot) in self.slots.iter().enumerate() {
            if let Some(pipe) = slot.probe_output() {
                sources.push(Ready::Probe(index));
                descriptors.push(PollFd::from_borrowed_fd(pipe, PollFlags::IN));
            }
        }
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = sources.into_iter().zip(&descriptors);
        Ok(ready
            .filter(|(_, descriptor)| !descriptor.revents().is_empty())
            .map(|(source, _)| source)
            .collect())
    }

    fn handle(&mut self, ready: Ready, children: &OwnedFd) {
        match ready {
            Ready::Children => self.reap(children),
            Ready::Output(stream) => {
                self.output.read(stream, self.clock.now());
            }
            Ready::Probe(index) => self.read_probe(index),
            Ready::Control(source) => {
                let commands = self.control.handle(source, &self.status, self.output.position());
                for command in commands {
                    self.obey(command);
                }
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Proceed => self.may_proceed = true,
            Command::Stop { reason } => self.step(Event::StopRequested { reason }),
            Command::SpoolRead { acknowledged, .. } => self.output.acknowledged(acknowledged),
        }
    }

    /// Feeds the machine and does what it decides.
    fn step(&mut self, event: Event) {
        let now = self.clock.monotonic();
        for decision in self.machine.step(now, event) {
            match decision {
                Decision::Start(index) => self.start(index),
                Decision::Probe(index) => self.start_probe(index),
                Decision::AbortProbe(index) => self.abort_probe(index),
                Decision::Signal(index) => self.signal(index),
                Decision::Kill(index) => self.kill(index),
                Decision::Finish => {}
            }
        }
        self.observe();
    }

    fn write_output(&mut self) {
        let was_stuck = self.output.is_stuck();
        match self.output.flush() {
            Ok(true) => self.control.announce(self.output.position()),
            Ok(false) => {}
            Err(error) if !was_stuck => eprintln!("supervisor: the log spool can't be written: {error}"),
            Err(_) => {}
        }
    }
}
