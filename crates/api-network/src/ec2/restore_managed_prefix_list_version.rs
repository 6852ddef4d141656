//! RestoreManagedPrefixListVersion: a former version's entries become a new version.

use state_model::ec2::PrefixList;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    RestoreManagedPrefixListVersionRequest, RestoreManagedPrefixListVersionResult,
};

use super::errors::{check_dry_run, missing_parameter};
use super::get_managed_prefix_list_entries::unknown_version;
use super::{Context, prefix_lists, render};

pub async fn restore_managed_prefix_list_version(
    context: Context,
    input: RestoreManagedPrefixListVersionRequest,
) -> Result<RestoreManagedPrefixListVersionResult, ServiceError> {
    let id = input.prefix_list_id.as_deref().ok_or_else(|| missing_parameter("PrefixListId"))?;
    let arn = render::prefix_list::arn(&context.scope, &context.scope.account, id);
    context.authorise("ec2:RestoreManagedPrefixListVersion", &arn)?;
    let previous = input.previous_version.ok_or_else(|| missing_parameter("PreviousVersion"))?;
    let current = input.current_version.ok_or_else(|| missing_parameter("CurrentVersion"))?;
    let restored = context
        .transact(|view, transaction| {
            let row = prefix_lists::owned(view, &context.scope, id)?;
            prefix_lists::check_version(row, Some(current))?;
            let mut list = PrefixList::clone(row.record());
            let entries = list.history.get(&previous).cloned();
            let entries = entries.ok_or_else(|| unknown_version(id, previous))?;
            if entries.len() > usize::try_from(list.max_entries).unwrap_or(0) {
                return Err(prefix_lists::too_many_entries());
            }
            prefix_lists::advance(&mut list, entries, "restore");
            check_dry_run(input.dry_run)?;
            transaction.update(row, &list);
            Ok(list)
        })
        .await?;
    Ok(RestoreManagedPrefixListVersionResult {
        prefix_list: Some(render::prefix_list::prefix_list(&restored)),
    })
}
