//! DescribeTaskDefinition: one revision, or the newest ACTIVE one of a family.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{
    DescribeTaskDefinitionRequest, DescribeTaskDefinitionResponse, TaskDefinitionField,
};

use super::errors::client;
use super::lookup::Reference;
use super::{Context, render};

pub async fn describe_task_definition(
    context: Context,
    input: DescribeTaskDefinitionRequest,
) -> Result<DescribeTaskDefinitionResponse, ServiceError> {
    // AWS knows no resource for this action.
    context.authorise("ecs:DescribeTaskDefinition", "*")?;
    let given = input.task_definition.unwrap_or_default();
    let view = context.view();
    let found = Reference::parse(&context.scope, &given)?
        .and_then(|reference| reference.find(&view, &context.scope))
        .ok_or_else(|| client("Unable to describe task definition."))?;
    let with_tags = input.include.unwrap_or_default().contains(&TaskDefinitionField::Tags);
    Ok(DescribeTaskDefinitionResponse {
        task_definition: Some(render::task_definition::task_definition(found)),
        tags: with_tags.then(|| render::tags(&found.tags)),
    })
}
