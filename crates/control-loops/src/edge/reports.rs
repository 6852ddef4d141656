//! What a balancer reports, written to the state: whether load balancers serve, and the health of targets.

use std::collections::{BTreeSet, HashMap};

use link_protocol::edge::{HealthReport, ListeningReport};
use state_model::elbv2::load_balancer::LoadBalancerState;
use state_model::elbv2::target::HealthState;
use state_model::elbv2::target_group::{target_group_arn, target_group_key};
use state_model::elbv2::{LoadBalancer, LoadBalancerPlacement, LoadBalancerStatus, Target, TargetHealth};
use state_model::record::Record;
use state_tables::{Row, View, elb_usage};

use crate::LoopContext;
use crate::driver::LoopError;
use crate::limits::EDGE_REPORTS_PER_COMMIT_MAX;

/// Writes reports of targets. Of several reports of a target the last counts.
pub async fn write_health(context: &LoopContext, reports: &[HealthReport]) -> Result<(), LoopError> {
    let mut newest: HashMap<String, &HealthReport> = HashMap::new();
    for report in reports {
        if let Some(key) = reported_key(report) {
            newest.insert(key, report);
        }
    }
    let newest: Vec<(String, &HealthReport)> = newest.into_iter().collect();
    for batch in newest.chunks(EDGE_REPORTS_PER_COMMIT_MAX) {
        context
            .state
            .transact(|view, transaction| {
                for (key, report) in batch {
                    let Some((target, health)) = next_health(view, key, report) else { continue };
                    // A target that goes takes its health along: none may come after it.
                    transaction.expect(target);
                    transaction.put(&health);
                }
                Ok::<_, LoopError>(())
            })
            .await?;
    }
    Ok(())
}

fn reported_key(report: &HealthReport) -> Option<String> {
    let group = target_group_key(&report.target_group_arn)?;
    Some(format!("{group}/{}/{}", report.target_id, report.port))
}

/// None when the report is of an earlier registration, of a target that is gone, or tells nothing new.
fn next_health<'v>(
    view: &'v View,
    key: &str,
    report: &HealthReport,
) -> Option<(&'v Row<Target>, TargetHealth)> {
    let target = view.elb_targets.get(key)?;
    let is_of_now = target.registered_at == report.registered_at
        && target.is_draining() == (report.state == HealthState::Draining);
    let next = TargetHealth {
        scope: target.scope.clone(),
        target_group: target.target_group.clone(),
        target_id: target.target_id.clone(),
        port: target.port,
        state: report.state,
        reason: report.reason.clone(),
        description: report.description.clone(),
        since: report.since,
    };
    let is_news = view.elb_target_health.get(key).is_none_or(|former| **former.record() != next);
    (is_of_now && is_news).then_some((target, next))
}

/// Removes the health of targets that are gone, or that no balancer checks any more. What deletes a target deletes its
/// health too; this is for what an interrupted writer left.
pub async fn forget_health(context: &LoopContext) -> Result<(), LoopError> {
    context
        .state
        .transact(|view, transaction| {
            let mut used: HashMap<String, bool> = HashMap::new();
            let stale = view.elb_target_health.iter().filter(|(key, health)| {
                let is_used = used.entry(health.target_group.clone()).or_insert_with(|| {
                    let arn = target_group_arn(&health.scope, &health.target_group);
                    elb_usage::load_balancer_of_target_group(view, &arn).is_some()
                });
                !*is_used || !view.elb_targets.contains(key)
            });
            stale.take(EDGE_REPORTS_PER_COMMIT_MAX).for_each(|(_, health)| transaction.delete(health));
            Ok::<_, LoopError>(())
        })
        .await?;
    Ok(())
}

/// Where a node's load balancers stand: what its balancer reported last, and which interfaces are in place.
#[derive(Debug)]
pub struct Standing<'a> {
    pub node: &'a str,
    /// By ARN.
    pub reports: &'a HashMap<String, ListeningReport>,
    pub attached: &'a BTreeSet<String>,
}

/// Writes the states that differ from what is written.
pub async fn write_states(context: &LoopContext, standing: &Standing<'_>) -> Result<(), LoopError> {
    let now = context.clock.now();
    write(context, |view, placement, row| {
        let (state, reason) = standing.state(placement, row)?;
        let former = view.elb_load_balancer_status.get(&placement.key());
        let same = former.is_some_and(|former| former.state == state && former.reason == reason);
        let (scope, load_balancer) = (placement.scope.clone(), placement.load_balancer.clone());
        (!same && placement.node == standing.node).then_some(LoadBalancerStatus {
            scope,
            load_balancer,
            state,
            reason,
            at: now,
        })
    })
    .await
}

/// Nothing is known of the node's load balancers any more: those that have served are told as failed.
pub async fn write_unreachable(context: &LoopContext, node: &str) -> Result<(), LoopError> {
    let now = context.clock.now();
    write(context, |view, placement, _| {
        let former = view.elb_load_balancer_status.get(&placement.key())?;
        let known = former.state != LoadBalancerState::Failed && placement.node == node;
        known.then(|| LoadBalancerStatus {
            state: LoadBalancerState::Failed,
            reason: Some(String::from("The load balancer's process does not answer")),
            at: now,
            ..(**former.record()).clone()
        })
    })
    .await
}

async fn write(
    context: &LoopContext,
    next: impl Fn(&View, &LoadBalancerPlacement, &LoadBalancer) -> Option<LoadBalancerStatus>,
) -> Result<(), LoopError> {
    loop {
        let written = context
            .state
            .transact(|view, transaction| {
                let placements = view.elb_load_balancer_placements.iter();
                let changed = placements
                    .filter_map(|(key, placement)| next(view, placement, view.elb_load_balancers.get(key)?));
                for status in changed.take(EDGE_REPORTS_PER_COMMIT_MAX) {
                    transaction.expect_present::<LoadBalancer>(&status.key());
                    transaction.put(&status);
                }
                Ok::<_, LoopError>(transaction.write_count())
            })
            .await?;
        if written < EDGE_REPORTS_PER_COMMIT_MAX {
            return Ok(());
        }
    }
}

impl Standing<'_> {
    /// None while nothing has been observed.
    fn state(
        &self,
        placement: &LoadBalancerPlacement,
        row: &LoadBalancer,
    ) -> Option<(LoadBalancerState, Option<String>)> {
        if placement.zones.is_empty() {
            return Some((LoadBalancerState::Failed, placement.failure.clone()));
        }
        let report = self.reports.get(&row.arn())?;
        if !placement.zones.iter().all(|zone| self.attached.contains(&zone.eni_id)) {
            return None;
        }
        let failures: Vec<&str> =
            placement.failure.iter().chain(&report.failures).map(String::as_str).collect();
        let state = match (report.accepting, failures.is_empty()) {
            (_, true) => LoadBalancerState::Active,
            (0, false) if !report.failures.is_empty() => LoadBalancerState::Failed,
            (_, false) => LoadBalancerState::ActiveImpaired,
        };
        Some((state, (!failures.is_empty()).then(|| failures.join("; "))))
    }
}
