//! UpdateTaskProtection: each call begins a new period.

use std::time::Duration;

use state_model::ecs::task::{Protection, TaskIntent};
use state_tables::task_columns;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{UpdateTaskProtectionRequest, UpdateTaskProtectionResponse};

use super::errors::invalid_parameter;
use super::{Context, lookup, task_protection};

const MINUTES: std::ops::RangeInclusive<i32> = 1..=2880;
const MINUTES_DEFAULT: i32 = 120;

pub async fn update_task_protection(
    context: Context,
    input: UpdateTaskProtectionRequest,
) -> Result<UpdateTaskProtectionResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:UpdateTaskProtection", &lookup::cluster_arn_of(&context.scope, given))?;
    let Some(enabled) = input.protection_enabled else {
        return Err(invalid_parameter("protectionEnabled cannot be null."));
    };
    let minutes = input.expires_in_minutes.unwrap_or(MINUTES_DEFAULT);
    if !MINUTES.contains(&minutes) {
        return Err(invalid_parameter("expiresInMinutes must be between 1 and 2880."));
    }
    let tasks = input.tasks.unwrap_or_default();
    if tasks.is_empty() {
        return Err(invalid_parameter("Tasks cannot be empty."));
    }
    task_protection::check_count(&tasks)?;
    let period = Duration::from_secs(u64::from(minutes.unsigned_abs()) * 60);
    let protection = enabled.then(|| Protection { expires_at: context.now.plus(period) });
    context
        .transact(|view, transaction| {
            let cluster = &lookup::active_cluster(view, &context.scope, given)?.name;
            let mut output = UpdateTaskProtectionResponse {
                protected_tasks: Some(Vec::new()),
                failures: Some(Vec::new()),
            };
            let mut seen = Vec::new();
            for text in &tasks {
                let id = lookup::task_id(&context.scope, cluster, text)?;
                if seen.contains(&id) {
                    continue;
                }
                seen.push(id);
                match task_protection::protectable(view, &context.scope, cluster, id) {
                    Ok((row, _)) => {
                        let intent = TaskIntent { protection: protection.clone(), ..TaskIntent::clone(row) };
                        task_columns::update_intent(transaction, row, &intent);
                        let shown = task_protection::protected_task(&intent, context.now);
                        output.protected_tasks.get_or_insert_default().push(shown);
                    }
                    Err(failure) => output.failures.get_or_insert_default().push(failure),
                }
            }
            Ok(output)
        })
        .await
}
