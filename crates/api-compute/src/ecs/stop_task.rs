//! StopTask: asks for a task's end. The node carries it out.

use state_model::ecs::task::{StopCode, StopRequest, TaskIntent};
use state_tables::task_columns;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{StopTaskRequest, StopTaskResponse};

use super::errors::{invalid_parameter, task_not_found};
use super::limits::STOP_REASON_LENGTH_MAX;
use super::render::task::{Tags, task};
use super::{Context, lookup};

const REASON_DEFAULT: &str = "Task stopped by user";

pub async fn stop_task(context: Context, input: StopTaskRequest) -> Result<StopTaskResponse, ServiceError> {
    let cluster = lookup::cluster_name(&context.scope, input.cluster.as_deref())?;
    let given = input.task.as_deref().unwrap_or_default();
    let id = lookup::task_id(&context.scope, cluster, given)?;
    context.authorise("ecs:StopTask", &context.scope.arn("ecs", &format!("task/{cluster}/{id}")))?;
    let reason = input.reason.filter(|reason| !reason.is_empty());
    let reason = reason.unwrap_or_else(|| String::from(REASON_DEFAULT));
    if reason.chars().count() > STOP_REASON_LENGTH_MAX {
        return Err(invalid_parameter(format!("reason may have up to {STOP_REASON_LENGTH_MAX} characters.")));
    }
    context
        .transact(|view, transaction| {
            let Some((row, columns)) = lookup::task(view, &context.scope, cluster, id) else {
                lookup::active_cluster(view, &context.scope, Some(cluster))?;
                return Err(task_not_found());
            };
            if columns.desired_status() == "STOPPED" {
                return Ok(());
            }
            let mut intent = TaskIntent::clone(row);
            intent.stop =
                Some(StopRequest { code: StopCode::UserInitiated, reason: reason.clone(), at: context.now });
            // A task that is stopped loses its tags; its bill doesn't.
            intent.stopped_tags = Some(std::mem::take(&mut intent.tags));
            intent.changes += 1;
            task_columns::update_intent(transaction, row, &intent);
            Ok(())
        })
        .await?;
    let view = context.view();
    let (_, columns) = lookup::task(&view, &context.scope, cluster, id).ok_or_else(task_not_found)?;
    Ok(StopTaskResponse { task: Some(task(&view, columns, Tags::Shown)) })
}
