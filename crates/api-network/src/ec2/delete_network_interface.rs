//! DeleteNetworkInterface: of one of the caller's own. Elastic IP addresses that stood for it stay.

use state_model::ec2::ElasticIp;
use state_model::ec2::network_interface::InterfaceOwner;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteNetworkInterfaceRequest;

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::{Context, client_tokens, ids, interface_lookup, render};

pub async fn delete_network_interface(
    context: Context,
    input: DeleteNetworkInterfaceRequest,
) -> Result<Empty, ServiceError> {
    let id = input.network_interface_id.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| missing_parameter("networkInterfaceId"))?;
    context.authorise(
        "ec2:DeleteNetworkInterface",
        &context.scope.arn("ec2", &format!("network-interface/{id}")),
    )?;
    context
        .transact(|view, transaction| {
            let row = ids::NETWORK_INTERFACE.row(&view.network_interfaces, &context.scope, &id)?;
            if render::network_interface::is_attached(view, row) {
                return Err(invalid_parameter_value(format!(
                    "Network interface '{id}' is currently in use."
                )));
            }
            if row.owner() != InterfaceOwner::User {
                return Err(interface_lookup::requester_managed(&id));
            }
            check_dry_run(input.dry_run)?;
            for address in view.elastic_ips.by("interface", &context.scope.key(&id)) {
                transaction
                    .update(address, &ElasticIp { association: None, ..ElasticIp::clone(address.record()) });
            }
            client_tokens::forget(view, transaction, &context.scope, &id);
            transaction.delete(row);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
