//! The pure life of a task: events and a time go in, decisions come out.
//!
//! It starts containers in the order of their conditions, judges health, restarts, and stops the rest in
//! reversed order
//! when an essential container ends. It never reads a clock and never touches a process: `deadline` says
//! when it wants
//! to be called next. Driven by the supervisor, and by data in the tests.

use std::time::Duration;

use crate::spec::{Condition, TaskSpec};
use crate::status::{ContainerPhase, HealthState, StopFacts};

mod dependency;
mod health;
mod stop;
#[cfg(test)]
mod tests;

use health::Health;

/// Index of a container in the task's specification.
pub type Index = usize;

/// The rules of one container.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub name: String,
    pub essential: bool,
    pub depends_on: Vec<(Index, Condition)>,
    pub start_timeout: Option<Duration>,
    pub stop_timeout: Duration,
    pub restart: Option<RestartRules>,
    pub health: Option<HealthRules>,
}

#[derive(Clone, Debug)]
pub struct RestartRules {
    pub ignored_exit_codes: Vec<i32>,
    pub attempt_period: Duration,
}

#[derive(Clone, Debug)]
pub struct HealthRules {
    pub interval: Duration,
    pub timeout: Duration,
    pub retries: u32,
    pub start_period: Duration,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RulesError {
    #[error("container {container} depends on {missing}, which does not exist")]
    UnknownDependency { container: String, missing: String },
    #[error("container {container} depends on itself through its dependencies")]
    Cycle { container: String },
    #[error("a task needs at least one container")]
    Empty,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Only time passed.
    Tick,
    Started(Index),
    StartFailed(Index, String),
    Exited {
        container: Index,
        code: i32,
    },
    /// A health check ended by itself.
    Probed {
        container: Index,
        healthy: bool,
    },
    StopRequested {
        reason: String,
    },
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Start(Index),
    Probe(Index),
    /// The probe took too long; its own end is of no interest any more.
    AbortProbe(Index),
    /// Send the container's stop signal.
    Signal(Index),
    Kill(Index),
    /// Every container has ended.
    Finish,
}

#[derive(Clone, Debug)]
pub struct Container {
    rules: Rules,
    pub phase: ContainerPhase,
    pub exit_code: Option<i32>,
    pub restart_count: u32,
    /// Whether it has ever run: a container whose start failed fulfils no START condition.
    pub has_run: bool,
    health: Option<Health>,
    started_at: Option<Duration>,
    signalled: bool,
    killed: bool,
    kill_at: Option<Duration>,
}

/// The state of one task.
#[derive(Clone, Debug)]
pub struct Machine {
    containers: Vec<Container>,
    stop: Option<StopFacts>,
    finished: bool,
}

impl Machine {
    pub fn new(rules: Vec<Rules>) -> Result<Self, RulesError> {
        if rules.is_empty() {
            return Err(RulesError::Empty);
        }
        dependency::refuse_cycles(&rules)?;
        Ok(Self { containers: rules.into_iter().map(Container::new).collect(), stop: None, finished: false })
    }

    pub fn of(spec: &TaskSpec) -> Result<Self, RulesError> {
        Self::new(rules_of(spec)?)
    }

    pub fn containers(&self) -> &[Container] {
        &self.containers
    }

    /// Why the task stops, once it does.
    pub fn stop(&self) -> Option<&StopFacts> {
        self.stop.as_ref()
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Takes one event at a time `now` (monotonic) and says what to do.
    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Decision> {
        let mut decisions = Vec::new();
        if self.finished {
            return decisions;
        }
        self.take(now, event, &mut decisions);
        for index in 0..self.containers.len() {
            if self.stop.is_none() && self.containers[index].phase == ContainerPhase::Running {
                let container = &mut self.containers[index];
                if let Some(health) = &mut container.health {
                    health.tick(now, index, &mut decisions);
                }
            }
        }
        if self.stop.is_none() {
            self.start_ready(now, &mut decisions);
        }
        self.stop_when_all_ended();
        if self.stop.is_some() {
            self.proceed_stop(now, &mut decisions);
        }
        decisions
    }

    /// The next time at which `step` with a tick has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        let mut times: Vec<Duration> =
            self.containers.iter().filter_map(|container| container.kill_at).collect();
        if self.stop.is_none() && !self.finished {
            let running =
                self.containers.iter().filter(|container| container.phase == ContainerPhase::Running);
            times.extend(running.filter_map(|container| container.health.as_ref()?.deadline()));
            times.extend(self.dependency_deadlines());
        }
        times.into_iter().min()
    }

    fn take(&mut self, now: Duration, event: Event, decisions: &mut Vec<Decision>) {
        match event {
            Event::Tick => {}
            Event::Started(index) => self.containers[index].started(now),
            Event::StartFailed(index, reason) => {
                let container = &mut self.containers[index];
                container.phase = ContainerPhase::Stopped;
                container.kill_at = None;
                if container.rules.essential {
                    let name = container.rules.name.clone();
                    self.begin_stop(StopFacts::StartFailed { container: Some(name), reason });
                }
            }
            Event::Exited { container, code } => self.exited(now, container, code, decisions),
            Event::Probed { container, healthy } => {
                if let Some(health) = &mut self.containers[container].health {
                    health.probed(now, healthy);
                }
            }
            Event::StopRequested { reason } => self.begin_stop(StopFacts::Requested { reason }),
        }
    }

    fn exited(&mut self, now: Duration, index: Index, code: i32, decisions: &mut Vec<Decision>) {
        let stopping = self.stop.is_some();
        let container = &mut self.containers[index];
        container.exit_code = Some(code);
        container.kill_at = None;
        if container.health.as_ref().is_some_and(Health::is_probing) {
            decisions.push(Decision::AbortProbe(index));
        }
        if !stopping && container.may_restart(now, code) {
            container.restart_count += 1;
            container.phase = ContainerPhase::Created;
            container.health = container.rules.health.clone().map(Health::new);
            decisions.push(Decision::Start(index));
            return;
        }
        container.phase = ContainerPhase::Stopped;
        if container.rules.essential {
            let name = container.rules.name.clone();
            self.begin_stop(StopFacts::EssentialExited { container: name });
        }
    }
}

impl Container {
    fn new(rules: Rules) -> Self {
        let health = rules.health.clone().map(Health::new);
        Self {
            rules,
            phase: ContainerPhase::Pending,
            exit_code: None,
            restart_count: 0,
            has_run: false,
            health,
            started_at: None,
            signalled: false,
            killed: false,
            kill_at: None,
        }
    }

    pub fn health(&self) -> Option<HealthState> {
        self.health.as_ref().map(Health::state)
    }

    fn started(&mut self, now: Duration) {
        self.phase = ContainerPhase::Running;
        self.has_run = true;
        self.started_at = Some(now);
        if let Some(health) = &mut self.health {
            health.started(now);
        }
    }

    /// A container is restarted when it ran at least for the attempt period, unless its exit code is ignored.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-restart-policy.html>
    fn may_restart(&self, now: Duration, code: i32) -> bool {
        let (Some(restart), Some(started_at)) = (&self.rules.restart, self.started_at) else { return false };
        !restart.ignored_exit_codes.contains(&code)
            && now.saturating_sub(started_at) >= restart.attempt_period
    }
}

fn rules_of(spec: &TaskSpec) -> Result<Vec<Rules>, RulesError> {
    let position = |name: &str| spec.containers.iter().position(|container| container.name == name);
    let mut all = Vec::with_capacity(spec.containers.len());
    for container in &spec.containers {
        let mut depends_on = Vec::new();
        for dependency in &container.depends_on {
            let target = position(&dependency.container).ok_or_else(|| RulesError::UnknownDependency {
                container: container.name.clone(),
                missing: dependency.container.clone(),
            })?;
            depends_on.push((target, dependency.condition));
        }
        all.push(Rules {
            name: container.name.clone(),
            essential: container.essential,
            depends_on,
            start_timeout: container.start_timeout_secs.map(Duration::from_secs),
            stop_timeout: Duration::from_secs(container.stop_timeout_secs),
            restart: container.restart_policy.as_ref().map(|policy| RestartRules {
                ignored_exit_codes: policy.ignored_exit_codes.clone(),
                attempt_period: Duration::from_secs(policy.attempt_period_secs),
            }),
            health: container.health_check.as_ref().map(|check| HealthRules {
                interval: Duration::from_secs(check.interval_secs),
                timeout: Duration::from_secs(check.timeout_secs),
                retries: check.retries,
                start_period: Duration::from_secs(check.start_period_secs),
            }),
        });
    }
    Ok(all)
}
