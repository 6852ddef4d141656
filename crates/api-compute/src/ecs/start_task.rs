//! StartTask: places tasks on container instances that the caller names. Fargate has none.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{StartTaskRequest, StartTaskResponse};

use super::errors::{invalid_parameter, task_definition_not_found};
use super::limits::RUN_TASK_COUNT_MAX;
use super::{Context, lookup, render};

pub async fn start_task(
    context: Context,
    input: StartTaskRequest,
) -> Result<StartTaskResponse, ServiceError> {
    let given = input.task_definition.unwrap_or_default();
    context.authorise("ecs:StartTask", &lookup::task_definition_arn_of(&context.scope, &given))?;
    let reference = lookup::Reference::parse(&context.scope, &given)?;
    let instances = input.container_instances.unwrap_or_default();
    if instances.is_empty() {
        return Err(invalid_parameter("Container instances cannot be empty."));
    }
    if instances.len() > RUN_TASK_COUNT_MAX {
        return Err(invalid_parameter(format!(
            "Container instances cannot have more than {RUN_TASK_COUNT_MAX} elements."
        )));
    }
    let view = context.view();
    let cluster = lookup::active_cluster(&view, &context.scope, input.cluster.as_deref())?;
    reference
        .and_then(|reference| reference.find(&view, &context.scope))
        .ok_or_else(task_definition_not_found)?;
    let failures = lookup::missing_instances(&context.scope, &cluster.name, instances);
    Ok(StartTaskResponse { tasks: Some(Vec::new()), failures: Some(failures.map(render::missing).collect()) })
}
