//! RemoveTags: by key. One that isn't there is no error.

use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{RemoveTagsInput, RemoveTagsOutput};

use super::errors::missing;
use super::{Context, tagged, tags};

pub async fn remove_tags(context: Context, input: RemoveTagsInput) -> Result<RemoveTagsOutput, ServiceError> {
    let arns = tagged::arns(input.resource_arns)?;
    let keys = input.tag_keys.filter(|keys| !keys.is_empty()).ok_or_else(|| missing("tagKeys"))?;
    let remove = |present: &mut tags::Tags| {
        present.retain(|key, _| !keys.contains(key));
        Ok(())
    };
    tagged::change(&context, "elasticloadbalancing:RemoveTags", &arns, remove).await?;
    Ok(RemoveTagsOutput {})
}
