//! The keeper: holds listening sockets and starts workers, in one thread without a runtime.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use stdx::clock::{Clock, SystemClock};

use super::held::{self, Message, SocketKey};
use super::{Arguments, BalancerError, Role, program};
use crate::limits;

pub fn run(arguments: &Arguments) -> Result<(), BalancerError> {
    let _ = rustix::thread::set_name(c"neargate-keep");
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block().map_err(BalancerError::system("blocking signals"))?;
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(BalancerError::system("making a signalfd"))?;
    let mut keeper = Keeper { arguments, signals, sockets: BTreeMap::new(), ending: false };
    let mut worker = match arguments.role {
        Role::SecondKeeper => {
            // The worker that started it must not take it along.
            let _ = nix::unistd::setsid();
            Worker { link: standard_input()?, child: None }
        }
        Role::Keeper | Role::Worker => keeper.start_worker()?,
    };
    let clock = SystemClock::new();
    let mut short_lives = 0;
    loop {
        let started = clock.monotonic();
        let in_order = keeper.watch(&mut worker);
        if in_order || keeper.ending {
            return Ok(());
        }
        let lived = clock.monotonic().saturating_sub(started);
        short_lives = if lived < limits::WORKER_LIFE_SHORT { short_lives + 1 } else { 0 };
        if keeper.wait(pause(short_lives)) {
            return Ok(());
        }
        tracing::error!(sockets = keeper.sockets.len(), "the balancer's worker died: starting another");
        worker = keeper.start_worker()?;
    }
}

/// A worker that dies for the first time is replaced at once.
fn pause(short_lives: u32) -> Duration {
    match short_lives.checked_sub(2) {
        None => Duration::ZERO,
        Some(doublings) => (limits::WORKER_RESTART_PAUSE_MIN * 2_u32.saturating_pow(doublings.min(16)))
            .min(limits::WORKER_RESTART_PAUSE_MAX),
    }
}

struct Keeper<'a> {
    arguments: &'a Arguments,
    signals: SignalFd,
    sockets: BTreeMap<SocketKey, OwnedFd>,
    /// Asked to end by a signal.
    ending: bool,
}

struct Worker {
    link: OwnedFd,
    /// None when it isn't a child of this keeper.
    child: Option<Child>,
}

impl Keeper<'_> {
    fn start_worker(&self) -> Result<Worker, BalancerError> {
        let (mine, theirs) = held::pair().map_err(BalancerError::system("making a socket pair"))?;
        let child = Command::new(program())
            .arg0("neargate")
            .args(self.arguments.words(Role::Worker))
            .stdin(Stdio::from(theirs))
            .spawn()
            .map_err(BalancerError::system("starting a worker"))?;
        // A worker that died already is noticed by the end of its link.
        let _ = self.hand_over(mine.as_fd());
        Ok(Worker { link: mine, child: Some(child) })
    }

    fn hand_over(&self, link: BorrowedFd<'_>) -> io::Result<()> {
        for (key, socket) in &self.sockets {
            held::send(link, &Message::Hold(key.clone()), Some(socket.as_fd()))?;
        }
        held::send(link, &Message::Ready, None)
    }

    /// Keeps what the worker gives until it is gone. True when it ended in good order.
    fn watch(&mut self, worker: &mut Worker) -> bool {
        let mut in_order = false;
        loop {
            self.poll(Some(worker.link.as_fd()), None);
            if self.take_signal() {
                self.ending = true;
                if let Some(child) = &worker.child {
                    let pid = i32::try_from(child.id()).map(Pid::from_raw);
                    let _ = pid.map(|pid| kill(pid, Signal::SIGTERM));
                } else {
                    // It would start another keeper: control ends it, not this signal.
                    return true;
                }
                continue;
            }
            match held::receive(worker.link.as_fd()) {
                Ok(Some((Message::Hold(key), Some(socket)))) => drop(self.sockets.insert(key, socket)),
                Ok(Some((Message::Drop(key), _))) => drop(self.sockets.remove(&key)),
                Ok(Some((Message::End, _))) => in_order = true,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        if let Some(child) = &mut worker.child {
            // Its link is closed: it is dead, or about to be.
            let _ = child.wait();
        }
        in_order
    }

    /// True when a signal came meanwhile.
    fn wait(&mut self, pause: Duration) -> bool {
        if !pause.is_zero() {
            self.poll(None, Some(pause));
        }
        self.take_signal()
    }

    fn poll(&self, link: Option<BorrowedFd<'_>>, pause: Option<Duration>) {
        let mut waiting = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        waiting.extend(link.map(|link| PollFd::new(link, PollFlags::POLLIN)));
        let timeout = pause.and_then(|pause| PollTimeout::try_from(pause).ok()).unwrap_or(PollTimeout::NONE);
        // Interrupted: the caller looks at what there is, and comes back.
        let _ = poll(&mut waiting, timeout);
    }

    fn take_signal(&self) -> bool {
        matches!(self.signals.read_signal(), Ok(Some(_)))
    }
}

pub(super) fn standard_input() -> Result<OwnedFd, BalancerError> {
    io::stdin().as_fd().try_clone_to_owned().map_err(BalancerError::system("taking standard input"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_replaced_at_once_unless_it_dies_again_and_again() {
        assert_eq!((pause(0), pause(1)), (Duration::ZERO, Duration::ZERO));
        assert!(pause(2) > Duration::ZERO && pause(3) > pause(2));
        assert_eq!(pause(60), limits::WORKER_RESTART_PAUSE_MAX);
    }
}
