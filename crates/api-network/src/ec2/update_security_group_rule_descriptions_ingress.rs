//! UpdateSecurityGroupRuleDescriptionsIngress.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    UpdateSecurityGroupRuleDescriptionsIngressRequest, UpdateSecurityGroupRuleDescriptionsIngressResult,
};

use super::Context;
use super::group_lookup::GroupName;
use super::rule_changes::{self, Target};

pub async fn update_security_group_rule_descriptions_ingress(
    context: Context,
    input: UpdateSecurityGroupRuleDescriptionsIngressRequest,
) -> Result<UpdateSecurityGroupRuleDescriptionsIngressResult, ServiceError> {
    let group = GroupName { id: input.group_id, name: input.group_name };
    let target = Target { group, is_egress: false, dry_run: input.dry_run };
    target.authorise(&context, "ec2:UpdateSecurityGroupRuleDescriptionsIngress")?;
    let permissions = input.ip_permissions.unwrap_or_default();
    let by_id = input.security_group_rule_descriptions.unwrap_or_default();
    rule_changes::describe(&context, &target, &permissions, &by_id).await?;
    Ok(UpdateSecurityGroupRuleDescriptionsIngressResult { r#return: Some(true) })
}
