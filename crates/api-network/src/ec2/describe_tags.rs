//! DescribeTags: the tags of everything.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeTagsRequest, DescribeTagsResult, TagDescription};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::tagged::Tags;
use super::{Context, tagged};

const FILTERS: &[&str] = &["key", "resource-id", "resource-type", "value"];

pub async fn describe_tags(
    context: Context,
    input: DescribeTagsRequest,
) -> Result<DescribeTagsResult, ServiceError> {
    context.authorise("ec2:DescribeTags", "*")?;
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &[], input.next_token.as_deref(), input.max_results)?;
    check_dry_run(input.dry_run)?;
    let view = context.view();
    let mut found = Vec::new();
    for (resource_type, id, tags) in tagged::all(&view, &context.scope) {
        for (key, value) in tags {
            let one = Tags::from([(key.clone(), value.clone())]);
            let matches = filters.match_resource(&one, |name| match name {
                "key" => vec![key.clone()],
                "resource-id" => vec![id.to_owned()],
                "resource-type" => vec![resource_type.to_string()],
                "value" => vec![value.clone()],
                _ => Vec::new(),
            });
            if matches {
                let description = TagDescription {
                    key: Some(key.clone()),
                    resource_id: Some(id.to_owned()),
                    resource_type: Some(resource_type.clone()),
                    value: Some(value.clone()),
                };
                found.push((format!("{id} {key}"), description));
            }
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.retain(|(key, _)| page.after.as_ref().is_none_or(|after| key > after));
    let (tags, next_token) = page.take(found.into_iter());
    Ok(DescribeTagsResult { tags: Some(tags), next_token })
}
