//! VPCs come, change and go as snapshots say.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use link_protocol::Interface;
use link_protocol::network::{
    EndpointSnapshot, NatGatewaySnapshot, NetworkSnapshot, PeeringSnapshot, SubnetSnapshot, VpcSnapshot,
};
use node_agent::limits::UNUSED_VPC_KEPT;
use node_agent::network::{NodeNetworks, VpcOpenError, VpcOpened};
use node_network::config::NetworkConfig;
use node_network::{Instance, Network, teardown_all};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use state_model::Scope;

/// Runs `test` on a thread whose namespace stands for the host, and removes everything afterwards, come what may.
fn on_a_host<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Arc<Network>) -> F + Send) {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED {name}: it needs root");
        return;
    }
    let instance = Instance::of_data_dir(&PathBuf::from(format!("/test/{name}/{}", std::process::id())));
    let run = || {
        // SAFETY: the thread belongs to this test, and only its network namespace changes.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.expect("root may unshare");
        let up = std::process::Command::new("ip").args(["link", "set", "lo", "up"]).status();
        assert!(up.expect("ip is installed").success());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async {
                let config = NetworkConfig::default();
                let network = Network::open(instance.clone(), config).await.expect("the host side opens");
                test(network).await;
            });
        }));
        drop(runtime);
        let removed = teardown_all(&instance);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
        removed.expect("nothing is left");
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// Notes what it is told, and has each endpoint in place whose interfaces can be dialled from.
#[derive(Debug, Default)]
struct Listener {
    heard: Mutex<Vec<String>>,
}

impl Listener {
    fn note(&self, what: String) {
        self.heard.lock().expect("no test panics inside").push(what);
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().expect("no test panics inside"))
    }
}

#[async_trait]
impl VpcOpened for Listener {
    async fn vpc_opened(&self, _network: &Network, vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        self.note(format!("opened {}", vpc.id));
        Ok(())
    }

    async fn vpc_changed(
        &self,
        _network: &Network,
        vpc: &VpcSnapshot,
    ) -> Result<BTreeSet<String>, VpcOpenError> {
        self.note(format!("changed {}", vpc.id));
        Ok(vpc.endpoints.iter().map(|endpoint| endpoint.id.clone()).collect())
    }

    async fn vpc_closed(&self, vpc_id: &str) {
        self.note(format!("closed {vpc_id}"));
    }
}

fn vpc(id: &str, block: &str, subnet: &str) -> VpcSnapshot {
    VpcSnapshot {
        scope: Scope::new("000000000000", "us-east-1"),
        id: id.into(),
        cidr_blocks: vec![block.into()],
        ipv6_cidr_block: None,
        subnets: vec![SubnetSnapshot {
            id: format!("subnet-of-{id}"),
            cidr_block: subnet.into(),
            ipv6_cidr_block: None,
            availability_zone_id: "use1-az1".into(),
            route_table_id: "rtb-1".into(),
            network_acl_id: "acl-1".into(),
        }],
        route_tables: Vec::new(),
        network_acls: Vec::new(),
        nat_gateways: Vec::new(),
        peering_connections: Vec::new(),
        endpoints: Vec::new(),
        flow_logs: Vec::new(),
        groups: Vec::new(),
        prefix_lists: Vec::new(),
        names: Vec::new(),
        dns_support: true,
        dns_hostnames: true,
    }
}

fn interface(eni_id: &str, address: [u8; 4], subnet_cidr_block: &str) -> Interface {
    Interface {
        eni_id: eni_id.into(),
        vpc_id: "vpc-1".into(),
        vpc_cidr_block: "10.0.0.0/16".into(),
        subnet_id: if address[0] == 10 { "subnet-of-vpc-1".into() } else { "subnet-s3-gateway".into() },
        subnet_cidr_block: subnet_cidr_block.into(),
        address: address.into(),
        mac_address: format!("0a:00:00:00:00:{:02x}", address[3]),
        private_dns_name: String::new(),
        security_groups: Vec::new(),
        public_address: None,
        ipv6_addresses: Vec::new(),
        subnet_ipv6_cidr_block: None,
        names: None,
    }
}

fn endpoint(id: &str, interface: Interface) -> EndpointSnapshot {
    EndpointSnapshot {
        id: id.into(),
        service: "s3".into(),
        interfaces: vec![interface],
        names: Vec::new(),
        policy_document: None,
    }
}

fn nat_gateway(last: u8) -> NatGatewaySnapshot {
    NatGatewaySnapshot {
        id: format!("nat-{last}"),
        eni_id: format!("eni-{last}"),
        subnet_id: "subnet-of-vpc-1".into(),
        private_address: Ipv4Addr::new(10, 0, 0, last),
        public_address: Some(Ipv4Addr::new(127, 80, 0, last)),
    }
}

fn of(vpcs: &[&VpcSnapshot]) -> NetworkSnapshot {
    NetworkSnapshot { vpcs: vpcs.iter().map(|vpc| (*vpc).clone()).collect(), ..NetworkSnapshot::default() }
}

fn ids(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

const START: Duration = Duration::from_secs(100);

/// What the firewall has of interfaces that speak for their clients.
fn front_marks(network: &Network, vpc_id: &str) -> String {
    let namespace = network.vpc_namespace(vpc_id).expect("it is there");
    let list = || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may");
        let words = ["list", "map", "inet", "neargate", "front_marks"];
        let output = std::process::Command::new("nft").args(words).output().expect("nft is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    thread::scope(|scope| scope.spawn(list).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[test]
fn what_is_in_place_follows_the_snapshot() {
    on_a_host("what_is_in_place", |network| async move {
        let listener = Arc::new(Listener::default());
        let kept = Arc::clone(&network);
        let mut networks = NodeNetworks::new(network, vec![Arc::clone(&listener) as Arc<dyn VpcOpened>]);
        let unused = BTreeSet::new();
        let empty = vpc("vpc-1", "10.0.0.0/16", "10.0.0.0/24");
        let full = VpcSnapshot {
            nat_gateways: vec![nat_gateway(9)],
            endpoints: vec![
                endpoint("vpce-1", interface("eni-1", [10, 0, 0, 5], "10.0.0.0/24")),
                endpoint("vpce-2", interface("eni-2", [198, 18, 0, 3], "198.18.0.0/29")),
            ],
            ..empty.clone()
        };
        let balancer = interface("eni-3", [10, 0, 0, 6], "10.0.0.0/24");
        let snapshot = NetworkSnapshot { edges: vec![balancer], ..of(&[&full]) };
        let left = networks.apply(&snapshot, &unused, START).await;
        assert_eq!(left.again_after, None);
        assert_eq!(networks.in_place(), ids(&["eni-3", "nat-9", "vpce-1", "vpce-2"]));
        assert_eq!(listener.heard(), ["opened vpc-1", "changed vpc-1"]);
        let snapshot = NetworkSnapshot { fronts: ids(&["eni-3"]), ..snapshot };
        assert_eq!(networks.apply(&snapshot, &unused, START).await.again_after, None);
        let marks = front_marks(&kept, "vpc-1");
        assert!(marks.contains("0x0a000006"), "{marks}");

        assert_eq!(networks.apply(&snapshot, &unused, START).await.again_after, None);
        assert!(listener.heard().is_empty(), "nothing has changed");

        let left = networks.apply(&of(&[&empty]), &unused, START).await;
        assert_eq!(left.again_after, None);
        assert!(networks.in_place().is_empty());
        assert_eq!(listener.heard(), ["changed vpc-1"]);
    });
}

#[test]
fn peers_are_linked_when_both_are_there() {
    on_a_host("peers", |network| async move {
        let mut networks = NodeNetworks::new(network, Vec::new());
        let unused = BTreeSet::new();
        let peered = |id: &str, block: &str, subnet: &str, peer: &str, peer_block: &str| VpcSnapshot {
            peering_connections: vec![PeeringSnapshot {
                id: "pcx-1".into(),
                peer_vpc_id: peer.into(),
                peer_cidr_blocks: vec![peer_block.into()],
            }],
            ..vpc(id, block, subnet)
        };
        let one = peered("vpc-1", "10.0.0.0/16", "10.0.0.0/24", "vpc-2", "10.2.0.0/16");
        let other = peered("vpc-2", "10.2.0.0/16", "10.2.0.0/24", "vpc-1", "10.0.0.0/16");
        for (vpcs, expect) in [
            (vec![&one], ids(&[])),
            (vec![&one, &other], ids(&["pcx-1"])),
            (vec![&vpc("vpc-1", "10.0.0.0/16", "10.0.0.0/24"), &other], ids(&[])),
        ] {
            assert_eq!(networks.apply(&of(&vpcs), &unused, START).await.again_after, None);
            assert_eq!(networks.in_place(), expect);
        }
    });
}

#[test]
fn an_unused_vpc_is_emptied_at_once_and_removed_later() {
    on_a_host("unused", |network| async move {
        let listener = Arc::new(Listener::default());
        let opened = vec![Arc::clone(&listener) as Arc<dyn VpcOpened>];
        let mut networks = NodeNetworks::new(Arc::clone(&network), opened);
        let full = VpcSnapshot {
            nat_gateways: vec![nat_gateway(9)],
            endpoints: vec![endpoint("vpce-1", interface("eni-1", [10, 0, 0, 5], "10.0.0.0/24"))],
            ..vpc("vpc-1", "10.0.0.0/16", "10.0.0.0/24")
        };
        let (nobody, task) = (BTreeSet::new(), ids(&["vpc-1"]));
        networks.apply(&of(&[&full]), &nobody, START).await;
        listener.heard();

        // A task that is still ending keeps it.
        let left = networks.apply(&of(&[]), &task, START).await;
        assert_eq!(left.again_after, Some(UNUSED_VPC_KEPT));
        assert!(networks.in_place().is_empty(), "nothing goes on in it");
        assert_eq!(listener.heard(), ["changed vpc-1"]);
        let half = UNUSED_VPC_KEPT / 2;
        networks.apply(&of(&[]), &task, START + half).await;
        let left = networks.apply(&of(&[]), &nobody, START + UNUSED_VPC_KEPT).await;
        assert_eq!(left.again_after, Some(half), "it counts from when the task was last seen");
        assert!(network.interfaces("vpc-1").await.is_ok());

        let left = networks.apply(&of(&[]), &nobody, START + UNUSED_VPC_KEPT + half).await;
        assert_eq!(left.again_after, None);
        assert_eq!(listener.heard(), ["closed vpc-1"]);
        assert!(network.interfaces("vpc-1").await.is_err(), "the node has it no more");

        // It may come again.
        networks.apply(&of(&[&full]), &nobody, START + UNUSED_VPC_KEPT * 2).await;
        assert_eq!(networks.in_place(), ids(&["nat-9", "vpce-1"]));
        assert_eq!(listener.heard(), ["opened vpc-1", "changed vpc-1"]);
    });
}
