//! AuthorizeSecurityGroupEgress.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{AuthorizeSecurityGroupEgressRequest, AuthorizeSecurityGroupEgressResult};

use super::Context;
use super::errors::missing_parameter;
use super::group_lookup::GroupName;
use super::permissions::{self, Flat};
use super::rule_changes::{self, Target};

pub async fn authorize_security_group_egress(
    context: Context,
    input: AuthorizeSecurityGroupEgressRequest,
) -> Result<AuthorizeSecurityGroupEgressResult, ServiceError> {
    let group =
        GroupName { id: Some(input.group_id.ok_or_else(|| missing_parameter("groupId"))?), name: None };
    let target = Target { group, is_egress: true, dry_run: input.dry_run };
    target.authorise(&context, "ec2:AuthorizeSecurityGroupEgress")?;
    let flat = Flat {
        ip_protocol: input.ip_protocol,
        from_port: input.from_port,
        to_port: input.to_port,
        cidr_ip: input.cidr_ip,
        source_group_name: input.source_security_group_name,
        source_group_owner: input.source_security_group_owner_id,
    };
    let permissions = permissions::of_request(input.ip_permissions, flat)?;
    let rules = rule_changes::authorize(&context, &target, &permissions, input.tag_specifications).await?;
    Ok(AuthorizeSecurityGroupEgressResult { r#return: Some(true), security_group_rules: Some(rules) })
}
