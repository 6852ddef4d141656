//! Service revisions, and the parts of them that services and deployments show too.

use state_model::ecs::new_task::{PLATFORM_FAMILY, PLATFORM_VERSION};
use state_model::ecs::service::Service;
use state_model::ecs::service_revision::{ServiceNetwork, ServiceRevision, deployment_id};
use state_model::ecs::task_definition::task_definition_key;
use state_tables::{View, service_counts};
use wire_shapes_compute::ecs as wire;

use super::cluster::strategy_item;
use super::{instant, number};

/// `service` is the one that the revision belongs to.
pub fn service_revision(view: &View, service: &Service, revision: &ServiceRevision) -> wire::ServiceRevision {
    let balancers = load_balancers(revision);
    let resolved = revision.load_balancers.iter().map(|balancer| wire::ServiceRevisionLoadBalancer {
        target_group_arn: Some(balancer.target_group_arn.clone()),
        production_listener_rule: None,
    });
    wire::ServiceRevision {
        service_revision_arn: Some(revision.arn()),
        service_arn: Some(service.arn()),
        cluster_arn: Some(service.cluster_arn()),
        task_definition: Some(revision.task_definition_arn.clone()),
        capacity_provider_strategy: strategy(revision),
        launch_type: revision.launch_type.as_deref().map(Into::into),
        platform_version: Some(PLATFORM_VERSION.to_owned()),
        platform_family: Some(PLATFORM_FAMILY.to_owned()),
        load_balancers: Some(balancers),
        service_registries: Some(Vec::new()),
        network_configuration: Some(network(&revision.network)),
        container_images: Some(container_images(view, service, revision)),
        guard_duty_enabled: Some(false),
        created_at: Some(instant(revision.created_at)),
        monitoring: monitoring(revision),
        resolved_configuration: (!revision.load_balancers.is_empty()).then(|| wire::ResolvedConfiguration {
            load_balancers: Some(resolved.collect()),
            vpc_lattice_configurations: None,
        }),
        ..Default::default()
    }
}

/// None when nothing was given.
fn monitoring(revision: &ServiceRevision) -> Option<wire::MonitoringConfiguration> {
    let configurations = revision.metric_configurations.iter().map(|one| wire::MetricConfiguration {
        metric_names: Some(one.metric_names.clone()),
        resolution_seconds: Some(number(one.resolution_secs)),
    });
    let configurations: Vec<_> = configurations.collect();
    (!configurations.is_empty())
        .then_some(wire::MonitoringConfiguration { metric_configurations: Some(configurations) })
}

/// None with a launch type.
pub fn strategy(revision: &ServiceRevision) -> Option<Vec<wire::CapacityProviderStrategyItem>> {
    let items = &revision.capacity_provider_strategy;
    (!items.is_empty()).then(|| items.iter().map(strategy_item).collect())
}

pub fn network(network: &ServiceNetwork) -> wire::NetworkConfiguration {
    let assign =
        if network.assign_public_ip { wire::AssignPublicIp::Enabled } else { wire::AssignPublicIp::Disabled };
    wire::NetworkConfiguration {
        awsvpc_configuration: Some(wire::AwsVpcConfiguration {
            subnets: Some(network.subnets.clone()),
            security_groups: Some(network.security_groups.clone()),
            assign_public_ip: Some(assign),
        }),
    }
}

pub fn load_balancers(revision: &ServiceRevision) -> Vec<wire::LoadBalancer> {
    let balancers = revision.load_balancers.iter();
    balancers
        .map(|balancer| wire::LoadBalancer {
            target_group_arn: Some(balancer.target_group_arn.clone()),
            container_name: Some(balancer.container_name.clone()),
            container_port: Some(number(balancer.container_port)),
            ..Default::default()
        })
        .collect()
}

/// The images of the definition, with the digests that the revision's tasks were seen to run.
fn container_images(view: &View, service: &Service, revision: &ServiceRevision) -> Vec<wire::ContainerImage> {
    let key = task_definition_key(&revision.scope, &revision.family, revision.task_revision);
    let Some(definition) = view.task_definitions.get(&key) else { return Vec::new() };
    let id = deployment_id(&revision.id);
    let digest_of = |name: &str| {
        let mut tasks = service_counts::live_tasks_of_revision(view, service, &id);
        tasks.find_map(|task| {
            let containers = &task.observation?.containers;
            containers.iter().find(|container| container.name == name)?.image_digest.clone()
        })
    };
    let containers = definition.body.container_definitions.iter();
    containers
        .map(|container| wire::ContainerImage {
            container_name: Some(container.name.clone()),
            image: Some(container.image.clone()),
            image_digest: digest_of(&container.name),
        })
        .collect()
}
