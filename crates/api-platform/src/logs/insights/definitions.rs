//! Saved queries: PutQueryDefinition, DescribeQueryDefinitions, DeleteQueryDefinition.

use api_auth::Context;
use state_model::Record;
use state_model::logs::QueryDefinition;
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use super::queries::refuse_language;
use crate::logs::errors::{definition_missing, invalid, limit_exceeded};
use crate::logs::limits::{
    QUERIES_PER_PAGE_MAX, QUERY_CHARS_MAX, QUERY_DEFINITION_NAME_CHARS_MAX, QUERY_DEFINITIONS_MAX,
    QUERY_GROUPS_MAX,
};
use crate::logs::validation::{LogConstraints, Violations};
use crate::logs::{Logs, identifiers, token};

pub async fn put_query_definition(
    context: Context<Logs>,
    input: logs::PutQueryDefinitionRequest,
) -> Result<logs::PutQueryDefinitionResponse, ServiceError> {
    identifiers::authorise(&context, "PutQueryDefinition", "")?;
    let mut violations = Violations::default();
    violations.required(input.name.as_ref(), "name");
    violations.required(input.query_string.as_ref(), "queryString");
    let name = input.name.unwrap_or_default();
    let query = input.query_string.unwrap_or_default();
    violations.length(Some(&name), "name", 1, QUERY_DEFINITION_NAME_CHARS_MAX);
    violations.length(Some(&query), "queryString", 1, QUERY_CHARS_MAX);
    let groups = input.log_group_names.unwrap_or_default();
    violations.count(groups.len(), "logGroupNames", 0, QUERY_GROUPS_MAX);
    for group in &groups {
        violations.group_name(Some(group), "logGroupNames");
    }
    violations.check()?;
    refuse_language(input.query_language.as_ref())?;
    if input.parameters.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(invalid("The parameter parameters is not supported here."));
    }
    let is_new = input.query_definition_id.is_none();
    // The same token makes the same definition again.
    let id =
        input.query_definition_id.or(input.client_token).unwrap_or_else(|| random::uuid(&*context.random));
    if id.is_empty() || id.len() > QUERY_DEFINITION_NAME_CHARS_MAX || id.contains(['/', ':']) {
        return Err(invalid("The specified query definition id is invalid."));
    }
    let definition = QueryDefinition {
        scope: context.scope.clone(),
        id: id.clone(),
        name,
        query,
        groups,
        modified_at: context.now,
    };
    context
        .transact(|view, transaction| {
            let table = &view.log_query_definitions;
            let is_known = table.contains(&definition.key());
            if !is_new && !is_known {
                return Err(definition_missing());
            }
            if !is_known && table.prefix(&context.scope.key("")).count() >= QUERY_DEFINITIONS_MAX {
                return Err(limit_exceeded("Resource limit exceeded."));
            }
            transaction.put(&definition);
            Ok(())
        })
        .await?;
    Ok(logs::PutQueryDefinitionResponse { query_definition_id: Some(id) })
}

pub async fn describe_query_definitions(
    context: Context<Logs>,
    input: logs::DescribeQueryDefinitionsRequest,
) -> Result<logs::DescribeQueryDefinitionsResponse, ServiceError> {
    identifiers::authorise(&context, "DescribeQueryDefinitions", "")?;
    let mut violations = Violations::default();
    violations.in_range(input.max_results, "maxResults", 1, QUERIES_PER_PAGE_MAX);
    violations.check()?;
    let prefix = input.query_definition_name_prefix.unwrap_or_default();
    let is_elsewhere = input.query_language.as_ref().is_some_and(|language| language.as_str() != "CWLI");
    let parameters = format!("definitions {prefix} {is_elsewhere}");
    let after = input.next_token.map(|token| token::decode(context.now, &parameters, &token)).transpose()?;
    let view = context.view();
    let scope = context.scope.key("");
    let mut matching = view
        .log_query_definitions
        .after(&scope, after.as_deref())
        .filter(|(_, row)| !is_elsewhere && row.name.starts_with(&prefix));
    let limit = usize::try_from(input.max_results.unwrap_or(QUERIES_PER_PAGE_MAX)).unwrap_or(1);
    let mut last_key = "";
    let mut definitions = Vec::new();
    for (key, row) in matching.by_ref().take(limit) {
        last_key = key;
        definitions.push(logs::QueryDefinition {
            query_definition_id: Some(row.id.clone()),
            name: Some(row.name.clone()),
            query_string: Some(row.query.clone()),
            log_group_names: Some(row.groups.clone()),
            last_modified: Some(row.modified_at.as_millis()),
            query_language: Some("CWLI".into()),
            parameters: None,
        });
    }
    let next_token = matching.next().map(|_| token::encode(context.now, &parameters, last_key));
    Ok(logs::DescribeQueryDefinitionsResponse { query_definitions: Some(definitions), next_token })
}

pub async fn delete_query_definition(
    context: Context<Logs>,
    input: logs::DeleteQueryDefinitionRequest,
) -> Result<logs::DeleteQueryDefinitionResponse, ServiceError> {
    identifiers::authorise(&context, "DeleteQueryDefinition", "")?;
    let mut violations = Violations::default();
    violations.required(input.query_definition_id.as_ref(), "queryDefinitionId");
    violations.check()?;
    let key = QueryDefinition::key_of(&context.scope, &input.query_definition_id.unwrap_or_default());
    context
        .transact(|view, transaction| {
            transaction.delete(view.log_query_definitions.get(&key).ok_or_else(definition_missing)?);
            Ok(())
        })
        .await?;
    Ok(logs::DeleteQueryDefinitionResponse { success: Some(true) })
}
