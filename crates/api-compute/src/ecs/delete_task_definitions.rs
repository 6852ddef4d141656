//! DeleteTaskDefinitions: INACTIVE revisions become DELETE_IN_PROGRESS, and go once nothing refers to them.

use state_model::ecs::task_definition::{TaskDefinition, TaskDefinitionStatus};
use state_tables::{Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DeleteTaskDefinitionsRequest, DeleteTaskDefinitionsResponse, Failure};

use super::errors::{client, invalid_parameter};
use super::limits::DELETE_TASK_DEFINITIONS_MAX;
use super::lookup::Reference;
use super::{Context, render};

pub async fn delete_task_definitions(
    context: Context,
    input: DeleteTaskDefinitionsRequest,
) -> Result<DeleteTaskDefinitionsResponse, ServiceError> {
    context.authorise("ecs:DeleteTaskDefinitions", "*")?;
    let given = input.task_definitions.unwrap_or_default();
    if given.is_empty() {
        return Err(invalid_parameter("Task definitions cannot be empty."));
    }
    if given.len() > DELETE_TASK_DEFINITIONS_MAX {
        return Err(invalid_parameter(format!(
            "Task definitions cannot have more than {DELETE_TASK_DEFINITIONS_MAX} elements."
        )));
    }
    let mut references = Vec::with_capacity(given.len());
    for text in &given {
        let reference = Reference::parse(&context.scope, text)?;
        if reference.is_some_and(|reference| reference.revision.is_none()) {
            return Err(client("Revision is missing."));
        }
        if references.iter().all(|(_, other)| *other != reference || reference.is_none()) {
            references.push((text, reference));
        }
    }
    context
        .transact(|view, transaction| {
            let mut output = DeleteTaskDefinitionsResponse {
                task_definitions: Some(Vec::new()),
                failures: Some(Vec::new()),
            };
            for (text, reference) in &references {
                match delete(&context, view, transaction, *reference) {
                    Ok(definition) => {
                        let shown = render::task_definition::task_definition(&definition);
                        output.task_definitions.get_or_insert_default().push(shown);
                    }
                    Err(detail) => {
                        let arn =
                            reference.map_or_else(|| (*text).clone(), |found| found.arn(&context.scope));
                        output.failures.get_or_insert_default().push(Failure {
                            arn: Some(arn),
                            reason: Some(detail.reason.to_owned()),
                            detail: Some(detail.detail.to_owned()),
                        });
                    }
                }
            }
            Ok(output)
        })
        .await
}

struct NotDeleted {
    reason: &'static str,
    detail: &'static str,
}

fn delete(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    reference: Option<Reference<'_>>,
) -> Result<TaskDefinition, NotDeleted> {
    let row = reference.and_then(|reference| reference.find(view, &context.scope)).ok_or(NotDeleted {
        reason: "TASK_DEFINITION_NOT_FOUND",
        detail: "The specified task definition does not exist.",
    })?;
    let mut definition = TaskDefinition::clone(row);
    match row.status {
        TaskDefinitionStatus::Active => Err(NotDeleted {
            reason: "TASK_DEFINITION_ACTIVE",
            detail: "The specified task definition is still in ACTIVE status. Please deregister the target \
                     and try again.",
        }),
        TaskDefinitionStatus::Inactive => {
            definition.status = TaskDefinitionStatus::DeleteInProgress;
            definition.delete_requested_at = Some(context.now);
            transaction.update(row, &definition);
            Ok(definition)
        }
        TaskDefinitionStatus::DeleteInProgress => Ok(definition),
    }
}
