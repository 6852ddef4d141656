//! What belongs to a service besides itself, and how it goes: revisions, deployments and events.

use std::collections::HashSet;

use state_model::ecs::service::{Service, service_key};
use state_model::ecs::service_deployment::{
    DeploymentStatus, ServiceDeployment, ServiceDeploymentProgress, service_deployment_key,
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

/// Deletes the oldest deployments beyond those that are kept, and revisions that only they knew. What a rollback may go
/// back to stays.
pub fn forget_deployments(view: &View, service: &Service, transaction: &mut Transaction) {
    let newest_first = deployments(view, &service.uid);
    if newest_first.len() <= SERVICE_DEPLOYMENTS_KEPT {
        return;
    }
    let status = |row: &ServiceDeployment| progress(view, row).map(|progress| progress.status);
    let completed = newest_first.iter().find(|row| status(row) == Some(DeploymentStatus::Successful));
    let completed = completed.map(|row| row.id.as_str());
    let goes = |row: &&Row<ServiceDeployment>| {
        row.id != service.deployment
            && Some(row.id.as_str()) != completed
            && status(row).is_none_or(DeploymentStatus::is_final)
    };
    let doomed: Vec<&Row<ServiceDeployment>> = newest_first
        .iter()
        .rev()
        .take(newest_first.len() - SERVICE_DEPLOYMENTS_KEPT)
        .copied()
        .filter(goes)
        .take(SERVICE_DEPLOYMENTS_FORGOTTEN)
        .collect();
    let ids: HashSet<&str> = doomed.iter().map(|row| row.id.as_str()).collect();
    let mut known: HashSet<&str> = HashSet::new();
    for row in newest_first.iter().filter(|row| !ids.contains(row.id.as_str())) {
        known.insert(&row.target_revision);
        known.extend(row.source_revisions.iter().map(String::as_str));
        known
            .extend(progress(view, row).and_then(|row| row.rollback.as_ref()).map(|to| to.revision.as_str()));
    }
    for row in doomed {
        transaction.delete(row);
        if let Some(progress) = progress(view, row) {
            transaction.delete(progress);
        }
        let in_use = known.contains(row.target_revision.as_str())
            || live_tasks_of_revision(view, service, &deployment_id(&row.target_revision)).next().is_some();
        if !in_use && let Some(revision) = revision(view, service, &row.target_revision) {
            transaction.delete(revision);
        }
    }
}
