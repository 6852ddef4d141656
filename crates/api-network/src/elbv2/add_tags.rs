//! AddTags: replaces the values of keys that are there.

use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{AddTagsInput, AddTagsOutput};

use super::errors::missing;
use super::{Context, tagged, tags};

pub async fn add_tags(context: Context, input: AddTagsInput) -> Result<AddTagsOutput, ServiceError> {
    let arns = tagged::arns(input.resource_arns)?;
    let given = input.tags.filter(|tags| !tags.is_empty()).ok_or_else(|| missing("tags"))?;
    let new = tags::parse(Some(given))?;
    let add = |present: &mut tags::Tags| {
        present.extend(new.clone());
        tags::check_count(present)
    };
    tagged::change(&context, "elasticloadbalancing:AddTags", &arns, add).await?;
    Ok(AddTagsOutput {})
}
