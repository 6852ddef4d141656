//! UpdateSecurityGroupRuleDescriptionsEgress.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    UpdateSecurityGroupRuleDescriptionsEgressRequest, UpdateSecurityGroupRuleDescriptionsEgressResult,
};

use super::Context;
use super::group_lookup::GroupName;
use super::rule_changes::{self, Target};

pub async fn update_security_group_rule_descriptions_egress(
    context: Context,
    input: UpdateSecurityGroupRuleDescriptionsEgressRequest,
) -> Result<UpdateSecurityGroupRuleDescriptionsEgressResult, ServiceError> {
    let group = GroupName { id: input.group_id, name: input.group_name };
    let target = Target { group, is_egress: true, dry_run: input.dry_run };
    target.authorise(&context, "ec2:UpdateSecurityGroupRuleDescriptionsEgress")?;
    let permissions = input.ip_permissions.unwrap_or_default();
    let by_id = input.security_group_rule_descriptions.unwrap_or_default();
    rule_changes::describe(&context, &target, &permissions, &by_id).await?;
    Ok(UpdateSecurityGroupRuleDescriptionsEgressResult { r#return: Some(true) })
}
