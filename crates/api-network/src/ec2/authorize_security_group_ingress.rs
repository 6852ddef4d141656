//! AuthorizeSecurityGroupIngress.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{AuthorizeSecurityGroupIngressRequest, AuthorizeSecurityGroupIngressResult};

use super::Context;
use super::group_lookup::GroupName;
use super::permissions::{self, Flat};
use super::rule_changes::{self, Target};

pub async fn authorize_security_group_ingress(
    context: Context,
    input: AuthorizeSecurityGroupIngressRequest,
) -> Result<AuthorizeSecurityGroupIngressResult, ServiceError> {
    let group = GroupName { id: input.group_id, name: input.group_name };
    let target = Target { group, is_egress: false, dry_run: input.dry_run };
    target.authorise(&context, "ec2:AuthorizeSecurityGroupIngress")?;
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
    Ok(AuthorizeSecurityGroupIngressResult { r#return: Some(true), security_group_rules: Some(rules) })
}
