//! A peering connection, as either side sees it.

use state_model::Scope;
use state_model::ec2::VpcPeeringConnection;
use state_model::ec2::vpc_peering_connection::{PeeredVpc, PeeringStatus};
use state_tables::View;
use stdx::clock::Timestamp;
use wire_schema::Instant;
use wire_shapes_network::ec2 as wire;
use wire_shapes_network::ec2::VpcPeeringConnectionStateReasonCode as Code;

use crate::ec2::{peering, tags};

/// `viewer` is the side that asks: tags are its own, and the other's addresses are told once the connection is there.
pub fn vpc_peering_connection(
    view: &View,
    connection: &VpcPeeringConnection,
    viewer: &Scope,
    now: Timestamp,
) -> wire::VpcPeeringConnection {
    let is_pending = connection.status_at(now) == PeeringStatus::PendingAcceptance;
    wire::VpcPeeringConnection {
        accepter_vpc_info: Some(side(view, connection, &connection.accepter, viewer)),
        expiration_time: is_pending.then(|| Instant::from_millis(connection.expires_at().as_millis())),
        requester_vpc_info: Some(side(view, connection, &connection.requester, viewer)),
        status: Some(status(view, connection, now)),
        tags: Some(if *viewer == connection.scope { tags::render(&connection.tags) } else { Vec::new() }),
        vpc_peering_connection_id: Some(connection.id.clone()),
        ..Default::default()
    }
}

pub fn arn(scope: &Scope, id: &str) -> String {
    scope.arn("ec2", &format!("vpc-peering-connection/{id}"))
}

fn side(
    view: &View,
    connection: &VpcPeeringConnection,
    side: &PeeredVpc,
    viewer: &Scope,
) -> wire::VpcPeeringConnectionVpcInfo {
    let is_told = connection.is_active() || side.scope.account == viewer.account;
    let vpc = view.vpcs.get(&side.scope.key(&side.vpc_id)).filter(|_| is_told);
    wire::VpcPeeringConnectionVpcInfo {
        cidr_block: vpc.map(|vpc| vpc.cidr_block.clone()),
        cidr_block_set: vpc.map(|vpc| {
            let blocks = vpc.cidr_blocks();
            blocks.map(|block| wire::CidrBlock { cidr_block: Some(block.to_owned()) }).collect()
        }),
        ipv6_cidr_block_set: vpc
            .and_then(|vpc| vpc.ipv6_block.as_ref())
            .map(|block| vec![wire::Ipv6CidrBlock { ipv6_cidr_block: Some(block.cidr_block.clone()) }]),
        owner_id: Some(side.scope.account.clone()),
        peering_options: connection.is_active().then(|| options(side)),
        region: Some(side.scope.region.clone()),
        vpc_id: Some(side.vpc_id.clone()),
    }
}

fn options(side: &PeeredVpc) -> wire::VpcPeeringConnectionOptionsDescription {
    wire::VpcPeeringConnectionOptionsDescription {
        allow_dns_resolution_from_remote_vpc: Some(side.allow_dns_resolution),
        allow_egress_from_local_classic_link_to_remote_vpc: Some(false),
        allow_egress_from_local_vpc_to_remote_classic_link: Some(false),
        ..Default::default()
    }
}

pub fn status(
    view: &View,
    connection: &VpcPeeringConnection,
    now: Timestamp,
) -> wire::VpcPeeringConnectionStateReason {
    let code = peering::shown_code(view, connection, now);
    let accepter = &connection.accepter.scope.account;
    let message = match &code {
        Code::PendingAcceptance => format!("Pending Acceptance by {accepter}"),
        Code::Failed => String::from("Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"),
        Code::Rejected => format!("Rejected by {accepter}"),
        Code::Deleted | Code::Deleting => {
            let who = connection.deleted_by.as_ref().unwrap_or(&connection.scope.account);
            let word = if code == Code::Deleted { "Deleted" } else { "Deleting" };
            format!("{word} by {who}")
        }
        Code::Expired => String::from("Expired"),
        Code::Provisioning => String::from("Provisioning"),
        _ => String::from("Active"),
    };
    wire::VpcPeeringConnectionStateReason { code: Some(code), message: Some(message) }
}
