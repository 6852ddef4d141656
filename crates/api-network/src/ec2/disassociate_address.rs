//! DisassociateAddress: the Elastic IP address stays, and stands for nothing.

use state_model::ec2::ElasticIp;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DisassociateAddressRequest;

use super::errors::{check_dry_run, invalid_parameter_combination, missing_parameter};
use super::{Context, elastic_ip_lookup};

pub async fn disassociate_address(
    context: Context,
    input: DisassociateAddressRequest,
) -> Result<Empty, ServiceError> {
    let any = context.scope.arn("ec2", "elastic-ip/*");
    context.authorise("ec2:DisassociateAddress", &any)?;
    context
        .transact(|view, transaction| {
            let row = match (&input.association_id, &input.public_ip) {
                (Some(_), Some(_)) => {
                    return Err(invalid_parameter_combination(
                        "You may specify public IP or association id, but not both in the same call",
                    ));
                }
                (Some(id), None) => elastic_ip_lookup::by_association(view, &context.scope, id)?,
                (None, Some(text)) => elastic_ip_lookup::by_address(view, &context.scope, text)?,
                (None, None) => return Err(missing_parameter("associationId")),
            };
            elastic_ip_lookup::check_movable(view, row)?;
            check_dry_run(input.dry_run)?;
            if row.association.is_some() {
                transaction.update(row, &ElasticIp { association: None, ..ElasticIp::clone(row.record()) });
            }
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
