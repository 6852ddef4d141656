//! CreateTags: adds tags to resources, replacing those of the same keys.

use std::collections::BTreeMap;

use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::CreateTagsRequest;

use super::errors::{check_dry_run, missing_parameter};
use super::tagged::Tags;
use super::{Context, delete_tags, tags};

pub async fn create_tags(context: Context, input: CreateTagsRequest) -> Result<Empty, ServiceError> {
    context.authorise("ec2:CreateTags", "*")?;
    let given = input.tags.unwrap_or_default();
    if given.is_empty() {
        return Err(missing_parameter("Tag"));
    }
    let given: BTreeMap<String, String> = tags::parse(given)?;
    let resources = input.resources.unwrap_or_default();
    let add = |present: &mut Tags| {
        present.extend(given.clone());
        tags::check_count(present)
    };
    delete_tags::change_all(&context, &resources, &add, || check_dry_run(input.dry_run)).await?;
    Ok(Empty {})
}
