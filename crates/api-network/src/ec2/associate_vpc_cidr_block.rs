//! AssociateVpcCidrBlock: one more IPv4 block for a VPC, or its IPv6 block. Every route table of it gets a route there.

use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::vpc::BlockAssociation;
use state_model::ec2::vpc_peering_connection::PeeringStatus;
use state_model::ec2::{RouteTable, Vpc};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    AssociateVpcCidrBlockRequest, AssociateVpcCidrBlockResult, VpcCidrBlockStateCode,
};

use super::address_blocks::{self, invalid_vpc_range};
use super::errors::{invalid_parameter_combination, missing_parameter};
use super::limits::{BLOCKS_PER_VPC_MAX, IPV6_BLOCKS_PER_VPC_MAX};
use super::unsupported::{ForeignIpv6, check_no_ipam};
use super::{Context, ids, render, vpc_ipv6};
use crate::defaults::local_route;

pub async fn associate_vpc_cidr_block(
    context: Context,
    input: AssociateVpcCidrBlockRequest,
) -> Result<AssociateVpcCidrBlockResult, ServiceError> {
    let vpc_id = input.vpc_id.clone().ok_or_else(|| missing_parameter("vpcId"))?;
    context.authorise("ec2:AssociateVpcCidrBlock", &context.scope.arn("ec2", &format!("vpc/{vpc_id}")))?;
    if wants_ipv6(&context, &input)? {
        return associate_ipv6(&context, vpc_id).await;
    }
    let block = wanted_block(&input)?;
    address_blocks::check_vpc_block(block, context.service.public_pool.0)?;
    let added = BlockAssociation {
        id: ids::new_id("vpc-cidr-assoc", &*context.random),
        cidr_block: address_blocks::text(block),
    };
    context
        .transact(|view, transaction| {
            let row = ids::VPC.row(&view.vpcs, &context.scope, &vpc_id)?;
            check_room(view, row, block)?;
            let mut vpc = Vpc::clone(row.record());
            vpc.secondary_blocks.push(added.clone());
            transaction.update(row, &vpc);
            for row in view.route_tables.by("vpc", &context.scope.key(&vpc_id)) {
                let mut table = RouteTable::clone(row.record());
                let locals = table.routes.iter().filter(|route| route.made_with_table).count();
                table.routes.insert(locals, local_route(&added.cidr_block));
                transaction.update(row, &table);
            }
            Ok(())
        })
        .await?;
    Ok(AssociateVpcCidrBlockResult {
        cidr_block_association: Some(render::vpc::block(&added, VpcCidrBlockStateCode::Associating)),
        ipv6_cidr_block_association: None,
        vpc_id: Some(vpc_id),
    })
}

fn wants_ipv6(context: &Context, input: &AssociateVpcCidrBlockRequest) -> Result<bool, ServiceError> {
    let given = vpc_ipv6::Given {
        amazon_provided: input.amazon_provided_ipv6_cidr_block,
        block: input.ipv6_cidr_block.as_ref(),
        border_group: input.ipv6_cidr_block_network_border_group.as_ref(),
        foreign: ForeignIpv6 {
            ipam_pool: input.ipv6_ipam_pool_id.is_some(),
            netmask_length: input.ipv6_netmask_length.is_some(),
            pool: input.ipv6_pool.is_some(),
        },
    };
    let wanted = vpc_ipv6::is_wanted(context, given)?;
    if wanted && input.cidr_block.is_some() {
        let message = "A request associates either an IPv4 or an IPv6 CIDR block.";
        return Err(invalid_parameter_combination(message));
    }
    Ok(wanted)
}

async fn associate_ipv6(
    context: &Context,
    vpc_id: String,
) -> Result<AssociateVpcCidrBlockResult, ServiceError> {
    let added = context
        .transact(|view, transaction| {
            let row = ids::VPC.row(&view.vpcs, &context.scope, &vpc_id)?;
            if row.ipv6_block.is_some() {
                return Err(too_many_blocks(&vpc_id, IPV6_BLOCKS_PER_VPC_MAX));
            }
            let added = vpc_ipv6::give(context, view, transaction)?;
            vpc_ipv6::check_unrouted(view, row, &added.cidr_block)?;
            let mut vpc = Vpc::clone(row.record());
            vpc.ipv6_block = Some(added.clone());
            transaction.update(row, &vpc);
            vpc_ipv6::spread(context, view, transaction, row, &added.cidr_block);
            Ok(added)
        })
        .await?;
    let state = VpcCidrBlockStateCode::Associating;
    Ok(AssociateVpcCidrBlockResult {
        cidr_block_association: None,
        ipv6_cidr_block_association: Some(render::vpc::ipv6_block(&context.scope, &added, state)),
        vpc_id: Some(vpc_id),
    })
}

fn too_many_blocks(vpc_id: &str, count_max: usize) -> ServiceError {
    let message = format!("This network '{vpc_id}' has met its maximum number of allowed CIDRs: {count_max}");
    ServiceError::caller("CidrLimitExceeded", message)
}

fn wanted_block(input: &AssociateVpcCidrBlockRequest) -> Result<Ipv4Block, ServiceError> {
    check_no_ipam(input.ipv4_ipam_pool_id.as_ref(), input.ipv4_netmask_length)?;
    let text = input.cidr_block.as_deref().filter(|text| !text.is_empty());
    address_blocks::parse(text.ok_or_else(|| missing_parameter("cidrBlock"))?, "cidrBlock")
}

fn check_room(view: &View, vpc: &Vpc, added: Ipv4Block) -> Result<(), ServiceError> {
    let text = address_blocks::text(added);
    if let Some(primary) = Ipv4Block::parse(&vpc.cidr_block) {
        address_blocks::check_secondary_block(primary, added)?;
    }
    if let Some(present) = overlapping(vpc, added) {
        return Err(invalid_vpc_range(format!(
            "CIDR block {text} overlaps with pre-existing CIDR block {present} from this VPC."
        )));
    }
    if vpc.cidr_blocks().count() >= BLOCKS_PER_VPC_MAX {
        return Err(too_many_blocks(&vpc.id, BLOCKS_PER_VPC_MAX));
    }
    let key = vpc.scope.key(&vpc.id);
    let connections = view.vpc_peering_connections.by("vpc", &key);
    let living = connections.filter(|connection| {
        matches!(connection.status, PeeringStatus::Active | PeeringStatus::PendingAcceptance)
    });
    let mut peers = living.filter_map(|connection| {
        let side = connection.other_side(&vpc.id)?;
        view.vpcs.get(&side.scope.key(&side.vpc_id))
    });
    if let Some(peer) = peers.find(|peer| overlapping(peer, added).is_some()) {
        return Err(invalid_vpc_range(format!(
            "The CIDR '{text}' overlaps with the peered VPC {}.",
            peer.id
        )));
    }
    // What a table sends elsewhere today would silently stay inside the VPC.
    let mut tables = view.route_tables.by("vpc", &key);
    let covers = |destination: &str| {
        Ipv4Block::parse(destination).is_some_and(|route| address_blocks::is_within(route, added))
    };
    match tables.find(|table| table.routes.iter().any(|route| covers(&route.destination))) {
        Some(table) => Err(invalid_vpc_range(format!(
            "The CIDR '{text}' is equal to or larger than the destination of a route in route table {}.",
            table.id
        ))),
        None => Ok(()),
    }
}

/// The block of the VPC that has addresses in common with `added`.
fn overlapping(vpc: &Vpc, added: Ipv4Block) -> Option<&str> {
    vpc.cidr_blocks().find(|present| {
        Ipv4Block::parse(present).is_some_and(|present| address_blocks::overlap(present, added))
    })
}
