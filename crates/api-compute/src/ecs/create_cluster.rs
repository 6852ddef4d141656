//! CreateCluster: idempotent by name.

use state_model::ecs::cluster::{Cluster, ClusterStatus, DEFAULT_CLUSTER};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{CreateClusterRequest, CreateClusterResponse};

use super::render::cluster::Include;
use super::{Context, account_settings, cluster_settings, errors, lookup, render, validate};

pub async fn create_cluster(
    context: Context,
    input: CreateClusterRequest,
) -> Result<CreateClusterResponse, ServiceError> {
    let name = input.cluster_name.filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| String::from(DEFAULT_CLUSTER));
    context.authorise("ecs:CreateCluster", &lookup::cluster_arn_of(&context.scope, Some(&name)))?;
    validate::names::cluster(&name)?;
    cluster_settings::refuse_namespace(input.service_connect_defaults.as_ref())?;
    let providers = validate::strategy::providers(input.capacity_providers.unwrap_or_default())?;
    let given = input.default_capacity_provider_strategy.unwrap_or_default();
    let settings = cluster_settings::settings(input.settings.unwrap_or_default())?;
    let mut wanted = Cluster {
        scope: context.scope.clone(),
        status: ClusterStatus::Active,
        settings,
        configuration: input.configuration.map(cluster_settings::configuration).transpose()?,
        default_strategy: validate::strategy::strategy(given, &providers)?,
        capacity_providers: providers,
        service_connect_namespace: None,
        tags: validate::tags::tags(input.tags)?,
        created_at: context.now,
        deleted_at: None,
        name,
    };
    let key = context.scope.key(&wanted.name);
    context
        .transact(|view, transaction| {
            match view.clusters.get(&key) {
                Some(row) if row.is_active() => return Ok(()),
                existing => {
                    if wanted.settings.is_empty() {
                        let principal = context.principal.arn();
                        wanted.settings =
                            account_settings::cluster_settings(view, &context.scope, Some(&principal));
                    }
                    match existing {
                        Some(row) => transaction.update(row, &wanted),
                        None => transaction.insert(&wanted),
                    }
                }
            }
            Ok(())
        })
        .await?;
    let view = context.view();
    let row = view.clusters.get(&key).ok_or_else(errors::cluster_not_found)?;
    Ok(CreateClusterResponse { cluster: Some(render::cluster::cluster(&view, row, Include::CHANGED)) })
}
