//! Names, ARNs, and finding what they name.

use std::sync::Arc;

use api_auth::RequestContext;
use state_model::Scope;
use state_model::logs::{LogGroup, LogStream};
use state_tables::{Row, View};
use wire_schema::ServiceError;

use super::errors::{group_missing, invalid, stream_missing};
use super::validation::{LogConstraints, Violations};

/// The resource of actions on a group, as AWS's denials print it.
pub fn group_resource(scope: &Scope, group: &str) -> String {
    scope.arn("logs", &format!("log-group:{group}:log-stream:"))
}

pub fn stream_resource(scope: &Scope, group: &str, stream: &str) -> String {
    scope.arn("logs", &format!("log-group:{group}:log-stream:{stream}"))
}

/// First step of an operation on a group.
pub fn authorise(context: &RequestContext, action: &str, group: &str) -> Result<(), ServiceError> {
    context.authorise(&format!("logs:{action}"), &group_resource(&context.scope, group))
}

/// The group's name out of a name or an ARN (with or without `:*`). Groups of other accounts and regions
/// don't exist here.
pub fn group_name(scope: &Scope, identifier: &str) -> Result<String, ServiceError> {
    if !identifier.starts_with("arn:") {
        return Ok(identifier.to_owned());
    }
    let prefix = scope.arn("logs", "log-group:");
    let name = identifier.strip_prefix(&prefix).ok_or_else(group_missing)?;
    let name = name.strip_suffix(":*").unwrap_or(name);
    if name.is_empty() || name.contains(':') {
        return Err(invalid("The specified log group identifier is invalid."));
    }
    Ok(name.to_owned())
}

/// The group that one of two members names.
pub fn named_group(
    context: &RequestContext,
    name: Option<String>,
    identifier: Option<String>,
) -> Result<String, ServiceError> {
    match (name, identifier) {
        (Some(_), Some(_)) => {
            Err(invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters."))
        }
        (None, None) => Err(invalid("Either LogGroup name or LogGroup ARN must be specified.")),
        (None, Some(identifier)) => group_name(&context.scope, &identifier),
        (Some(name), None) => {
            let mut violations = Violations::default();
            violations.group_name(Some(&name), "logGroupName");
            violations.check()?;
            Ok(name)
        }
    }
}

pub fn find_group<'a>(view: &'a View, scope: &Scope, name: &str) -> Result<&'a Row<LogGroup>, ServiceError> {
    view.log_groups.get(&LogGroup::key_of(scope, name)).ok_or_else(group_missing)
}

/// The stream; the group's absence is told first.
pub fn find_stream<'a>(
    view: &'a View,
    scope: &Scope,
    group: &str,
    name: &str,
) -> Result<&'a Row<LogStream>, ServiceError> {
    find_group(view, scope, group)?;
    view.log_streams.get(&LogStream::key_of(scope, group, name)).ok_or_else(stream_missing)
}

/// The name of the stream whose events are filed under `key`.
pub fn stream_name(view: &View, key: &Arc<str>) -> String {
    match view.log_streams.get(key) {
        Some(stream) => stream.name.clone(),
        // Deleted while its events were being read.
        None => key.rsplit(':').next().unwrap_or_default().to_owned(),
    }
}
