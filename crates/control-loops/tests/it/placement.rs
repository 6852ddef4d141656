//! Placement where addresses run out.

use std::collections::BTreeSet;
use std::sync::Arc;

use control_loops::driver::Activation;
use control_loops::{LoopContext, placement};
use control_plan::placement::NodeOffer;
use state_model::Scope;
use state_model::ec2::Subnet;
use state_model::ec2::public_address::PublicAddressOwner;
use state_model::ecs::task::{PlacementOutcome, StopCode, TaskIntent, TaskNetwork};
use state_store::memory::MemoryStore;
use state_tables::public_addresses::PublicPool;
use state_tables::{State, Transaction, addresses, task_columns};
use stdx::clock::{SystemClock, Timestamp};
use stdx::random::SeededRandom;
use stdx_async::supervisor;

use crate::load_balancing::pool;

/// A /28 has sixteen addresses, of which AWS keeps five.
const FREE_ADDRESSES: usize = 11;
const TASKS: usize = 20;

fn scope() -> Scope {
    Scope::new("000000000000", "us-east-1")
}

fn subnet() -> Subnet {
    Subnet {
        scope: scope(),
        id: "subnet-small".into(),
        vpc_id: "vpc-1".into(),
        cidr_block: "10.0.0.0/28".into(),
        availability_zone: "us-east-1a".into(),
        availability_zone_id: "use1-az1".into(),
        default_for_az: false,
        map_public_ip_on_launch: false,
        ipv6_block: None,
        assign_ipv6_address_on_creation: false,
        hostname_type: None,
        enable_resource_name_dns_a_record: false,
        enable_resource_name_dns_aaaa_record: false,
        tags: Default::default(),
    }
}

fn intent(number: usize) -> TaskIntent {
    TaskIntent {
        scope: scope(),
        cluster: "default".into(),
        id: format!("{number:032x}"),
        task_definition_arn: "arn:aws:ecs:us-east-1:000000000000:task-definition/a:1".into(),
        family: "a".into(),
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
        group: "family:a".into(),
        started_by: None,
        service: None,
        enable_execute_command: false,
        network: TaskNetwork {
            attachment_id: format!("attachment-{number}"),
            subnet_id: "subnet-small".into(),
            availability_zone: "us-east-1a".into(),
            security_groups: vec!["sg-1".into()],
            assign_public_ip: false,
        },
        containers: Vec::new(),
        created_at: Timestamp::from_millis(i64::try_from(number).unwrap_or(0)),
        created_by: String::new(),
        stop: None,
        protection: None,
        tags: Default::default(),
        stopped_tags: None,
        changes: 0,
    }
}

async fn place_all(context: &LoopContext, pool: PublicPool) {
    let nodes = vec![NodeOffer { name: "local".into(), capacity: Default::default() }];
    loop {
        let activation = placement::activate(context.clone(), nodes.clone(), pool).await;
        if activation.expect("the store takes it") != Activation::Again {
            return;
        }
    }
}

#[tokio::test]
async fn a_subnet_without_free_addresses_ends_the_task() {
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
    supervisor::spawn("state-feed", feed.run());
    let context = LoopContext {
        state: Arc::clone(&state),
        clock: SystemClock::shared(),
        random: SeededRandom::shared(7),
    };
    let mut transaction = Transaction::new();
    transaction.insert(&subnet());
    for number in 0..TASKS {
        task_columns::create_intent(&mut transaction, &intent(number));
    }
    state.commit(transaction).await.expect("the records are new");

    place_all(&context, pool("127.80.0.0/16")).await;

    let view = state.view();
    let (mut addresses, mut refused) = (BTreeSet::new(), 0);
    for number in 0..TASKS {
        let key = state_model::ecs::task::task_key(&scope(), "default", &intent(number).id);
        let task = view.task(&key).expect("the task is known");
        match &task.placement.expect("a decision").outcome {
            PlacementOutcome::Placed(placed) => assert!(addresses.insert(placed.address), "given twice"),
            PlacementOutcome::Refused { .. } => {
                refused += 1;
                let stop = task.stop().expect("a refused task is stopped");
                assert_eq!(stop.code, StopCode::TaskFailedToStart);
                let expected = "Unexpected EC2 error while attempting to Create Network Interface with public IP \
                                assignment disabled in subnet 'subnet-small': InsufficientFreeAddressesInSubnet";
                assert_eq!(stop.reason, expected);
                assert!(!view.live_tasks.contains(key.as_str()), "it needs no node to end it");
            }
        }
    }
    assert_eq!((addresses.len(), refused), (FREE_ADDRESSES, TASKS - FREE_ADDRESSES));
}

#[tokio::test]
async fn a_request_that_decided_before_a_placement_decides_anew() {
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
    supervisor::spawn("state-feed", feed.run());
    let context = LoopContext {
        state: Arc::clone(&state),
        clock: SystemClock::shared(),
        random: SeededRandom::shared(7),
    };
    let mut transaction = Transaction::new();
    transaction.insert(&subnet());
    task_columns::create_intent(&mut transaction, &intent(0));
    state.commit(transaction).await.expect("the records are new");

    let before = state.view();
    place_all(&context, pool("127.80.0.0/16")).await;
    assert_eq!(state.view().network_interfaces.len(), 1);
    // Both might have chosen the same address.
    let mut request = Transaction::new();
    addresses::claim(&mut request, before.subnets.get(&scope().key("subnet-small")).expect("the subnet"));
    assert!(state.commit(request).await.is_err());
}

#[tokio::test]
async fn public_addresses_come_from_the_pool_once_each() {
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
    supervisor::spawn("state-feed", feed.run());
    let context = LoopContext {
        state: Arc::clone(&state),
        clock: SystemClock::shared(),
        random: SeededRandom::shared(7),
    };
    let mut transaction = Transaction::new();
    transaction.insert(&subnet());
    for number in 0..5 {
        let mut intent = intent(number);
        // The first stays private.
        intent.network.assign_public_ip = number > 0;
        task_columns::create_intent(&mut transaction, &intent);
    }
    state.commit(transaction).await.expect("the records are new");

    // Without the network's own and the broadcast address two are left.
    place_all(&context, pool("192.0.2.0/30")).await;

    let view = state.view();
    let mut given = BTreeSet::new();
    for number in 0..5 {
        let key = state_model::ecs::task::task_key(&scope(), "default", &intent(number).id);
        let interface = view.network_interfaces.by("task", &key).next();
        let address = interface.and_then(|interface| interface.public_address);
        match number {
            0 => assert!(interface.is_some() && address.is_none()),
            1 | 2 => {
                let address = address.expect("the pool has one");
                let record = view.public_addresses.get(&address.to_string()).expect("it is taken");
                let eni_id = interface.map(|interface| interface.id.clone()).unwrap_or_default();
                assert_eq!(record.owner, PublicAddressOwner::Interface(eni_id));
                given.insert(address);
            }
            _ => {
                let reason = view.task(&key).and_then(|task| task.stop()).map(|stop| stop.reason.clone());
                let expected = "Unexpected EC2 error while attempting to Create Network Interface with public IP \
                                assignment enabled in subnet 'subnet-small': InsufficientAddressCapacity";
                assert_eq!(reason.as_deref(), Some(expected));
                assert!(interface.is_none(), "a task that is refused holds nothing");
            }
        }
    }
    assert_eq!(given.len(), 2);
    assert_eq!(view.public_addresses.len(), 2);
}
