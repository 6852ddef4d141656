use std::net::Ipv4Addr;
use std::sync::Arc;

use link_protocol::network::{EndpointSnapshot, FlowLogSnapshot};
use state_model::Scope;
use state_model::ec2::SecurityGroup;
use state_model::ec2::flow_log::FlowLogTraffic;

use super::*;

fn cidr<B: FromStr<Err = NetworkError>>(text: &str) -> B {
    text.parse().expect("a block")
}

fn snapshot() -> VpcSnapshot {
    VpcSnapshot {
        scope: Scope::new("000000000000", "us-east-1"),
        id: "vpc-1".into(),
        cidr_blocks: vec!["10.0.0.0/16".into(), "10.1.0.0/16".into()],
        ipv6_cidr_block: None,
        subnets: vec![SubnetSnapshot {
            id: "subnet-1".into(),
            cidr_block: "10.0.0.0/24".into(),
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

fn table(routes: &[(&str, RouteTargetSnapshot)]) -> RouteTableSnapshot {
    let routes = routes.iter().map(|(destination, target)| RouteSnapshot {
        destination: (*destination).to_owned(),
        target: target.clone(),
    });
    RouteTableSnapshot { id: "rtb-1".into(), routes: routes.collect() }
}

/// S3's gateway in the VPC.
fn gateway_endpoint() -> EndpointSnapshot {
    let listener = Interface {
        eni_id: "eni-8".into(),
        vpc_id: "vpc-1".into(),
        vpc_cidr_block: "10.0.0.0/16".into(),
        subnet_id: "subnet-s3-gateway".into(),
        subnet_cidr_block: "198.18.0.0/29".into(),
        address: Ipv4Addr::new(198, 18, 0, 3),
        mac_address: "06:00:c6:12:00:03".into(),
        private_dns_name: String::new(),
        security_groups: Vec::new(),
        public_address: None,
        ipv6_addresses: Vec::new(),
        subnet_ipv6_cidr_block: None,
        names: None,
    };
    EndpointSnapshot {
        id: "vpce-8".into(),
        service: "s3".into(),
        interfaces: vec![listener],
        names: Vec::new(),
        policy_document: None,
    }
}

#[test]
fn a_vpc_without_anything_is_isolated() {
    let config = vpc_config(&snapshot()).expect("its blocks are blocks");
    let subnet = SubnetConfig {
        id: "subnet-1".into(),
        cidr: cidr("10.0.0.0/24"),
        ipv6_cidr: None,
        route_table: None,
        acl: None,
    };
    let blocks = vec![cidr("10.0.0.0/16"), cidr("10.1.0.0/16")];
    assert_eq!(config, VpcConfig::isolated("vpc-1".into(), blocks, vec![subnet]));
}

#[test]
fn a_vpc_with_ipv6_says_so() {
    let mut snapshot = VpcSnapshot { ipv6_cidr_block: Some("2001:db8:1::/56".into()), ..snapshot() };
    snapshot.subnets[0].ipv6_cidr_block = Some("2001:db8:1:7::/64".into());
    let peer_cidr_blocks = vec!["10.2.0.0/16".into(), "2001:db8:2::/56".into()];
    snapshot.peering_connections =
        vec![PeeringSnapshot { id: "pcx-1".into(), peer_vpc_id: "vpc-2".into(), peer_cidr_blocks }];
    let config = vpc_config(&snapshot).expect("its blocks are blocks");
    assert_eq!(config.ipv6_cidr, Some(cidr("2001:db8:1::/56")));
    assert_eq!(config.subnets[0].ipv6_cidr, Some(cidr("2001:db8:1:7::/64")));
    assert_eq!(config.peerings[0].peer_cidrs, [cidr("10.2.0.0/16"), cidr("2001:db8:2::/56")]);
    let pool = Ipv6PoolSnapshot { cidr_block: "2001:db8::/32".into(), masquerade: true };
    let told = ipv6_pool(&pool).expect("its block is one");
    assert_eq!(told, Ipv6Pool { cidr: cidr("2001:db8::/32"), masquerade: true });
    snapshot.subnets[0].ipv6_cidr_block = Some("10.0.0.0/24".into());
    assert!(vpc_config(&snapshot).is_err());
}

#[test]
fn icmpv6_has_types_as_icmp_has() {
    let check = |protocol, from_port, to_port, expect: Traffic| {
        let rule = SecurityGroupRule {
            id: "sgr-1".into(),
            is_egress: false,
            protocol,
            from_port,
            to_port,
            peer: RulePeer::Ipv6("2001:db8::/32".into()),
            description: None,
            tags: Default::default(),
        };
        let told = group_rule(&rule).expect("a rule");
        assert_eq!(told, GroupRule { traffic: expect, peer: Peer::Cidr(cidr("2001:db8::/32")) });
    };
    check(RuleProtocol::Number(58), 128, -1, Traffic::Icmpv6 { kind: Some(128), code: None });
    check(RuleProtocol::Number(58), -1, -1, Traffic::Icmpv6 { kind: None, code: None });
    check(RuleProtocol::Icmp, 8, 0, Traffic::Icmp { kind: Some(8), code: Some(0) });
    check(RuleProtocol::All, -1, -1, Traffic::All);
}

#[test]
fn a_block_that_is_none_is_refused() {
    assert!(vpc_config(&VpcSnapshot { cidr_blocks: vec!["nonsense".into()], ..snapshot() }).is_err());
}

#[test]
fn every_kind_of_route_has_its_target() {
    for (destination, target, expect) in [
        ("10.0.0.0/16", RouteTargetSnapshot::Local, Some(RouteTarget::Local)),
        ("0.0.0.0/0", RouteTargetSnapshot::InternetGateway, Some(RouteTarget::InternetGateway)),
        (
            "0.0.0.0/0",
            RouteTargetSnapshot::NatGateway("nat-1".into()),
            Some(RouteTarget::NatGateway("nat-1".into())),
        ),
        (
            "10.2.0.0/16",
            RouteTargetSnapshot::Peering("pcx-1".into()),
            Some(RouteTarget::Peering("pcx-1".into())),
        ),
        (
            "10.3.0.0/16",
            RouteTargetSnapshot::Interface(Ipv4Addr::new(10, 0, 0, 9)),
            Some(RouteTarget::Interface(Ipv4Addr::new(10, 0, 0, 9))),
        ),
        ("198.18.0.3/32", RouteTargetSnapshot::Endpoint("vpce-1".into()), Some(RouteTarget::Local)),
        ("10.4.0.0/16", RouteTargetSnapshot::Blackhole, Some(RouteTarget::Blackhole)),
        ("::/0", RouteTargetSnapshot::InternetGateway, Some(RouteTarget::InternetGateway)),
        (
            "::/0",
            RouteTargetSnapshot::EgressOnlyInternetGateway,
            Some(RouteTarget::EgressOnlyInternetGateway),
        ),
    ] {
        let snapshot = VpcSnapshot { route_tables: vec![table(&[(destination, target)])], ..snapshot() };
        let config = vpc_config(&snapshot).expect("its blocks are blocks");
        assert_eq!(config.subnets[0].route_table.as_deref(), Some("rtb-1"));
        let found = config.route_tables[0].routes.first();
        let expect = expect.map(|target| RouteConfig { destination: cidr(destination), target });
        assert_eq!(found, expect.as_ref(), "{destination}");
    }
}

#[test]
fn only_tables_with_the_route_lead_to_a_gateway_endpoint() {
    let s3 = ("198.18.0.3/32", RouteTargetSnapshot::Endpoint("vpce-8".into()));
    for (routes, expect) in [(vec![s3], RouteTarget::Local), (Vec::new(), RouteTarget::Blackhole)] {
        let snapshot = VpcSnapshot {
            route_tables: vec![table(&routes)],
            endpoints: vec![gateway_endpoint()],
            ..snapshot()
        };
        let config = vpc_config(&snapshot).expect("its blocks are blocks");
        let route = RouteConfig { destination: cidr("198.18.0.3/32"), target: expect };
        assert_eq!(config.route_tables[0].routes, [route]);
        let link = &config.subnets[1];
        assert_eq!((link.id.as_str(), link.cidr), ("subnet-s3-gateway", cidr("198.18.0.0/29")));
    }
}

#[test]
fn acl_entries_are_sorted_and_read_as_traffic() {
    let entry = |rule_number: i32, is_egress: bool, protocol: &str, cidr_block: &str| NetworkAclEntry {
        rule_number,
        is_egress,
        is_allow: rule_number % 2 == 0,
        protocol: protocol.into(),
        cidr_block: cidr_block.into(),
        ports: None,
        icmp: None,
    };
    let acl = NetworkAclSnapshot {
        id: "acl-1".into(),
        entries: vec![
            entry(32_767, false, "-1", "0.0.0.0/0"),
            NetworkAclEntry { ports: Some((80, 81)), ..entry(200, false, "6", "10.0.0.0/8") },
            entry(100, false, "17", "10.0.0.0/8"),
            entry(300, false, "50", "10.0.0.0/8"),
            entry(301, false, "-1", "::/0"),
            NetworkAclEntry { icmp: Some((8, -1)), ..entry(302, false, "1", "10.0.0.0/8") },
            NetworkAclEntry { icmp: Some((128, -1)), ..entry(304, false, "58", "2001:db8::/32") },
            entry(32_768, false, "-1", "::/0"),
            entry(100, true, "-1", "0.0.0.0/0"),
            entry(32_767, true, "-1", "0.0.0.0/0"),
        ],
    };
    let config =
        vpc_config(&VpcSnapshot { network_acls: vec![acl], ..snapshot() }).expect("its blocks are blocks");
    assert_eq!(config.subnets[0].acl.as_deref(), Some("acl-1"));
    let allow = |traffic, block: &str| AclEntry { traffic, cidr: cidr(block), allows: true };
    let AclConfig { ingress, egress, .. } = &config.acls[0];
    assert_eq!(
        *ingress,
        [
            allow(Traffic::Udp { from_port: 0, to_port: u16::MAX }, "10.0.0.0/8"),
            allow(Traffic::Tcp { from_port: 80, to_port: 81 }, "10.0.0.0/8"),
            allow(Traffic::Protocol(50), "10.0.0.0/8"),
            AclEntry { allows: false, ..allow(Traffic::All, "::/0") },
            allow(Traffic::Icmp { kind: Some(8), code: None }, "10.0.0.0/8"),
            allow(Traffic::Icmpv6 { kind: Some(128), code: None }, "2001:db8::/32"),
        ]
    );
    assert_eq!(*egress, [allow(Traffic::All, "0.0.0.0/0")]);
}

#[test]
fn gateways_peers_and_flow_logs_are_passed_on() {
    let gateway = NatGatewaySnapshot {
        id: "nat-1".into(),
        eni_id: "eni-1".into(),
        subnet_id: "subnet-1".into(),
        private_address: Ipv4Addr::new(10, 0, 0, 9),
        public_address: Some(Ipv4Addr::new(127, 80, 0, 9)),
    };
    let peering = PeeringSnapshot {
        id: "pcx-1".into(),
        peer_vpc_id: "vpc-2".into(),
        peer_cidr_blocks: vec!["10.2.0.0/16".into()],
    };
    let flow_log = FlowLogSnapshot {
        id: "fl-1".into(),
        resource_id: "vpc-1".into(),
        traffic: FlowLogTraffic::All,
        log_group_name: "flows".into(),
        log_format: String::new(),
        max_aggregation_interval_secs: 60,
    };
    let snapshot = VpcSnapshot {
        nat_gateways: vec![gateway],
        peering_connections: vec![peering],
        flow_logs: vec![flow_log],
        ..snapshot()
    };
    let config = vpc_config(&snapshot).expect("its blocks are blocks");
    let [gateway] = config.nat_gateways.as_slice() else { panic!("{:?}", config.nat_gateways) };
    assert_eq!((gateway.id.as_str(), gateway.subnet.as_str()), ("nat-1", "subnet-1"));
    assert_eq!(gateway.public_address, Some(Ipv4Addr::new(127, 80, 0, 9)));
    assert_eq!(config.peerings[0].peer_cidrs, [cidr("10.2.0.0/16")]);
    assert!(config.counts_flows);
}

#[test]
fn rules_name_blocks_groups_and_lists() {
    let rule = |is_egress: bool, peer: RulePeer| SecurityGroupRule {
        id: "sgr-1".into(),
        is_egress,
        protocol: RuleProtocol::Tcp,
        from_port: 443,
        to_port: 443,
        peer,
        description: None,
        tags: Default::default(),
    };
    let rules = vec![
        rule(false, RulePeer::Ipv4("10.0.0.0/8".into())),
        rule(false, RulePeer::Ipv6("::/0".into())),
        rule(false, RulePeer::Group { id: "sg-2".into(), account: "000000000000".into() }),
        rule(true, RulePeer::PrefixList("pl-1".into())),
    ];
    let group = SecurityGroup {
        scope: Scope::new("000000000000", "us-east-1"),
        id: "sg-1".into(),
        vpc_id: "vpc-1".into(),
        name: "web".into(),
        description: String::new(),
        rules,
        tags: Default::default(),
    };
    let remote_members = vec![Ipv4Addr::new(10, 2, 0, 4)];
    let remote_members_v6 = vec!["2001:db8::4".parse().expect("an address")];
    let snapshot =
        GroupSnapshot { id: "sg-1".into(), group: Some(Arc::new(group)), remote_members, remote_members_v6 };
    let traffic = Traffic::Tcp { from_port: 443, to_port: 443 };
    let told = group_rules(&snapshot);
    assert_eq!(
        told.ingress,
        [
            GroupRule { traffic, peer: Peer::Cidr(cidr("10.0.0.0/8")) },
            GroupRule { traffic, peer: Peer::Cidr(IpCidr::EVERYWHERE_V6) },
            GroupRule { traffic, peer: Peer::Group("sg-2".into()) },
        ]
    );
    assert_eq!(told.egress, [GroupRule { traffic, peer: Peer::PrefixList("pl-1".into()) }]);
    assert_eq!(told.remote_members, [IpAddr::V4(Ipv4Addr::new(10, 2, 0, 4)), "2001:db8::4".parse().unwrap()]);
    let list = PrefixListSnapshot {
        id: "pl-1".into(),
        cidr_blocks: vec!["192.0.2.0/24".into(), "2001:db8::/32".into()],
    };
    assert_eq!(prefix_list(&list).cidrs, [cidr("192.0.2.0/24"), cidr("2001:db8::/32")]);
}
