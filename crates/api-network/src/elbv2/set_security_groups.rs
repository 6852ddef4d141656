//! SetSecurityGroups: replaces those that a load balancer has.

use state_model::elbv2::LoadBalancer;
use state_model::elbv2::load_balancer::LoadBalancerKind;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;
use wire_shapes_network::elbv2::{SetSecurityGroupsInput, SetSecurityGroupsOutput};

use super::errors::{invalid_configuration, missing, unavailable};
use super::{Context, arns, security_groups};

pub async fn set_security_groups(
    context: Context,
    input: SetSecurityGroupsInput,
) -> Result<SetSecurityGroupsOutput, ServiceError> {
    let arn = arns::required(input.load_balancer_arn, "loadBalancerArn")?;
    context.authorise("elasticloadbalancing:SetSecurityGroups", &arn)?;
    let wanted = input.security_groups.ok_or_else(|| missing("securityGroups"))?;
    // There are no private links whose traffic could be let through unseen: `on` is what holds anyway.
    match input.enforce_security_group_inbound_rules_on_private_link_traffic {
        None | Some(wire::EnforceSecurityGroupInboundRulesOnPrivateLinkTrafficEnum::On) => {}
        Some(_) => return Err(unavailable("Private links are")),
    }
    let groups = context
        .transact(|view, transaction| {
            let row = arns::load_balancer(view, &context.scope, &arn)?;
            check_change(row, &wanted)?;
            let groups = security_groups::choose(view, &context.scope, &row.vpc_id, row.kind, &wanted)?;
            let mut record = LoadBalancer::clone(row.record());
            record.security_groups = groups.iter().map(|group| group.id.clone()).collect();
            security_groups::hold(transaction, &groups);
            transaction.update(row, &record);
            Ok(record.security_groups)
        })
        .await?;
    Ok(SetSecurityGroupsOutput { security_group_ids: Some(groups), ..Default::default() })
}

fn check_change(record: &LoadBalancer, wanted: &[String]) -> Result<(), ServiceError> {
    let arn = record.arn();
    match record.kind {
        LoadBalancerKind::Application if wanted.is_empty() => {
            Err(invalid_configuration("At least one security group must be specified"))
        }
        LoadBalancerKind::Network if record.security_groups.is_empty() && !wanted.is_empty() => {
            Err(invalid_configuration(format!(
                "You cannot add security groups to load balancer '{arn}' because it was created without any"
            )))
        }
        LoadBalancerKind::Network if !record.security_groups.is_empty() && wanted.is_empty() => Err(
            invalid_configuration(format!("You cannot remove all security groups of load balancer '{arn}'")),
        ),
        LoadBalancerKind::Application | LoadBalancerKind::Network => Ok(()),
    }
}
