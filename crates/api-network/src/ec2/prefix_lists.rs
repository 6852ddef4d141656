//! What the operations on prefix lists share: finding one, reading entries, and who names it.

use std::collections::BTreeSet;

use state_model::Scope;
use state_model::ec2::prefix_list::{PrefixListEntry, s3_prefix_list_id};
use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::{Ipv6Block, PrefixList};
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::{invalid_parameter_value, missing_parameter};
use super::limits::{
    DESCRIPTION_LENGTH_MAX, PREFIX_LIST_ENTRIES_MAX, PREFIX_LIST_HISTORY_BYTES_MAX,
    PREFIX_LIST_NAME_LENGTH_MAX, PREFIX_LIST_VERSIONS_KEPT_MAX,
};
use super::{ids, permissions};

/// The families of addresses that a list can be of.
pub const IPV4: &str = "IPv4";
pub const IPV6: &str = "IPv6";

/// What a prefix list of the customer's is called may not look like one of AWS's.
const RESERVED_NAME: &str = "com.amazonaws";

/// A list that may be changed: AWS's own may not.
pub fn owned<'v>(view: &'v View, scope: &Scope, id: &str) -> Result<&'v Row<PrefixList>, ServiceError> {
    if id == s3_prefix_list_id(&scope.region) {
        let message = format!("The prefix list {id} is managed by AWS and can't be changed.");
        return Err(ServiceError::caller("OperationNotPermitted", message));
    }
    ids::PREFIX_LIST.row(&view.prefix_lists, scope, id)
}

/// Checks that a list exists, whoever's it is.
pub fn check_exists(view: &View, scope: &Scope, id: &str) -> Result<(), ServiceError> {
    ids::PREFIX_LIST.check(id)?;
    match state_tables::prefix_lists::weight(view, scope, id) {
        Some(_) => Ok(()),
        None => Err(ids::PREFIX_LIST.unknown(id)),
    }
}

pub fn check_name(name: &str) -> Result<(), ServiceError> {
    let wrong = |why: &str| {
        Err(invalid_parameter_value(format!("Value ({name}) for parameter PrefixListName is invalid. {why}")))
    };
    if name.is_empty() || name.chars().count() > PREFIX_LIST_NAME_LENGTH_MAX {
        return wrong(&format!("Names have at most {PREFIX_LIST_NAME_LENGTH_MAX} characters."));
    }
    if name.starts_with(RESERVED_NAME) {
        return wrong("Names may not begin with com.amazonaws.");
    }
    Ok(())
}

pub fn check_max_entries(max_entries: i32) -> Result<(), ServiceError> {
    if (1..=PREFIX_LIST_ENTRIES_MAX).contains(&max_entries) {
        return Ok(());
    }
    Err(invalid_parameter_value(format!(
        "Value ({max_entries}) for parameter MaxEntries is invalid. It must be between 1 and {PREFIX_LIST_ENTRIES_MAX}."
    )))
}

/// The entries of a request, each block brought to its form and named once.
pub fn parse_entries(
    given: &[wire::AddPrefixListEntry],
    address_family: &str,
) -> Result<Vec<PrefixListEntry>, ServiceError> {
    let mut seen = BTreeSet::new();
    let mut entries = Vec::with_capacity(given.len());
    for entry in given {
        let cidr_block = parse_block(entry.cidr.as_deref(), address_family)?;
        let description = entry.description.clone().filter(|text| !text.is_empty());
        if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_LENGTH_MAX) {
            return Err(invalid_parameter_value(format!(
                "The description of an entry has at most {DESCRIPTION_LENGTH_MAX} characters."
            )));
        }
        if !seen.insert(cidr_block.clone()) {
            return Err(duplicate(&cidr_block));
        }
        entries.push(PrefixListEntry { cidr_block, description });
    }
    Ok(entries)
}

pub fn parse_block(given: Option<&str>, address_family: &str) -> Result<String, ServiceError> {
    let text = given.filter(|text| !text.is_empty()).ok_or_else(|| missing_parameter("Cidr"))?;
    let is_ipv6 = address_family == IPV6;
    if text.contains(':') != is_ipv6 {
        return Err(invalid_parameter_value(format!(
            "The CIDR {text} is not of the prefix list's address family, {address_family}."
        )));
    }
    if is_ipv6 { permissions::ipv6_block(text) } else { permissions::ipv4_block(text) }
}

pub fn duplicate(block: &str) -> ServiceError {
    invalid_parameter_value(format!("The CIDR {block} must not appear more than once in the prefix list."))
}

pub fn too_many_entries() -> ServiceError {
    ServiceError::caller(
        "PrefixListMaxEntriesExceeded",
        "You've reached the maximum number of entries for the prefix list.",
    )
}

/// Checks that a change was meant for the list as it is.
pub fn check_version(list: &PrefixList, current_version: Option<i64>) -> Result<(), ServiceError> {
    match current_version {
        Some(version) if version != list.version => Err(ServiceError::caller(
            "PrefixListVersionMismatch",
            format!(
                "The prefix list has the incorrect version number. Expected version {}, received {version}.",
                list.version
            ),
        )),
        _ => Ok(()),
    }
}

/// Gives the list new entries, in order of their addresses, and keeps the old ones as a former version.
pub fn advance(list: &mut PrefixList, mut entries: Vec<PrefixListEntry>, change: &str) {
    sort(&mut entries);
    let former = std::mem::replace(&mut list.entries, entries);
    list.history.insert(list.version, former);
    list.version += 1;
    list.last_change = change.to_owned();
    while list.history.len() > PREFIX_LIST_VERSIONS_KEPT_MAX
        || history_bytes(list) > PREFIX_LIST_HISTORY_BYTES_MAX
    {
        list.history.pop_first();
    }
}

pub fn sort(entries: &mut [PrefixListEntry]) {
    entries.sort_by_key(|entry| {
        let text = &entry.cidr_block;
        let ipv4 = Ipv4Block::parse(text).map(|block| (block.network, block.prefix_length));
        (ipv4, Ipv6Block::parse(text).map(|block| (block.network, block.prefix_length)))
    });
}

fn history_bytes(list: &PrefixList) -> usize {
    let entries = list.history.values().flatten();
    entries.map(|entry| entry.cidr_block.len() + entry.description.as_ref().map_or(0, String::len)).sum()
}

/// The groups and route tables that name the list, in order of their ids.
pub fn users(view: &View, scope: &Scope, id: &str) -> BTreeSet<String> {
    let key = scope.key(id);
    let groups = view.security_groups.by("prefix-list", &key).map(|group| group.id.clone());
    let tables = view.route_tables.by("prefix-list", &key).map(|table| table.id.clone());
    groups.chain(tables).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_brought_to_their_form() {
        let entry = |cidr: &str| wire::AddPrefixListEntry { cidr: Some(cidr.into()), description: None };
        let mut parsed = parse_entries(&[entry("10.0.0.0/8"), entry("9.1.2.3/16")], IPV4).unwrap();
        sort(&mut parsed);
        assert_eq!(parsed[0].cidr_block, "9.1.0.0/16");
        let twice = parse_entries(&[entry("10.0.0.0/8"), entry("10.9.9.9/8")], IPV4).unwrap_err();
        assert_eq!(twice.code, "InvalidParameterValue");
        for wrong in ["", "10.0.0.0", "2001:db8::/32"] {
            assert!(parse_entries(&[entry(wrong)], IPV4).is_err(), "{wrong}");
        }
        let mut parsed = parse_entries(&[entry("2001:DB8::7/32"), entry("::/0")], IPV6).unwrap();
        sort(&mut parsed);
        let blocks: Vec<_> = parsed.iter().map(|entry| entry.cidr_block.as_str()).collect();
        assert_eq!(blocks, ["::/0", "2001:db8::/32"]);
        for wrong in ["10.0.0.0/8", "2001:db8::", "2001:db8::/129"] {
            assert!(parse_entries(&[entry(wrong)], IPV6).is_err(), "{wrong}");
        }
    }
}
