//! ReplaceNetworkAclEntry: of one that is there.

use state_model::ec2::NetworkAcl;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::ReplaceNetworkAclEntryRequest;

use super::errors::{check_dry_run, missing_parameter};
use super::network_acl_entries::{self as entries, Given};
use super::{Context, ids};

pub async fn replace_network_acl_entry(
    context: Context,
    input: ReplaceNetworkAclEntryRequest,
) -> Result<Empty, ServiceError> {
    let any = context.scope.arn("ec2", "network-acl/*");
    context.authorise("ec2:ReplaceNetworkAclEntry", &any)?;
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
            let position = entries::position(row, entry.is_egress, entry.rule_number)
                .ok_or_else(|| entries::entry_not_found(entry.rule_number))?;
            check_dry_run(input.dry_run)?;
            let mut next = NetworkAcl::clone(row.record());
            next.entries[position] = entry.clone();
            transaction.update(row, &next);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
