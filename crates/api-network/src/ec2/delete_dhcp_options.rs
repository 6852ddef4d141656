//! DeleteDhcpOptions: of a set that no VPC has.

use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteDhcpOptionsRequest;

use super::dependents::dependency_violation;
use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids, region_dhcp_options};

pub async fn delete_dhcp_options(
    context: Context,
    input: DeleteDhcpOptionsRequest,
) -> Result<Empty, ServiceError> {
    let id = input.dhcp_options_id.ok_or_else(|| missing_parameter("dhcpOptionsId"))?;
    context.authorise("ec2:DeleteDhcpOptions", &context.scope.arn("ec2", &format!("dhcp-options/{id}")))?;
    context
        .transact(|view, transaction| {
            region_dhcp_options::check(view, &context.scope, &id)?;
            if view.vpcs.any_by("dhcp-options", &context.scope.key(&id)) {
                return Err(dependency_violation("dhcpOptions", &id));
            }
            let row = ids::DHCP_OPTIONS.row(&view.dhcp_options, &context.scope, &id)?;
            check_dry_run(input.dry_run)?;
            transaction.delete(row);
            Ok(Empty {})
        })
        .await
}
