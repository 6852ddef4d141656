//! Prints what making and removing 500 interfaces of one VPC costs: `cargo run --release -p node-network --example
//! interface_churn` as root.
//!
//! It works in a network namespace of its own and leaves nothing behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use node_network::config::{
    Cidr, EniConfig, GroupRule, GroupRules, NetnsTarget, NetworkConfig, Peer, SubnetConfig, Traffic,
    VpcConfig,
};
use node_network::{Instance, Network, NetworkError, teardown_all};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use stdx::clock::{SharedClock, SystemClock};

const INTERFACES: u32 = 500;
/// What a task has at most.
const GROUPS: usize = 5;
const RULES_PER_GROUP: usize = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // SAFETY: no other thread runs yet, and only the network namespace changes.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
    let instance = Instance::of_data_dir(Path::new("/interface_churn"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measure(&instance));
    drop(runtime);
    teardown_all(&instance)?;
    Ok(measured?)
}

async fn measure(instance: &Instance) -> Result<(), NetworkError> {
    let clock = SystemClock::shared();
    let network = Network::open(instance.clone(), NetworkConfig::default()).await?;
    let subnet: Cidr = "172.31.0.0/20".parse()?;
    let subnets = vec![SubnetConfig {
        id: String::from("subnet-1"),
        cidr: subnet,
        ipv6_cidr: None,
        route_table: None,
        acl: None,
    }];
    network
        .ensure_vpc(VpcConfig::isolated(String::from("vpc-1"), vec!["172.31.0.0/16".parse()?], subnets))
        .await?;
    for number in 0..GROUPS {
        network.set_group("vpc-1", group(number)?).await?;
    }
    let (mut created, mut removed) = (Vec::new(), Vec::new());
    let mut namespaces = Vec::new();
    for number in 0..INTERFACES {
        let begun = clock.monotonic();
        let namespace = Arc::new(network.acquire_namespace("vpc-1").await?);
        network.attach(interface(subnet, number)?, NetnsTarget::Ready(Arc::clone(&namespace))).await?;
        created.push(clock.monotonic() - begun);
        namespaces.push(namespace);
    }
    for number in 0..INTERFACES {
        removed.push(timed(&clock, network.detach("vpc-1", &format!("eni-{number}"))).await?);
    }
    print("create", created);
    print("remove", removed);
    Ok(())
}

fn group(number: usize) -> Result<GroupRules, NetworkError> {
    let everything = GroupRule { traffic: Traffic::All, peer: Peer::Cidr("0.0.0.0/0".parse()?) };
    Ok(GroupRules {
        id: format!("sg-{number}"),
        ingress: vec![everything.clone(); RULES_PER_GROUP],
        egress: vec![everything],
        remote_members: vec![],
    })
}

fn interface(subnet: Cidr, number: u32) -> Result<EniConfig, NetworkError> {
    Ok(EniConfig {
        eni_id: format!("eni-{number}"),
        vpc_id: String::from("vpc-1"),
        subnet,
        address: subnet.nth(10 + number),
        ipv6_addresses: Vec::new(),
        mac: format!("0a:00:00:00:{:02x}:{:02x}", number / 256, number % 256).parse()?,
        groups: (0..GROUPS).map(|group| format!("sg-{group}")).collect(),
        source_dest_check: true,
        public_address: None,
    })
}

async fn timed(
    clock: &SharedClock,
    work: impl Future<Output = Result<(), NetworkError>>,
) -> Result<Duration, NetworkError> {
    let begun = clock.monotonic();
    work.await?;
    Ok(clock.monotonic() - begun)
}

fn print(name: &str, mut values: Vec<Duration>) {
    values.sort();
    let at = |share: usize| values[(values.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!("{name}, median: {:.3} ms", at(50));
    println!("{name}, p99: {:.3} ms", at(99));
}
