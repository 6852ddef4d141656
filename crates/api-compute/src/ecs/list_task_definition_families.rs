//! ListTaskDefinitionFamilies: families by a true prefix, in order of name.

use state_model::ecs::task_definition::TaskDefinitionStatus;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{
    ListTaskDefinitionFamiliesRequest, ListTaskDefinitionFamiliesResponse, TaskDefinitionFamilyStatus,
};

use super::Context;
use super::errors::invalid_parameter;
use super::lookup::has_revision;
use super::page::Page;

pub async fn list_task_definition_families(
    context: Context,
    input: ListTaskDefinitionFamiliesRequest,
) -> Result<ListTaskDefinitionFamiliesResponse, ServiceError> {
    context.authorise("ecs:ListTaskDefinitionFamilies", "*")?;
    let status = input.status.unwrap_or(TaskDefinitionFamilyStatus::All);
    if !status.is_known() {
        return Err(invalid_parameter(format!("Invalid status: {status}")));
    }
    let name_prefix = input.family_prefix.unwrap_or_default();
    let filter = ("ListTaskDefinitionFamilies", &name_prefix, &status);
    let page = Page::new(&filter, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let has = |family: &str, status| has_revision(&view, &context.scope, family, status);
    // A family counts as INACTIVE when none of its revisions is ACTIVE any more.
    let listed = |family: &str| {
        let active = has(family, TaskDefinitionStatus::Active);
        let inactive = !active && has(family, TaskDefinitionStatus::Inactive);
        match status {
            TaskDefinitionFamilyStatus::Active => active,
            TaskDefinitionFamilyStatus::Inactive => inactive,
            _ => active || inactive,
        }
    };
    let prefix = context.scope.key(&name_prefix);
    let after = page.after.as_ref().map(|name| context.scope.key(name));
    let names = view
        .task_definition_families
        .after(&prefix, after.as_deref())
        .filter(|(_, row)| listed(&row.name))
        .map(|(_, row)| (row.name.clone(), row.name.clone()));
    let (families, next_token) = page.take(names);
    Ok(ListTaskDefinitionFamiliesResponse { families: Some(families), next_token })
}
