use std::collections::BTreeMap;

use api_auth::Context;
use state_model::logs::LogGroup;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::logs;

use super::errors::{group_exists, invalid, limit_exceeded};
use super::limits::{GROUP_CLASSES, GROUPS_MAX};
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers, tags};

pub async fn create_log_group(
    context: Context<Logs>,
    input: logs::CreateLogGroupRequest,
) -> Result<Empty, ServiceError> {
    let name = input.log_group_name.clone().unwrap_or_default();
    identifiers::authorise(&context, "CreateLogGroup", &name)?;
    let class =
        input.log_group_class.map_or_else(|| String::from(GROUP_CLASSES[0]), |class| class.to_string());
    let new_tags = input.tags.unwrap_or_default();
    let mut violations = Violations::default();
    violations.group_name(input.log_group_name.as_deref(), "logGroupName");
    violations.one_of(Some(&class), "logGroupClass", &GROUP_CLASSES);
    new_tags.iter().for_each(|(key, value)| violations.tag(key, value));
    violations.check()?;
    if name.to_ascii_lowercase().starts_with("aws/") {
        return Err(invalid("Log groups starting with AWS/ are reserved for AWS."));
    }
    if input.kms_key_id.is_some() {
        return Err(invalid(
            "Encrypting a log group with a KMS key is not supported here: leave kmsKeyId out.",
        ));
    }
    if input.deletion_protection_enabled == Some(true) {
        return Err(invalid("Deletion protection of log groups is not supported here."));
    }
    let mut group_tags = BTreeMap::new();
    tags::merge(&mut group_tags, new_tags)?;
    let group = LogGroup {
        scope: context.scope.clone(),
        name,
        created_at: context.now,
        retention_days: None,
        class,
        tags: group_tags,
    };
    context
        .transact(|view, transaction| {
            if view.log_groups.contains(&LogGroup::key_of(&group.scope, &group.name)) {
                return Err(group_exists());
            }
            if view.log_groups.len() >= GROUPS_MAX {
                return Err(limit_exceeded("Resource limit exceeded."));
            }
            transaction.insert(&group);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
