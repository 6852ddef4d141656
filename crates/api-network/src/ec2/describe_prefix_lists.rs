//! DescribePrefixLists: the lists of AWS's services, as gateway endpoints use them.

use std::collections::BTreeMap;

use state_model::ec2::prefix_list::{s3_block, s3_prefix_list_id, s3_service_name};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribePrefixListsRequest, DescribePrefixListsResult, PrefixList};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids};

const FILTERS: &[&str] = &["prefix-list-id", "prefix-list-name"];

pub async fn describe_prefix_lists(
    context: Context,
    input: DescribePrefixListsRequest,
) -> Result<DescribePrefixListsResult, ServiceError> {
    context.authorise("ec2:DescribePrefixLists", "*")?;
    let given = input.prefix_list_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let id = s3_prefix_list_id(&context.scope.region);
    let name = s3_service_name(&context.scope.region);
    for wanted in ids::unique(&given)? {
        ids::PREFIX_LIST.check(wanted)?;
        if wanted != id {
            return Err(ids::PREFIX_LIST.unknown(wanted));
        }
    }
    check_dry_run(input.dry_run)?;
    let values = |filter: &str| match filter {
        "prefix-list-id" => vec![id.clone()],
        "prefix-list-name" => vec![name.clone()],
        _ => Vec::new(),
    };
    let matches = page.after.is_none() && filters.match_resource(&BTreeMap::new(), values);
    let list = matches.then(|| PrefixList {
        cidrs: Some(vec![s3_block()]),
        prefix_list_id: Some(id.clone()),
        prefix_list_name: Some(name.clone()),
    });
    Ok(DescribePrefixListsResult { next_token: None, prefix_lists: Some(list.into_iter().collect()) })
}
