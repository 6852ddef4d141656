//! RegisterTaskDefinition: a new revision of a family, also when it equals the last one.

use api_auth::roles::ECS_TASKS;
use state_model::ecs::task_definition::{TaskDefinition, TaskDefinitionFamily, TaskDefinitionStatus};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{RegisterTaskDefinitionRequest, RegisterTaskDefinitionResponse};

use super::validate::task_definition::task_definition;
use super::{Context, render, requirements, validate};

pub async fn register_task_definition(
    context: Context,
    mut input: RegisterTaskDefinitionRequest,
) -> Result<RegisterTaskDefinitionResponse, ServiceError> {
    context.authorise("ecs:RegisterTaskDefinition", "*")?;
    let tags = validate::tags::tags(input.tags.take())?;
    let valid = task_definition(&context.scope, input)?;
    for role in valid.body.task_role_arn.iter().chain(&valid.body.execution_role_arn) {
        context.pass_role(role, ECS_TASKS)?;
    }
    let mut definition = TaskDefinition {
        scope: context.scope.clone(),
        family: valid.family,
        revision: 0,
        status: TaskDefinitionStatus::Active,
        registered_at: context.now,
        registered_by: context.principal.arn(),
        deregistered_at: None,
        delete_requested_at: None,
        tags,
        compatibilities: requirements::compatibilities(&valid.body, valid.runs_on_fargate),
        requires_attributes: requirements::requires_attributes(&valid.body),
        body: valid.body,
    };
    let mut reserved = None;
    context
        .transact(|view, transaction| {
            // The number of a lost attempt is free again before the next one is asked for.
            drop(reserved.take());
            let next = context.service.revisions.reserve(view, &definition.scope, &definition.family);
            definition.revision = next.revision;
            reserved = Some(next);
            if !view.task_definition_families.contains(&definition.scope.key(&definition.family)) {
                // All of a crowd write the same family here, so that none of them conflicts with another.
                transaction.put(&TaskDefinitionFamily {
                    scope: definition.scope.clone(),
                    name: definition.family.clone(),
                    revision_floor: 0,
                });
            }
            transaction.insert(&definition);
            Ok(())
        })
        .await?;
    let tags = (!definition.tags.is_empty()).then(|| render::tags(&definition.tags));
    Ok(RegisterTaskDefinitionResponse {
        task_definition: Some(render::task_definition::task_definition(&definition)),
        tags,
    })
}
