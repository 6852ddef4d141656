//! A service written down in a few words.

use std::time::Duration;

use state_model::Scope;
use state_model::ecs::cluster::StrategyItem;
use state_model::ecs::service::{CircuitBreaker, DeploymentConfiguration};
use state_model::ecs::service_deployment::{
    DeploymentRollback, DeploymentStatus, DeploymentStop, FailureCounts, ServiceDeployment,
    ServiceDeploymentProgress, StopKind,
};
use state_model::ecs::task::{Health, Phase};
use state_model::elbv2::target::HealthState;
use stdx::clock::Timestamp;

use crate::services::snapshot::{Deployment, FailureKind, Place, Revision, Snapshot, TargetView, Task, Told};
use crate::services::{AlarmsView, Decisions, Failure, plan};

pub const NOW: Timestamp = Timestamp::from_secs(100_000);
pub const GROUP: &str = "arn:tg";

/// Owns what a snapshot borrows. Tasks are words like `2h@a`: revision 2, healthy, in zone a.
#[derive(Clone, Debug)]
pub struct Stage {
    pub desired: u32,
    pub minimum: u32,
    pub maximum: u32,
    pub breaker: Option<CircuitBreaker>,
    pub alarms: Option<AlarmsView<'static>>,
    pub bake_secs: u64,
    pub grace_secs: u64,
    pub rebalancing: bool,
    pub is_balanced: bool,
    pub is_deleted: bool,
    pub strategy: Vec<StrategyItem>,
    pub progress: ServiceDeploymentProgress,
    pub stop: Option<StopKind>,
    pub completed: Option<&'static str>,
    pub zones: Vec<&'static str>,
    pub tasks: Vec<&'static str>,
    pub failures: Vec<(&'static str, FailureKind<'static>)>,
    pub told: Vec<String>,
}

pub fn progress(status: DeploymentStatus) -> ServiceDeploymentProgress {
    let deployment = ServiceDeployment {
        scope: Scope::new("000000000000", "us-east-1"),
        cluster: "default".into(),
        service: "S".into(),
        service_uid: "uid".into(),
        id: "d".into(),
        previous: None,
        source_revisions: Vec::new(),
        target_revision: "2".into(),
        configuration: DeploymentConfiguration::default(),
        created_at: NOW.minus(Duration::from_secs(600)),
        stop: None,
    };
    ServiceDeploymentProgress { status, ..ServiceDeploymentProgress::pending(&deployment) }
}

pub fn breaker(rollback: bool) -> CircuitBreaker {
    CircuitBreaker { enable: true, rollback, reset_on_healthy_task: None, threshold: None }
}

impl Default for Stage {
    /// Two tasks of revision 2, deployed and told.
    fn default() -> Self {
        Self {
            desired: 2,
            minimum: 100,
            maximum: 200,
            breaker: None,
            alarms: None,
            bake_secs: 0,
            grace_secs: 0,
            rebalancing: false,
            is_balanced: true,
            is_deleted: false,
            strategy: Vec::new(),
            progress: progress(DeploymentStatus::Successful),
            stop: None,
            completed: Some("1"),
            zones: vec!["a", "b"],
            tasks: vec!["2h@a", "2h@b"],
            failures: Vec::new(),
            told: vec![String::from("(service S) has reached a steady state.")],
        }
    }
}

/// A rollout from revision 1 to revision 2.
pub fn rollout(desired: u32, tasks: &[&'static str]) -> Stage {
    let mut progress = progress(DeploymentStatus::InProgress);
    progress.counts.reached_running = tasks.iter().any(|word| word.starts_with('2') && !word.contains('p'));
    Stage { desired, tasks: tasks.to_vec(), progress, ..Stage::default() }
}

/// On the way back from revision 2 to revision 1.
pub fn rollback(desired: u32, tasks: &[&'static str]) -> Stage {
    rollout(desired, tasks).with(|stage| {
        stage.progress.status = DeploymentStatus::RollbackInProgress;
        stage.progress.rollback = Some(DeploymentRollback {
            reason: String::new(),
            started_at: NOW,
            revision: String::from("1"),
            counts: FailureCounts::default(),
        });
        stage.back().healthy_tasks = tasks.iter().filter(|word| word.starts_with("1h")).count() as u32;
    })
}

impl Stage {
    /// The counts of the rollback.
    pub fn back(&mut self) -> &mut FailureCounts {
        self.progress.wanted_counts_mut()
    }

    pub fn with(self, change: impl FnOnce(&mut Self)) -> Self {
        let mut stage = self;
        change(&mut stage);
        stage
    }

    pub fn snapshot(&self) -> Snapshot<'_> {
        let places = self.zones.iter().map(|zone| Place { subnet: zone, zone }).collect::<Vec<_>>();
        let wanted_id = self.progress.rollback.as_ref().map_or("2", |rollback| &rollback.revision);
        let at = NOW.minus(Duration::from_secs(60));
        Snapshot {
            name: "S",
            desired: if self.is_deleted { 0 } else { self.desired },
            is_deleted: self.is_deleted,
            maximum_percent: self.maximum,
            minimum_healthy_percent: self.minimum,
            breaker: self.breaker.as_ref(),
            alarms: self.alarms.clone(),
            bake: Duration::from_secs(self.bake_secs),
            grace: Duration::from_secs(self.grace_secs),
            is_rebalancing: self.rebalancing,
            changed_at: NOW.minus(Duration::from_secs(600)),
            deployment: Deployment {
                created_at: NOW.minus(Duration::from_secs(600)),
                stop: self.stop.map(|kind| DeploymentStop { kind, at: NOW }),
                progress: &self.progress,
            },
            superseded: Vec::new(),
            wanted: Revision { id: wanted_id, strategy: &self.strategy, places: places.clone() },
            completed: self.completed.map(|id| Revision { id, strategy: &self.strategy, places }),
            tasks: self.tasks.iter().map(|word| self.task(word)).collect(),
            failures: self.failures.iter().map(|(id, kind)| Failure { id, kind: *kind }).collect(),
            told: self.told.iter().map(|message| Told { at, message }).collect(),
        }
    }

    /// Letters: `p` pending, `r` running, `h` healthy, `u` unhealthy target, `c` unhealthy container, `d` draining,
    /// `k` asked to end, `x` on its way down; `!` protected.
    fn task<'a>(&self, word: &'a str) -> Task<'a> {
        let (state, zone) = word.split_once('@').unwrap_or((word, "a"));
        let (zone, provider) = match zone.split_once('/') {
            Some((zone, provider)) => (zone, Some(provider)),
            None => (zone, None),
        };
        let letters = &state[1..];
        let is = |letter: char| letters.contains(letter);
        let phase = match () {
            () if is('p') => Phase::Pending,
            () if is('x') => Phase::Stopping,
            () => Phase::Running,
        };
        let target = match () {
            () if is('u') => Some(HealthState::Unhealthy),
            () if is('r') => Some(HealthState::Initial),
            () => Some(HealthState::Healthy),
        };
        let target = TargetView { target_group_arn: GROUP, port: 80, state: target, description: None };
        Task {
            key: word,
            id: word,
            revision: &state[..1],
            place: Place { subnet: zone, zone },
            capacity_provider: provider,
            created_at: NOW.minus(Duration::from_secs(100)),
            phase,
            started_at: (phase >= Phase::Running).then(|| NOW.minus(Duration::from_secs(90))),
            is_ending: is('k') || is('x') || is('d'),
            is_draining: is('d'),
            protected_until: is('!').then(|| NOW.plus(Duration::from_secs(50))),
            container_health: is('c').then_some(Health::Unhealthy),
            targets: if self.is_balanced { vec![target] } else { Vec::new() },
        }
    }
}

/// `+2@a` for each task that is started, `-2h@a` for each that is stopped, the status when it changes, and the events
/// without their beginning.
pub fn decided(decisions: &Decisions<'_>) -> String {
    let mut words: Vec<String> = Vec::new();
    for launch in &decisions.launches {
        let provider = launch.capacity_provider.map(|name| format!("/{name}")).unwrap_or_default();
        words.push(format!("+{}@{}{provider}", launch.revision, launch.place.zone));
    }
    words.extend(decisions.stops.iter().map(|stop| format!("-{}", stop.key)));
    words.extend(decisions.progress.iter().map(|progress| {
        format!("{}:{}", progress.status.as_str().to_lowercase(), progress.wanted_counts().failure_count)
    }));
    let started: Vec<String> = decisions.launches.iter().map(|_| String::from("T")).collect();
    for event in &decisions.events {
        let message = event.message("S", &started);
        words.push(format!("\"{}\"", message.trim_start_matches("(service S) ").trim_end_matches('.')));
    }
    words.join(" ")
}

pub fn check(what: &str, stage: &Stage, expected: &str) {
    assert_eq!(decided(&plan(&stage.snapshot(), NOW)), expected, "{what}");
}
