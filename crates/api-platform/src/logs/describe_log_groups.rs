use api_auth::Context;
use state_model::logs::{LogGroup, LogStream};
use state_telemetry::logs::Selector;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use super::errors::invalid;
use super::limits::{DESCRIBE_MAX, GROUP_IDENTIFIERS_MAX};
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers, metric_filters, token};

pub async fn describe_log_groups(
    context: Context<Logs>,
    input: logs::DescribeLogGroupsRequest,
) -> Result<logs::DescribeLogGroupsResponse, ServiceError> {
    identifiers::authorise(&context, "DescribeLogGroups", "")?;
    let mut violations = Violations::default();
    violations.in_range(input.limit, "limit", 1, DESCRIBE_MAX);
    let identifiers = input.log_group_identifiers.unwrap_or_default();
    violations.count(identifiers.len(), "logGroupIdentifiers", 0, GROUP_IDENTIFIERS_MAX);
    for (name, member) in [
        (&input.log_group_name_prefix, "logGroupNamePrefix"),
        (&input.log_group_name_pattern, "logGroupNamePattern"),
    ] {
        if let Some(name) = name {
            violations.group_name(Some(name), member);
        }
    }
    violations.check()?;
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let mut wanted = Vec::new();
    for identifier in &identifiers {
        wanted.push(identifiers::group_name(&context.scope, identifier)?);
    }
    // Accounts beside the caller's own are never linked here.
    let accounts = input.account_identifiers.unwrap_or_default();
    let elsewhere = input.include_linked_accounts == Some(true)
        && !accounts.is_empty()
        && !accounts.contains(&context.scope.account);
    let page = Page {
        limit: input.limit.unwrap_or(DESCRIBE_MAX),
        prefix: input.log_group_name_prefix.unwrap_or_default(),
        matches: |group: &LogGroup| {
            !elsewhere
                && input
                    .log_group_name_pattern
                    .as_ref()
                    .is_none_or(|pattern| group.name.contains(pattern.as_str()))
                && (wanted.is_empty() || wanted.contains(&group.name))
                && input.log_group_class.as_ref().is_none_or(|class| class.as_str() == group.class)
        },
        parameters: format!(
            "groups {:?} {:?} {wanted:?} {elsewhere}",
            input.log_group_name_pattern, input.log_group_class
        ),
    };
    let (groups, next_token) = page.cut(&context, input.next_token)?;
    let groups = groups.iter().map(|group| describe(group, &context)).collect();
    Ok(logs::DescribeLogGroupsResponse { log_groups: Some(groups), next_token })
}

fn describe(group: &LogGroup, context: &Context<Logs>) -> logs::LogGroup {
    let bytes = context.service.store.stored_bytes(&Selector::Prefix(LogStream::key_of(
        &group.scope,
        &group.name,
        "",
    )));
    logs::LogGroup {
        arn: Some(format!("{}:*", group.arn())),
        log_group_arn: Some(group.arn()),
        log_group_name: Some(group.name.clone()),
        creation_time: Some(group.created_at.as_millis()),
        retention_in_days: group.retention_days,
        metric_filter_count: Some(metric_filters::count(&context.view(), group)),
        stored_bytes: Some(i64::try_from(bytes).unwrap_or(i64::MAX)),
        log_group_class: Some(group.class.as_str().into()),
        deletion_protection_enabled: Some(false),
        ..Default::default()
    }
}

/// Which groups a page shows.
pub(super) struct Page<M> {
    pub limit: i32,
    pub prefix: String,
    pub matches: M,
    /// What must be the same for the next page.
    pub parameters: String,
}

impl<M: Fn(&LogGroup) -> bool> Page<M> {
    pub fn cut(
        &self,
        context: &Context<Logs>,
        next_token: Option<String>,
    ) -> Result<(Vec<LogGroup>, Option<String>), ServiceError> {
        let prefix = LogGroup::key_of(&context.scope, &self.prefix);
        let parameters = format!("{prefix} {}", self.parameters);
        let after = next_token.map(|token| token::decode(context.now, &parameters, &token)).transpose()?;
        let limit = usize::try_from(self.limit).unwrap_or(1);
        let view = context.view();
        let mut matching =
            view.log_groups.after(&prefix, after.as_deref()).filter(|(_, row)| (self.matches)(row));
        let mut last_key = "";
        let mut groups = Vec::new();
        for (key, row) in matching.by_ref().take(limit) {
            last_key = key;
            groups.push(LogGroup::clone(row));
        }
        let next = matching.next().map(|_| token::encode(context.now, &parameters, last_key));
        Ok((groups, next))
    }
}
