//! What a node is told of VPCs.

use std::net::Ipv4Addr;

use control_loops::network::{may_differ, snapshot};
use link_protocol::network::{RouteTargetSnapshot, VpcSnapshot};
use state_model::Scope;
use state_model::ec2::flow_log::{FlowLog, FlowLogTraffic};
use state_model::ec2::nat_gateway::NatElasticIp;
use state_model::ec2::network_acl::{NetworkAcl, NetworkAclAssociation};
use state_model::ec2::prefix_list::{PrefixList, PrefixListEntry, s3_prefix_list_id};
use state_model::ec2::route_table::{Route, RouteTable, RouteTableAssociation, RouteTarget};
use state_model::ec2::security_group::{RulePeer, RuleProtocol};
use state_model::ec2::vpc_endpoint::{VpcEndpoint, VpcEndpointKind};
use state_model::ec2::vpc_peering_connection::{PeeredVpc, PeeringStatus, VpcPeeringConnection};
use state_model::ec2::{InternetGateway, NatGateway, NetworkInterface, SecurityGroup, Subnet, Vpc};
use state_model::ecs::task::{TaskIntent, TaskNetwork};
use state_tables::View;
use stdx::clock::Timestamp;

use crate::in_place::nat_gateway;
use crate::installation::{Installation, intent, scope, start_without_loops};
use crate::load_balancing;

pub const NODE: &str = "node-1";

pub fn vpc(id: &str, cidr_block: &str) -> Vpc {
    Vpc {
        scope: scope(),
        id: id.into(),
        cidr_block: cidr_block.into(),
        cidr_association_id: "vpc-cidr-assoc-1".into(),
        is_default: false,
        dhcp_options_id: "dopt-1".into(),
        enable_dns_support: true,
        enable_dns_hostnames: true,
        enable_network_address_usage_metrics: false,
        secondary_blocks: Vec::new(),
        ipv6_block: None,
        tags: Default::default(),
    }
}

pub fn subnet(id: &str, vpc_id: &str, cidr_block: &str) -> Subnet {
    Subnet {
        scope: scope(),
        id: id.into(),
        vpc_id: vpc_id.into(),
        cidr_block: cidr_block.into(),
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

/// The main table when `subnets` is empty.
pub fn route_table(id: &str, vpc_id: &str, routes: &[(&str, RouteTarget)], subnets: &[&str]) -> RouteTable {
    let routes = routes.iter().map(|(destination, target)| Route {
        destination: (*destination).to_owned(),
        target: target.clone(),
        made_with_table: *target == RouteTarget::Local,
    });
    let associations: Vec<Option<String>> = match subnets {
        [] => vec![None],
        some => some.iter().map(|id| Some((*id).to_owned())).collect(),
    };
    RouteTable {
        scope: scope(),
        id: id.into(),
        vpc_id: vpc_id.into(),
        routes: routes.collect(),
        associations: associations
            .into_iter()
            .map(|subnet_id| RouteTableAssociation { id: "rtbassoc-1".into(), subnet_id })
            .collect(),
        tags: Default::default(),
    }
}

pub fn network_acl(id: &str, vpc_id: &str, subnets: &[&str]) -> NetworkAcl {
    let associations = subnets.iter().map(|subnet_id| NetworkAclAssociation {
        id: "aclassoc-1".into(),
        subnet_id: (*subnet_id).to_owned(),
    });
    NetworkAcl {
        scope: scope(),
        id: id.into(),
        vpc_id: vpc_id.into(),
        is_default: true,
        entries: Vec::new(),
        associations: associations.collect(),
        tags: Default::default(),
    }
}

pub fn interface(
    id: &str,
    vpc_id: &str,
    subnet_id: &str,
    address: [u8; 4],
    groups: &[&str],
) -> NetworkInterface {
    NetworkInterface {
        scope: scope(),
        id: id.into(),
        vpc_id: vpc_id.into(),
        subnet_id: subnet_id.into(),
        availability_zone: "us-east-1a".into(),
        address: address.into(),
        mac_address: "0a:00:00:00:00:01".into(),
        private_dns_name: "ip.ec2.internal".into(),
        description: String::new(),
        security_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        task_key: String::new(),
        load_balancer_key: None,
        nat_gateway_id: None,
        vpc_endpoint_id: None,
        public_address: None,
        secondary_addresses: Vec::new(),
        ipv6_addresses: Vec::new(),
        source_dest_check: true,
        attachment_id: String::new(),
        created_at: Timestamp::from_secs(1),
        tags: Default::default(),
    }
}

pub fn peering(id: &str, other: &str, status: PeeringStatus) -> VpcPeeringConnection {
    let side =
        |vpc_id: &str| PeeredVpc { scope: scope(), vpc_id: vpc_id.into(), allow_dns_resolution: false };
    let json = serde_json::json!({
        "scope": scope(), "id": id, "requester": side("vpc-1"), "accepter": side(other), "status": status,
        "created_at": Timestamp::from_secs(1), "changed_at": Timestamp::from_secs(1),
    });
    serde_json::from_value(json).expect("a record")
}

fn endpoint(id: &str, service: &str, kind: VpcEndpointKind) -> VpcEndpoint {
    VpcEndpoint {
        scope: scope(),
        id: id.into(),
        vpc_id: "vpc-1".into(),
        service_name: format!("com.amazonaws.us-east-1.{service}"),
        kind,
        policy_document: None,
        created_at: Timestamp::from_secs(1),
        deleted_at: None,
        client_token: None,
        tags: Default::default(),
    }
}

pub fn prefix_list(id: &str, blocks: [&str; 2]) -> PrefixList {
    PrefixList {
        scope: scope(),
        id: id.into(),
        name: "offices".into(),
        address_family: "IPv4".into(),
        max_entries: 5,
        version: 1,
        entries: blocks.map(|block| PrefixListEntry { cidr_block: block.into(), description: None }).to_vec(),
        history: Default::default(),
        last_change: "create".into(),
        client_token: None,
        tags: Default::default(),
    }
}

fn flow_log(id: &str, resource_id: &str) -> FlowLog {
    FlowLog {
        scope: scope(),
        id: id.into(),
        resource_id: resource_id.into(),
        traffic: FlowLogTraffic::All,
        log_group_name: "flows".into(),
        deliver_logs_permission_arn: None,
        log_format: "${version}".into(),
        max_aggregation_interval_secs: 60,
        created_at: Timestamp::from_secs(1),
        client_token: None,
        tags: Default::default(),
    }
}

pub fn group(id: &str, vpc_id: &str, peers: &[RulePeer]) -> SecurityGroup {
    let rules = peers.iter().map(|peer| (RuleProtocol::Tcp, 80, 80, peer.clone()));
    SecurityGroup { vpc_id: vpc_id.into(), ..load_balancing::group(id, rules.collect()) }
}

pub fn of_group(id: &str) -> RulePeer {
    RulePeer::Group { id: id.into(), account: scope().account }
}

pub fn told(view: &View, id: &str) -> Option<VpcSnapshot> {
    snapshot(view, NODE).vpcs.into_iter().find(|vpc| vpc.id == id)
}

/// VPC vpc-1 with its one subnet, table and ACL.
pub async fn start() -> Installation {
    let one = start_without_loops().await;
    let local = [("10.0.0.0/16", RouteTarget::Local)];
    one.put(&route_table("rtb-1", "vpc-1", &local, &[])).await;
    one.put(&network_acl("acl-1", "vpc-1", &["subnet-1"])).await;
    one
}

pub async fn place(one: &Installation, id: &str, groups: &[&str], public: bool) {
    place_intent(one, intent(id), groups, public).await;
}

pub async fn place_intent(one: &Installation, mut intent: TaskIntent, groups: &[&str], public: bool) {
    let security_groups = groups.iter().map(|group| (*group).to_owned()).collect();
    intent.network = TaskNetwork { security_groups, assign_public_ip: public, ..intent.network };
    one.run(&intent).await;
    let offer = control_plan::placement::NodeOffer { name: NODE.into(), capacity: Default::default() };
    let pool = load_balancing::pool("203.0.113.0/24");
    control_loops::placement::activate(one.context.clone(), vec![offer], pool).await.expect("it is placed");
}

#[tokio::test]
async fn a_vpc_is_on_the_node_while_something_of_it_is_needed_there() {
    let one = start().await;
    let is_there = || told(&one.state.view(), "vpc-1").is_some();
    one.put(&interface("eni-user", "vpc-1", "subnet-1", [10, 0, 0, 7], &[])).await;
    assert!(!is_there(), "an interface of nobody's needs no node");
    let gateway = nat_gateway("nat-1", "vpc-1", "subnet-1");
    one.put(&gateway).await;
    assert!(is_there());
    let deleted_at = Some(Timestamp::from_secs(2));
    one.put(&NatGateway { deleted_at, ..gateway }).await;
    assert!(!is_there());
    let kind = VpcEndpointKind::Gateway { route_table_ids: Vec::new() };
    let endpoint = endpoint("vpce-1", "s3", kind);
    one.put(&endpoint).await;
    assert!(is_there());
    one.put(&VpcEndpoint { deleted_at, ..endpoint }).await;
    assert!(!is_there());
    place(&one, "t1", &[], false).await;
    assert!(is_there());
}

#[tokio::test]
async fn peers_of_a_needed_vpc_are_needed_too() {
    let one = start().await;
    one.put(&vpc("vpc-2", "10.2.0.0/16")).await;
    one.put(&vpc("vpc-3", "10.3.0.0/16")).await;
    one.put(&peering("pcx-2", "vpc-2", PeeringStatus::Active)).await;
    one.put(&peering("pcx-3", "vpc-3", PeeringStatus::PendingAcceptance)).await;
    assert!(snapshot(&one.state.view(), NODE).vpcs.is_empty());
    place(&one, "t1", &[], false).await;
    let view = one.state.view();
    let ids: Vec<String> = snapshot(&view, NODE).vpcs.into_iter().map(|vpc| vpc.id).collect();
    assert_eq!(ids, ["vpc-1", "vpc-2"]);
    for (vpc, peer, block) in [("vpc-1", "vpc-2", "10.2.0.0/16"), ("vpc-2", "vpc-1", "10.0.0.0/16")] {
        let peerings = told(&view, vpc).expect("it is there").peering_connections;
        let [peering] = peerings.as_slice() else { panic!("{peerings:?}") };
        assert_eq!((peering.id.as_str(), peering.peer_vpc_id.as_str()), ("pcx-2", peer));
        assert_eq!(peering.peer_cidr_blocks, [block]);
    }
}

#[tokio::test]
async fn routes_lead_to_what_the_node_holds() {
    let one = start().await;
    one.put(&prefix_list("pl-1", ["192.0.2.0/24", "198.51.100.0/24"])).await;
    one.put(&InternetGateway {
        scope: scope(),
        id: "igw-1".into(),
        vpc_id: Some("vpc-1".into()),
        tags: Default::default(),
    })
    .await;
    let elastic = NatElasticIp {
        allocation_id: "eipalloc-1".into(),
        association_id: "eipassoc-1".into(),
        public_address: Ipv4Addr::new(203, 0, 113, 5),
    };
    one.put(&NatGateway { elastic_ip: Some(elastic), ..nat_gateway("nat-1", "vpc-1", "subnet-1") }).await;
    one.put(&vpc("vpc-2", "10.2.0.0/16")).await;
    one.put(&peering("pcx-2", "vpc-2", PeeringStatus::Active)).await;
    one.put(&endpoint("vpce-1", "s3", VpcEndpointKind::Gateway { route_table_ids: vec!["rtb-2".into()] }))
        .await;
    let s3 = s3_prefix_list_id("us-east-1");
    let routes = [
        ("10.0.0.0/16", RouteTarget::Local),
        ("pl-1", RouteTarget::NatGateway("nat-1".into())),
        ("192.0.2.0/24", RouteTarget::InternetGateway("igw-1".into())),
        ("10.2.0.0/16", RouteTarget::VpcPeeringConnection("pcx-2".into())),
        ("10.9.0.0/16", RouteTarget::VpcPeeringConnection("pcx-gone".into())),
        ("10.8.0.0/16", RouteTarget::NetworkInterface("eni-gone".into())),
        ("0.0.0.0/0", RouteTarget::InternetGateway("igw-other".into())),
        (s3.as_str(), RouteTarget::VpcEndpoint("vpce-1".into())),
    ];
    one.put(&route_table("rtb-2", "vpc-1", &routes, &["subnet-1"])).await;

    let view = one.state.view();
    let vpc = told(&view, "vpc-1").expect("it has a gateway");
    assert_eq!(vpc.subnets[0].route_table_id, "rtb-2");
    let [table] = vpc.route_tables.as_slice() else {
        panic!("the main table is nobody's: {:?}", vpc.route_tables)
    };
    let found: Vec<(&str, RouteTargetSnapshot)> =
        table.routes.iter().map(|route| (route.destination.as_str(), route.target.clone())).collect();
    assert_eq!(
        found,
        [
            ("10.0.0.0/16", RouteTargetSnapshot::Local),
            // The block's own route comes before the list's.
            ("192.0.2.0/24", RouteTargetSnapshot::InternetGateway),
            ("10.2.0.0/16", RouteTargetSnapshot::Peering("pcx-2".into())),
            ("10.9.0.0/16", RouteTargetSnapshot::Blackhole),
            ("10.8.0.0/16", RouteTargetSnapshot::Blackhole),
            ("0.0.0.0/0", RouteTargetSnapshot::Blackhole),
            ("198.51.100.0/24", RouteTargetSnapshot::NatGateway("nat-1".into())),
            ("198.18.0.3/32", RouteTargetSnapshot::Endpoint("vpce-1".into())),
        ]
    );
    assert_eq!(vpc.nat_gateways[0].public_address, Some(Ipv4Addr::new(203, 0, 113, 5)));
    let addresses = snapshot(&view, NODE).host_addresses;
    assert!(addresses.contains(&Ipv4Addr::new(203, 0, 113, 5)), "the host has what isn't loopback");
}

#[tokio::test]
async fn groups_know_their_members_elsewhere_and_in_peered_vpcs() {
    let one = start().await;
    one.put(&vpc("vpc-2", "10.2.0.0/16")).await;
    one.put(&subnet("subnet-2", "vpc-2", "10.2.0.0/24")).await;
    one.put(&peering("pcx-2", "vpc-2", PeeringStatus::Active)).await;
    let foreign = RulePeer::PrefixList(s3_prefix_list_id("us-east-1"));
    let peers = [of_group("sg-peered"), of_group("sg-stranger"), of_group("sg-1"), foreign];
    one.put(&group("sg-1", "vpc-1", &peers)).await;
    one.put(&group("sg-peered", "vpc-2", &[])).await;
    one.put(&group("sg-stranger", "vpc-9", &[])).await;
    one.put(&interface("eni-2", "vpc-2", "subnet-2", [10, 2, 0, 4], &["sg-peered"])).await;
    one.put(&interface("eni-9", "vpc-9", "subnet-9", [10, 9, 0, 4], &["sg-stranger"])).await;
    one.put(&interface("eni-1", "vpc-1", "subnet-1", [10, 0, 0, 250], &["sg-1"])).await;
    place(&one, "t1", &["sg-1"], false).await;

    let vpc = told(&one.state.view(), "vpc-1").expect("it has a task");
    let found: Vec<(&str, usize, &[Ipv4Addr])> = vpc
        .groups
        .iter()
        .map(|group| (group.id.as_str(), group.rules().len(), group.remote_members.as_slice()))
        .collect();
    let (here, there) = ([Ipv4Addr::new(10, 0, 0, 250)], [Ipv4Addr::new(10, 2, 0, 4)]);
    assert_eq!(found, [("sg-1", 4, &here[..]), ("sg-peered", 0, &there[..]), ("sg-stranger", 0, &[])]);
    let [list] = vpc.prefix_lists.as_slice() else { panic!("{:?}", vpc.prefix_lists) };
    assert_eq!(list.cidr_blocks, ["198.18.0.3/32"]);
}

#[tokio::test]
async fn endpoints_have_interfaces_and_names() {
    let one = start().await;
    let interfaces = [("subnet-1".to_owned(), "eni-7".to_owned())].into();
    let kind = VpcEndpointKind::Interface {
        interfaces,
        security_groups: vec!["sg-1".into()],
        private_dns_enabled: true,
    };
    let registry = endpoint("vpce-7", "ecr.dkr", kind);
    one.put(&registry).await;
    let owned = NetworkInterface {
        vpc_endpoint_id: Some("vpce-7".into()),
        ..interface("eni-7", "vpc-1", "subnet-1", [10, 0, 0, 7], &["sg-1"])
    };
    one.put(&owned).await;
    one.put(&endpoint("vpce-8", "s3", VpcEndpointKind::Gateway { route_table_ids: Vec::new() })).await;

    let vpc = told(&one.state.view(), "vpc-1").expect("it has endpoints");
    let names = |index: usize| {
        let names = vpc.endpoints[index].names.iter();
        names.map(|name| (name.name.clone(), name.addresses.clone())).collect::<Vec<_>>()
    };
    let here = vec![Ipv4Addr::new(10, 0, 0, 7)];
    let expected = [
        registry.dns_name(),
        registry.zonal_dns_name("us-east-1a"),
        "*.dkr.ecr.us-east-1.amazonaws.com".to_owned(),
    ];
    assert_eq!(names(0), expected.map(|name| (name, here.clone())));
    assert_eq!(vpc.endpoints[0].interfaces[0].security_groups, ["sg-1"]);
    let gateway = &vpc.endpoints[1];
    assert_eq!(gateway.service, "s3");
    assert!(
        names(1).contains(&("*.s3.us-east-1.amazonaws.com".to_owned(), vec![Ipv4Addr::new(198, 18, 0, 3)]))
    );
    let listener = &gateway.interfaces[0];
    assert_eq!((listener.eni_id.as_str(), listener.address), ("eni-8", Ipv4Addr::new(198, 18, 0, 3)));
    let group =
        vpc.groups.iter().find(|group| group.id == "sg-1").expect("the endpoint's interface is in it");
    assert!(group.remote_members.is_empty(), "its interface is on the node");
}

#[tokio::test]
async fn flow_logs_belong_to_the_vpc_of_what_they_watch() {
    let one = start().await;
    one.put(&interface("eni-1", "vpc-1", "subnet-1", [10, 0, 0, 7], &[])).await;
    for (id, resource) in [("fl-1", "vpc-1"), ("fl-2", "subnet-1"), ("fl-3", "eni-1"), ("fl-4", "eni-gone")] {
        one.put(&flow_log(id, resource)).await;
    }
    let vpc = told(&one.state.view(), "vpc-1").expect("it is watched");
    let ids: Vec<&str> = vpc.flow_logs.iter().map(|log| log.id.as_str()).collect();
    assert_eq!(ids, ["fl-1", "fl-2", "fl-3"]);
}

#[tokio::test]
async fn public_names_lead_to_private_addresses_inside() {
    let one = start().await;
    place(&one, "t1", &[], true).await;
    let view = one.state.view();
    let (_, interface) = view.network_interfaces.iter().next().expect("the task's");
    let [.., last] = interface.public_address.expect("it asked for one").octets();
    let name = format!("ec2-203-0-113-{last}.compute-1.amazonaws.com");
    let vpc = told(&view, "vpc-1").expect("it has a task");
    let found = vpc.names.iter().find(|named| named.name == name).expect("the name is known");
    assert_eq!(found.addresses, [interface.address]);
    let addresses = snapshot(&view, NODE).host_addresses;
    assert!(addresses.contains(&Ipv4Addr::new(203, 0, 113, last)));
}

#[tokio::test]
async fn only_what_networks_are_made_of_makes_a_new_snapshot() {
    let one = start().await;
    let before = one.state.view();
    one.run_task("t1").await;
    assert!(!may_differ(&before, &one.state.view()), "a task that waits");
    one.put(&group("sg-1", "vpc-1", &[])).await;
    assert!(may_differ(&before, &one.state.view()), "a rule");
    assert!(!may_differ(&before, &before));
}

#[tokio::test]
async fn vpcs_of_other_accounts_and_regions_are_their_own() {
    let one = start().await;
    let elsewhere = Scope::new("000000000000", "eu-west-1");
    one.put(&Vpc { scope: elsewhere.clone(), ..vpc("vpc-e", "10.0.0.0/16") }).await;
    let gateway = NatGateway { scope: elsewhere.clone(), ..nat_gateway("nat-e", "vpc-e", "subnet-e") };
    one.put(&gateway).await;
    let view = one.state.view();
    assert_eq!(told(&view, "vpc-e").map(|vpc| vpc.scope), Some(elsewhere));
    assert_eq!(told(&view, "vpc-1"), None);
}
