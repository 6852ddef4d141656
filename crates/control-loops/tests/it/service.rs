//! A service behind a load balancer, of which the test plays the API, the node and the balancer.

use std::collections::BTreeMap;
use std::time::Duration;

use control_loops::driver::{self, Wake};
use control_loops::{attach, services};
use link_protocol::{Assignment, Down, Observation, Up};
use state_model::ecs::service::{
    CircuitBreaker, DeploymentConfiguration, PropagateTags, SchedulingStrategy, Service, service_key,
};
use state_model::ecs::service_deployment::{
    ServiceDeployment, ServiceDeploymentProgress, service_deployment_key,
};
use state_model::ecs::service_event::ServiceEvent;
use state_model::ecs::service_revision::{ServiceLoadBalancer, ServiceNetwork, ServiceRevision};
use state_model::ecs::task::{ObservedContainer, ObservedStop, ObservedTimes, Phase, task_key};
use state_model::elbv2::action::{Action, Forward, WeightedTargetGroup};
use state_model::elbv2::target::HealthState;
use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
use state_model::elbv2::{Listener, Target, TargetGroup, TargetHealth};
use state_tables::{Transaction, View};
use stdx_async::{shutdown, supervisor};

use crate::installation::{Installation, scope, start};

pub const DELAY: Duration = Duration::from_secs(5);
const PORT: u16 = 8080;
const UID: &str = "0123456789abcdef0123456789abcdef";

/// An installation with the loops of services, and a service of the test's making.
pub struct Stage {
    pub one: Installation,
    pub assigned: BTreeMap<String, Assignment>,
    pub stopping: Vec<String>,
    _shutdown: shutdown::Trigger,
}

pub fn group() -> TargetGroup {
    TargetGroup {
        scope: scope(),
        name: "web".into(),
        id: "0123456789abcdef".into(),
        protocol: "HTTP".into(),
        port: 80,
        protocol_version: ProtocolVersion::Http1,
        vpc_id: "vpc-1".into(),
        target_type: TargetType::Ip,
        health_check: HealthCheck {
            protocol: "HTTP".into(),
            port: "traffic-port".into(),
            path: Some("/".into()),
            interval_secs: 5,
            timeout_secs: 2,
            healthy_threshold: 2,
            unhealthy_threshold: 2,
            matcher: Some("200".into()),
        },
        ip_address_type: "ipv4".into(),
        attributes: BTreeMap::from([(
            String::from("deregistration_delay.timeout_seconds"),
            DELAY.as_secs().to_string(),
        )]),
        tags: BTreeMap::new(),
        created_at: Default::default(),
    }
}

fn listener() -> Listener {
    let target_groups = vec![WeightedTargetGroup { arn: group().arn(), weight: 1 }];
    Listener {
        scope: scope(),
        load_balancer: "app/web/0123456789abcdef".into(),
        id: "0123456789abcdef".into(),
        protocol: "HTTP".into(),
        port: 80,
        default_action: Action::Forward(Forward { target_groups, ..Forward::default() }),
        default_rule_id: "0123456789abcdef".into(),
        certificates: Vec::new(),
        ssl_policy: None,
        alpn_policy: None,
        attributes: BTreeMap::new(),
        tags: BTreeMap::new(),
        default_rule_tags: BTreeMap::new(),
        created_at: Default::default(),
    }
}

impl Stage {
    pub async fn start() -> Self {
        let one = start("10.0.0.0/24").await;
        let mut transaction = Transaction::new();
        transaction.insert(&group());
        transaction.insert(&listener());
        one.state.commit(transaction).await.expect("the store takes it");
        let (trigger, shutdown) = shutdown::channel();
        let memory = services::Memory::default();
        let keep = move |context| services::activate(context, memory.clone());
        supervisor::spawn(
            "s",
            driver::drive("s", Wake::Changes, one.context.clone(), shutdown.clone(), keep),
        );
        let memory = attach::Memory::default();
        let keep = move |context| attach::activate(context, memory.clone());
        supervisor::spawn("a", driver::drive("a", Wake::Changes, one.context.clone(), shutdown, keep));
        Self { one, assigned: BTreeMap::new(), stopping: Vec::new(), _shutdown: trigger }
    }

    /// Creates the service, or gives it a revision that becomes its newest.
    pub async fn deploy(&self, revision: &str, desired: u32, is_balanced: bool) {
        let now = self.one.context.clock.now();
        let key = service_key(&scope(), "default", "web");
        let deployed = self.one.state.transact(|view, transaction| {
            let former = view.services.get(&key);
            let deployment = deployment(revision, former.map(|row| row.deployment.clone()), now);
            let service = Service {
                desired_count: desired,
                deployment: deployment.id.clone(),
                changed_at: now,
                ..former.map_or_else(|| service(now), |row| Service::clone(row))
            };
            transaction.insert(&self::revision(revision, is_balanced, now));
            transaction.insert(&deployment);
            transaction.insert(&ServiceDeploymentProgress::pending(&deployment));
            match former {
                Some(row) => transaction.update(row, &service),
                None => transaction.insert(&service),
            }
            Ok::<_, ()>(())
        });
        deployed.await.expect("the store takes it");
    }

    pub async fn change(&self, change: impl Fn(&mut Service)) {
        let changed = self.one.state.transact(|view, transaction| {
            let row = view.services.get(&service_key(&scope(), "default", "web")).ok_or(())?;
            let mut service = Service::clone(row);
            change(&mut service);
            transaction.update(row, &service);
            Ok::<_, ()>(())
        });
        changed.await.expect("the service is there");
    }

    /// Reads what the node is told until `enough`.
    pub async fn hear(&mut self, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            match self.one.told().await {
                Down::Assign(assignment) => {
                    self.assigned.insert(assignment.intent.id.clone(), *assignment);
                }
                Down::Stop { task } => self.stopping.push(task.id),
                Down::Network(_) | Down::Forget { .. } | Down::Complete => {}
                #[allow(unreachable_patterns)]
                _ => {}
            }
        }
    }

    pub async fn report(&self, id: &str, phase: Phase, stop: Option<ObservedStop>, exit_code: Option<i32>) {
        let now = Some(self.one.context.clock.now());
        let former = self.one.state.view();
        let former = former.task_observations.get(&task_key(&scope(), "default", id));
        let mut times = former.map(|row| row.times.clone()).unwrap_or_default();
        match phase {
            Phase::Running => times.started_at = now,
            Phase::Stopping => times.stopping_at = now,
            Phase::Stopped => {
                times = ObservedTimes { stopping_at: times.stopping_at.or(now), stopped_at: now, ..times };
            }
            _ => {}
        }
        let container = ObservedContainer { name: "app".into(), exit_code, ..Default::default() };
        let observation = Observation {
            task: self.assigned[id].name(),
            generation: 1,
            phase,
            containers: vec![container],
            times,
            stop,
        };
        self.one.up.send(Up::Observed(Box::new(observation))).await.expect("dispatch listens");
        let key = task_key(&scope(), "default", id);
        let seen = |view: &View| view.task_observations.get(&key).is_some_and(|row| row.phase >= phase);
        self.one.until("the report is recorded", seen).await;
    }

    /// The balancer's report of every target of the task.
    pub async fn observe(&self, id: &str, state: HealthState, description: Option<&str>) {
        let key = task_key(&scope(), "default", id);
        let registered = |view: &View| view.elb_targets.any_by(Target::TASK, &key);
        self.one.until("the task is registered", registered).await;
        let observed = self.one.state.transact(|view, transaction| {
            for target in view.elb_targets.by(Target::TASK, &key) {
                transaction.put(&TargetHealth {
                    scope: target.scope.clone(),
                    target_group: target.target_group.clone(),
                    target_id: target.target_id.clone(),
                    port: target.port,
                    state,
                    reason: None,
                    description: description.map(str::to_owned),
                    since: self.one.context.clock.now(),
                });
            }
            Ok::<_, ()>(())
        });
        observed.await.expect("the store takes it");
    }

    pub async fn run_all(&mut self, count: usize) -> Vec<String> {
        self.hear(|stage| stage.assigned.len() >= count).await;
        let known = self.one.state.view();
        let is_new = |id: &&String| !known.task_observations.contains(&task_key(&scope(), "default", id));
        let ids: Vec<String> = self.assigned.keys().filter(is_new).cloned().collect();
        for id in &ids {
            self.report(id, Phase::Running, None, None).await;
        }
        ids
    }

    pub fn events(&self) -> Vec<String> {
        let view = self.one.state.view();
        let prefix = ServiceEvent::prefix(UID);
        let events = view.service_events.prefix(&prefix);
        let messages = events.map(|(_, event)| event.message.clone());
        messages.collect()
    }

    pub async fn until_told(&self, end: &str) {
        let prefix = ServiceEvent::prefix(UID);
        let told =
            |view: &View| view.service_events.prefix(&prefix).any(|(_, event)| event.message.ends_with(end));
        self.one.until(end, told).await;
    }

    pub fn progress(&self, revision: &str) -> ServiceDeploymentProgress {
        let key = service_deployment_key(&scope(), "default", "web", &format!("d{revision}"));
        let view = self.one.state.view();
        let row = view.service_deployment_progress.get(&key).expect("the deployment is there");
        ServiceDeploymentProgress::clone(row)
    }
}

fn service(now: stdx::clock::Timestamp) -> Service {
    Service {
        scope: scope(),
        cluster: "default".into(),
        name: "web".into(),
        uid: UID.into(),
        desired_count: 0,
        scheduling_strategy: SchedulingStrategy::Replica,
        deployment_controller: "ECS".into(),
        deployment_configuration: DeploymentConfiguration {
            circuit_breaker: Some(CircuitBreaker {
                enable: true,
                rollback: true,
                reset_on_healthy_task: None,
                threshold: None,
            }),
            ..DeploymentConfiguration::default()
        },
        health_check_grace_period_secs: None,
        enable_ecs_managed_tags: true,
        propagate_tags: PropagateTags::None,
        enable_execute_command: false,
        availability_zone_rebalancing: true,
        deployment: String::new(),
        role_arn: None,
        tags: BTreeMap::new(),
        created_at: now,
        created_by: "arn:aws:iam::000000000000:root".into(),
        changed_at: now,
        deleted_at: None,
        client_token: None,
        request_hash: String::new(),
    }
}

fn revision(id: &str, is_balanced: bool, now: stdx::clock::Timestamp) -> ServiceRevision {
    let balancer = ServiceLoadBalancer {
        target_group_arn: group().arn(),
        container_name: "app".into(),
        container_port: PORT,
    };
    ServiceRevision {
        scope: scope(),
        cluster: "default".into(),
        service: "web".into(),
        service_uid: UID.into(),
        id: id.into(),
        task_definition_arn: scope().arn("ecs", "task-definition/web:1"),
        family: "web".into(),
        task_revision: 1,
        launch_type: Some("FARGATE".into()),
        capacity_provider_strategy: Vec::new(),
        platform_version: "LATEST".into(),
        network: ServiceNetwork {
            subnets: vec!["subnet-1".into()],
            security_groups: Vec::new(),
            assign_public_ip: false,
        },
        load_balancers: if is_balanced { vec![balancer] } else { Vec::new() },
        metric_configurations: Vec::new(),
        forced: false,
        created_at: now,
    }
}

fn deployment(revision: &str, previous: Option<String>, now: stdx::clock::Timestamp) -> ServiceDeployment {
    ServiceDeployment {
        scope: scope(),
        cluster: "default".into(),
        service: "web".into(),
        service_uid: UID.into(),
        id: format!("d{revision}"),
        previous,
        source_revisions: Vec::new(),
        target_revision: revision.into(),
        configuration: DeploymentConfiguration::default(),
        created_at: now,
        stop: None,
    }
}

pub fn task_of(id: &str) -> String {
    task_key(&scope(), "default", id)
}

pub fn target_count(view: &View) -> usize {
    view.elb_targets.len()
}
