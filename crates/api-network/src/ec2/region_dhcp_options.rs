//! The DHCP options that a region's VPCs have when nobody chose others.
//!
//! Data directories of versions before the record have VPCs with an id of theirs and no record: what they stand for is
//! computed, and written down as soon as anything depends on it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use state_model::Scope;
use state_model::ec2::DhcpOptions;
use state_model::ec2::dhcp_options::{AMAZON_PROVIDED_DNS, NO_OPTIONS};
use state_tables::{Transaction, View};
use wire_schema::ServiceError;

use super::{group_lookup, ids};

/// A set as AWS makes it for a region: the VPC's own resolver, and the names that it gives.
pub fn new(scope: &Scope, id: String) -> DhcpOptions {
    let domain = match scope.region.as_str() {
        "us-east-1" => String::from("ec2.internal"),
        region => format!("{region}.compute.internal"),
    };
    let configurations = BTreeMap::from([
        (String::from("domain-name"), vec![domain]),
        (String::from("domain-name-servers"), vec![String::from(AMAZON_PROVIDED_DNS)]),
    ]);
    DhcpOptions { scope: scope.clone(), id, configurations, tags: BTreeMap::new() }
}

/// The id of the region's own set. It follows from the scope, so that two new VPCs find one set.
pub fn id(scope: &Scope) -> String {
    ids::derived_id("dopt", &format!("the DHCP options of {scope}"))
}

/// The id of what a new VPC has. Writes the set when there is none.
pub fn of_new_vpc(view: &View, scope: &Scope, transaction: &mut Transaction) -> String {
    let id = group_lookup::default_vpc(view, scope)
        .map(|vpc| vpc.dhcp_options_id.clone())
        .filter(|id| {
            let chosen = view.dhcp_options.get(&scope.key(id));
            id != NO_OPTIONS && chosen.is_none_or(|chosen| is_default(chosen))
        })
        .unwrap_or_else(|| id(scope));
    write_down(view, scope, transaction, &id);
    id
}

/// Writes the region's own set, whether or not it is there: of two requests that do so at once, one is decided again.
pub fn claim(view: &View, scope: &Scope, transaction: &mut Transaction) {
    let id = id(scope);
    match view.dhcp_options.get(&scope.key(&id)) {
        Some(present) => transaction.update(present, present.record()),
        None => transaction.insert(&new(scope, id)),
    }
}

/// Makes a record of a set that so far is only computed.
pub fn write_down(view: &View, scope: &Scope, transaction: &mut Transaction, id: &str) {
    if id != NO_OPTIONS && !view.dhcp_options.contains(&scope.key(id)) {
        transaction.insert(&new(scope, id.to_owned()));
    }
}

/// Every set of the scope by its key, those without a record too.
pub fn all<'v>(view: &'v View, scope: &Scope) -> BTreeMap<String, Cow<'v, DhcpOptions>> {
    let prefix = scope.key("");
    let computed = view.vpcs.prefix(&prefix).map(|(_, vpc)| &vpc.dhcp_options_id);
    let computed =
        computed.filter(|id| *id != NO_OPTIONS).map(|id| (scope.key(id), Cow::Owned(new(scope, id.clone()))));
    let mut found: BTreeMap<_, _> = computed.collect();
    let recorded = view.dhcp_options.prefix(&prefix);
    found.extend(recorded.map(|(key, row)| (key.to_owned(), Cow::Borrowed(&**row.record()))));
    found
}

/// Checks that there is such a set.
pub fn check(view: &View, scope: &Scope, id: &str) -> Result<(), ServiceError> {
    ids::DHCP_OPTIONS.check(id)?;
    let key = scope.key(id);
    if view.dhcp_options.contains(&key) || view.vpcs.any_by("dhcp-options", &key) {
        return Ok(());
    }
    Err(ids::DHCP_OPTIONS.unknown(id))
}

fn is_default(options: &DhcpOptions) -> bool {
    options.configurations == new(&options.scope, String::new()).configurations
}
