//! What belongs to a service besides itself, and how it goes: revisions, deployments and events.

use std::collections::HashSet;

use state_model::ecs::service::{Service, service_key};
use state_model::ecs::service_deployment::{
    ServiceDeployment, ServiceDeploymentProgress, service_deployment_key,
};
use state_model::ecs::service_event::ServiceEvent;
use state_model::ecs::service_revision::{ServiceRevision, deployment_id, service_revision_key};
use state_model::record::Record;

use crate::limits::{SERVICE_DEPLOYMENTS_FORGOTTEN, SERVICE_DEPLOYMENTS_KEPT};
use crate::service_counts::live_tasks_of_revision;
use crate::table::Row;
use crate::tables::View;
use crate::transaction::Transaction;

/// The service's deployments, newest first.
pub fn deployments<'v>(view: &'v View, service_uid: &str) -> Vec<&'v Row<ServiceDeployment>> {
    let mut found: Vec<_> = view.service_deployments.by(ServiceDeployment::SERVICE, service_uid).collect();
    found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    found
}

pub fn progress<'v>(
    view: &'v View,
    deployment: &ServiceDeployment,
) -> Option<&'v Row<ServiceDeploymentProgress>> {
    view.service_deployment_progress.get(&deployment.key())
}

pub fn deployment<'v>(view: &'v View, service: &Service, id: &str) -> Option<&'v Row<ServiceDeployment>> {
    let key = service_deployment_key(&service.scope, &service.cluster, &service.name, id);
    view.service_deployments.get(&key)
}

pub fn revision<'v>(view: &'v View, service: &Service, id: &str) -> Option<&'v Row<ServiceRevision>> {
    let key = service_revision_key(&service.scope, &service.cluster, &service.name, id);
    view.service_revisions.get(&key)
}

/// Deletes up to `most` rows of an INACTIVE service: its history first, itself last. Yields whether it is gone, so that
/// one that wasn't small goes by several commits.
pub fn forget_service(
    view: &View,
    service: &Row<Service>,
    transaction: &mut Transaction,
    most: usize,
) -> bool {
    let under = format!("{}/", service_key(&service.scope, &service.cluster, &service.name));
    let mut left = most;
    let mut take = || {
        left = left.saturating_sub(1);
        left > 0
    };
    for (_, row) in view.service_events.prefix(&ServiceEvent::prefix(&service.uid)) {
        if !take() {
            return false;
        }
        transaction.delete(row);
    }
    for (_, row) in view.service_deployment_progress.prefix(&under) {
        if !take() {
            return false;
        }
        transaction.delete(row);
    }
    for (_, row) in view.service_deployments.prefix(&under) {
        if !take() {
            return false;
        }
        transaction.delete(row);
    }
    for (_, row) in view.service_revisions.prefix(&under) {
        if !take() {
            return false;
        }
        transaction.delete(row);
    }
    transaction.delete(service);
    true
}

/// Deletes the oldest deployments beyond those that are kept, and revisions that only they knew.
pub fn forget_deployments(view: &View, service: &Service, transaction: &mut Transaction) {
    let newest_first = deployments(view, &service.uid);
    let has_ended =
        |row: &&Row<ServiceDeployment>| progress(view, row).is_none_or(|progress| progress.status.is_final());
    let old = newest_first.iter().rev().take(newest_first.len().saturating_sub(SERVICE_DEPLOYMENTS_KEPT));
    let doomed: Vec<&Row<ServiceDeployment>> =
        old.copied().filter(has_ended).take(SERVICE_DEPLOYMENTS_FORGOTTEN).collect();
    if doomed.is_empty() {
        return;
    }
    let ids: HashSet<&str> = doomed.iter().map(|row| row.id.as_str()).collect();
    let kept = newest_first.iter().filter(|row| !ids.contains(row.id.as_str()));
    let known: HashSet<&str> = kept.flat_map(|row| revisions_of(view, row)).collect();
    let unknown: HashSet<&str> =
        doomed.iter().flat_map(|row| revisions_of(view, row)).filter(|id| !known.contains(id)).collect();
    for row in doomed {
        transaction.delete(row);
        if let Some(progress) = progress(view, row) {
            transaction.delete(progress);
        }
    }
    for id in unknown {
        let in_use = live_tasks_of_revision(view, service, &deployment_id(id)).next().is_some();
        if !in_use && let Some(revision) = revision(view, service, id) {
            transaction.delete(revision);
        }
    }
}

/// Every revision that the deployment speaks of.
fn revisions_of<'v>(view: &'v View, deployment: &'v ServiceDeployment) -> Vec<&'v str> {
    let rollback = progress(view, deployment).and_then(|progress| progress.rollback.as_ref());
    let sources = deployment.source_revisions.iter().map(String::as_str);
    let target = deployment.target_revision.as_str();
    sources.chain([target]).chain(rollback.map(|rollback| rollback.revision.as_str())).collect()
}
