//! DeregisterTaskDefinition: a revision becomes INACTIVE. What runs from it goes on.

use state_model::ecs::task_definition::{TaskDefinition, TaskDefinitionStatus};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DeregisterTaskDefinitionRequest, DeregisterTaskDefinitionResponse};

use super::errors::client;
use super::lookup::Reference;
use super::{Context, render};

pub async fn deregister_task_definition(
    context: Context,
    input: DeregisterTaskDefinitionRequest,
) -> Result<DeregisterTaskDefinitionResponse, ServiceError> {
    context.authorise("ecs:DeregisterTaskDefinition", "*")?;
    let given = input.task_definition.unwrap_or_default();
    let unknown = || client("The specified task definition does not exist.");
    let reference = Reference::parse(&context.scope, &given)?.ok_or_else(unknown)?;
    if reference.revision.is_none() {
        return Err(client("Revision is missing."));
    }
    let definition = context
        .transact(|view, transaction| {
            let row = reference.find(view, &context.scope).ok_or_else(unknown)?;
            let mut definition = TaskDefinition::clone(row);
            if row.status == TaskDefinitionStatus::Active {
                definition.status = TaskDefinitionStatus::Inactive;
                definition.deregistered_at = Some(context.now);
                transaction.update(row, &definition);
            }
            Ok(definition)
        })
        .await?;
    Ok(DeregisterTaskDefinitionResponse {
        task_definition: Some(render::task_definition::task_definition(&definition)),
    })
}
