//! PutClusterCapacityProviders: replaces a cluster's providers and default strategy.

use state_model::ecs::cluster::Cluster;
use state_model::ecs::service::service_key;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{PutClusterCapacityProvidersRequest, PutClusterCapacityProvidersResponse};

use super::render::cluster::Include;
use super::service::current::Current;
use super::{Context, lookup, render, validate};

pub async fn put_cluster_capacity_providers(
    context: Context,
    input: PutClusterCapacityProvidersRequest,
) -> Result<PutClusterCapacityProvidersResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:PutClusterCapacityProviders", &lookup::cluster_arn_of(&context.scope, given))?;
    let providers = validate::strategy::providers(input.capacity_providers.unwrap_or_default())?;
    let strategy = input.default_capacity_provider_strategy.unwrap_or_default();
    let strategy = validate::strategy::strategy(strategy, &providers)?;
    context
        .transact(|view, transaction| {
            let row = lookup::active_cluster(view, &context.scope, given)?;
            let removed = |name: &str| {
                row.capacity_providers.iter().any(|had| had == name)
                    && !providers.iter().any(|has| has == name)
            };
            let in_use = lookup::live_tasks(view, &row.scope, &row.name, None)
                .any(|task| task.intent.capacity_provider_name.as_deref().is_some_and(removed));
            let wanted = view.services.prefix(&service_key(&row.scope, &row.name, "")).any(|(_, service)| {
                let revision = Current::of(view, service).map(|current| current.revision);
                let items = revision.map(|revision| revision.capacity_provider_strategy.as_slice());
                !service.is_deleted()
                    && items.unwrap_or_default().iter().any(|item| removed(&item.capacity_provider))
            });
            if in_use || wanted {
                return Err(ServiceError::caller(
                    "ResourceInUseException",
                    "The specified capacity provider is in use and cannot be removed.",
                ));
            }
            let mut cluster = Cluster::clone(row);
            cluster.capacity_providers.clone_from(&providers);
            cluster.default_strategy.clone_from(&strategy);
            transaction.update(row, &cluster);
            Ok(())
        })
        .await?;
    let view = context.view();
    let row = lookup::cluster(&view, &context.scope, given)?;
    let cluster = render::cluster::cluster(&view, row, Include { attachments: true, ..Include::CHANGED });
    Ok(PutClusterCapacityProvidersResponse { cluster: Some(cluster) })
}
