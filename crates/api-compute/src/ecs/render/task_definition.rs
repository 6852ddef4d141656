//! Task definitions.

use state_model::ecs::task_definition::TaskDefinition;
use wire_shapes_compute::ecs as wire;

use super::container_definition::{container_definition, key_value_pair, list, optional};
use super::{instant, number, volume};

/// `volumes` and `placementConstraints` are always there.
pub fn task_definition(definition: &TaskDefinition) -> wire::TaskDefinition {
    let body = &definition.body;
    wire::TaskDefinition {
        task_definition_arn: Some(definition.arn()),
        container_definitions: Some(list(&body.container_definitions, container_definition)),
        family: Some(definition.family.clone()),
        task_role_arn: body.task_role_arn.clone(),
        execution_role_arn: body.execution_role_arn.clone(),
        network_mode: body.network_mode.as_deref().map(Into::into),
        revision: Some(number(definition.revision)),
        volumes: Some(list(&body.volumes, volume::volume)),
        status: Some(definition.status.as_str().into()),
        requires_attributes: Some(list(&definition.requires_attributes, |name| wire::Attribute {
            name: Some(name.clone()),
            ..Default::default()
        })),
        placement_constraints: Some(list(&body.placement_constraints, |constraint| {
            wire::TaskDefinitionPlacementConstraint {
                r#type: Some(constraint.kind.as_str().into()),
                expression: constraint.expression.clone(),
            }
        })),
        compatibilities: Some(list(&definition.compatibilities, |name| name.as_str().into())),
        runtime_platform: body.runtime_platform.as_ref().map(|platform| wire::RuntimePlatform {
            cpu_architecture: platform.cpu_architecture.as_deref().map(Into::into),
            operating_system_family: platform.operating_system_family.as_deref().map(Into::into),
        }),
        requires_compatibilities: optional(&body.requires_compatibilities, |name| name.as_str().into()),
        cpu: body.cpu.map(|units| units.to_string()),
        memory: body.memory_mib.map(|mib| mib.to_string()),
        pid_mode: body.pid_mode.as_deref().map(Into::into),
        ipc_mode: body.ipc_mode.as_deref().map(Into::into),
        proxy_configuration: body.proxy_configuration.as_ref().map(|proxy| wire::ProxyConfiguration {
            r#type: proxy.kind.as_deref().map(Into::into),
            container_name: Some(proxy.container_name.clone()),
            properties: optional(&proxy.properties, key_value_pair),
        }),
        registered_at: Some(instant(definition.registered_at)),
        deregistered_at: definition.deregistered_at.map(instant),
        delete_requested_at: definition.delete_requested_at.map(instant),
        registered_by: Some(definition.registered_by.clone()),
        ephemeral_storage: body
            .ephemeral_storage_gib
            .map(|size| wire::EphemeralStorage { size_in_gib: Some(number(size)) }),
        enable_fault_injection: Some(body.enable_fault_injection.unwrap_or(false)),
        inference_accelerators: None,
        trusted_execution_configuration: None,
    }
}
