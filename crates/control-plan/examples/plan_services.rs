//! What one pass over 5,000 services with 100,000 tasks behind load balancers costs.
//!
//! `cargo run --release -p control-plan --example plan_services`

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use control_plan::services::{self, TasksByService};
use state_model::Scope;
use state_model::ec2::Subnet;
use state_model::ecs::service::{
    CircuitBreaker, DeploymentConfiguration, PropagateTags, SchedulingStrategy, Service,
};
use state_model::ecs::service_deployment::{DeploymentStatus, ServiceDeployment, ServiceDeploymentProgress};
use state_model::ecs::service_event::ServiceEvent;
use state_model::ecs::service_revision::{ServiceLoadBalancer, ServiceNetwork, ServiceRevision};
use state_model::ecs::task::{
    ObservedTimes, Phase, Placed, PlacementOutcome, TaskIntent, TaskNetwork, TaskObservation, TaskPlacement,
    TaskService,
};
use state_model::elbv2::target::HealthState;
use state_model::elbv2::target_group::target_group_arn;
use state_model::elbv2::{Target, TargetHealth};
use state_model::record::{self, Record};
use state_store::memory::MemoryStore;
use state_store::{Store, Transaction, Write};
use state_tables::{State, View};
use stdx::clock::{Clock, SystemClock, Timestamp};

const SERVICES: u32 = 5_000;
const TASKS_PER_SERVICE: u32 = 20;
const ROUNDS: u32 = 10;
const CREATED: Timestamp = Timestamp::from_secs(1_000);
const NOW: Timestamp = Timestamp::from_secs(2_000);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let view = runtime.block_on(view())?;
    println!(
        "{} services, {} tasks, {} targets",
        view.services.len(),
        view.task_intents.len(),
        view.elb_targets.len()
    );
    let clock = SystemClock::new();
    let (mut built, mut planned, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = clock.monotonic();
        let tasks: TasksByService<'_> = services::all_tasks(&view);
        let snapshots: Vec<_> = view
            .services
            .iter()
            .filter_map(|(_, row)| {
                let tasks = tasks.get(row.uid.as_str()).map_or(&[][..], Vec::as_slice);
                services::snapshot(&view, row, tasks)
            })
            .collect();
        let snapped = clock.monotonic();
        let busy = snapshots.iter().filter(|snapshot| !services::plan(snapshot, NOW).is_empty()).count();
        let done = clock.monotonic();
        assert_eq!((snapshots.len(), busy), (SERVICES as usize, 0), "every service is steady");
        built.push(snapped - begun);
        planned.push(done - snapped);
        all.push(done - begun);
    }
    println!("plan alone:             {}", told(&mut planned));
    println!("snapshots out of state: {}", told(&mut built));
    println!("one full pass:          {}", told(&mut all));
    let one = view.services.iter().next().map(|(_, row)| row).ok_or("no service")?;
    let mut single: Vec<Duration> = (0..1_000)
        .map(|_| {
            let begun = clock.monotonic();
            let tasks = services::tasks_of(&view, one);
            let decisions =
                services::snapshot(&view, one, &tasks).map(|snapshot| services::plan(&snapshot, NOW));
            assert!(decisions.is_some_and(|decisions| decisions.is_empty()));
            clock.monotonic() - begun
        })
        .collect();
    println!("one service of them:    {}", told(&mut single));
    Ok(())
}

fn told(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let (best, median) = (times[0], times[times.len() / 2]);
    format!("{best:>10.2?} best, {median:>10.2?} median")
}

async fn view() -> Result<Arc<View>, Box<dyn std::error::Error>> {
    let store = Arc::new(MemoryStore::new());
    let mut records = Records::default();
    for zone in ZONES {
        records.add(&subnet(zone));
    }
    for number in 0..SERVICES {
        add_service(&mut records, number);
    }
    for writes in records.writes.chunks(state_store::limits::TRANSACTION_OPERATIONS_MAX) {
        store.commit(Transaction { preconditions: Vec::new(), writes: writes.to_vec() }).await?;
    }
    let (state, _feed) = State::load(store).await?;
    Ok(state.view())
}

const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

#[derive(Default)]
struct Records {
    writes: Vec<Write>,
}

impl Records {
    fn add<R: Record>(&mut self, record: &R) {
        let key = format!("{}/{}", R::TABLE, record.key()).into();
        self.writes.push(Write::Put { key, value: record::encode(record).into() });
    }
}

fn scope() -> Scope {
    Scope::new("000000000000", "us-east-1")
}

fn subnet(zone: &str) -> Subnet {
    Subnet {
        scope: scope(),
        id: format!("subnet-{zone}"),
        vpc_id: "vpc-1".into(),
        cidr_block: "10.0.0.0/8".into(),
        availability_zone: zone.into(),
        availability_zone_id: zone.into(),
        default_for_az: true,
        map_public_ip_on_launch: false,
        ipv6_block: None,
        assign_ipv6_address_on_creation: false,
        hostname_type: None,
        enable_resource_name_dns_a_record: false,
        enable_resource_name_dns_aaaa_record: false,
        tags: BTreeMap::new(),
    }
}

fn add_service(records: &mut Records, number: u32) {
    let (name, uid) = (format!("service-{number}"), format!("{number:032x}"));
    let group = format!("group-{number}/{number:016x}");
    let revision = format!("{}", 1_000_000_000_000_000_000 + u64::from(number));
    let configuration = DeploymentConfiguration {
        circuit_breaker: Some(CircuitBreaker {
            enable: true,
            rollback: true,
            reset_on_healthy_task: None,
            threshold: None,
        }),
        ..DeploymentConfiguration::default()
    };
    records.add(&service(&name, &uid, number, configuration.clone()));
    let deployment = ServiceDeployment {
        scope: scope(),
        cluster: "default".into(),
        service: name.clone(),
        service_uid: uid.clone(),
        id: format!("deployment-{number}"),
        previous: None,
        source_revisions: Vec::new(),
        target_revision: revision.clone(),
        configuration,
        created_at: CREATED,
        stop: None,
    };
    let progress = ServiceDeploymentProgress::pending(&deployment);
    records.add(&deployment);
    records.add(&ServiceDeploymentProgress { status: DeploymentStatus::Successful, ..progress });
    records.add(&service_revision(&name, &uid, &revision, &group));
    records.add(&ServiceEvent {
        scope: scope(),
        service_uid: uid.clone(),
        id: String::from("steady"),
        created_at: NOW,
        sequence: 0,
        message: format!("(service {name}) has reached a steady state."),
    });
    let own = TaskService { name, uid, revision };
    for index in 0..TASKS_PER_SERVICE {
        add_task(records, &own, &group, number * TASKS_PER_SERVICE + index);
    }
}

fn service(name: &str, uid: &str, number: u32, configuration: DeploymentConfiguration) -> Service {
    Service {
        scope: scope(),
        cluster: "default".into(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        desired_count: TASKS_PER_SERVICE,
        scheduling_strategy: SchedulingStrategy::Replica,
        deployment_controller: "ECS".into(),
        deployment_configuration: configuration,
        health_check_grace_period_secs: Some(30),
        enable_ecs_managed_tags: false,
        propagate_tags: PropagateTags::None,
        enable_execute_command: false,
        availability_zone_rebalancing: true,
        deployment: format!("deployment-{number}"),
        role_arn: None,
        tags: BTreeMap::new(),
        created_at: CREATED,
        created_by: String::new(),
        changed_at: CREATED,
        deleted_at: None,
        client_token: None,
        request_hash: String::new(),
    }
}

fn service_revision(name: &str, uid: &str, revision: &str, group: &str) -> ServiceRevision {
    ServiceRevision {
        scope: scope(),
        cluster: "default".into(),
        service: name.to_owned(),
        service_uid: uid.to_owned(),
        id: revision.to_owned(),
        task_definition_arn: String::new(),
        family: "web".into(),
        task_revision: 1,
        launch_type: Some("FARGATE".into()),
        capacity_provider_strategy: Vec::new(),
        platform_version: "LATEST".into(),
        network: ServiceNetwork {
            subnets: ZONES.map(|zone| format!("subnet-{zone}")).to_vec(),
            security_groups: Vec::new(),
            assign_public_ip: false,
        },
        load_balancers: vec![ServiceLoadBalancer {
            target_group_arn: target_group_arn(&scope(), group),
            container_name: "app".into(),
            container_port: 8080,
        }],
        metric_configurations: Vec::new(),
        forced: false,
        created_at: CREATED,
    }
}

fn add_task(records: &mut Records, own: &TaskService, group: &str, number: u32) {
    // Task ids are random: those of one service lie far apart.
    let id = format!("{:032x}", u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let zone = ZONES[number as usize % ZONES.len()];
    let address = Ipv4Addr::from(0x0a00_0000 + number);
    let intent = intent(own, &id, zone);
    let task_key = intent.key();
    records.add(&intent);
    records.add(&TaskPlacement {
        scope: scope(),
        cluster: "default".into(),
        id: id.clone(),
        outcome: PlacementOutcome::Placed(Placed {
            node: "local".into(),
            generation: 1,
            eni_id: format!("eni-{number}"),
            vpc_id: "vpc-1".into(),
            address,
            ipv6_address: None,
            mac_address: String::new(),
            private_dns_name: String::new(),
        }),
        at: CREATED,
    });
    records.add(&TaskObservation {
        scope: scope(),
        cluster: "default".into(),
        id,
        generation: 1,
        phase: Phase::Running,
        containers: Vec::new(),
        times: ObservedTimes { started_at: Some(CREATED), ..ObservedTimes::default() },
        stop: None,
        changes: 1,
    });
    records.add(&Target {
        scope: scope(),
        target_group: group.to_owned(),
        target_id: address.to_string(),
        port: 8080,
        availability_zone: Some(zone.into()),
        registered_at: CREATED,
        deregistered_at: None,
        task_key: Some(task_key),
    });
    records.add(&TargetHealth {
        scope: scope(),
        target_group: group.to_owned(),
        target_id: address.to_string(),
        port: 8080,
        state: HealthState::Healthy,
        reason: None,
        description: None,
        since: CREATED,
    });
}

fn intent(own: &TaskService, id: &str, zone: &str) -> TaskIntent {
    TaskIntent {
        scope: scope(),
        cluster: "default".into(),
        id: id.to_owned(),
        task_definition_arn: String::new(),
        family: "web".into(),
        task_revision: 1,
        overrides: Default::default(),
        cpu: 256,
        memory_mib: 512,
        ephemeral_storage_gib: 20,
        launch_type: "FARGATE".into(),
        capacity_provider_name: None,
        platform_version: "1.4.0".into(),
        platform_family: "Linux".into(),
        cpu_architecture: "x86_64".into(),
        group: format!("service:{}", own.name),
        started_by: Some(format!("ecs-svc/{}", own.revision)),
        service: Some(own.clone()),
        enable_execute_command: false,
        network: TaskNetwork {
            attachment_id: String::new(),
            subnet_id: format!("subnet-{zone}"),
            availability_zone: zone.to_owned(),
            security_groups: Vec::new(),
            assign_public_ip: false,
        },
        containers: Vec::new(),
        created_at: CREATED,
        created_by: String::new(),
        stop: None,
        protection: None,
        tags: BTreeMap::new(),
        stopped_tags: None,
        changes: 0,
    }
}
