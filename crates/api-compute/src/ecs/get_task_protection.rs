//! GetTaskProtection.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{GetTaskProtectionRequest, GetTaskProtectionResponse};

use super::{Context, lookup, task_protection};

pub async fn get_task_protection(
    context: Context,
    input: GetTaskProtectionRequest,
) -> Result<GetTaskProtectionResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:GetTaskProtection", &lookup::cluster_arn_of(&context.scope, given))?;
    let view = context.view();
    let cluster = &lookup::active_cluster(&view, &context.scope, given)?.name;
    let tasks = input.tasks.unwrap_or_default();
    task_protection::check_count(&tasks)?;
    let (mut protected, mut failures) = (Vec::new(), Vec::new());
    for text in &tasks {
        let id = lookup::task_id(&context.scope, cluster, text)?;
        match task_protection::protectable(&view, &context.scope, cluster, id) {
            Ok((row, _)) => protected.push(task_protection::protected_task(row, context.now)),
            Err(failure) => failures.push(failure),
        }
    }
    Ok(GetTaskProtectionResponse { protected_tasks: Some(protected), failures: Some(failures) })
}
