use api_auth::Context;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::logs;

use super::put_retention_policy::change_group;
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers};

pub async fn delete_retention_policy(
    context: Context<Logs>,
    input: logs::DeleteRetentionPolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = input.log_group_name.clone().unwrap_or_default();
    identifiers::authorise(&context, "DeleteRetentionPolicy", &name)?;
    let mut violations = Violations::default();
    violations.group_name(input.log_group_name.as_deref(), "logGroupName");
    violations.check()?;
    change_group(&context, &name, |group| {
        group.retention_days = None;
        Ok(())
    })
    .await?;
    Ok(Empty {})
}
