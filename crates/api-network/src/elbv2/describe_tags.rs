//! DescribeTags.

use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DescribeTagsInput, DescribeTagsOutput, TagDescription};

use super::{Context, arns, tagged, tags};

pub async fn describe_tags(
    context: Context,
    input: DescribeTagsInput,
) -> Result<DescribeTagsOutput, ServiceError> {
    context.authorise("elasticloadbalancing:DescribeTags", "*")?;
    let arns = tagged::arns(input.resource_arns)?;
    let view = context.view();
    let describe = |arn: String| {
        let resource = arns::resource(&view, &context.scope, &arn)?;
        let tags = tags::render(tagged::of(&resource));
        Ok(TagDescription { resource_arn: Some(arn), tags: Some(tags) })
    };
    let found: Result<Vec<TagDescription>, ServiceError> = arns.into_iter().map(describe).collect();
    Ok(DescribeTagsOutput { tag_descriptions: Some(found?) })
}
