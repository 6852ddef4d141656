//! Placement where addresses run out.

use std::collections::BTreeSet;
use std::sync::Arc;

use control_loops::driver::Activation;
use control_loops::{LoopContext, placement};
use control_plan::placement::NodeOffer;
use state_model::Scope;
use state_model::ec2::Subnet;
use state_model::ecs::task::{PlacementOutcome, StopCode, TaskIntent, TaskNetwork};
use state_store::memory::MemoryStore;
use state_tables::{State, Transaction, task_columns};
use stdx::clock::{SystemClock, Timestamp};
use stdx::random::SeededRandom;
use stdx_async::supervisor;

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
        changes: 0,
    }
}

async fn place_all(context: &LoopContext) {
    let nodes = vec![NodeOffer { name: "local".into(), capacity: Default::default() }];
    loop {
        let activation = placement::activate(context.clone(), nodes.clone()).await;
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

    place_all(&context).await;

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
                                assignment enabled in subnet 'subnet-small': InsufficientFreeAddressesInSubnet";
                assert_eq!(stop.reason, expected);
                assert!(!view.live_tasks.contains(key.as_str()), "it needs no node to end it");
            }
        }
    }
    assert_eq!((addresses.len(), refused), (FREE_ADDRESSES, TASKS - FREE_ADDRESSES));
}
