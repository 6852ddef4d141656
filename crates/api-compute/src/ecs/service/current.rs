//! Where a service stands: its newest deployment, how far that has come, and the revision that its tasks should have.

use std::collections::BTreeMap;

use state_model::ecs::service::Service;
use state_model::ecs::service_deployment::{
    DeploymentStatus, ServiceDeployment, ServiceDeploymentProgress, wanted_revision,
};
use state_model::ecs::service_revision::ServiceRevision;
use state_tables::service_counts::{ServiceCounts, counts_by_revision};
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

/// The tasks of a service, counted.
#[derive(Debug)]
pub struct Counts<'v>(BTreeMap<&'v str, ServiceCounts>);

impl<'v> Counts<'v> {
    pub fn of(view: &'v View, service: &Service) -> Self {
        Self(counts_by_revision(view, service))
    }

    pub fn of_revision(&self, revision: &str) -> ServiceCounts {
        self.0.get(revision).copied().unwrap_or_default()
    }

    pub fn running(&self) -> usize {
        self.0.values().map(|counts| counts.running).sum()
    }

    pub fn pending(&self) -> usize {
        self.0.values().map(|counts| counts.pending).sum()
    }

    /// The revisions that tasks have or should have: the wanted one first, then the others that live, newest first.
    pub fn live_revisions(
        &self,
        view: &'v View,
        service: &Service,
        current: &Current<'v>,
    ) -> Vec<&'v Row<ServiceRevision>> {
        let others = self.0.keys().filter(|id| **id != current.revision.id);
        let mut others: Vec<_> =
            others.filter_map(|id| service_history::revision(view, service, id)).collect();
        others.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        std::iter::once(current.revision).chain(others).collect()
    }
}
