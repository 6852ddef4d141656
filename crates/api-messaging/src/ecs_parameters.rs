//! EcsParameters of targets, from the wire and back. Rules and schedules give the same members in shapes of their own, and tags
//! in another form.

use std::collections::BTreeMap;

use state_model::events::ecs_target::{AwsVpc, CapacityProvider, EcsTarget};
use wire_schema::ServiceError;
use wire_shapes_messaging::{events as events_wire, scheduler as scheduler_wire};

use crate::events::{Violations, invalid};

/// RunTask starts this many tasks at most.
const TASKS_MAX: i32 = 10;

macro_rules! ecs_parameters {
    ($service:ident, $wire:ident, $member:literal, $read_tag:expr, $write_tag:expr) => {
        pub mod $service {
            use super::{$wire as wire, *};

            pub fn read(input: wire::EcsParameters) -> Result<EcsTarget, ServiceError> {
                let mut violations = Violations::default();
                violations
                    .required(input.task_definition_arn.as_ref(), concat!($member, ".taskDefinitionArn"));
                violations.length(
                    input.task_definition_arn.as_deref(),
                    concat!($member, ".taskDefinitionArn"),
                    1,
                    1_600,
                );
                violations.in_range(input.task_count, concat!($member, ".taskCount"), 1, TASKS_MAX);
                let launch_type = input.launch_type.as_ref().map(|one| one.as_str());
                violations.one_of(launch_type, concat!($member, ".launchType"), wire::LaunchType::VALUES);
                let propagate = input.propagate_tags.as_ref().map(|one| one.as_str());
                violations.one_of(propagate, concat!($member, ".propagateTags"), wire::PropagateTags::VALUES);
                violations.length(input.reference_id.as_deref(), concat!($member, ".referenceId"), 0, 1_024);
                let strategy = input.capacity_provider_strategy.unwrap_or_default();
                violations.count(strategy.len(), concat!($member, ".capacityProviderStrategy"), 0, 6);
                for one in &strategy {
                    violations.required(one.capacity_provider.as_ref(), "capacityProvider");
                }
                violations.check()?;
                if launch_type.is_some() && !strategy.is_empty() {
                    return Err(invalid(
                        "EcsParameters can't have both LaunchType and CapacityProviderStrategy.",
                    ));
                }
                let tags = input.tags.unwrap_or_default().into_iter();
                Ok(EcsTarget {
                    task_definition_arn: input.task_definition_arn.unwrap_or_default(),
                    task_count: input.task_count,
                    launch_type: launch_type.map(str::to_owned),
                    network: input
                        .network_configuration
                        .and_then(|network| network.awsvpc_configuration)
                        .map(network),
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
                    tags: tags.map($read_tag).collect(),
                })
            }

            pub fn write(target: &EcsTarget) -> wire::EcsParameters {
                let target = target.clone();
                let some = |list: Vec<_>| if list.is_empty() { None } else { Some(list) };
                let providers = target.capacity_provider_strategy.into_iter();
                let providers: Vec<_> = providers
                    .map(|one| wire::CapacityProviderStrategyItem {
                        capacity_provider: Some(one.name),
                        weight: one.weight,
                        base: one.base,
                    })
                    .collect();
                let constraints = target.placement_constraints.into_iter();
                let constraints: Vec<_> = constraints
                    .map(|(kind, expression)| wire::PlacementConstraint {
                        r#type: kind.map(Into::into),
                        expression,
                    })
                    .collect();
                let strategy = target.placement_strategy.into_iter();
                let strategy: Vec<_> = strategy
                    .map(|(kind, field)| wire::PlacementStrategy { r#type: kind.map(Into::into), field })
                    .collect();
                let tags = target.tags.into_iter().map($write_tag);
                wire::EcsParameters {
                    task_definition_arn: Some(target.task_definition_arn),
                    task_count: Some(target.task_count.unwrap_or(1)),
                    launch_type: target.launch_type.map(Into::into),
                    network_configuration: target.network.map(|network| wire::NetworkConfiguration {
                        awsvpc_configuration: Some(wire::AwsVpcConfiguration {
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

            fn network(vpc: wire::AwsVpcConfiguration) -> AwsVpc {
                AwsVpc {
                    subnets: vpc.subnets.unwrap_or_default(),
                    security_groups: vpc.security_groups.unwrap_or_default(),
                    assign_public_ip: vpc.assign_public_ip.map(|one| one.to_string()),
                }
            }

            fn provider(one: wire::CapacityProviderStrategyItem) -> CapacityProvider {
                CapacityProvider {
                    name: one.capacity_provider.unwrap_or_default(),
                    weight: one.weight,
                    base: one.base,
                }
            }
        }
    };
}

ecs_parameters!(events, events_wire, "targets.ecsParameters", read_tag, write_tag);
ecs_parameters!(scheduler, scheduler_wire, "target.ecsParameters", read_tag_object, write_tag_object);

fn pairs<T>(
    list: Option<Vec<T>>,
    pair: impl Fn(T) -> (Option<String>, Option<String>),
) -> Vec<(Option<String>, Option<String>)> {
    list.unwrap_or_default().into_iter().map(pair).collect()
}

fn read_tag(tag: events_wire::Tag) -> (String, String) {
    (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())
}

fn write_tag((key, value): (String, String)) -> events_wire::Tag {
    events_wire::Tag { key: Some(key), value: Some(value) }
}

/// Each is an object with the members `key` and `value`.
fn read_tag_object(mut tag: BTreeMap<String, String>) -> (String, String) {
    let mut take = |name: &str| tag.remove(name).or_else(|| tag.remove(&name.to_ascii_lowercase()));
    (take("Key").unwrap_or_default(), take("Value").unwrap_or_default())
}

fn write_tag_object((key, value): (String, String)) -> BTreeMap<String, String> {
    BTreeMap::from([("key".to_owned(), key), ("value".to_owned(), value)])
}
