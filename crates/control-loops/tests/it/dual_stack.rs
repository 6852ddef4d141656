//! What a node is told of VPCs with IPv6, and which addresses tasks get there.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use control_loops::network::{may_differ, snapshot};
use link_protocol::network::{Ipv6PoolSnapshot, RouteTargetSnapshot};
use state_model::ec2::prefix_list::{PrefixList, PrefixListEntry};
use state_model::ec2::route_table::RouteTarget;
use state_model::ec2::security_group::RulePeer;
use state_model::ec2::vpc::BlockAssociation;
use state_model::ec2::vpc_peering_connection::PeeringStatus;
use state_model::ec2::{EgressOnlyInternetGateway, Ipv6Block, Ipv6Pool, NetworkInterface, Subnet, Vpc};
use state_model::ecs::account_setting::AccountSetting;
use state_model::ecs::task::{PlacementOutcome, TaskIntent};

use crate::installation::{Installation, intent, scope};
use crate::network::{self as net, NODE};

const VPC_BLOCK: &str = "2001:db8:0:100::/56";
const SUBNET_BLOCK: &str = "2001:db8:0:107::/64";
const PEER_BLOCK: &str = "2001:db8:0:200::/56";

fn block(cidr_block: &str) -> Option<BlockAssociation> {
    Some(BlockAssociation { id: format!("cidr-assoc-{cidr_block}"), cidr_block: cidr_block.to_owned() })
}

/// As [`net::start`], with IPv6.
async fn start() -> Installation {
    let one = net::start().await;
    one.put(&Vpc { ipv6_block: block(VPC_BLOCK), ..net::vpc("vpc-1", "10.0.0.0/16") }).await;
    one.put(&Subnet { ipv6_block: block(SUBNET_BLOCK), ..net::subnet("subnet-1", "vpc-1", "10.0.0.0/24") })
        .await;
    one
}

/// The addresses of the tasks' interfaces and those of their placements.
fn addresses(one: &Installation) -> (Vec<Ipv6Addr>, Vec<Ipv6Addr>) {
    let view = one.state.view();
    let interfaces = view.network_interfaces.iter();
    let of_interfaces = interfaces.flat_map(|(_, interface)| interface.ipv6_addresses.clone());
    let placements = view.task_placements.iter().filter_map(|(_, placement)| match &placement.outcome {
        PlacementOutcome::Placed(placed) => placed.ipv6_address,
        PlacementOutcome::Refused { .. } => None,
    });
    (
        of_interfaces.collect::<BTreeSet<_>>().into_iter().collect(),
        placements.collect::<BTreeSet<_>>().into_iter().collect(),
    )
}

#[tokio::test]
async fn tasks_get_an_address_of_each_family() {
    let one = start().await;
    for number in 0..8 {
        net::place(&one, &format!("t{number}"), &[], false).await;
    }
    let (of_interfaces, of_placements) = addresses(&one);
    assert_eq!(of_interfaces.len(), 8, "all are different");
    assert_eq!(of_interfaces, of_placements);
    let inside = Ipv6Block::parse(SUBNET_BLOCK).expect("a block");
    assert!(of_interfaces.iter().all(|address| inside.contains(*address)));
}

#[tokio::test]
async fn the_account_setting_and_the_subnet_decide() {
    let one = net::start().await;
    net::place(&one, "t1", &[], false).await;
    assert_eq!(addresses(&one), (Vec::new(), Vec::new()), "the subnet has no IPv6");
    let one = start().await;
    let setting = |principal: Option<&str>, value: &str| AccountSetting {
        scope: scope(),
        principal_arn: principal.map(str::to_owned),
        name: "dualStackIPv6".into(),
        value: value.into(),
    };
    one.put(&setting(None, "disabled")).await;
    net::place(&one, "t2", &[], false).await;
    assert_eq!(addresses(&one).0.len(), 0);
    // Whoever made the task has a setting of his own.
    let creator = "arn:aws:iam::000000000000:user/me";
    one.put(&setting(Some(creator), "enabled")).await;
    let intent = TaskIntent { created_by: creator.into(), ..intent("t3") };
    net::place_intent(&one, intent, &[], false).await;
    assert_eq!(addresses(&one).0.len(), 1);
}

#[tokio::test]
async fn a_node_knows_the_blocks_and_where_they_come_from() {
    let one = start().await;
    net::place(&one, "t1", &[], false).await;
    assert_eq!(snapshot(&one.state.view(), NODE).ipv6_pool, None);
    let before = one.state.view();
    for masquerade in [true, false] {
        one.put(&Ipv6Pool { cidr_block: "2001:db8::/48".into(), is_unique_local: masquerade }).await;
        let told = snapshot(&one.state.view(), NODE).ipv6_pool;
        assert_eq!(told, Some(Ipv6PoolSnapshot { cidr_block: "2001:db8::/48".into(), masquerade }));
    }
    assert!(may_differ(&before, &one.state.view()));
    let vpc = net::told(&one.state.view(), "vpc-1").expect("it has a task");
    assert_eq!(vpc.ipv6_cidr_block.as_deref(), Some(VPC_BLOCK));
    assert_eq!(vpc.cidr_blocks, ["10.0.0.0/16"]);
    assert_eq!(vpc.subnets[0].ipv6_cidr_block.as_deref(), Some(SUBNET_BLOCK));
    let last: Vec<(i32, bool, &str)> = vpc.network_acls[0]
        .entries
        .iter()
        .map(|entry| (entry.rule_number, entry.is_allow, entry.cidr_block.as_str()))
        .collect();
    assert_eq!(last, [(32768, false, "::/0"), (32768, false, "::/0")]);
}

#[tokio::test]
async fn ipv6_routes_lead_to_gateways_until_they_are_gone() {
    let one = start().await;
    let gateway = EgressOnlyInternetGateway {
        scope: scope(),
        id: "eigw-1".into(),
        vpc_id: "vpc-1".into(),
        client_token: None,
        tags: Default::default(),
    };
    one.put(&gateway).await;
    one.put(&Vpc { ipv6_block: block(PEER_BLOCK), ..net::vpc("vpc-2", "10.2.0.0/16") }).await;
    one.put(&net::peering("pcx-2", "vpc-2", PeeringStatus::Active)).await;
    let list = ["2001:db8:9::/48", "2001:db8:8::/48"];
    one.put(&PrefixList {
        address_family: "IPv6".into(),
        entries: list.map(|block| PrefixListEntry { cidr_block: block.into(), description: None }).to_vec(),
        ..net::prefix_list("pl-6", ["10.0.0.0/8", "11.0.0.0/8"])
    })
    .await;
    let to_gateway = || RouteTarget::EgressOnlyInternetGateway("eigw-1".into());
    let routes = [
        ("10.0.0.0/16", RouteTarget::Local),
        (VPC_BLOCK, RouteTarget::Local),
        ("::/0", to_gateway()),
        ("pl-6", to_gateway()),
        (PEER_BLOCK, RouteTarget::VpcPeeringConnection("pcx-2".into())),
    ];
    one.put(&net::route_table("rtb-2", "vpc-1", &routes, &["subnet-1"])).await;
    net::place(&one, "t1", &[], false).await;

    let targets = || {
        let vpc = net::told(&one.state.view(), "vpc-1").expect("it has a task");
        assert_eq!(vpc.peering_connections[0].peer_cidr_blocks, ["10.2.0.0/16", PEER_BLOCK]);
        let routes = vpc.route_tables[0].routes.iter().skip(1);
        routes.map(|route| (route.destination.clone(), route.target.clone())).collect::<Vec<_>>()
    };
    let expected = |way_out: RouteTargetSnapshot| {
        [
            (VPC_BLOCK, RouteTargetSnapshot::Local),
            ("::/0", way_out.clone()),
            (PEER_BLOCK, RouteTargetSnapshot::Peering("pcx-2".into())),
            (list[0], way_out.clone()),
            (list[1], way_out),
        ]
        .map(|(destination, target)| (destination.to_owned(), target))
    };
    assert_eq!(targets(), expected(RouteTargetSnapshot::EgressOnlyInternetGateway));
    let view = one.state.view();
    let row = view.egress_only_internet_gateways.get(&scope().key("eigw-1")).expect("it is there");
    let mut transaction = state_tables::Transaction::new();
    transaction.delete(row);
    one.state.commit(transaction).await.expect("it is deleted");
    assert_eq!(targets(), expected(RouteTargetSnapshot::Blackhole));
}

#[tokio::test]
async fn groups_have_members_of_both_families() {
    let one = start().await;
    one.put(&net::vpc("vpc-2", "10.2.0.0/16")).await;
    one.put(&net::subnet("subnet-2", "vpc-2", "10.2.0.0/24")).await;
    one.put(&net::peering("pcx-2", "vpc-2", PeeringStatus::Active)).await;
    let peers: [RulePeer; 2] = [net::of_group("sg-peered"), RulePeer::Ipv6("::/0".into())];
    one.put(&net::group("sg-1", "vpc-1", &peers)).await;
    one.put(&net::group("sg-peered", "vpc-2", &[])).await;
    let addresses: Vec<Ipv6Addr> =
        ["2001:db8:0:200::9", "2001:db8:0:200::8"].map(|text| text.parse().expect("an address")).to_vec();
    one.put(&NetworkInterface {
        ipv6_addresses: addresses,
        ..net::interface("eni-2", "vpc-2", "subnet-2", [10, 2, 0, 4], &["sg-peered"])
    })
    .await;
    net::place(&one, "t1", &["sg-1"], false).await;
    let vpc = net::told(&one.state.view(), "vpc-1").expect("it has a task");
    let peered = vpc.groups.iter().find(|group| group.id == "sg-peered").expect("a rule names it");
    let told: Vec<String> = peered.remote_members_v6.iter().map(Ipv6Addr::to_string).collect();
    assert_eq!(
        (peered.remote_members.len(), told),
        (1, vec!["2001:db8:0:200::8".into(), "2001:db8:0:200::9".into()])
    );
    let own = vpc.groups.iter().find(|group| group.id == "sg-1").expect("the task is in it");
    assert!(own.remote_members_v6.is_empty(), "the node knows its own");
}
