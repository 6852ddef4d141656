//! EcsParameters of targets, from the wire and back.

use state_model::events::ecs_target::{AwsVpc, CapacityProvider, EcsTarget};
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::errors::invalid;
use super::validation::Violations;

/// RunTask starts this many tasks at most.
const TASKS_MAX: i32 = 10;

pub fn read(input: events::EcsParameters) -> Result<EcsTarget, ServiceError> {
    let mut violations = Violations::default();
    violations.required(input.task_definition_arn.as_ref(), "targets.ecsParameters.taskDefinitionArn");
    violations.length(
        input.task_definition_arn.as_deref(),
        "targets.ecsParameters.taskDefinitionArn",
        1,
        1_600,
    );
    violations.in_range(input.task_count, "targets.ecsParameters.taskCount", 1, TASKS_MAX);
    let launch_type = input.launch_type.as_ref().map(|one| one.as_str());
    violations.one_of(launch_type, "targets.ecsParameters.launchType", events::LaunchType::VALUES);
    let propagate = input.propagate_tags.as_ref().map(|one| one.as_str());
    violations.one_of(propagate, "targets.ecsParameters.propagateTags", events::PropagateTags::VALUES);
    violations.length(input.reference_id.as_deref(), "targets.ecsParameters.referenceId", 0, 1_024);
    let strategy = input.capacity_provider_strategy.unwrap_or_default();
    violations.count(strategy.len(), "targets.ecsParameters.capacityProviderStrategy", 0, 6);
    for one in &strategy {
        violations.required(one.capacity_provider.as_ref(), "capacityProvider");
    }
    violations.check()?;
    if launch_type.is_some() && !strategy.is_empty() {
        return Err(invalid("EcsParameters can't have both LaunchType and CapacityProviderStrategy."));
    }
    let tags = input.tags.unwrap_or_default().into_iter();
    Ok(EcsTarget {
        task_definition_arn: input.task_definition_arn.unwrap_or_default(),
        task_count: input.task_count,
        launch_type: launch_type.map(str::to_owned),
        network: input.network_configuration.and_then(|network| network.awsvpc_configuration).map(network),
        platform_version: input.platform_version,
        group: input.group,
        capacity_provider_strategy: strategy.into_iter().map(provider).collect(),
        enable_ecs_managed_tags: input.enable_ecs_managed_tags,
        enable_execute_command: input.enable_execute_command,
        placement_constraints: pairs(input.placement_constraints, |one| {
            (one.r#type.map(|one| one.to_string()), one.expression)
        }),
        placement_strategy: pairs(input.placement_strategy, |one| {
            (one.r#type.map(|one| one.to_string()), one.field)
        }),
        propagate_tags: propagate.map(str::to_owned),
        reference_id: input.reference_id,
        tags: tags.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect(),
    })
}

pub fn write(target: &EcsTarget) -> events::EcsParameters {
    let target = target.clone();
    let some = |list: Vec<_>| if list.is_empty() { None } else { Some(list) };
    let providers = target.capacity_provider_strategy.into_iter();
    let providers: Vec<_> = providers
        .map(|one| events::CapacityProviderStrategyItem {
            capacity_provider: Some(one.name),
            weight: one.weight,
            base: one.base,
        })
        .collect();
    let constraints = target.placement_constraints.into_iter();
    let constraints: Vec<_> = constraints
        .map(|(kind, expression)| events::PlacementConstraint { r#type: kind.map(Into::into), expression })
        .collect();
    let strategy = target.placement_strategy.into_iter();
    let strategy: Vec<_> = strategy
        .map(|(kind, field)| events::PlacementStrategy { r#type: kind.map(Into::into), field })
        .collect();
    let tags = target.tags.into_iter().map(|(key, value)| events::Tag { key: Some(key), value: Some(value) });
    events::EcsParameters {
        task_definition_arn: Some(target.task_definition_arn),
        task_count: Some(target.task_count.unwrap_or(1)),
        launch_type: target.launch_type.map(Into::into),
        network_configuration: target.network.map(|network| events::NetworkConfiguration {
            awsvpc_configuration: Some(events::AwsVpcConfiguration {
                subnets: Some(network.subnets),
                security_groups: some(network.security_groups),
                assign_public_ip: network.assign_public_ip.map(Into::into),
            }),
        }),
        platform_version: target.platform_version,
        group: target.group,
        capacity_provider_strategy: (!providers.is_empty()).then_some(providers),
        enable_ecs_managed_tags: Some(target.enable_ecs_managed_tags.unwrap_or(false)),
        enable_execute_command: Some(target.enable_execute_command.unwrap_or(false)),
        placement_constraints: (!constraints.is_empty()).then_some(constraints),
        placement_strategy: (!strategy.is_empty()).then_some(strategy),
        propagate_tags: target.propagate_tags.map(Into::into),
        reference_id: target.reference_id,
        tags: Some(tags.collect::<Vec<_>>()).filter(|tags| !tags.is_empty()),
    }
}

fn network(vpc: events::AwsVpcConfiguration) -> AwsVpc {
    AwsVpc {
        subnets: vpc.subnets.unwrap_or_default(),
        security_groups: vpc.security_groups.unwrap_or_default(),
        assign_public_ip: vpc.assign_public_ip.map(|one| one.to_string()),
    }
}

fn provider(one: events::CapacityProviderStrategyItem) -> CapacityProvider {
    CapacityProvider { name: one.capacity_provider.unwrap_or_default(), weight: one.weight, base: one.base }
}

fn pairs<T>(
    list: Option<Vec<T>>,
    pair: impl Fn(T) -> (Option<String>, Option<String>),
) -> Vec<(Option<String>, Option<String>)> {
    list.unwrap_or_default().into_iter().map(pair).collect()
}
