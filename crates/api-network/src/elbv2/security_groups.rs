//! The security groups of a load balancer.

use std::collections::BTreeSet;

use state_model::Scope;
use state_model::ec2::SecurityGroup;
use state_model::elbv2::load_balancer::LoadBalancerKind;
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;

use super::errors::invalid_configuration;
use super::limits::SECURITY_GROUPS_MAX;
use crate::defaults::DEFAULT_GROUP;
use crate::ec2;

/// The groups that `wanted` names, or what a load balancer has that names none: an application load balancer the
/// default group of its VPC, a network load balancer none at all.
pub fn choose<'v>(
    view: &'v View,
    scope: &Scope,
    vpc_id: &str,
    kind: LoadBalancerKind,
    wanted: &[String],
) -> Result<Vec<&'v Row<SecurityGroup>>, ServiceError> {
    if wanted.is_empty() && kind == LoadBalancerKind::Application {
        return Ok(ec2::security_group_by_name(view, scope, vpc_id, DEFAULT_GROUP).into_iter().collect());
    }
    let unique: BTreeSet<&String> = wanted.iter().collect();
    if unique.len() > SECURITY_GROUPS_MAX {
        return Err(invalid_configuration(format!(
            "A load balancer can have at most {SECURITY_GROUPS_MAX} security groups"
        )));
    }
    let mut rows: Vec<&Row<SecurityGroup>> = Vec::new();
    for id in wanted {
        let row = view.security_groups.get(&scope.key(id)).ok_or_else(|| {
            ServiceError::caller("InvalidSecurityGroup", format!("The security group '{id}' does not exist"))
        })?;
        if row.vpc_id != vpc_id {
            return Err(invalid_configuration("One or more security groups are invalid"));
        }
        if !rows.iter().any(|present| present.id == row.id) {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Whoever deletes one of the groups meanwhile has decided from a state without this use: its row changes, so that the
/// deletion has to look again.
pub fn hold(transaction: &mut Transaction, groups: &[&Row<SecurityGroup>]) {
    for row in groups {
        transaction.update(row, row.record());
    }
}
