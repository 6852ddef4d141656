//! Health checks: one task per target, from an interface of the load balancer that uses its group.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use link_protocol::edge::{HealthReport, LastHealth, TargetGroupConfig};
use state_model::elbv2::target::HealthState;
use stdx::random::{self, SharedRandom};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

use crate::limits;
use crate::metrics::Gauge;
use crate::runtime::{Runtime, Target, TargetGroup, TargetGroupSlot, Zone};
use probe::Probe;
use verdict::{Outcome, Progress};

pub mod matcher;
pub mod probe;
pub mod verdict;

/// Health that is to be reported: what comes while the reader is busy goes up in one message.
#[derive(Debug, Default)]
pub struct Outbox {
    reports: RefCell<Vec<HealthReport>>,
    filled: Notify,
}

impl Outbox {
    pub fn put(&self, report: HealthReport) {
        self.reports.borrow_mut().push(report);
        self.filled.notify_one();
    }

    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    pub fn take(&self) -> Vec<HealthReport> {
        self.reports.take()
    }
}

/// All checks of this process. Lives on the thread that follows control.
#[derive(Debug)]
pub struct Checks {
    context: Context,
    groups: HashMap<String, GroupChecks>,
    changed: watch::Sender<()>,
}

#[derive(Clone, Debug)]
struct Context {
    runtime: Arc<Runtime>,
    outbox: Rc<Outbox>,
    random: SharedRandom,
    /// Load balancers have changed: a group may have its place to be checked from.
    changed: watch::Receiver<()>,
}

#[derive(Debug)]
struct GroupChecks {
    probe: Rc<Probe>,
    load_balancer: Option<String>,
    /// By the serial of the target; whether it drains.
    tasks: HashMap<u64, (bool, Task)>,
}

#[derive(Debug)]
struct Task(AbortHandle);

impl Task {
    fn start(work: impl Future<Output = ()> + 'static) -> Task {
        Task(spawn_local(work).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Checks {
    pub fn new(runtime: Arc<Runtime>, outbox: Rc<Outbox>, random: SharedRandom) -> Checks {
        let (sender, changed) = watch::channel(());
        Checks {
            context: Context { runtime, outbox, random, changed },
            groups: HashMap::new(),
            changed: sender,
        }
    }

    pub fn load_balancers_changed(&self) {
        self.changed.send_replace(());
    }

    /// Begins to check new targets, and stops where there is nothing to check.
    pub fn apply(&mut self, group: &TargetGroup) {
        let config = &group.config;
        let probe = Probe::of(config);
        let checks = self.groups.entry(config.arn.clone()).or_insert_with(|| GroupChecks {
            probe: Rc::new(probe.clone()),
            load_balancer: config.load_balancer_arn.clone(),
            tasks: HashMap::new(),
        });
        if *checks.probe != probe || checks.load_balancer != config.load_balancer_arn {
            checks.probe = Rc::new(probe);
            checks.load_balancer = config.load_balancer_arn.clone();
            checks.tasks.clear();
        }
        let mut before = std::mem::take(&mut checks.tasks);
        for target in &group.targets {
            let draining = target.is_draining();
            let task = match before.remove(&target.serial) {
                Some((as_before, task)) if as_before == draining => task,
                _ if draining => expire(&self.context, group, target),
                _ => check(&self.context, config, checks.probe.clone(), target),
            };
            checks.tasks.insert(target.serial, (draining, task));
        }
        count_hosts(&self.context.runtime, group);
    }

    pub fn remove(&mut self, arn: &str) {
        self.groups.remove(arn);
    }
}

/// Control takes a target away when its draining is over; when control is away, its connections end all the same.
fn expire(context: &Context, group: &TargetGroup, target: &Arc<Target>) -> Task {
    let over = target.verdict().since.plus(group.options.deregistration_delay);
    let left = over.since(context.runtime.now());
    let target = target.clone();
    Task::start(async move {
        sleep(left).await;
        target.expired.fire();
    })
}

fn check(context: &Context, config: &Arc<TargetGroupConfig>, probe: Rc<Probe>, target: &Arc<Target>) -> Task {
    let check = Check {
        slot: context.runtime.slot(&config.arn),
        load_balancer: config.load_balancer_arn.clone(),
        context: context.clone(),
        probe,
        target: target.clone(),
    };
    Task::start(check.run())
}

/// The repeated check of one target.
struct Check {
    context: Context,
    slot: Arc<TargetGroupSlot>,
    load_balancer: Option<String>,
    probe: Rc<Probe>,
    target: Arc<Target>,
}

impl Check {
    async fn run(mut self) {
        let interval = self.probe.interval;
        let mut progress = Progress::new(self.target.health());
        if self.target.health() != HealthState::Initial {
            // Known from before a restart: all targets at once would be a burst.
            sleep(part_of(interval, &self.context.random)).await;
        }
        let mut cut: Option<Task> = None;
        loop {
            let started = Instant::now();
            let mut outcome = self.attempt().await;
            loop {
                if let Some(change) = progress.next(&outcome, &self.probe.thresholds) {
                    if !self.enter(change) {
                        return;
                    }
                    // Recovered: what is open stays.
                    let is_unhealthy = self.target.health() == HealthState::Unhealthy;
                    cut = is_unhealthy.then(|| self.cut_later()).flatten();
                }
                match self.try_again(&progress, outcome, started + interval).await {
                    Some(another) => outcome = another,
                    None => break,
                }
            }
            sleep_until(started + interval).await;
            let _ = &cut;
        }
    }

    async fn attempt(&mut self) -> Outcome {
        let zone = self.zone().await;
        self.probe.run(&zone, self.probe.address(&self.target)).await
    }

    /// A program that is about to listen needn't wait for the next check. What comes of it when it is something else.
    async fn try_again(
        &mut self,
        progress: &Progress,
        mut outcome: Outcome,
        until: Instant,
    ) -> Option<Outcome> {
        while progress.is_worth_another_try(&outcome) && Instant::now() + limits::PROBE_PAUSE < until {
            sleep(limits::PROBE_PAUSE).await;
            outcome = self.attempt().await;
            if !progress.is_worth_another_try(&outcome) {
                return Some(outcome);
            }
        }
        None
    }

    /// The zone of the target, or another one. Waits until there is a load balancer to check from.
    async fn zone(&mut self) -> Arc<Zone> {
        loop {
            self.context.changed.borrow_and_update();
            if let Some(zone) = self.find_zone() {
                return zone;
            }
            if self.context.changed.changed().await.is_err() {
                // The process ends.
                std::future::pending::<()>().await;
            }
        }
    }

    fn find_zone(&self) -> Option<Arc<Zone>> {
        let load_balancer = self.context.runtime.load_balancer(self.load_balancer.as_ref()?)?;
        let state = load_balancer.state();
        let is_its = |zone: &&Arc<Zone>| {
            self.target.availability_zone.as_ref() == Some(&zone.config.availability_zone)
        };
        state.zones.iter().find(is_its).or(state.zones.first()).cloned()
    }

    /// False when the target is no longer checked.
    fn enter(&self, change: verdict::Change) -> bool {
        let before = self.target.verdict();
        let verdict = LastHealth {
            state: change.state,
            reason: change.reason.map(str::to_owned),
            description: change.description,
            since: if before.state == change.state { before.since } else { self.context.runtime.now() },
        };
        if verdict == before {
            return true;
        }
        if !self.slot.set_health(&self.target, verdict) {
            return false;
        }
        self.context.outbox.put(self.target.report(&self.slot.arn));
        if let Some(group) = self.slot.load() {
            count_hosts(&self.context.runtime, &group);
        }
        true
    }

    /// Network load balancers cut connections to an unhealthy target, when the group says so.
    fn cut_later(&self) -> Option<Task> {
        let group = self.slot.load()?;
        let options = &group.options;
        let (after, target) = (options.unhealthy_draining_interval, self.target.clone());
        options.cut_when_unhealthy.then(|| {
            Task::start(async move {
                sleep(after).await;
                target.cut.notify_waiters();
            })
        })
    }
}

fn part_of(interval: Duration, random: &SharedRandom) -> Duration {
    let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(random::below(&**random, millis))
}

/// `HealthyHostCount` and `UnHealthyHostCount` per zone of the targets.
fn count_hosts(runtime: &Runtime, group: &TargetGroup) {
    let Some(load_balancer) =
        group.config.load_balancer_arn.as_ref().and_then(|arn| runtime.load_balancer(arn))
    else {
        return;
    };
    // A zone whose last target has left has none.
    let counted = group.counted_zones(&load_balancer.path);
    let mut zones: HashMap<&str, (i64, i64)> = counted.iter().map(|zone| (zone.as_str(), (0, 0))).collect();
    for target in &group.targets {
        let zone = target.availability_zone.as_deref().unwrap_or("all");
        let (healthy, unhealthy) = zones.entry(zone).or_default();
        match target.health() {
            HealthState::Healthy => *healthy += 1,
            HealthState::Unhealthy => *unhealthy += 1,
            HealthState::Initial | HealthState::Draining => {}
        }
    }
    for (zone, (healthy, unhealthy)) in zones {
        let metrics = group.metrics(&load_balancer.path, zone);
        metrics.set(Gauge::HealthyHostCount, healthy);
        metrics.set(Gauge::UnHealthyHostCount, unhealthy);
    }
}

impl Probe {
    fn address(&self, target: &Target) -> SocketAddr {
        let mut address = target.address;
        if let Some(port) = self.port {
            address.set_port(port);
        }
        address
    }
}
