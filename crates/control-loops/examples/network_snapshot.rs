//! What a change of one rule costs control: 200 tasks in one VPC, with 10, 1,000 and 10,000 rules in its groups.
//!
//! `cargo run --release -p control-loops --example network_snapshot`

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use control_loops::network::{may_differ, snapshot};
use state_model::Scope;
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroupRule};
use state_model::ec2::{NetworkInterface, SecurityGroup, Vpc};
use state_model::ecs::task::{Placed, PlacementOutcome, TaskPlacement, task_key};
use state_store::memory::MemoryStore;
use state_tables::{State, Transaction, task_columns};
use stdx::clock::{Clock, SystemClock, Timestamp};

const NODE: &str = "node-1";
const TASKS: u8 = 200;
const RULES_PER_GROUP: usize = 60;
const GROUPS_PER_TASK: usize = 5;
const ROUNDS: usize = 21;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for rules in [10, 1_000, 10_000] {
        runtime.block_on(measure(rules))?;
    }
    Ok(())
}

async fn measure(rules: usize) -> Result<(), Box<dyn std::error::Error>> {
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await?;
    stdx_async::supervisor::spawn("feed", feed.run());
    let groups = rules.div_ceil(RULES_PER_GROUP);
    seed(&state, rules, groups).await.map_err(|error| format!("the store refuses: {error:?}"))?;
    let clock = SystemClock::new();
    let mut before = state.view();
    let mut told = snapshot(&before, NODE);
    let (mut decided, mut made) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut transaction = Transaction::new();
        transaction.put(&group(round % groups, rules.min(RULES_PER_GROUP) + round + 1));
        state.commit(transaction).await.map_err(|error| format!("the store refuses: {error:?}"))?;
        let view = state.view();
        let begun = clock.monotonic();
        assert!(may_differ(&before, &view));
        let seen = clock.monotonic();
        let next = snapshot(&view, NODE);
        assert!(next != told);
        let ended = clock.monotonic();
        decided.push(seen - begun);
        made.push(ended - seen);
        (before, told) = (view, next);
    }
    println!(
        "{rules} rules in {groups} groups, {TASKS} tasks: to see that something changed {:?}, a new snapshot {:?} (medians)",
        median(decided),
        median(made)
    );
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn seed(state: &State, rules: usize, groups: usize) -> Result<(), state_store::CommitError> {
    let mut transaction = Transaction::new();
    transaction.insert(&vpc());
    state.commit(transaction).await?;
    for number in 0..groups {
        let mut transaction = Transaction::new();
        transaction.insert(&group(number, RULES_PER_GROUP.min(rules - number * RULES_PER_GROUP)));
        state.commit(transaction).await?;
    }
    for number in 0..TASKS {
        let mut transaction = Transaction::new();
        let chosen = (0..GROUPS_PER_TASK).map(|nth| (usize::from(number) * GROUPS_PER_TASK + nth) % groups);
        let interface = interface(number, chosen.map(group_id).collect());
        task_columns::create_placement(&mut transaction, &placement(number, &interface));
        transaction.insert(&interface);
        state.commit(transaction).await?;
    }
    Ok(())
}

fn scope() -> Scope {
    Scope::new("000000000000", "us-east-1")
}

fn vpc() -> Vpc {
    Vpc {
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
    }
}

fn group_id(number: usize) -> String {
    format!("sg-{number:017x}")
}

fn group(number: usize, rules: usize) -> SecurityGroup {
    let rules = (0..rules).map(|rule| SecurityGroupRule {
        id: format!("sgr-{number:08x}{rule:09x}"),
        is_egress: false,
        protocol: RuleProtocol::Tcp,
        from_port: i32::try_from(rule).unwrap_or(0),
        to_port: 65_535,
        peer: RulePeer::Ipv4(String::from("10.0.0.0/8")),
        description: None,
        tags: Default::default(),
    });
    SecurityGroup {
        scope: scope(),
        id: group_id(number),
        vpc_id: "vpc-1".into(),
        name: group_id(number),
        description: String::new(),
        rules: rules.collect(),
        tags: Default::default(),
    }
}

fn interface(number: u8, security_groups: Vec<String>) -> NetworkInterface {
    let address = Ipv4Addr::new(10, 0, 0, number);
    NetworkInterface {
        scope: scope(),
        id: format!("eni-{number:017x}"),
        vpc_id: "vpc-1".into(),
        subnet_id: "subnet-1".into(),
        availability_zone: "us-east-1a".into(),
        address,
        mac_address: format!("0a:00:00:00:00:{number:02x}"),
        private_dns_name: format!("ip-10-0-0-{number}.ec2.internal"),
        description: String::new(),
        security_groups,
        task_key: task_key(&scope(), "default", &number.to_string()),
        load_balancer_key: None,
        nat_gateway_id: None,
        vpc_endpoint_id: None,
        public_address: Some(Ipv4Addr::new(127, 80, 0, number)),
        secondary_addresses: Vec::new(),
        ipv6_addresses: Vec::new(),
        source_dest_check: true,
        attachment_id: String::new(),
        created_at: Timestamp::from_secs(1),
        tags: Default::default(),
    }
}

fn placement(number: u8, interface: &NetworkInterface) -> TaskPlacement {
    TaskPlacement {
        scope: scope(),
        cluster: "default".into(),
        id: number.to_string(),
        outcome: PlacementOutcome::Placed(Placed {
            node: NODE.into(),
            generation: 1,
            eni_id: interface.id.clone(),
            vpc_id: interface.vpc_id.clone(),
            address: interface.address,
            ipv6_address: None,
            mac_address: interface.mac_address.clone(),
            private_dns_name: interface.private_dns_name.clone(),
        }),
        at: Timestamp::from_secs(1),
    }
}
