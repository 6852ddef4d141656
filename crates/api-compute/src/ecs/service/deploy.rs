//! A new deployment: its revision, itself, and its first progress, in one transaction.

use state_model::ecs::service::Service;
use state_model::ecs::service_deployment::{ServiceDeployment, ServiceDeploymentProgress};
use state_model::ecs::service_revision::ServiceRevision;
use state_tables::{Transaction, View, service_history};
use stdx::random;

use super::current::{Counts, Current};
use crate::ecs::Context;

const REVISION_ID_DIGITS: usize = 19;
const DEPLOYMENT_ID_LENGTH: usize = 21;
const DEPLOYMENT_ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub fn revision_id(context: &Context) -> String {
    random::digits(&*context.random, REVISION_ID_DIGITS)
}

/// Makes `revision`, which has its id, the target of a new deployment of the service.
pub fn deploy(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    service: &mut Service,
    revision: &ServiceRevision,
) {
    let current = Current::of(view, service);
    // Whether it rolls back meanwhile decides what the new deployment starts from.
    if let Some(progress) = current.and_then(|current| current.progress)
        && !progress.status.is_final()
    {
        transaction.expect(progress);
    }
    let counts = Counts::of(view, service);
    let sources = current.map(|current| counts.live_revisions(view, service, &current)).unwrap_or_default();
    let deployment = ServiceDeployment {
        scope: service.scope.clone(),
        cluster: service.cluster.clone(),
        service: service.name.clone(),
        service_uid: service.uid.clone(),
        id: random::from_alphabet(&*context.random, DEPLOYMENT_ID_ALPHABET, DEPLOYMENT_ID_LENGTH),
        previous: current.map(|current| current.deployment.id.clone()),
        source_revisions: sources.into_iter().map(|row| row.id.clone()).collect(),
        target_revision: revision.id.clone(),
        configuration: service.deployment_configuration.clone(),
        created_at: context.now,
        stop: None,
    };
    service.deployment.clone_from(&deployment.id);
    service.changed_at = context.now;
    let is_balanced = !revision.load_balancers.is_empty();
    service.role_arn = is_balanced.then(|| service_linked_role(&service.scope.account));
    transaction.insert(revision);
    transaction.insert(&deployment);
    transaction.insert(&ServiceDeploymentProgress::pending(&deployment));
    service_history::forget_deployments(view, service, transaction);
}

/// The role that every account has for ECS.
fn service_linked_role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")
}
