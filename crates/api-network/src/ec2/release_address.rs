//! ReleaseAddress: gives an Elastic IP address back to the pool.

use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::ReleaseAddressRequest;

use super::errors::{
    check_dry_run, invalid_parameter_combination, invalid_parameter_value, missing_parameter,
};
use super::{Context, ids};

pub async fn release_address(context: Context, input: ReleaseAddressRequest) -> Result<Empty, ServiceError> {
    let any = context.scope.arn("ec2", "elastic-ip/*");
    context.authorise("ec2:ReleaseAddress", &any)?;
    let allocation_id = match (&input.allocation_id, &input.public_ip) {
        (Some(_), Some(_)) => {
            return Err(invalid_parameter_combination(
                "You may specify public IP or allocation id, but not both in the same call",
            ));
        }
        (Some(id), None) => id,
        (None, Some(_)) => {
            return Err(invalid_parameter_value(
                "You must specify an allocation id when releasing a VPC elastic IP address",
            ));
        }
        (None, None) => return Err(missing_parameter("allocationId")),
    };
    if let Some(group) = input.network_border_group.as_ref().filter(|group| **group != context.scope.region) {
        return Err(invalid_parameter_value(format!(
            "Value ({group}) for parameter networkBorderGroup is invalid."
        )));
    }
    context
        .transact(|view, transaction| {
            let row = ids::ELASTIC_IP.row(&view.elastic_ips, &context.scope, allocation_id)?;
            // A load balancer that is to have it says so before its interface is there.
            if row.association.is_some()
                || view.elb_load_balancers.any_by("allocation", &row.scope.key(&row.id))
            {
                let message = format!("Address {} is in use.", row.public_address);
                return Err(ServiceError::caller("InvalidIPAddress.InUse", message));
            }
            check_dry_run(input.dry_run)?;
            transaction.delete(row);
            if let Some(taken) = view.public_addresses.get(&row.public_address.to_string()) {
                transaction.delete(taken);
            }
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
