//! RevokeSecurityGroupEgress.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{RevokeSecurityGroupEgressRequest, RevokeSecurityGroupEgressResult};

use super::Context;
use super::errors::missing_parameter;
use super::group_lookup::GroupName;
use super::permissions::{self, Flat};
use super::rule_changes::{self, Target};

pub async fn revoke_security_group_egress(
    context: Context,
    input: RevokeSecurityGroupEgressRequest,
) -> Result<RevokeSecurityGroupEgressResult, ServiceError> {
    let group =
        GroupName { id: Some(input.group_id.ok_or_else(|| missing_parameter("groupId"))?), name: None };
    let target = Target { group, is_egress: true, dry_run: input.dry_run };
    target.authorise(&context, "ec2:RevokeSecurityGroupEgress")?;
    let rule_ids = input.security_group_rule_ids.unwrap_or_default();
    let flat = Flat {
        ip_protocol: input.ip_protocol,
        from_port: input.from_port,
        to_port: input.to_port,
        cidr_ip: input.cidr_ip,
        source_group_name: input.source_security_group_name,
        source_group_owner: input.source_security_group_owner_id,
    };
    let permissions = match permissions::of_request(input.ip_permissions, flat) {
        Err(_) if !rule_ids.is_empty() => Vec::new(),
        given => given?,
    };
    let revoked = rule_changes::revoke(&context, &target, &permissions, &rule_ids).await?;
    Ok(RevokeSecurityGroupEgressResult {
        r#return: Some(true),
        revoked_security_group_rules: Some(revoked.rules),
        unknown_ip_permissions: Some(revoked.unknown),
    })
}
