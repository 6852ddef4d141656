//! UpdateClusterSettings.

use state_model::ecs::cluster::Cluster;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{UpdateClusterSettingsRequest, UpdateClusterSettingsResponse};

use super::errors::invalid_parameter;
use super::render::cluster::Include;
use super::{Context, cluster_settings, lookup, render};

pub async fn update_cluster_settings(
    context: Context,
    input: UpdateClusterSettingsRequest,
) -> Result<UpdateClusterSettingsResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:UpdateClusterSettings", &lookup::cluster_arn_of(&context.scope, given))?;
    let settings = cluster_settings::settings(input.settings.unwrap_or_default())?;
    if settings.is_empty() {
        return Err(invalid_parameter("Settings cannot be empty."));
    }
    context
        .transact(|view, transaction| {
            let row = lookup::active_cluster(view, &context.scope, given)?;
            let mut cluster = Cluster::clone(row);
            cluster.settings.clone_from(&settings);
            transaction.update(row, &cluster);
            Ok(())
        })
        .await?;
    let view = context.view();
    let row = lookup::cluster(&view, &context.scope, given)?;
    let cluster = render::cluster::cluster(&view, row, Include::CHANGED);
    Ok(UpdateClusterSettingsResponse { cluster: Some(cluster) })
}
