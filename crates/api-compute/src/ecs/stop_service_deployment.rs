//! StopServiceDeployment: asks the services loop to end a deployment that is on its way.

use state_model::ecs::service_deployment::{DeploymentStatus, DeploymentStop, ServiceDeployment, StopKind};
use state_tables::{Transaction, View, service_history};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{
    StopServiceDeploymentRequest, StopServiceDeploymentResponse, StopServiceDeploymentStopType,
};

use super::Context;
use super::errors::invalid_parameter;
use super::service::find;

pub async fn stop_service_deployment(
    context: Context,
    input: StopServiceDeploymentRequest,
) -> Result<StopServiceDeploymentResponse, ServiceError> {
    let arn = input.service_deployment_arn.as_deref().unwrap_or_default();
    context.authorise("ecs:StopServiceDeployment", arn)?;
    if arn.is_empty() {
        return Err(invalid_parameter("serviceDeploymentArn should not be null or empty."));
    }
    let kind = match &input.stop_type {
        None | Some(StopServiceDeploymentStopType::Rollback) => StopKind::Rollback,
        Some(StopServiceDeploymentStopType::Abort) => StopKind::Abort,
        Some(StopServiceDeploymentStopType::Other(other)) => {
            return Err(invalid_parameter(format!("Invalid stopType: {other}")));
        }
    };
    context.transact(|view, transaction| stop(&context, view, transaction, arn, kind)).await?;
    Ok(StopServiceDeploymentResponse { service_deployment_arn: Some(arn.to_owned()) })
}

fn stop(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    arn: &str,
    kind: StopKind,
) -> Result<(), ServiceError> {
    let key = find::key_of_arn(&context.scope, "service-deployment", arn);
    let row = key.and_then(|key| view.service_deployments.get(&key)).ok_or_else(|| {
        ServiceError::caller(
            "ServiceDeploymentNotFoundException",
            "The service deployment ARN that you specified in the StopServiceDeployment doesn't exist. You can \
             use ListServiceDeployments to retrieve the service deployment ARNs.",
        )
    })?;
    let progress = service_history::progress(view, row);
    let status = progress.map_or(DeploymentStatus::Pending, |progress| progress.status);
    let is_stoppable = matches!(status, DeploymentStatus::Pending | DeploymentStatus::InProgress);
    match row.stop {
        // Asked for already.
        Some(stop) if stop.kind == kind && !status.is_final() => return Ok(()),
        None if is_stoppable => {}
        _ => return Err(conflict(row, status)),
    }
    if kind == StopKind::Rollback && !has_completed(view, row) {
        return Err(invalid_parameter(
            "The service deployment can't be rolled back: no deployment of the service has completed before it.",
        ));
    }
    if let Some(progress) = progress {
        transaction.expect(progress);
    }
    let stop = Some(DeploymentStop { kind, at: context.now });
    transaction.update(row, &ServiceDeployment { stop, ..ServiceDeployment::clone(row) });
    Ok(())
}

fn has_completed(view: &View, deployment: &ServiceDeployment) -> bool {
    service_history::deployments(view, &deployment.service_uid).into_iter().any(|row| {
        let progress = service_history::progress(view, row);
        progress.is_some_and(|progress| {
            matches!(progress.status, DeploymentStatus::Successful | DeploymentStatus::RollbackSuccessful)
        })
    })
}

fn conflict(deployment: &ServiceDeployment, status: DeploymentStatus) -> ServiceError {
    ServiceError::caller(
        "ConflictException",
        format!("The service deployment can't be stopped because it is in the status {}.", status.as_str()),
    )
    .field("resourceIds", vec![deployment.arn()])
}
