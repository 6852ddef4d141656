//! What CreateService and UpdateService refuse, or take over, alike.

use wire_shapes_compute::ecs as wire;

#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    pub availability_zone_rebalancing: Option<&'a wire::AvailabilityZoneRebalancing>,
    pub deployment_configuration: Option<&'a wire::DeploymentConfiguration>,
    pub deployment_controller: Option<&'a wire::DeploymentController>,
    pub desired_count: Option<i32>,
    pub enable_ecs_managed_tags: Option<bool>,
    pub enable_execute_command: Option<bool>,
    pub gateway_connectors: &'a [wire::GatewayConnector],
    pub health_check_grace_period_seconds: Option<i32>,
    pub placement_constraints: &'a [wire::PlacementConstraint],
    pub placement_strategy: &'a [wire::PlacementStrategy],
    pub propagate_tags: Option<&'a wire::PropagateTags>,
    pub service_connect_configuration: Option<&'a wire::ServiceConnectConfiguration>,
    pub service_registries: &'a [wire::ServiceRegistry],
    pub volume_configurations: &'a [wire::ServiceVolumeConfiguration],
    pub vpc_lattice_configurations: &'a [wire::VpcLatticeConfiguration],
}

macro_rules! members {
    ($request:ty) => {
        impl<'a> From<&'a $request> for Members<'a> {
            fn from(request: &'a $request) -> Self {
                Self {
                    availability_zone_rebalancing: request.availability_zone_rebalancing.as_ref(),
                    deployment_configuration: request.deployment_configuration.as_ref(),
                    deployment_controller: request.deployment_controller.as_ref(),
                    desired_count: request.desired_count,
                    enable_ecs_managed_tags: request.enable_ecs_managed_tags,
                    enable_execute_command: request.enable_execute_command,
                    gateway_connectors: request.gateway_connectors.as_deref().unwrap_or_default(),
                    health_check_grace_period_seconds: request.health_check_grace_period_seconds,
                    placement_constraints: request.placement_constraints.as_deref().unwrap_or_default(),
                    placement_strategy: request.placement_strategy.as_deref().unwrap_or_default(),
                    propagate_tags: request.propagate_tags.as_ref(),
                    service_connect_configuration: request.service_connect_configuration.as_ref(),
                    service_registries: request.service_registries.as_deref().unwrap_or_default(),
                    volume_configurations: request.volume_configurations.as_deref().unwrap_or_default(),
                    vpc_lattice_configurations: request
                        .vpc_lattice_configurations
                        .as_deref()
                        .unwrap_or_default(),
                }
            }
        }
    };
}

members!(wire::CreateServiceRequest);
members!(wire::UpdateServiceRequest);
