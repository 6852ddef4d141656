//! Clusters, with their computed counts.

use state_model::ecs::cluster::{Cluster, ClusterConfiguration, StrategyItem};
use state_model::ecs::service::service_key;
use state_tables::View;
use state_tables::service_counts::{ServiceStatus, service_status};
use wire_shapes_compute::ecs as wire;

use super::number;

/// What is shown besides the cluster itself: each part only when it was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Include {
    pub attachments: bool,
    pub configurations: bool,
    pub settings: bool,
    pub statistics: bool,
    pub tags: bool,
}

impl Include {
    /// What the operations that change a cluster show.
    pub const CHANGED: Include =
        Include { attachments: false, configurations: true, settings: true, statistics: false, tags: true };
}

pub fn cluster(view: &View, cluster: &Cluster, include: Include) -> wire::Cluster {
    let counts = task_counts(view, cluster);
    let services = service_counts(view, cluster);
    let when = |wanted: bool| wanted.then_some(());
    wire::Cluster {
        cluster_arn: Some(cluster.arn()),
        cluster_name: Some(cluster.name.clone()),
        status: Some(cluster.status.as_str().to_owned()),
        registered_container_instances_count: Some(0),
        running_tasks_count: Some(number(counts.running)),
        pending_tasks_count: Some(number(counts.pending)),
        active_services_count: Some(number(services.active)),
        statistics: Some(if include.statistics { statistics(counts, services) } else { Vec::new() }),
        tags: Some(if include.tags { super::tags(&cluster.tags) } else { Vec::new() }),
        settings: Some(if include.settings { settings(cluster) } else { Vec::new() }),
        capacity_providers: Some(cluster.capacity_providers.clone()),
        default_capacity_provider_strategy: Some(
            cluster.default_strategy.iter().map(strategy_item).collect(),
        ),
        configuration: when(include.configurations).and(cluster.configuration.as_ref()).map(configuration),
        // Fargate's providers need no resources of the cluster's own.
        attachments: when(include.attachments).map(|()| Vec::new()),
        attachments_status: None,
        service_connect_defaults: cluster
            .service_connect_namespace
            .as_ref()
            .map(|namespace| wire::ClusterServiceConnectDefaults { namespace: Some(namespace.clone()) }),
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct TaskCounts {
    pub running: usize,
    pub pending: usize,
    /// Everything that hasn't stopped, also what is on its way there.
    pub live: usize,
}

/// Counted from the tasks that live, however long the cluster's history is.
pub fn task_counts(view: &View, cluster: &Cluster) -> TaskCounts {
    let mut counts = TaskCounts::default();
    for task in crate::ecs::lookup::live_tasks(view, &cluster.scope, &cluster.name, None) {
        counts.live += 1;
        match task.last_status() {
            "RUNNING" => counts.running += 1,
            "PROVISIONING" | "PENDING" | "ACTIVATING" => counts.pending += 1,
            _ => {}
        }
    }
    counts
}

#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceCounts {
    pub active: usize,
    pub draining: usize,
}

pub fn service_counts(view: &View, cluster: &Cluster) -> ServiceCounts {
    let mut counts = ServiceCounts::default();
    for (_, service) in view.services.prefix(&service_key(&cluster.scope, &cluster.name, "")) {
        match service_status(view, service) {
            ServiceStatus::Active => counts.active += 1,
            ServiceStatus::Draining => counts.draining += 1,
            ServiceStatus::Inactive => {}
        }
    }
    counts
}

fn statistics(counts: TaskCounts, services: ServiceCounts) -> Vec<wire::KeyValuePair> {
    let pair = |name: &str, value: usize| wire::KeyValuePair {
        name: Some(name.to_owned()),
        value: Some(value.to_string()),
    };
    vec![
        pair("runningEC2TasksCount", 0),
        pair("runningFargateTasksCount", counts.running),
        pair("pendingEC2TasksCount", 0),
        pair("pendingFargateTasksCount", counts.pending),
        pair("runningExternalTasksCount", 0),
        pair("pendingExternalTasksCount", 0),
        pair("activeEC2ServiceCount", 0),
        pair("activeFargateServiceCount", services.active),
        pair("drainingEC2ServiceCount", 0),
        pair("drainingFargateServiceCount", services.draining),
        pair("activeExternalServiceCount", 0),
        pair("drainingExternalServiceCount", 0),
    ]
}

fn settings(cluster: &Cluster) -> Vec<wire::ClusterSetting> {
    let setting = |setting: &state_model::ecs::cluster::ClusterSetting| wire::ClusterSetting {
        name: Some(setting.name.as_str().into()),
        value: Some(setting.value.clone()),
    };
    cluster.settings.iter().map(setting).collect()
}

pub fn strategy_item(item: &StrategyItem) -> wire::CapacityProviderStrategyItem {
    wire::CapacityProviderStrategyItem {
        capacity_provider: Some(item.capacity_provider.clone()),
        weight: Some(number(item.weight)),
        base: Some(number(item.base)),
    }
}

fn configuration(configuration: &ClusterConfiguration) -> wire::ClusterConfiguration {
    wire::ClusterConfiguration {
        execute_command_configuration: configuration.execute_command.as_ref().map(|exec| {
            wire::ExecuteCommandConfiguration {
                kms_key_id: exec.kms_key_id.clone(),
                logging: exec.logging.as_deref().map(Into::into),
                log_configuration: exec.log.as_ref().map(|log| wire::ExecuteCommandLogConfiguration {
                    cloud_watch_log_group_name: log.cloud_watch_log_group_name.clone(),
                    cloud_watch_encryption_enabled: Some(log.cloud_watch_encryption_enabled),
                    s3_bucket_name: log.s3_bucket_name.clone(),
                    s3_encryption_enabled: Some(log.s3_encryption_enabled),
                    s3_key_prefix: log.s3_key_prefix.clone(),
                }),
            }
        }),
        managed_storage_configuration: configuration.managed_storage.as_ref().map(|storage| {
            wire::ManagedStorageConfiguration {
                kms_key_id: storage.kms_key_id.clone(),
                fargate_ephemeral_storage_kms_key_id: storage.fargate_ephemeral_storage_kms_key_id.clone(),
            }
        }),
    }
}
