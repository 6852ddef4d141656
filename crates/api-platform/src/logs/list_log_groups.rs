use api_auth::Context;
use state_model::logs::LogGroup;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use super::describe_log_groups::Page;
use super::errors::invalid;
use super::limits::{DESCRIBE_MAX, LIST_GROUPS_MAX};
use super::validation::Violations;
use super::{Logs, identifiers};

pub async fn list_log_groups(
    context: Context<Logs>,
    input: logs::ListLogGroupsRequest,
) -> Result<logs::ListLogGroupsResponse, ServiceError> {
    identifiers::authorise(&context, "ListLogGroups", "")?;
    let mut violations = Violations::default();
    violations.in_range(input.limit, "limit", 1, LIST_GROUPS_MAX);
    violations.check()?;
    // Indexes, data sources and tag filters describe features that no group has here; saying "all" would be
    // wrong.
    if input.field_index_names.is_some() || input.data_sources.is_some() || input.log_group_tags.is_some() {
        return Err(invalid("fieldIndexNames, dataSources and logGroupTags are not supported here."));
    }
    let accounts = input.account_identifiers.unwrap_or_default();
    let elsewhere = input.include_linked_accounts == Some(true)
        && !accounts.is_empty()
        && !accounts.contains(&context.scope.account);
    let pattern = input.log_group_name_pattern.unwrap_or_default();
    // Names that begin with a caret are looked for at the beginning, others anywhere, several divided by
    // bars.
    let alternatives: Vec<&str> = pattern.split('|').collect();
    let name_matches = |name: &str| {
        alternatives.iter().any(|part| match part.strip_prefix('^') {
            Some(start) => name.starts_with(start),
            None => name.contains(part),
        })
    };
    let page = Page {
        limit: input.limit.unwrap_or(DESCRIBE_MAX),
        prefix: String::new(),
        matches: |group: &LogGroup| {
            !elsewhere
                && name_matches(&group.name)
                && input.log_group_class.as_ref().is_none_or(|class| class.as_str() == group.class)
        },
        parameters: format!("list {pattern:?} {:?} {elsewhere}", input.log_group_class),
    };
    let (groups, next_token) = page.cut(&context, input.next_token)?;
    let summary = |group: LogGroup| logs::LogGroupSummary {
        log_group_arn: Some(group.arn()),
        log_group_class: Some(group.class.as_str().into()),
        log_group_name: Some(group.name),
    };
    Ok(logs::ListLogGroupsResponse {
        log_groups: Some(groups.into_iter().map(summary).collect()),
        next_token,
    })
}
