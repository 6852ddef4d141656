use api_auth::{Context, RequestContext};
use state_model::logs::LogGroup;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::logs;

use super::limits::RETENTION_DAYS;
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers};

pub async fn put_retention_policy(
    context: Context<Logs>,
    input: logs::PutRetentionPolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = input.log_group_name.clone().unwrap_or_default();
    identifiers::authorise(&context, "PutRetentionPolicy", &name)?;
    let mut violations = Violations::default();
    violations.group_name(input.log_group_name.as_deref(), "logGroupName");
    violations.required(input.retention_in_days.as_ref(), "retentionInDays");
    if let Some(days) = input.retention_in_days {
        let values = RETENTION_DAYS.map(|days| days.to_string());
        violations.one_of(Some(&days.to_string()), "retentionInDays", &values.each_ref().map(String::as_str));
    }
    violations.check()?;
    change_group(&context, &name, |group| {
        group.retention_days = input.retention_in_days;
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

/// Changes a group that must exist.
pub(super) async fn change_group(
    context: &RequestContext,
    name: &str,
    change: impl Fn(&mut LogGroup) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    context
        .transact(|view, transaction| {
            let row = identifiers::find_group(view, &context.scope, name)?;
            let mut group = LogGroup::clone(row);
            change(&mut group)?;
            if group != **row {
                transaction.update(row, &group);
            }
            Ok(())
        })
        .await
}
