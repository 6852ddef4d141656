//! DeleteSecurityGroup: of a group that nothing uses.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DeleteSecurityGroupRequest, DeleteSecurityGroupResult};

use super::Context;
use super::errors::{check_dry_run, dependency_violation};
use super::group_lookup::GroupName;
use super::rule_changes::Target;
use crate::defaults::DEFAULT_GROUP;

pub async fn delete_security_group(
    context: Context,
    input: DeleteSecurityGroupRequest,
) -> Result<DeleteSecurityGroupResult, ServiceError> {
    let group = GroupName { id: input.group_id, name: input.group_name };
    let target = Target { group, is_egress: false, dry_run: input.dry_run };
    target.authorise(&context, "ec2:DeleteSecurityGroup")?;
    let group_id = context
        .transact(|view, transaction| {
            let row = target.group.find(view, &context.scope)?;
            if row.name == DEFAULT_GROUP {
                let message = format!(
                    "the specified group: \"{}\" name: \"{}\" cannot be deleted by a user",
                    row.id, row.name
                );
                return Err(ServiceError::caller("CannotDelete", message));
            }
            let key = context.scope.key(&row.id);
            let in_use = view.network_interfaces.any_by("security-group", &key)
                || view.elb_load_balancers.any_by("security-group", &key)
                || view.vpc_endpoints.any_by("security-group", &key);
            // A rule that names its own group holds nothing, and one of a peered VPC becomes stale.
            let mut naming = view.security_groups.by("references", &key);
            if in_use || naming.any(|other| other.id != row.id && other.vpc_id == row.vpc_id) {
                return Err(dependency_violation(&row.id));
            }
            check_dry_run(target.dry_run)?;
            transaction.delete(row);
            Ok(row.id.clone())
        })
        .await?;
    Ok(DeleteSecurityGroupResult { group_id: Some(group_id), r#return: Some(true) })
}
