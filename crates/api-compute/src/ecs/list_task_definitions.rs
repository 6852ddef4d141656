//! ListTaskDefinitions: revisions of one family or of all, in order of family and number.

use state_model::Scope;
use state_model::ecs::task_definition::{TaskDefinitionStatus, family_prefix, task_definition_key};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{
    ListTaskDefinitionsRequest, ListTaskDefinitionsResponse, SortOrder, TaskDefinitionStatus as WireStatus,
};

use super::Context;
use super::errors::invalid_parameter;
use super::lookup::has_revision;
use super::page::Page;

pub async fn list_task_definitions(
    context: Context,
    input: ListTaskDefinitionsRequest,
) -> Result<ListTaskDefinitionsResponse, ServiceError> {
    context.authorise("ecs:ListTaskDefinitions", "*")?;
    let status = match input.status.unwrap_or(WireStatus::Active) {
        WireStatus::Active => TaskDefinitionStatus::Active,
        WireStatus::Inactive => TaskDefinitionStatus::Inactive,
        WireStatus::DeleteInProgress => TaskDefinitionStatus::DeleteInProgress,
        WireStatus::Other(other) => return Err(invalid_parameter(format!("Invalid status: {other}"))),
    };
    let descending = match input.sort.unwrap_or(SortOrder::Asc) {
        SortOrder::Asc => false,
        SortOrder::Desc => true,
        SortOrder::Other(other) => return Err(invalid_parameter(format!("Invalid sort: {other}"))),
    };
    // The name says prefix, but AWS compares the whole family.
    let family = input.family_prefix.filter(|family| !family.is_empty());
    let filter = ("ListTaskDefinitions", &family, status, descending);
    let page = Page::new(&filter, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let listing = Listing { view: &view, scope: &context.scope, status, after: page.after.as_deref() };
    let families: Vec<&str> = match (&family, descending) {
        (Some(family), _) => vec![family],
        (None, false) => listing.families_ascending(),
        (None, true) => listing.families_descending(),
    };
    let revisions = families.into_iter().flat_map(|family| listing.revisions(family, descending));
    let (arns, next_token) = page.take(revisions);
    Ok(ListTaskDefinitionsResponse { task_definition_arns: Some(arns), next_token })
}

struct Listing<'a> {
    view: &'a View,
    scope: &'a Scope,
    status: TaskDefinitionStatus,
    /// `family/revision` of the last line of the page before.
    after: Option<&'a str>,
}

impl<'a> Listing<'a> {
    fn position(&self) -> Option<(&'a str, u32)> {
        let (family, revision) = self.after?.rsplit_once('/')?;
        Some((family, revision.parse().ok()?))
    }

    fn families_ascending(&self) -> Vec<&'a str> {
        let begin = self.position().map_or("", |(family, _)| family);
        let prefix = self.scope.key("");
        let families = self.view.task_definition_families.prefix(&prefix).map(|(_, row)| row.name.as_str());
        families.filter(|family| *family >= begin && self.has_any(family)).collect()
    }

    fn families_descending(&self) -> Vec<&'a str> {
        let prefix = self.scope.key("");
        let end = self.position().map(|(family, _)| family);
        let families =
            self.view.task_definition_families.before(&prefix, None).map(|(_, row)| row.name.as_str());
        families.filter(|family| end.is_none_or(|end| *family <= end) && self.has_any(family)).collect()
    }

    fn has_any(&self, family: &str) -> bool {
        has_revision(self.view, self.scope, family, self.status)
    }

    /// The family's revisions that are left to list: where each is in the listing, and its ARN.
    fn revisions(&self, family: &str, descending: bool) -> Vec<(String, String)> {
        let prefix = family_prefix(self.scope, family);
        let position = self.position().filter(|(of, _)| *of == family).map(|(_, revision)| revision);
        let bound = position.map(|revision| task_definition_key(self.scope, family, revision));
        let line = |row: &state_model::ecs::task_definition::TaskDefinition| {
            (format!("{family}/{}", row.revision), row.arn())
        };
        let table = &self.view.task_definitions;
        if descending {
            let rows = table.before(&prefix, bound.as_deref()).filter(|(_, row)| row.status == self.status);
            rows.take(super::limits::PAGE_MAX + 1).map(|(_, row)| line(row)).collect()
        } else {
            let rows = table.after(&prefix, bound.as_deref()).filter(|(_, row)| row.status == self.status);
            rows.take(super::limits::PAGE_MAX + 1).map(|(_, row)| line(row)).collect()
        }
    }
}
