//! DescribeTasks: the operation that clients wait with, so it looks up by key and copies nothing but its
//! answer.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DescribeTasksRequest, DescribeTasksResponse, TaskField};

use super::errors::invalid_parameter;
use super::limits::DESCRIBE_MAX;
use super::render::task::{Tags, task};
use super::{Context, lookup, render};

pub async fn describe_tasks(
    context: Context,
    input: DescribeTasksRequest,
) -> Result<DescribeTasksResponse, ServiceError> {
    let cluster = lookup::cluster_name(&context.scope, input.cluster.as_deref())?;
    let given = input.tasks.unwrap_or_default();
    if given.is_empty() {
        return Err(invalid_parameter("Tasks cannot be empty."));
    }
    if given.len() > DESCRIBE_MAX {
        return Err(invalid_parameter(format!("Tasks cannot have more than {DESCRIBE_MAX} elements.")));
    }
    let tags = match input.include.unwrap_or_default().contains(&TaskField::Tags) {
        true => Tags::Shown,
        false => Tags::Hidden,
    };
    let view = context.view();
    let mut found = Vec::with_capacity(given.len());
    let mut failures = Vec::new();
    for text in &given {
        let id = lookup::task_id(&context.scope, cluster, text)?;
        let arn = || context.scope.arn("ecs", &format!("task/{cluster}/{id}"));
        context.authorise("ecs:DescribeTasks", &arn())?;
        match lookup::task(&view, &context.scope, cluster, id) {
            Some((_, columns)) => found.push(task(&view, columns, tags)),
            None => failures.push(render::missing(arn())),
        }
    }
    // Asked last: a task is proof enough that its cluster exists.
    if found.is_empty() {
        lookup::active_cluster(&view, &context.scope, Some(cluster))?;
    }
    Ok(DescribeTasksResponse { tasks: Some(found), failures: Some(failures) })
}
