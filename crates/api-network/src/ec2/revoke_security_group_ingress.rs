//! RevokeSecurityGroupIngress.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{RevokeSecurityGroupIngressRequest, RevokeSecurityGroupIngressResult};

use super::Context;
use super::group_lookup::GroupName;
use super::permissions::{self, Flat};
use super::rule_changes::{self, Target};

pub async fn revoke_security_group_ingress(
    context: Context,
    input: RevokeSecurityGroupIngressRequest,
) -> Result<RevokeSecurityGroupIngressResult, ServiceError> {
    let group = GroupName { id: input.group_id, name: input.group_name };
    let target = Target { group, is_egress: false, dry_run: input.dry_run };
    target.authorise(&context, "ec2:RevokeSecurityGroupIngress")?;
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
    Ok(RevokeSecurityGroupIngressResult {
        r#return: Some(true),
        revoked_security_group_rules: Some(revoked.rules),
        unknown_ip_permissions: Some(revoked.unknown),
    })
}
