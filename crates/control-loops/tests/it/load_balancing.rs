//! A store with load balancers in it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use control_loops::LoopContext;
use control_loops::balancers;
use control_loops::driver::Activation;
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroupRule};
use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::{SecurityGroup, Subnet, Vpc};
use state_model::elbv2::action::{Forward, WeightedTargetGroup};
use state_model::elbv2::load_balancer::{LoadBalancerKind, LoadBalancerSubnet, Scheme};
use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
use state_model::elbv2::{Action, Listener, LoadBalancer, Target, TargetGroup};
use state_store::memory::MemoryStore;
use state_tables::public_addresses::PublicPool;
use state_tables::transaction::FreelyWritten;
use state_tables::{State, Transaction};
use state_telemetry::metrics::{self, MetricStore};
use stdx::clock::{FakeClock, Timestamp};
use stdx::random::SeededRandom;
use stdx_async::supervisor;

use crate::installation::scope;

pub const NODE: &str = "node-1";

pub struct LoadBalancing {
    pub state: Arc<State>,
    pub context: LoopContext,
    pub pool: PublicPool,
    pub metrics: MetricStore,
    _folder: tempfile::TempDir,
}

pub fn pool(cidr: &str) -> PublicPool {
    PublicPool(Ipv4Block::parse(cidr).expect("a block"))
}

pub async fn start() -> LoadBalancing {
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty store loads");
    supervisor::spawn("feed", feed.run());
    let clock = FakeClock::at(Timestamp::from_secs(1_000));
    let context = LoopContext { state: Arc::clone(&state), clock, random: SeededRandom::shared(1) };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let metrics = MetricStore::open(folder.path(), metrics::Config::default(), context.clock.clone());
    let metrics = metrics.expect("an empty store opens");
    let this = LoadBalancing { state, context, pool: pool("127.80.0.0/16"), metrics, _folder: folder };
    this.put(&Vpc {
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
    })
    .await;
    for (zone, cidr) in [("a", "10.0.0.0/24"), ("b", "10.0.1.0/24"), ("c", "10.0.2.0/28")] {
        this.put(&Subnet {
            scope: scope(),
            id: format!("subnet-{zone}"),
            vpc_id: "vpc-1".into(),
            cidr_block: cidr.into(),
            availability_zone: format!("us-east-1{zone}"),
            availability_zone_id: format!("use1-az-{zone}"),
            default_for_az: true,
            map_public_ip_on_launch: true,
            ipv6_block: None,
            assign_ipv6_address_on_creation: false,
            hostname_type: None,
            enable_resource_name_dns_a_record: false,
            enable_resource_name_dns_aaaa_record: false,
            tags: Default::default(),
        })
        .await;
    }
    this
}

impl LoadBalancing {
    pub async fn put<R: FreelyWritten>(&self, record: &R) {
        let mut transaction = Transaction::new();
        transaction.put(record);
        self.state.commit(transaction).await.expect("the store takes it");
    }

    pub async fn delete_load_balancer(&self, key: &str) {
        let mut transaction = Transaction::new();
        transaction.delete(self.state.view().elb_load_balancers.get(key).expect("it is there"));
        self.state.commit(transaction).await.expect("the store takes it");
    }

    pub async fn delete_public_address(&self, address: Ipv4Addr) {
        let mut transaction = Transaction::new();
        let view = self.state.view();
        transaction.delete(view.public_addresses.get(&address.to_string()).expect("it is there"));
        self.state.commit(transaction).await.expect("the store takes it");
    }

    /// Runs the loop until it has nothing to do; returns how often it had.
    pub async fn settle(&self) -> usize {
        let mut count = 0;
        while balancers::activate(self.context.clone(), NODE, self.pool).await.expect("it commits")
            == Activation::Again
        {
            count += 1;
            assert!(count < 100, "the loop never settles");
        }
        count
    }
}

pub fn load_balancer(name: &str, kind: LoadBalancerKind, scheme: Scheme, zones: &[&str]) -> LoadBalancer {
    LoadBalancer {
        scope: scope(),
        kind,
        name: name.into(),
        id: "0123456789abcdef".into(),
        dns_name: format!("{name}-1.us-east-1.elb.neargate.internal"),
        scheme,
        vpc_id: "vpc-1".into(),
        ip_address_type: "ipv4".into(),
        subnets: zones.iter().map(|zone| subnet(zone)).collect(),
        security_groups: vec!["sg-1".into()],
        attributes: Default::default(),
        tags: Default::default(),
        created_at: Timestamp::from_secs(1),
    }
}

pub fn subnet(zone: &str) -> LoadBalancerSubnet {
    LoadBalancerSubnet {
        subnet_id: format!("subnet-{zone}"),
        availability_zone: format!("us-east-1{zone}"),
        private_ipv4_address: None,
        allocation_id: None,
    }
}

pub fn group(id: &str, rules: Vec<(RuleProtocol, i32, i32, RulePeer)>) -> SecurityGroup {
    let rules = rules.into_iter().map(|(protocol, from_port, to_port, peer)| SecurityGroupRule {
        id: format!("sgr-{from_port}"),
        is_egress: false,
        protocol,
        from_port,
        to_port,
        peer,
        description: None,
        tags: Default::default(),
    });
    SecurityGroup {
        scope: scope(),
        id: id.into(),
        vpc_id: "vpc-1".into(),
        name: id.into(),
        description: String::new(),
        rules: rules.collect(),
        tags: Default::default(),
    }
}

pub fn target_group(name: &str) -> TargetGroup {
    TargetGroup {
        scope: scope(),
        name: name.into(),
        id: "fedcba9876543210".into(),
        protocol: "HTTP".into(),
        port: 80,
        protocol_version: ProtocolVersion::Http1,
        vpc_id: "vpc-1".into(),
        target_type: TargetType::Ip,
        health_check: HealthCheck {
            protocol: "HTTP".into(),
            port: "traffic-port".into(),
            path: Some("/".into()),
            interval_secs: 30,
            timeout_secs: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Some("200".into()),
        },
        ip_address_type: "ipv4".into(),
        attributes: Default::default(),
        tags: Default::default(),
        created_at: Timestamp::from_secs(1),
    }
}

pub fn listener(load_balancer: &LoadBalancer, port: u16, group: &TargetGroup) -> Listener {
    let target_groups = vec![WeightedTargetGroup { arn: group.arn(), weight: 1 }];
    Listener {
        scope: scope(),
        load_balancer: load_balancer.path(),
        id: format!("{port:016x}"),
        protocol: "HTTP".into(),
        port,
        default_action: Action::Forward(Forward { target_groups, ..Forward::default() }),
        default_rule_id: "0000000000000001".into(),
        certificates: Vec::new(),
        ssl_policy: None,
        alpn_policy: None,
        attributes: Default::default(),
        tags: Default::default(),
        default_rule_tags: Default::default(),
        created_at: Timestamp::from_secs(1),
    }
}

pub fn target(group: &TargetGroup, address: Ipv4Addr, zone: &str) -> Target {
    Target {
        scope: scope(),
        target_group: group.path(),
        target_id: address.to_string(),
        port: 80,
        availability_zone: Some(zone.into()),
        registered_at: Timestamp::from_secs(2),
        deregistered_at: None,
        task_key: None,
    }
}
