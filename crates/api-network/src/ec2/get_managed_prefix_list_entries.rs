//! GetManagedPrefixListEntries: of the list as it is, or as it was in a former version.

use state_model::ec2::prefix_list::{PrefixListEntry, s3_block, s3_prefix_list_id};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::page::Page;
use super::{Context, ids};

pub async fn get_managed_prefix_list_entries(
    context: Context,
    input: wire::GetManagedPrefixListEntriesRequest,
) -> Result<wire::GetManagedPrefixListEntriesResult, ServiceError> {
    let id = input.prefix_list_id.ok_or_else(|| missing_parameter("PrefixListId"))?;
    context.authorise("ec2:GetManagedPrefixListEntries", "*")?;
    let asked = (&id, input.target_version);
    let page = Page::new(&asked, &[], input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let entries = entries(&context, &view, &id, input.target_version)?;
    check_dry_run(input.dry_run)?;
    let keyed = entries.into_iter().enumerate().map(|(at, entry)| (format!("{at:08}"), entry));
    let matching = keyed.filter(|(key, _)| page.after.as_ref().is_none_or(|after| key > after));
    let (found, next_token) = page.take(matching.map(|(key, entry)| {
        let PrefixListEntry { cidr_block, description } = entry;
        (key, wire::PrefixListEntry { cidr: Some(cidr_block), description })
    }));
    Ok(wire::GetManagedPrefixListEntriesResult { entries: Some(found), next_token })
}

fn entries(
    context: &Context,
    view: &View,
    id: &str,
    version: Option<i64>,
) -> Result<Vec<PrefixListEntry>, ServiceError> {
    if id == s3_prefix_list_id(&context.scope.region) {
        return Ok(vec![PrefixListEntry { cidr_block: s3_block(), description: None }]);
    }
    let list = ids::PREFIX_LIST.row(&view.prefix_lists, &context.scope, id)?;
    match version.filter(|version| *version != list.version) {
        None => Ok(list.entries.clone()),
        Some(version) => list.history.get(&version).cloned().ok_or_else(|| unknown_version(id, version)),
    }
}

pub fn unknown_version(id: &str, version: i64) -> ServiceError {
    invalid_parameter_value(format!("The version {version} of the prefix list {id} does not exist."))
}
