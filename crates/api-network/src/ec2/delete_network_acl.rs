//! DeleteNetworkAcl: of one that no subnet has. The default one stays as long as its VPC.

use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteNetworkAclRequest;

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::{Context, client_tokens, ids};

pub async fn delete_network_acl(
    context: Context,
    input: DeleteNetworkAclRequest,
) -> Result<Empty, ServiceError> {
    let id = input.network_acl_id.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| missing_parameter("networkAclId"))?;
    context.authorise("ec2:DeleteNetworkAcl", &context.scope.arn("ec2", &format!("network-acl/{id}")))?;
    context
        .transact(|view, transaction| {
            let row = ids::NETWORK_ACL.row(&view.network_acls, &context.scope, &id)?;
            if row.is_default {
                return Err(invalid_parameter_value(format!("cannot delete default network ACL {id}")));
            }
            if !row.associations.is_empty() {
                let message = format!("The networkAcl '{id}' has dependencies and cannot be deleted.");
                return Err(ServiceError::caller("DependencyViolation", message));
            }
            check_dry_run(input.dry_run)?;
            client_tokens::forget(view, transaction, &context.scope, &id);
            transaction.delete(row);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
