//! DeleteNetworkAclEntry: of any but the last one.

use state_model::ec2::NetworkAcl;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteNetworkAclEntryRequest;

use super::errors::{check_dry_run, missing_parameter};
use super::network_acl_entries as entries;
use super::{Context, ids};

pub async fn delete_network_acl_entry(
    context: Context,
    input: DeleteNetworkAclEntryRequest,
) -> Result<Empty, ServiceError> {
    let any = context.scope.arn("ec2", "network-acl/*");
    context.authorise("ec2:DeleteNetworkAclEntry", &any)?;
    let id = input.network_acl_id.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| missing_parameter("networkAclId"))?;
    let rule_number = entries::rule_number(input.rule_number)?;
    let is_egress = input.egress.ok_or_else(|| missing_parameter("egress"))?;
    context
        .transact(|view, transaction| {
            let row = ids::NETWORK_ACL.row(&view.network_acls, &context.scope, &id)?;
            let position = entries::position(row, is_egress, rule_number)
                .ok_or_else(|| entries::entry_not_found(rule_number))?;
            check_dry_run(input.dry_run)?;
            let mut next = NetworkAcl::clone(row.record());
            next.entries.remove(position);
            transaction.update(row, &next);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
