//! DeleteTags: removes tags by key, or by key and value; without any, all tags but those of AWS's own.

use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteTagsRequest;

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::limits::TAGGED_RESOURCES_MAX;
use super::tagged::{self, Tags};
use super::{Context, ids, tags};

pub async fn delete_tags(context: Context, input: DeleteTagsRequest) -> Result<Empty, ServiceError> {
    context.authorise("ec2:DeleteTags", "*")?;
    let given = input.tags.unwrap_or_default();
    for tag in &given {
        tags::check_key(tag.key.as_deref().unwrap_or_default())?;
    }
    let resources = input.resources.unwrap_or_default();
    let remove = |present: &mut Tags| {
        present.retain(|key, value| {
            let named = given.iter().any(|tag| {
                let same_value = tag.value.as_ref().is_none_or(|wanted| wanted == value);
                tag.key.as_deref() == Some(key) && same_value
            });
            !(named || given.is_empty() && !key.starts_with("aws:"))
        });
        Ok(())
    };
    change_all(&context, &resources, &remove, || check_dry_run(input.dry_run)).await?;
    Ok(Empty {})
}

/// Changes the tags of all resources in one transaction.
pub async fn change_all(
    context: &Context,
    resources: &[String],
    change: &(dyn Fn(&mut Tags) -> Result<(), ServiceError> + Sync),
    check: impl Fn() -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    if resources.is_empty() {
        return Err(missing_parameter("resourceIdSet"));
    }
    if resources.len() > TAGGED_RESOURCES_MAX {
        let message = format!("A request can name at most {TAGGED_RESOURCES_MAX} resources.");
        return Err(invalid_parameter_value(message));
    }
    let unique = ids::unique(resources)?;
    let is_rule = |id: &&str| tagged::is_of_kind(id, &ids::SECURITY_GROUP_RULE);
    let (rules, others): (Vec<&str>, Vec<&str>) = unique.into_iter().partition(is_rule);
    context
        .transact(|view, transaction| {
            let scope = &context.scope;
            let groups_of_rules: Vec<String> =
                rules.iter().filter_map(|id| tagged::group_of_rule(view, scope, id)).collect();
            tagged::change_rules(view, scope, transaction, &rules, change, &others)?;
            for id in &others {
                if !groups_of_rules.iter().any(|group| group == id) {
                    tagged::change(view, scope, transaction, id, change)?;
                }
            }
            check()
        })
        .await
}
