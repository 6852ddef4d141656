//! The worker process: one thread that follows control, and workers that carry traffic.

use std::collections::HashSet;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Duration;

use link_protocol::edge::{EdgeDown, EdgeUp, METRICS_PERIOD_SECS};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::SigSet;
use stdx::clock::{SharedClock, SystemClock};
use stdx::random::SystemRandom;
use stdx_async::supervisor;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use super::held::{self, KeeperLink};
use super::{Arguments, BalancerError, Role, keeper, program};
use crate::access_log;
use crate::cookie_key;
use crate::health::{Checks, Outbox};
use crate::limits;
use crate::metrics::Windows;
use crate::runtime::Runtime;
use crate::state_file::{self, Capture};
use crate::workers::{Shared, Workers};
use session::Session;
use sockets::Sockets;

mod session;
mod sockets;

/// What the following thread reacts to.
#[derive(Debug)]
pub enum Event {
    Connected(UnixStream),
    Message { session: u64, message: EdgeDown },
    Closed { session: u64 },
    KeeperLost,
    Terminate,
}

pub fn run(arguments: &Arguments, version: &str) -> Result<(), BalancerError> {
    // As process lists tell it; not a reason to stop where it can't be set.
    let _ = rustix::thread::set_name(c"neargate-edge");
    // The keeper blocks signals, and a process inherits that.
    let _ = SigSet::all().thread_unblock();
    let link = KeeperLink::new(keeper::standard_input()?);
    let inherited = link.take_over().map_err(BalancerError::system("taking over sockets"))?;
    let lock = state_file::lock(&arguments.state).map_err(BalancerError::system("locking the state"))?;
    let Some(_lock) = lock else {
        link.end();
        return Err(BalancerError::Busy { path: arguments.state.clone() });
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BalancerError::system("making a runtime"))?;
    LocalSet::new().block_on(&runtime, async {
        let (events, queue) = mpsc::channel(limits::EVENTS_MAX);
        watch_keeper(link.clone(), None, events.clone());
        let clock = SystemClock::shared();
        let workers = start_workers(arguments, &clock)?;
        let sockets = Sockets::new(workers, link, inherited);
        let follower = Follower::new(arguments, version, clock, sockets, events);
        follower.run(queue).await
    })
}

fn start_workers(arguments: &Arguments, clock: &SharedClock) -> Result<Workers, BalancerError> {
    let count = arguments
        .workers
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get));
    let access_log = match &arguments.spool {
        None => access_log::Sink::disabled(),
        Some(folder) => access_log::spool::start(folder, clock.clone())
            .map_err(BalancerError::system("starting the spool of access logs"))?,
    };
    let random = SystemRandom::shared();
    let cookie_key = cookie_key::load(&arguments.state, &*random)
        .map_err(BalancerError::system("reading the key of cookies"))?;
    let shared = Shared {
        clock: clock.clone(),
        random,
        access_log: Arc::new(access_log),
        connections: Arc::new(AtomicUsize::new(0)),
        connections_max: connections_max(),
        cookie_key,
    };
    Workers::start(count, shared).map_err(BalancerError::system("starting workers"))
}

/// A connection takes a descriptor on either side; the rest is for listeners, stocks and files.
fn connections_max() -> usize {
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    (files / 2).saturating_sub(files / 16).max(64)
}

/// The keeper is only ever heard of by its end. `child` when this worker has started it.
fn watch_keeper(link: KeeperLink, child: Option<Child>, events: mpsc::Sender<Event>) {
    let watching = thread::Builder::new().name("keeper".to_owned()).spawn(move || {
        link.wait_for_end();
        drop(link);
        let _ = child.map(|mut child| child.wait());
        let _ = events.blocking_send(Event::KeeperLost);
    });
    if let Err(failure) = watching {
        tracing::error!(%failure, "the keeper can't be watched");
    }
}

struct Follower<'a> {
    arguments: &'a Arguments,
    version: &'a str,
    runtime: Arc<Runtime>,
    sockets: Sockets,
    checks: Checks,
    session: Option<Session>,
    sessions: u64,
    /// ARNs that were told in this session; none after [`EdgeDown::Complete`].
    told: Option<HashSet<String>>,
    /// Verdicts on their way to control.
    health: Rc<Outbox>,
    unsaved: Rc<Notify>,
    /// Counts that control doesn't keep yet.
    windows: Windows,
    events: mpsc::Sender<Event>,
    keepers_lost: u32,
}

impl<'a> Follower<'a> {
    fn new(
        arguments: &'a Arguments,
        version: &'a str,
        clock: SharedClock,
        sockets: Sockets,
        events: mpsc::Sender<Event>,
    ) -> Follower<'a> {
        let runtime = Runtime::new(clock);
        let health = Rc::new(Outbox::default());
        Follower {
            checks: Checks::new(runtime.clone(), health.clone(), SystemRandom::shared()),
            arguments,
            version,
            runtime,
            sockets,
            session: None,
            sessions: 0,
            told: None,
            health,
            unsaved: Rc::default(),
            windows: Windows::default(),
            events,
            keepers_lost: 0,
        }
    }

    async fn run(mut self, mut queue: mpsc::Receiver<Event>) -> Result<(), BalancerError> {
        self.begin().await;
        let listener =
            session::bind(&self.arguments.socket).map_err(BalancerError::system("binding the socket"))?;
        spawn_local(session::accept(listener, self.events.clone()));
        spawn_local(wait_for_signal(self.events.clone()));
        spawn_local(save(self.runtime.clone(), self.arguments.state.clone(), self.unsaved.clone()));
        let mut window = Box::pin(tokio::time::sleep(self.until_window_ends()));
        let mut retry = tokio::time::interval(limits::SOCKET_RETRY_PERIOD);
        let health = self.health.clone();
        let drain = loop {
            tokio::select! {
                biased;
                () = health.filled() => self.tell_health(),
                event = queue.recv() => match event {
                    Some(Event::Message { session, message: EdgeDown::Stop { drain_secs } }) if self.is(session) => {
                        break Duration::from_secs(u64::from(drain_secs));
                    }
                    Some(Event::Terminate) | None => break limits::TERMINATE_DRAIN,
                    Some(event) => self.react(event).await,
                },
                () = &mut window => {
                    self.count();
                    window.as_mut().reset(Instant::now() + self.until_window_ends());
                }
                _ = retry.tick() => self.retry().await,
            }
        };
        self.end(drain).await;
        Ok(())
    }

    /// Serves what was configured before.
    async fn begin(&mut self) {
        let saved = state_file::read(&self.arguments.state);
        for config in saved.target_groups {
            self.set_target_group(config);
        }
        for config in saved.load_balancers {
            self.set_load_balancer(config).await;
        }
        self.sockets.drop_inherited();
    }

    fn is(&self, session: u64) -> bool {
        self.session.as_ref().is_some_and(|current| current.number == session)
    }

    async fn react(&mut self, event: Event) {
        match event {
            Event::Connected(stream) => {
                self.sessions += 1;
                // Dropping the one before closes it.
                self.session = Some(Session::start(self.sessions, stream, self.events.clone()));
                self.told = Some(HashSet::new());
                self.tell(|follower| EdgeUp::Hello {
                    pid: std::process::id(),
                    version: follower.version.to_owned(),
                });
                self.tell_windows(true);
            }
            Event::Message { session, message } if self.is(session) => self.follow(message).await,
            Event::Closed { session } if self.is(session) => self.session = None,
            Event::KeeperLost => self.replace_keeper(),
            // Of a session that was replaced.
            Event::Message { .. } | Event::Closed { .. } | Event::Terminate => {}
        }
    }

    async fn follow(&mut self, message: EdgeDown) {
        match message {
            EdgeDown::LoadBalancer(config) => {
                self.remember(&config.arn);
                self.set_load_balancer(*config).await;
            }
            EdgeDown::TargetGroup(config) => {
                self.remember(&config.arn);
                self.set_target_group(*config);
            }
            EdgeDown::RemoveLoadBalancer { arn } => self.remove_load_balancer(&arn).await,
            EdgeDown::RemoveTargetGroup { arn } => self.remove_target_group(&arn),
            EdgeDown::Complete => self.complete().await,
            EdgeDown::Mark { revision } => {
                self.sockets.workers().barrier().await;
                self.tell_health();
                self.tell(|_| EdgeUp::Applied { revision });
                return;
            }
            EdgeDown::Counted { number } => return self.windows.forget(number),
            // It ends the loop before it comes here.
            EdgeDown::Stop { .. } => {}
        }
        self.unsaved.notify_one();
    }

    fn remember(&mut self, arn: &str) {
        if let Some(told) = &mut self.told {
            told.insert(arn.to_owned());
        }
    }

    async fn set_load_balancer(&mut self, config: link_protocol::edge::LoadBalancerConfig) {
        let load_balancer = self.runtime.set_load_balancer(config);
        let report = self.sockets.apply(&load_balancer).await;
        self.checks.load_balancers_changed();
        if let Some(report) = report {
            self.tell(|_| EdgeUp::Listening(report));
        }
    }

    fn set_target_group(&mut self, config: link_protocol::edge::TargetGroupConfig) {
        let (group, changed) = self.runtime.set_target_group(config);
        for target in changed {
            self.health.put(target.report(&group.config.arn));
        }
        self.checks.apply(&group);
    }

    async fn remove_load_balancer(&mut self, arn: &str) {
        // Sockets first: nobody connects to what is about to answer nothing.
        self.sockets.remove(arn).await;
        self.runtime.remove_load_balancer(arn);
        self.checks.load_balancers_changed();
    }

    fn remove_target_group(&mut self, arn: &str) {
        self.checks.remove(arn);
        self.runtime.remove_target_group(arn);
    }

    async fn complete(&mut self) {
        let Some(told) = self.told.take() else { return };
        let (load_balancers, groups) = self.runtime.missing_from(&told);
        for arn in load_balancers {
            self.remove_load_balancer(&arn).await;
        }
        for arn in groups {
            self.remove_target_group(&arn);
        }
        let reports: Vec<_> = self.sockets.reports().cloned().collect();
        for report in reports {
            self.tell(|_| EdgeUp::Listening(report));
        }
        let mut health = Vec::new();
        for group in self.runtime.target_groups() {
            health.extend(group.targets.iter().map(|target| target.report(&group.config.arn)));
        }
        self.health.take();
        self.tell(|_| EdgeUp::Health(health));
    }

    /// Verdicts of now, in one message.
    fn tell_health(&mut self) {
        let reports = self.health.take();
        if !reports.is_empty() {
            self.unsaved.notify_one();
            self.tell(|_| EdgeUp::Health(reports));
        }
    }

    /// Windows end at multiples of their length, by the wall clock.
    fn until_window_ends(&self) -> Duration {
        let period_ms = i64::try_from(METRICS_PERIOD_SECS * 1000).unwrap_or(i64::MAX);
        let passed_ms = self.runtime.now().as_millis().rem_euclid(period_ms);
        Duration::from_millis(u64::try_from(period_ms - passed_ms).unwrap_or(0))
    }

    /// Closes a window of counts, and tells the totals beside it.
    fn count(&mut self) {
        let report = self.runtime.metrics().report();
        self.windows.close(self.runtime.now(), report.clone());
        self.tell(|_| EdgeUp::Metrics(Box::new(report)));
        self.tell_windows(false);
    }

    fn tell_windows(&mut self, is_new_session: bool) {
        if self.session.is_none() {
            return;
        }
        for window in self.windows.tell(is_new_session) {
            self.tell(|_| EdgeUp::Counted(Box::new(window)));
        }
    }

    fn tell(&mut self, message: impl FnOnce(&Self) -> EdgeUp) {
        let Some(session) = &self.session else { return };
        if !session.tell(message(self)) {
            tracing::warn!("control doesn't take what it is told: the session is given up");
            self.session = None;
        }
    }

    async fn retry(&mut self) {
        let mut again = self.sockets.drop_stale().await;
        again.extend(self.sockets.failing());
        for arn in again {
            let Some(load_balancer) = self.runtime.load_balancer(&arn) else { continue };
            if let Some(report) = self.sockets.apply(&load_balancer).await {
                self.tell(|_| EdgeUp::Listening(report));
            }
        }
    }

    /// Without a keeper everything goes on, but a crash of this worker would close the sockets.
    fn replace_keeper(&mut self) {
        self.keepers_lost += 1;
        if self.keepers_lost > limits::KEEPERS_LOST_MAX {
            tracing::error!("keepers don't stay alive: the balancer goes on without one");
            return;
        }
        let started = held::pair().and_then(|(mine, theirs)| {
            let child = Command::new(program())
                .args(self.arguments.words(Role::SecondKeeper))
                .stdin(Stdio::from(theirs))
                .spawn()?;
            Ok((KeeperLink::new(mine), child))
        });
        match started {
            Ok((link, child)) => {
                tracing::warn!("the keeper was lost: another holds the sockets now");
                self.sockets.hand_to(link.clone());
                watch_keeper(link, Some(child), self.events.clone());
            }
            Err(failure) => tracing::error!(%failure, "no keeper can be started"),
        }
    }

    async fn end(mut self, drain: Duration) {
        self.session = None;
        let capture = Capture::of(&self.runtime).to_saved();
        let _ = std::fs::remove_file(&self.arguments.socket);
        for load_balancer in self.runtime.load_balancers() {
            self.sockets.remove(&load_balancer.arn).await;
            load_balancer.close();
        }
        self.sockets.workers().barrier().await;
        let idle = async {
            while self.sockets.workers().connections() > 0 {
                tokio::time::sleep(limits::DRAIN_LOOK_PERIOD).await;
            }
        };
        let _ = tokio::time::timeout(drain, idle).await;
        // The health of the last moment: who starts next begins with it.
        let saved = state_file::write(&self.arguments.state, &capture);
        if let Err(failure) = saved {
            tracing::error!(%failure, "the configuration can't be saved");
        }
        self.sockets.keeper().end();
    }
}

async fn wait_for_signal(events: mpsc::Sender<Event>) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = events.send(Event::Terminate).await;
}

/// Writes the state when it has changed, away from the thread that follows control.
async fn save(runtime: Arc<Runtime>, path: std::path::PathBuf, unsaved: Rc<Notify>) {
    loop {
        unsaved.notified().await;
        // More changes are likely to follow the first.
        tokio::time::sleep(limits::STATE_WRITE_DELAY).await;
        let capture = Capture::of(&runtime);
        let path = path.clone();
        let started = Instant::now();
        let written = supervisor::blocking(move || state_file::write(&path, &capture.to_saved())).await;
        if let Err(failure) = written {
            tracing::error!(%failure, "the configuration can't be saved");
        }
        // A large configuration that changes all the time takes a part of a disk, never all of it.
        tokio::time::sleep(started.elapsed() * limits::STATE_WRITE_REST).await;
    }
}
