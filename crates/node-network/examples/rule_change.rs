//! Prints how long changing one security group takes in a VPC with few and with many rules: `cargo run -p
//! node-network --example rule_change` as root.
//!
//! It works in a network namespace of its own and leaves nothing behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use node_network::config::{
    EniConfig, GroupRule, GroupRules, NetnsTarget, NetworkConfig, Peer, PrefixListConfig, SubnetConfig,
    Traffic, VpcConfig,
};
use node_network::{Instance, Network, teardown_all};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use stdx::clock::{SharedClock, SystemClock};

/// As many as AWS lets a group have by default.
const RULES_PER_GROUP: usize = 60;
const TASKS: usize = 50;
const CHANGES: usize = 31;
const VPC: &str = "vpc-1";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // SAFETY: no other thread runs yet, and only the network namespace changes.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
    let instance = Instance::of_data_dir(Path::new("/rule_change"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for rules in [10, 1_000, 10_000] {
        let measured = runtime.block_on(measure(&instance, rules));
        teardown_all(&instance)?;
        measured?;
    }
    Ok(())
}

async fn measure(instance: &Instance, rules: usize) -> Result<(), node_network::NetworkError> {
    let clock = SystemClock::shared();
    let network = Network::open(instance.clone(), NetworkConfig::default()).await?;
    let cidr = "172.31.0.0/16".parse()?;
    let subnet =
        SubnetConfig { id: String::from("subnet-1"), cidr, ipv6_cidr: None, route_table: None, acl: None };
    network.ensure_vpc(VpcConfig::isolated(VPC.to_owned(), vec![cidr], vec![subnet])).await?;
    let groups = rules.div_ceil(RULES_PER_GROUP);
    let per_group = rules.div_ceil(groups);
    for number in 0..groups {
        network.set_group(VPC, group(number, per_group, 1)?).await?;
    }
    let mut tasks = Vec::new();
    for number in 0..TASKS {
        let namespace = Arc::new(network.acquire_namespace(VPC).await?);
        let eni = EniConfig {
            eni_id: format!("eni-{number}"),
            vpc_id: VPC.to_owned(),
            subnet: cidr,
            address: cidr.nth(10 + u32::try_from(number).unwrap_or(0)),
            ipv6_addresses: Vec::new(),
            mac: format!("0a:00:00:00:00:{number:02x}").parse()?,
            groups: vec![format!("sg-{}", number % groups)],
            source_dest_check: true,
            public_address: None,
        };
        network.attach(eni, NetnsTarget::Ready(Arc::clone(&namespace))).await?;
        tasks.push(namespace);
    }
    let mut series = [const { Vec::new() }; 3];
    for change in 0..CHANGES {
        let port = u16::try_from(change).unwrap_or(0) + 2;
        let rules = group(0, 10, port)?;
        series[0].push(timed(&clock, network.set_group(VPC, rules)).await?);
        let rules = group(0, RULES_PER_GROUP, port)?;
        series[1].push(timed(&clock, network.set_group(VPC, rules)).await?);
        let list = PrefixListConfig { id: String::from("pl-1"), cidrs: vec![cidr.into()] };
        series[2].push(timed(&clock, network.set_prefix_list(VPC, list)).await?);
    }
    print!("{rules:>6} rules:");
    for (name, values) in ["change 10", "change 60", "change a prefix list"].into_iter().zip(&mut series) {
        values.sort();
        print!("  {name} {:>9.2?}", values[values.len() / 2]);
    }
    println!();
    Ok(())
}

fn group(number: usize, rules: usize, port: u16) -> Result<GroupRules, node_network::NetworkError> {
    let rule = |index: usize| {
        let block = format!("10.{}.{}.0/24", index / 256, index % 256).parse()?;
        Ok(GroupRule { traffic: Traffic::Tcp { from_port: port, to_port: port }, peer: Peer::Cidr(block) })
    };
    let ingress = (0..rules).map(rule).collect::<Result<_, node_network::NetworkError>>()?;
    let id = format!("sg-{number}");
    Ok(GroupRules { id, ingress, egress: Vec::new(), remote_members: Vec::new() })
}

async fn timed(
    clock: &SharedClock,
    work: impl Future<Output = Result<(), node_network::NetworkError>>,
) -> Result<Duration, node_network::NetworkError> {
    let begun = clock.monotonic();
    work.await?;
    Ok(clock.monotonic() - begun)
}
