//! ModifyManagedPrefixList: its entries, its name, or how many entries it may have.

use std::collections::BTreeSet;

use state_model::ec2::PrefixList;
use state_model::ec2::prefix_list::PrefixListEntry;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{ModifyManagedPrefixListRequest, ModifyManagedPrefixListResult};

use super::errors::{
    check_dry_run, invalid_parameter_combination, invalid_parameter_value, missing_parameter,
};
use super::limits::PREFIX_LIST_CHANGES_MAX;
use super::{Context, prefix_lists, render, rule_changes};

pub async fn modify_managed_prefix_list(
    context: Context,
    input: ModifyManagedPrefixListRequest,
) -> Result<ModifyManagedPrefixListResult, ServiceError> {
    let id = input.prefix_list_id.as_deref().ok_or_else(|| missing_parameter("PrefixListId"))?;
    let arn = render::prefix_list::arn(&context.scope, &context.scope.account, id);
    context.authorise("ec2:ModifyManagedPrefixList", &arn)?;
    check(&input)?;
    let modified = context
        .transact(|view, transaction| {
            let row = prefix_lists::owned(view, &context.scope, id)?;
            prefix_lists::check_version(row, input.current_version)?;
            let mut list = PrefixList::clone(row.record());
            let change = parse(&input, &row.address_family)?;
            change.apply(view, &mut list)?;
            check_dry_run(input.dry_run)?;
            transaction.update(row, &list);
            Ok(list)
        })
        .await?;
    Ok(ModifyManagedPrefixListResult { prefix_list: Some(render::prefix_list::prefix_list(&modified)) })
}

struct Change {
    add: Vec<PrefixListEntry>,
    remove: BTreeSet<String>,
    name: Option<String>,
    max_entries: Option<i32>,
}

/// What is wrong whatever the list is.
fn check(input: &ModifyManagedPrefixListRequest) -> Result<(), ServiceError> {
    if input.ipam_prefix_list_resolver_sync_enabled.is_some() {
        return Err(invalid_parameter_combination("There is no IPAM here that could keep the prefix list."));
    }
    let added = input.add_entries.as_ref().map_or(0, Vec::len);
    let removed = input.remove_entries.as_ref().map_or(0, Vec::len);
    if added > PREFIX_LIST_CHANGES_MAX || removed > PREFIX_LIST_CHANGES_MAX {
        return Err(invalid_parameter_value(format!(
            "A request can add and remove at most {PREFIX_LIST_CHANGES_MAX} entries each."
        )));
    }
    let changes_entries = added > 0 || removed > 0;
    if changes_entries && input.max_entries.is_some() {
        return Err(invalid_parameter_combination(
            "You cannot modify the entries of a prefix list and its size in the same request.",
        ));
    }
    if changes_entries && input.current_version.is_none() {
        return Err(missing_parameter("CurrentVersion"));
    }
    input.prefix_list_name.as_deref().map_or(Ok(()), prefix_lists::check_name)?;
    input.max_entries.map_or(Ok(()), prefix_lists::check_max_entries)
}

fn parse(input: &ModifyManagedPrefixListRequest, address_family: &str) -> Result<Change, ServiceError> {
    let add = prefix_lists::parse_entries(input.add_entries.as_deref().unwrap_or_default(), address_family)?;
    let mut remove = BTreeSet::new();
    for entry in input.remove_entries.iter().flatten() {
        let block = prefix_lists::parse_block(entry.cidr.as_deref(), address_family)?;
        if !remove.insert(block.clone()) || add.iter().any(|added| added.cidr_block == block) {
            return Err(invalid_parameter_value(format!(
                "The request received more than one change for the CIDR {block}."
            )));
        }
    }
    Ok(Change { add, remove, name: input.prefix_list_name.clone(), max_entries: input.max_entries })
}

impl Change {
    fn apply(&self, view: &View, list: &mut PrefixList) -> Result<(), ServiceError> {
        if let Some(name) = &self.name {
            list.name.clone_from(name);
        }
        if let Some(max_entries) = self.max_entries {
            list.max_entries = max_entries;
            if list.entries.len() > usize::try_from(max_entries).unwrap_or(0) {
                return Err(prefix_lists::too_many_entries());
            }
            rule_changes::check_users_of_list(view, list)?;
        }
        if !self.add.is_empty() || !self.remove.is_empty() {
            prefix_lists::advance(list, self.entries(list)?, "modify");
        } else {
            list.last_change = String::from("modify");
        }
        Ok(())
    }

    /// The entries as they become. Removing comes first, so that a full list can be changed.
    fn entries(&self, list: &PrefixList) -> Result<Vec<PrefixListEntry>, ServiceError> {
        let is_there = |block: &String| list.entries.iter().any(|entry| entry.cidr_block == *block);
        if let Some(unknown) = self.remove.iter().find(|block| !is_there(block)) {
            return Err(invalid_parameter_value(format!("The CIDR {unknown} is not in the prefix list.")));
        }
        if let Some(repeated) = self.add.iter().find(|entry| is_there(&entry.cidr_block)) {
            return Err(prefix_lists::duplicate(&repeated.cidr_block));
        }
        let kept = list.entries.iter().filter(|entry| !self.remove.contains(&entry.cidr_block));
        let entries: Vec<PrefixListEntry> = kept.chain(&self.add).cloned().collect();
        if entries.len() > usize::try_from(list.max_entries).unwrap_or(0) {
            return Err(prefix_lists::too_many_entries());
        }
        Ok(entries)
    }
}
