//! Prints how long attaching an interface takes: `cargo run --release -p node-network --example
//! attach_latency` as root.
//!
//! It works in a network namespace of its own and leaves nothing behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use node_network::config::{
    Cidr, EniConfig, GroupRule, GroupRules, NetnsTarget, NetworkConfig, Peer, SubnetConfig, Traffic,
    VpcConfig,
};
use node_network::{Instance, Network, teardown_all};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use stdx::clock::{SharedClock, SystemClock};

const TASKS: u32 = 300;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // SAFETY: no other thread runs yet, and only the network namespace changes.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
    let instance = Instance::of_data_dir(Path::new("/attach_latency"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measure(&instance));
    drop(runtime);
    teardown_all(&instance)?;
    Ok(measured?)
}

async fn measure(instance: &Instance) -> Result<(), node_network::NetworkError> {
    let clock = SystemClock::shared();
    let network = Network::open(instance.clone(), NetworkConfig::default()).await?;
    let subnet = "172.31.0.0/20".parse()?;
    let subnets = vec![without_ways(subnet)];
    let config = VpcConfig::isolated(String::from("vpc-1"), vec!["172.31.0.0/16".parse()?], subnets);
    let (result, elapsed) = timed(&clock, network.ensure_vpc(config)).await;
    result?;
    println!("set up a VPC               {elapsed:>10.2?}");
    let everything = GroupRule { traffic: Traffic::All, peer: Peer::Cidr("0.0.0.0/0".parse()?) };
    let rules = GroupRules {
        id: String::from("sg-1"),
        ingress: vec![everything.clone(); 10],
        egress: vec![everything],
        remote_members: vec![],
    };
    network.set_group("vpc-1", rules.clone()).await?;
    let mut tasks = Vec::new();
    let mut series = [const { Vec::new() }; 4];
    for number in 0..TASKS {
        // Long enough for the pool to fill: the path of one task on a quiet node.
        if number < TASKS / 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (namespace, acquired) = timed(&clock, network.acquire_namespace("vpc-1")).await;
        let namespace = Arc::new(namespace?);
        let eni = config_of(subnet, number, 10 + number)?;
        let target = NetnsTarget::Ready(Arc::clone(&namespace));
        let (attached, elapsed) = timed(&clock, network.attach(eni, target)).await;
        attached?;
        let offset = if number < TASKS / 2 { 0 } else { 2 };
        series[offset].push(acquired);
        series[offset + 1].push(elapsed);
        tasks.push(namespace);
    }
    let names = ["acquire, quiet", "attach, quiet", "acquire, back to back", "attach, back to back"];
    for (name, values) in names.into_iter().zip(series) {
        print(name, values);
    }
    let mut changes = Vec::new();
    for _ in 0..50 {
        let (result, elapsed) = timed(&clock, network.set_group("vpc-1", rules.clone())).await;
        result?;
        changes.push(elapsed);
    }
    print("replace 11 rules", changes);
    let mut detaches = Vec::new();
    for number in 0..TASKS {
        let (result, elapsed) = timed(&clock, network.detach("vpc-1", &format!("eni-{number}"))).await;
        result?;
        detaches.push(elapsed);
    }
    print("detach", detaches);
    let mut reused = Vec::new();
    for number in 0..20 {
        let namespace = Arc::new(network.acquire_namespace("vpc-1").await?);
        let eni = config_of(subnet, 1000 + number, 10 + number)?;
        let attach = network.attach(eni, NetnsTarget::Ready(namespace));
        let (attached, elapsed) = timed(&clock, attach).await;
        attached?;
        reused.push(elapsed);
    }
    print("attach, address just freed", reused);
    Ok(())
}

fn without_ways(cidr: Cidr) -> SubnetConfig {
    SubnetConfig { id: String::from("subnet-1"), cidr, ipv6_cidr: None, route_table: None, acl: None }
}

fn config_of(subnet: Cidr, number: u32, place: u32) -> Result<EniConfig, node_network::NetworkError> {
    Ok(EniConfig {
        eni_id: format!("eni-{number}"),
        vpc_id: String::from("vpc-1"),
        subnet,
        address: subnet.nth(place),
        ipv6_addresses: Vec::new(),
        mac: format!("0a:00:00:00:{:02x}:{:02x}", number / 256, number % 256).parse()?,
        groups: vec![String::from("sg-1")],
        source_dest_check: true,
        public_address: None,
    })
}

async fn timed<T>(clock: &SharedClock, work: impl Future<Output = T>) -> (T, Duration) {
    let begun = clock.monotonic();
    let result = work.await;
    (result, clock.monotonic() - begun)
}

fn print(name: &str, mut values: Vec<Duration>) {
    values.sort();
    let at = |share: usize| values[(values.len() - 1) * share / 100];
    println!("{name:<26} p50 {:>9.2?}  p90 {:>9.2?}  max {:>9.2?}", at(50), at(90), at(100));
}
