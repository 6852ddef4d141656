//! What both operations of task protection share.

use state_model::Scope;
use state_model::ecs::task::{TaskColumns, TaskIntent};
use state_tables::{Row, View};
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{Failure, ProtectedTask};

use super::errors::invalid_parameter;
use super::limits::TASK_PROTECTION_MAX;
use super::{lookup, render};

pub fn check_count(tasks: &[String]) -> Result<(), ServiceError> {
    if tasks.len() > TASK_PROTECTION_MAX {
        return Err(invalid_parameter(format!(
            "Tasks cannot have more than {TASK_PROTECTION_MAX} elements."
        )));
    }
    Ok(())
}

/// A running task of a service: the only kind that scale-in or a deployment could take away.
pub fn protectable<'v>(
    view: &'v View,
    scope: &Scope,
    cluster: &str,
    id: &str,
) -> Result<(&'v Row<TaskIntent>, TaskColumns<'v>), Failure> {
    let arn = || scope.arn("ecs", &format!("task/{cluster}/{id}"));
    let (row, columns) = lookup::task(view, scope, cluster, id).ok_or_else(|| render::missing(arn()))?;
    let of_service = row.group.starts_with("service:");
    if !of_service || columns.desired_status() == "STOPPED" {
        return Err(render::failure(arn(), "TASK_NOT_VALID"));
    }
    Ok((row, columns))
}

pub fn protected_task(intent: &TaskIntent, now: Timestamp) -> ProtectedTask {
    let until =
        intent.protection.as_ref().map(|protection| protection.expires_at).filter(|until| *until > now);
    ProtectedTask {
        task_arn: Some(intent.arn()),
        protection_enabled: Some(until.is_some()),
        expiration_date: until.map(render::instant),
    }
}
