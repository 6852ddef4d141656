//! ModifyVpcPeeringConnectionOptions: whether the other side resolves a side's public names to private addresses.

use state_model::Scope;
use state_model::ec2::VpcPeeringConnection;
use state_model::ec2::vpc_peering_connection::PeeredVpc;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::{check_dry_run, invalid_parameter_combination, missing_parameter};
use super::{Context, peering, render};

pub async fn modify_vpc_peering_connection_options(
    context: Context,
    input: wire::ModifyVpcPeeringConnectionOptionsRequest,
) -> Result<wire::ModifyVpcPeeringConnectionOptionsResult, ServiceError> {
    let id = input.vpc_peering_connection_id.ok_or_else(|| missing_parameter("vpcPeeringConnectionId"))?;
    let arn = render::vpc_peering_connection::arn(&context.scope, &id);
    context.authorise("ec2:ModifyVpcPeeringConnectionOptions", &arn)?;
    let accepter = input.accepter_peering_connection_options.as_ref();
    let requester = input.requester_peering_connection_options.as_ref();
    if accepter.is_none() && requester.is_none() {
        return Err(missing_parameter(
            "RequesterPeeringConnectionOptions or AccepterPeeringConnectionOptions",
        ));
    }
    for options in accepter.iter().chain(&requester) {
        check_supported(options)?;
    }
    let modified = context
        .transact(|view, transaction| {
            let row = peering::find(view, &context.scope, &id, context.now)?;
            if !row.is_active() {
                return Err(peering::not_permitted(format!(
                    "Peering {id} is not active. Peering options can be added only to active peerings."
                )));
            }
            let mut connection = VpcPeeringConnection::clone(row.record());
            change(view, &context.scope, &id, &mut connection.accepter, accepter)?;
            change(view, &context.scope, &id, &mut connection.requester, requester)?;
            check_dry_run(input.dry_run)?;
            transaction.update(row, &connection);
            Ok(connection)
        })
        .await?;
    Ok(wire::ModifyVpcPeeringConnectionOptionsResult {
        accepter_peering_connection_options: accepter.map(|_| shown(&modified.accepter)),
        requester_peering_connection_options: requester.map(|_| shown(&modified.requester)),
    })
}

fn check_supported(options: &wire::PeeringConnectionOptionsRequest) -> Result<(), ServiceError> {
    let links = options.allow_egress_from_local_classic_link_to_remote_vpc == Some(true)
        || options.allow_egress_from_local_vpc_to_remote_classic_link == Some(true);
    if links {
        return Err(invalid_parameter_combination("ClassicLink is not supported."));
    }
    if options.allow_multipath_resilience == Some(true) || options.multipath_resilience_mode.is_some() {
        return Err(invalid_parameter_combination(
            "Multipath resilience is not supported: a connection has one path here.",
        ));
    }
    Ok(())
}

fn change(
    view: &View,
    scope: &Scope,
    id: &str,
    side: &mut PeeredVpc,
    options: Option<&wire::PeeringConnectionOptionsRequest>,
) -> Result<(), ServiceError> {
    let Some(allow) = options.and_then(|options| options.allow_dns_resolution_from_remote_vpc) else {
        return Ok(());
    };
    if side.scope != *scope {
        return Err(peering::not_permitted(format!(
            "User {} cannot modify the options of the other side of peering {id}",
            scope.account
        )));
    }
    let vpc = view.vpcs.get(&side.scope.key(&side.vpc_id));
    let resolves = vpc.is_some_and(|vpc| vpc.enable_dns_support && vpc.enable_dns_hostnames);
    if allow && !resolves {
        return Err(peering::not_permitted(format!(
            "DNS resolution needs both enableDnsSupport and enableDnsHostnames of {}.",
            side.vpc_id
        )));
    }
    side.allow_dns_resolution = allow;
    Ok(())
}

fn shown(side: &PeeredVpc) -> wire::PeeringConnectionOptions {
    wire::PeeringConnectionOptions {
        allow_dns_resolution_from_remote_vpc: Some(side.allow_dns_resolution),
        allow_egress_from_local_classic_link_to_remote_vpc: Some(false),
        allow_egress_from_local_vpc_to_remote_classic_link: Some(false),
        ..Default::default()
    }
}
