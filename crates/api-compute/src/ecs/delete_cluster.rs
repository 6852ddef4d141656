//! DeleteCluster: an empty cluster becomes INACTIVE and stays visible for a while.

use state_model::ecs::cluster::{Cluster, ClusterStatus};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DeleteClusterRequest, DeleteClusterResponse};

use super::render::cluster::Include;
use super::{Context, errors, lookup, render};

pub async fn delete_cluster(
    context: Context,
    input: DeleteClusterRequest,
) -> Result<DeleteClusterResponse, ServiceError> {
    let given = input.cluster.as_deref();
    if given.is_none_or(str::is_empty) {
        return Err(errors::invalid_parameter("Cluster should not be null or empty."));
    }
    context.authorise("ecs:DeleteCluster", &lookup::cluster_arn_of(&context.scope, given))?;
    context
        .transact(|view, transaction| {
            let row = lookup::cluster(view, &context.scope, given)?;
            if !row.is_active() {
                return Ok(());
            }
            if render::cluster::service_counts(view, row).active > 0 {
                return Err(ServiceError::caller(
                    "ClusterContainsServicesException",
                    "The Cluster cannot be deleted while Services are active.",
                ));
            }
            if render::cluster::task_counts(view, row).live > 0 {
                return Err(ServiceError::caller(
                    "ClusterContainsTasksException",
                    "The Cluster cannot be deleted while Tasks are active.",
                ));
            }
            let mut cluster = Cluster::clone(row);
            cluster.status = ClusterStatus::Inactive;
            cluster.deleted_at = Some(context.now);
            transaction.update(row, &cluster);
            Ok(())
        })
        .await?;
    let view = context.view();
    let row = lookup::cluster(&view, &context.scope, given)?;
    Ok(DeleteClusterResponse { cluster: Some(render::cluster::cluster(&view, row, Include::CHANGED)) })
}
