//! DeleteVpcEndpoints. Routes to them go at once; interfaces when the nodes have told that the endpoint is gone.

use state_model::ec2::VpcEndpoint;
use state_model::ec2::vpc_endpoint::VpcEndpointKind;
use state_tables::{Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DeleteVpcEndpointsRequest, DeleteVpcEndpointsResult, UnsuccessfulItem};

use super::errors::{check_dry_run, invalid_parameter, missing_parameter};
use super::limits::ENDPOINTS_DELETED_MAX;
use super::{Context, endpoint_routes, ids, render};

pub async fn delete_vpc_endpoints(
    context: Context,
    input: DeleteVpcEndpointsRequest,
) -> Result<DeleteVpcEndpointsResult, ServiceError> {
    let any = context.scope.arn("ec2", "vpc-endpoint/*");
    context.authorise("ec2:DeleteVpcEndpoints", &any)?;
    let given = input.vpc_endpoint_ids.unwrap_or_default();
    if given.is_empty() {
        return Err(missing_parameter("VpcEndpointId"));
    }
    let wanted = ids::unique(&given)?;
    if wanted.len() > ENDPOINTS_DELETED_MAX {
        return Err(invalid_parameter(format!(
            "A request can delete at most {ENDPOINTS_DELETED_MAX} endpoints."
        )));
    }
    check_dry_run(input.dry_run)?;
    let mut unsuccessful: Vec<UnsuccessfulItem> = Vec::new();
    // One commit each: two endpoints may have routes in the same table, and a table is written once in a commit.
    for id in wanted {
        let deleted = context.transact(|view, transaction| delete(&context, view, transaction, id)).await;
        match deleted {
            Ok(()) => {}
            Err(error)
                if error.code == ids::VPC_ENDPOINT.not_found || error.code == ids::VPC_ENDPOINT.malformed =>
            {
                unsuccessful.push(render::unsuccessful(id, &error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(DeleteVpcEndpointsResult { unsuccessful: Some(unsuccessful) })
}

fn delete(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    id: &str,
) -> Result<(), ServiceError> {
    let row = ids::VPC_ENDPOINT.row(&view.vpc_endpoints, &context.scope, id)?;
    if row.deleted_at.is_some() {
        return Ok(());
    }
    let mut endpoint = VpcEndpoint { deleted_at: Some(context.now), ..VpcEndpoint::clone(row.record()) };
    if let VpcEndpointKind::Gateway { route_table_ids } = &mut endpoint.kind {
        endpoint_routes::remove(view, transaction, row, route_table_ids.iter());
        route_table_ids.clear();
    }
    transaction.update(row, &endpoint);
    Ok(())
}
