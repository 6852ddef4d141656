//! CreateNetworkAclEntry.

use state_model::ec2::NetworkAcl;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::CreateNetworkAclEntryRequest;

use super::errors::{check_dry_run, missing_parameter};
use super::limits::ACL_ENTRIES_PER_DIRECTION_MAX;
use super::network_acl_entries::{self as entries, Given, LAST_RULE_NUMBER};
use super::{Context, ids};

pub async fn create_network_acl_entry(
    context: Context,
    input: CreateNetworkAclEntryRequest,
) -> Result<Empty, ServiceError> {
    let any = context.scope.arn("ec2", "network-acl/*");
    context.authorise("ec2:CreateNetworkAclEntry", &any)?;
    let id = input.network_acl_id.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| missing_parameter("networkAclId"))?;
    let entry = entries::parse(Given {
        cidr_block: input.cidr_block,
        egress: input.egress,
        icmp_type_code: input.icmp_type_code,
        ipv6_cidr_block: input.ipv6_cidr_block,
        port_range: input.port_range,
        protocol: input.protocol,
        rule_action: input.rule_action,
        rule_number: input.rule_number,
    })?;
    context
        .transact(|view, transaction| {
            let row = ids::NETWORK_ACL.row(&view.network_acls, &context.scope, &id)?;
            if entries::position(row, entry.is_egress, entry.rule_number).is_some() {
                let message =
                    format!("The network acl entry identified by {} already exists.", entry.rule_number);
                return Err(ServiceError::caller("NetworkAclEntryAlreadyExists", message));
            }
            let same_direction = row.entries.iter().filter(|other| other.is_egress == entry.is_egress);
            let counted = same_direction.filter(|other| other.rule_number != LAST_RULE_NUMBER).count();
            if counted >= ACL_ENTRIES_PER_DIRECTION_MAX {
                let message = "The maximum number of network acl entries has been reached.";
                return Err(ServiceError::caller("NetworkAclEntryLimitExceeded", message));
            }
            check_dry_run(input.dry_run)?;
            let mut next = NetworkAcl::clone(row.record());
            next.entries.push(entry.clone());
            entries::sort(&mut next);
            transaction.update(row, &next);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
