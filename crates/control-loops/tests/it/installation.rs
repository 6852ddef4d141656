//! An installation with one subnet, its loops running, and the node's end of its session.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use control_loops::dispatch::{Dispatch, NodeLink};
use control_loops::driver::{self, Wake};
use control_loops::{LoopContext, cleanup, placement};
use control_plan::placement::NodeOffer;
use link_protocol::measured::Measured;
use link_protocol::{Assignment, Down, Observation, Up};
use state_model::Scope;
use state_model::ec2::{Subnet, Vpc};
use state_model::ecs::task::{
    ObservedTimes, Phase, StopCode, StopRequest, TaskIntent, TaskNetwork, task_key,
};
use state_model::ecs::task_definition::{TaskDefinition, TaskDefinitionBody, TaskDefinitionStatus};
use state_store::memory::MemoryStore;
use state_tables::transaction::FreelyWritten;
use state_tables::{State, Transaction, View, task_columns};
use stdx::clock::{FakeClock, Timestamp};
use stdx::random::SeededRandom;
use stdx_async::{shutdown, supervisor};
use tokio::sync::{mpsc, watch};

use crate::load_balancing::pool;

const NODE: &str = "node-1";
/// Nothing here waits for a machine: whatever takes this long never comes.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Installation {
    pub state: Arc<State>,
    pub clock: Arc<FakeClock>,
    pub context: LoopContext,
    pub down: mpsc::Receiver<Down>,
    pub up: mpsc::Sender<Up>,
    pub edges_attached: watch::Receiver<BTreeSet<String>>,
    pub measured: mpsc::Receiver<Measured>,
    _shutdown: shutdown::Trigger,
}

pub fn scope() -> Scope {
    Scope::new("000000000000", "us-east-1")
}

/// `cidr_block` is the only subnet's.
pub async fn start(cidr_block: &str) -> Installation {
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty store loads");
    supervisor::spawn("feed", feed.run());
    let clock = FakeClock::at(Timestamp::from_secs(1_000));
    seed(&state, cidr_block).await;
    let context =
        LoopContext { state: Arc::clone(&state), clock: clock.clone(), random: SeededRandom::shared(1) };
    let (trigger, shutdown) = shutdown::channel();
    let place = |context| {
        let nodes = vec![NodeOffer { name: NODE.into(), capacity: Default::default() }];
        placement::activate(context, nodes, pool("127.80.0.0/16"))
    };
    supervisor::spawn("p", driver::drive("p", Wake::Changes, context.clone(), shutdown.clone(), place));
    let interfaces = cleanup::interfaces;
    supervisor::spawn("i", driver::drive("i", Wake::Changes, context.clone(), shutdown.clone(), interfaces));
    let (down_sender, down) = mpsc::channel(64);
    let (up, up_receiver) = mpsc::channel(64);
    let (edges_sender, edges_attached) = watch::channel(BTreeSet::new());
    let (measured_sender, measured) = mpsc::channel(4);
    let dispatch = Dispatch {
        context: context.clone(),
        node: NODE.into(),
        link: NodeLink { down: down_sender, up: up_receiver },
        log_mode_blocking: |_, _| false,
        edges_attached: edges_sender,
        measured: measured_sender,
    };
    supervisor::spawn("d", dispatch.run(shutdown));
    let mut installation =
        Installation { state, clock, context, down, up, edges_attached, measured, _shutdown: trigger };
    assert!(matches!(installation.told().await, Down::Network(_)));
    assert!(matches!(installation.told().await, Down::Complete));
    installation
}

/// The same, with nothing that runs by itself.
pub async fn start_without_loops() -> Installation {
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty store loads");
    supervisor::spawn("feed", feed.run());
    let clock = FakeClock::at(Timestamp::from_secs(1_000));
    seed(&state, "10.0.0.0/24").await;
    let context =
        LoopContext { state: Arc::clone(&state), clock: clock.clone(), random: SeededRandom::shared(1) };
    let ((_, down), (up, _)) = (mpsc::channel(1), mpsc::channel(1));
    let (_, edges_attached) = watch::channel(BTreeSet::new());
    let (_, measured) = mpsc::channel(1);
    Installation {
        state,
        clock,
        context,
        down,
        up,
        edges_attached,
        measured,
        _shutdown: shutdown::channel().0,
    }
}

async fn seed(state: &State, cidr_block: &str) {
    let mut transaction = Transaction::new();
    transaction.insert(&Vpc {
        scope: scope(),
        id: "vpc-1".into(),
        cidr_block: "10.0.0.0/16".into(),
        cidr_association_id: "vpc-cidr-assoc-1".into(),
        is_default: true,
        dhcp_options_id: "dopt-1".into(),
        enable_dns_support: true,
        enable_dns_hostnames: true,
        enable_network_address_usage_metrics: false,
        secondary_blocks: Vec::new(),
        ipv6_block: None,
        tags: Default::default(),
    });
    transaction.insert(&Subnet {
        scope: scope(),
        id: "subnet-1".into(),
        vpc_id: "vpc-1".into(),
        cidr_block: cidr_block.into(),
        availability_zone: "us-east-1a".into(),
        availability_zone_id: "use1-az1".into(),
        default_for_az: true,
        map_public_ip_on_launch: true,
        ipv6_block: None,
        assign_ipv6_address_on_creation: false,
        hostname_type: None,
        enable_resource_name_dns_a_record: false,
        enable_resource_name_dns_aaaa_record: false,
        tags: Default::default(),
    });
    transaction.insert(&TaskDefinition {
        scope: scope(),
        family: "web".into(),
        revision: 1,
        status: TaskDefinitionStatus::Active,
        registered_at: Timestamp::from_secs(1),
        registered_by: String::new(),
        deregistered_at: None,
        delete_requested_at: None,
        tags: Default::default(),
        compatibilities: Vec::new(),
        requires_attributes: Vec::new(),
        body: TaskDefinitionBody::default(),
    });
    state.commit(transaction).await.expect("the store takes it");
}

impl Installation {
    pub async fn run_task(&self, id: &str) -> String {
        self.run(&intent(id)).await
    }

    pub async fn run(&self, intent: &TaskIntent) -> String {
        let mut transaction = Transaction::new();
        task_columns::create_intent(&mut transaction, intent);
        self.state.commit(transaction).await.expect("the store takes it");
        task_key(&intent.scope, &intent.cluster, &intent.id)
    }

    pub async fn put<R: FreelyWritten>(&self, record: &R) {
        let mut transaction = Transaction::new();
        transaction.put(record);
        self.state.commit(transaction).await.expect("the store takes it");
    }

    pub async fn stop_task(&self, key: &str) {
        let stopped = self.state.transact(|view, transaction| {
            let row = view.task_intents.get(key).ok_or("no such task")?;
            let reason = String::from("enough");
            let stop = StopRequest { code: StopCode::UserInitiated, reason, at: Timestamp::from_secs(1_001) };
            let next = TaskIntent { stop: Some(stop), changes: 1, ..(**row.record()).clone() };
            task_columns::update_intent(transaction, row, &next);
            Ok::<_, &str>(())
        });
        stopped.await.expect("the task is there");
    }

    /// The next message to the node.
    pub async fn told(&mut self) -> Down {
        let next = tokio::time::timeout(PATIENCE, self.down.recv()).await;
        next.expect("dispatch tells something").expect("the session lasts")
    }

    /// The next assignment; networks that come before it are passed over.
    pub async fn assigned(&mut self) -> Assignment {
        loop {
            match self.told().await {
                Down::Assign(assignment) => return *assignment,
                Down::Network(_) => {}
                other => panic!("not an assignment: {other:?}"),
            }
        }
    }

    pub async fn report(&self, assignment: &Assignment, generation: u64, phase: Phase) {
        self.send(assignment, generation, phase, ObservedTimes::default()).await;
    }

    pub async fn report_stopped(&self, assignment: &Assignment) {
        let stopped_at = Some(self.context.clock.now());
        let times = ObservedTimes { stopped_at, ..ObservedTimes::default() };
        self.send(assignment, 1, Phase::Stopped, times).await;
    }

    async fn send(&self, assignment: &Assignment, generation: u64, phase: Phase, times: ObservedTimes) {
        let observation = Observation {
            task: assignment.name(),
            generation,
            phase,
            containers: Vec::new(),
            times,
            stop: None,
        };
        self.up.send(Up::Observed(Box::new(observation))).await.expect("dispatch listens");
    }

    /// Waits until the snapshot is as `expected`.
    pub async fn until(&self, what: &str, expected: impl Fn(&View) -> bool) {
        let mut changes = self.state.changes();
        let seen = async {
            while !expected(&self.state.view()) {
                changes.changed().await.expect("the state lives");
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    pub fn last_status(&self, key: &str) -> &'static str {
        self.state.view().task(key).map_or("gone", |task| task.last_status())
    }
}

pub fn intent(id: &str) -> TaskIntent {
    TaskIntent {
        scope: scope(),
        cluster: "default".into(),
        id: id.into(),
        task_definition_arn: scope().arn("ecs", "task-definition/web:1"),
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
        group: "family:web".into(),
        started_by: None,
        service: None,
        enable_execute_command: false,
        network: TaskNetwork {
            attachment_id: format!("attachment-{id}"),
            subnet_id: "subnet-1".into(),
            availability_zone: "us-east-1a".into(),
            security_groups: Vec::new(),
            assign_public_ip: false,
        },
        containers: Vec::new(),
        created_at: Timestamp::from_secs(1_000),
        created_by: String::new(),
        stop: None,
        protection: None,
        tags: Default::default(),
        stopped_tags: None,
        changes: 0,
    }
}
