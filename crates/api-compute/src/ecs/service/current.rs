//! Where a service stands: its newest deployment, how far that has come, and the revision that its tasks should have.

use state_model::ecs::service::Service;
use state_model::ecs::service_deployment::{
    DeploymentStatus, ServiceDeployment, ServiceDeploymentProgress, wanted_revision,
};
use state_model::ecs::service_revision::{ServiceRevision, deployment_id};
use state_tables::service_counts::{self, ServiceCounts};
use state_tables::{Row, View, service_history};

#[derive(Clone, Copy, Debug)]
pub struct Current<'v> {
    pub deployment: &'v Row<ServiceDeployment>,
    pub progress: Option<&'v Row<ServiceDeploymentProgress>>,
    /// The target of the deployment, or what it goes back to.
    pub revision: &'v Row<ServiceRevision>,
}

impl<'v> Current<'v> {
    /// None only for a service whose history is being forgotten.
    pub fn of(view: &'v View, service: &Service) -> Option<Self> {
        let deployment = service_history::deployment(view, service, &service.deployment)?;
        let progress = service_history::progress(view, deployment);
        let wanted = wanted_revision(deployment, progress.map(|row| &**row));
        let revision = service_history::revision(view, service, wanted)?;
        Some(Self { deployment, progress, revision })
    }

    pub fn status(&self) -> DeploymentStatus {
        self.progress.map_or(DeploymentStatus::Pending, |progress| progress.status)
    }
}

/// The tasks of one revision.
pub fn revision_counts(view: &View, service: &Service, revision: &str) -> ServiceCounts {
    let id = deployment_id(revision);
    service_counts::count(service_counts::live_tasks_of_revision(view, service, &id))
}

/// The revisions that the service's tasks have or should have: the wanted one first, then the others that live, newest
/// first.
pub fn live_revisions<'v>(
    view: &'v View,
    service: &Service,
    current: &Current<'v>,
) -> Vec<&'v Row<ServiceRevision>> {
    let mut others: Vec<&Row<ServiceRevision>> = Vec::new();
    for task in service_counts::live_tasks(view, service) {
        let Some(of) = task.intent.service.as_ref().map(|of| of.revision.as_str()) else { continue };
        if of == current.revision.id || others.iter().any(|row| row.id == of) {
            continue;
        }
        others.extend(service_history::revision(view, service, of));
    }
    others.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    std::iter::once(current.revision).chain(others).collect()
}
