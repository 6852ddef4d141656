//! What the planner knows of one service: plain data, borrowed from a view or written down by a test.

use std::time::Duration;

use state_model::ecs::cluster::StrategyItem;
use state_model::ecs::service::CircuitBreaker;
use state_model::ecs::service_deployment::{DeploymentStop, ServiceDeploymentProgress, StopKind};
use state_model::ecs::task::{Health, Phase};
use state_model::elbv2::target::HealthState;
use stdx::clock::Timestamp;

use super::alarms::AlarmsView;

/// A service, its newest deployment and its tasks.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    pub name: &'a str,
    pub desired: u32,
    pub is_deleted: bool,
    pub maximum_percent: u32,
    pub minimum_healthy_percent: u32,
    /// Only when it is enabled.
    pub breaker: Option<&'a CircuitBreaker>,
    /// Only when they are enabled.
    pub alarms: Option<AlarmsView<'a>>,
    pub bake: Duration,
    pub grace: Duration,
    pub is_rebalancing: bool,
    pub changed_at: Timestamp,
    pub deployment: Deployment<'a>,
    /// Deployments before it that haven't come to an end.
    pub superseded: Vec<&'a ServiceDeploymentProgress>,
    /// The revision that its tasks should be made from.
    pub wanted: Revision<'a>,
    /// What the service ran before, as far as a deployment of it was completed: where a rollback goes, and what keeps the
    /// service at its minimum meanwhile.
    pub completed: Option<Revision<'a>>,
    /// Those that haven't stopped.
    pub tasks: Vec<Task<'a>>,
    /// Tasks of the wanted revision that ended by themselves too early, and since the deployment began.
    pub failures: Vec<Failure<'a>>,
    /// Events, newest first, down to the newest steady state or six hours back.
    pub told: Vec<Told<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Deployment<'a> {
    pub created_at: Timestamp,
    pub stop: Option<DeploymentStop>,
    pub progress: &'a ServiceDeploymentProgress,
}

impl Deployment<'_> {
    pub fn is_to(&self, kind: StopKind) -> bool {
        self.stop.is_some_and(|stop| stop.kind == kind)
    }
}

/// What new tasks of a revision are made with.
#[derive(Clone, Debug, Default)]
pub struct Revision<'a> {
    pub id: &'a str,
    /// Empty with a launch type.
    pub strategy: &'a [StrategyItem],
    pub places: Vec<Place<'a>>,
}

/// A subnet that tasks can be started in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub subnet: &'a str,
    pub zone: &'a str,
}

#[derive(Clone, Debug)]
pub struct Task<'a> {
    pub key: &'a str,
    pub id: &'a str,
    pub revision: &'a str,
    pub place: Place<'a>,
    pub capacity_provider: Option<&'a str>,
    pub created_at: Timestamp,
    pub phase: Phase,
    /// When it came to RUNNING.
    pub started_at: Option<Timestamp>,
    /// Its end is decided: by a request, or because its containers have exited.
    pub is_ending: bool,
    /// Its targets finish what they have begun: it is DEACTIVATING, no longer RUNNING.
    pub is_draining: bool,
    /// Until when it isn't chosen for scaling in.
    pub protected_until: Option<Timestamp>,
    /// Of its essential containers; none without health checks.
    pub container_health: Option<Health>,
    /// One per load balancer of its revision.
    pub targets: Vec<TargetView<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub struct TargetView<'a> {
    pub target_group_arn: &'a str,
    pub port: u16,
    /// None while it isn't registered or nothing was observed.
    pub state: Option<HealthState>,
    pub description: Option<&'a str>,
}

#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    pub id: &'a str,
    pub kind: FailureKind<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind<'a> {
    /// It never came to RUNNING.
    NeverStarted,
    /// Its containers exited by themselves right after they had begun.
    Crashed,
    /// Its node lost it before it ran.
    Lost,
    /// No node has room for it.
    Capacity,
    /// It could not be placed for another reason.
    Refused(&'a str),
}

#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub at: Timestamp,
    pub message: &'a str,
}
