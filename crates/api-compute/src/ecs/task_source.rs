//! The task definition that new tasks are made from, and the roles that they will have.

use api_auth::roles::{self, ECS_TASKS};
use state_model::ecs::new_task::PLATFORM_VERSION;
use state_model::ecs::task_definition::TaskDefinition;
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::errors::{self, invalid_parameter};
use super::{Context, lookup, runnable};

/// The definition that a request names, in whatever state.
pub fn definition<'v>(
    context: &Context,
    view: &'v View,
    given: &str,
) -> Result<&'v Row<TaskDefinition>, ServiceError> {
    let reference = lookup::Reference::parse(&context.scope, given)?;
    let found = reference.and_then(|reference| reference.find(view, &context.scope));
    found.ok_or_else(errors::task_definition_not_found)
}

/// Tasks of it can be run, on Fargate and here.
pub fn check_runnable(definition: &TaskDefinition) -> Result<(), ServiceError> {
    if !definition.compatibilities.iter().any(|name| name == "FARGATE") {
        return Err(invalid_parameter("Task definition does not support launch_type FARGATE."));
    }
    runnable::check(&definition.body)
}

/// The caller may pass the roles, and they trust the service that will assume them.
pub fn check_roles<'a>(
    context: &Context,
    view: &View,
    given: impl IntoIterator<Item = &'a String>,
) -> Result<(), ServiceError> {
    for role in given {
        context.pass_role(role, ECS_TASKS)?;
        if let Err(cause) = roles::assumable(view, &context.scope.account, role, ECS_TASKS) {
            return Err(errors::client(roles::ecs_assume_failure(role)).with_source(cause));
        }
    }
    Ok(())
}

pub fn check_platform(given: Option<&str>) -> Result<(), ServiceError> {
    match given {
        None | Some("" | "LATEST" | PLATFORM_VERSION) => Ok(()),
        Some(_) => {
            Err(ServiceError::caller("PlatformUnknownException", "The specified platform does not exist."))
        }
    }
}

/// Fargate places tasks by itself.
pub fn check_placement(
    constraints: &[wire::PlacementConstraint],
    strategies: &[wire::PlacementStrategy],
) -> Result<(), ServiceError> {
    if !constraints.is_empty() {
        return Err(invalid_parameter("Placement constraints are not supported with FARGATE launch type."));
    }
    if !strategies.is_empty() {
        return Err(invalid_parameter("Placement strategies are not supported with FARGATE launch type."));
    }
    Ok(())
}
