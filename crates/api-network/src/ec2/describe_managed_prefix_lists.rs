//! DescribeManagedPrefixLists: the customer's, and AWS's own.

use std::collections::BTreeMap;

use state_model::ec2::prefix_list::s3_prefix_list_id;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DescribeManagedPrefixListsRequest, DescribeManagedPrefixListsResult, ManagedPrefixList,
};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, prefix_lists, render};

const FILTERS: &[&str] = &["owner-id", "prefix-list-id", "prefix-list-name"];

pub async fn describe_managed_prefix_lists(
    context: Context,
    input: DescribeManagedPrefixListsRequest,
) -> Result<DescribeManagedPrefixListsResult, ServiceError> {
    context.authorise("ec2:DescribeManagedPrefixLists", "*")?;
    let given = input.prefix_list_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let wanted = ids::unique(&given)?;
    for id in &wanted {
        prefix_lists::check_exists(&view, &context.scope, id)?;
    }
    check_dry_run(input.dry_run)?;
    let no_tags = BTreeMap::new();
    let prefix = context.scope.key("");
    let own = view
        .prefix_lists
        .prefix(&prefix)
        .map(|(key, row)| (key.to_owned(), (&row.tags, render::prefix_list::prefix_list(row))));
    let of_s3 = context.scope.key(&s3_prefix_list_id(&context.scope.region));
    let of_aws = (of_s3, (&no_tags, render::prefix_list::of_s3(&context.scope)));
    // Few enough to be sorted for each page: their number has a quota.
    let all: BTreeMap<String, _> = own.chain([of_aws]).collect();
    let matching = all
        .into_iter()
        .filter(|(key, _)| page.after.as_ref().is_none_or(|after| key > after))
        .filter(|(_, (_, list))| {
            wanted.is_empty() || list.prefix_list_id.as_deref().is_some_and(|id| wanted.contains(id))
        })
        .filter(|(_, (tags, list))| filters.match_resource(tags, |name| values(list, name)))
        .map(|(key, (_, list))| (key, list));
    let (found, next_token) = page.take(matching);
    Ok(DescribeManagedPrefixListsResult { prefix_lists: Some(found), next_token })
}

fn values(list: &ManagedPrefixList, filter: &str) -> Vec<String> {
    let value = match filter {
        "owner-id" => &list.owner_id,
        "prefix-list-id" => &list.prefix_list_id,
        "prefix-list-name" => &list.prefix_list_name,
        _ => return Vec::new(),
    };
    value.iter().cloned().collect()
}
