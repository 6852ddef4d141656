//! UpdateCluster: settings and configuration, each as far as it is given.

use state_model::ecs::cluster::Cluster;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{UpdateClusterRequest, UpdateClusterResponse};

use super::render::cluster::Include;
use super::{Context, cluster_settings, lookup, render};

pub async fn update_cluster(
    context: Context,
    input: UpdateClusterRequest,
) -> Result<UpdateClusterResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:UpdateCluster", &lookup::cluster_arn_of(&context.scope, given))?;
    cluster_settings::refuse_namespace(input.service_connect_defaults.as_ref())?;
    let settings = input.settings.map(cluster_settings::settings).transpose()?;
    let configuration = input.configuration.map(cluster_settings::configuration).transpose()?;
    context
        .transact(|view, transaction| {
            let row = lookup::active_cluster(view, &context.scope, given)?;
            let mut cluster = Cluster::clone(row);
            if let Some(settings) = &settings {
                cluster.settings.clone_from(settings);
            }
            if configuration.is_some() {
                cluster.configuration.clone_from(&configuration);
            }
            transaction.update(row, &cluster);
            Ok(())
        })
        .await?;
    let view = context.view();
    let row = lookup::cluster(&view, &context.scope, given)?;
    Ok(UpdateClusterResponse { cluster: Some(render::cluster::cluster(&view, row, Include::CHANGED)) })
}
