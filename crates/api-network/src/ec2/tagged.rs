//! Everything that has tags, found by its identifier alone.

use std::collections::BTreeMap;

use state_model::Scope;
use state_model::ec2::SecurityGroup;
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::ResourceType;

use super::ids::{self, Kind};

pub type Tags = BTreeMap<String, String>;

/// Tables whose records have a `tags` field, with the kind of their identifiers and their resource type.
macro_rules! for_each_table {
    ($with:ident) => {
        $with! {
            vpcs: VPC, Vpc;
            subnets: SUBNET, Subnet;
            security_groups: SECURITY_GROUP, SecurityGroup;
            network_interfaces: NETWORK_INTERFACE, NetworkInterface;
            route_tables: ROUTE_TABLE, RouteTable;
            internet_gateways: INTERNET_GATEWAY, InternetGateway;
            network_acls: NETWORK_ACL, NetworkAcl;
            egress_only_internet_gateways: EGRESS_ONLY_INTERNET_GATEWAY, EgressOnlyInternetGateway;
            nat_gateways: NAT_GATEWAY, Natgateway;
            elastic_ips: ELASTIC_IP, ElasticIp;
            dhcp_options: DHCP_OPTIONS, DhcpOptions;
            prefix_lists: PREFIX_LIST, PrefixList;
            vpc_endpoints: VPC_ENDPOINT, VpcEndpoint;
            vpc_peering_connections: VPC_PEERING_CONNECTION, VpcPeeringConnection;
            flow_logs: FLOW_LOG, VpcFlowLog;
        }
    };
}

/// Changes the tags of the resource `id` by `change`.
pub fn change(
    view: &View,
    scope: &Scope,
    transaction: &mut Transaction,
    id: &str,
    change: &dyn Fn(&mut Tags) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    macro_rules! try_tables {
        ($($table:ident: $kind:ident, $resource_type:ident;)*) => {$(
            if is_of_kind(id, &ids::$kind) {
                let row = ids::$kind.row(&view.$table, scope, id)?;
                let mut record = (**row.record()).clone();
                change(&mut record.tags)?;
                transaction.update(row, &record);
                return Ok(());
            }
        )*};
    }
    for_each_table!(try_tables);
    Err(ServiceError::caller("InvalidID", format!("The ID '{id}' is not valid")))
}

/// Changes the tags of rules. Rules of one group are one record, so they are changed together.
pub fn change_rules(
    view: &View,
    scope: &Scope,
    transaction: &mut Transaction,
    rule_ids: &[&str],
    change: &dyn Fn(&mut Tags) -> Result<(), ServiceError>,
    already_changed: &[&str],
) -> Result<(), ServiceError> {
    let mut groups: BTreeMap<String, (&Row<SecurityGroup>, SecurityGroup)> = BTreeMap::new();
    for id in rule_ids {
        ids::SECURITY_GROUP_RULE.check(id)?;
        let row = view.security_groups.by("rule", &scope.key(id)).next();
        let row = row.ok_or_else(|| ids::SECURITY_GROUP_RULE.unknown(id))?;
        let entry = groups.entry(row.id.clone()).or_insert_with(|| (row, SecurityGroup::clone(row.record())));
        if let Some(rule) = entry.1.rules.iter_mut().find(|rule| rule.id == *id) {
            change(&mut rule.tags)?;
        }
    }
    for (id, (row, mut group)) in groups {
        // The group itself is named in the same request: one write has to hold both changes.
        if already_changed.contains(&id.as_str()) {
            change(&mut group.tags)?;
        }
        transaction.update(row, &group);
    }
    Ok(())
}

/// The group that a rule belongs to.
pub fn group_of_rule(view: &View, scope: &Scope, rule_id: &str) -> Option<String> {
    view.security_groups.by("rule", &scope.key(rule_id)).next().map(|group| group.id.clone())
}

pub fn is_of_kind(id: &str, kind: &Kind) -> bool {
    id.starts_with(kind.prefix)
}

/// Every resource of the scope with its type and tags, in order of identifiers within each type.
pub fn all<'v>(view: &'v View, scope: &Scope) -> Vec<(ResourceType, &'v str, &'v Tags)> {
    let prefix = scope.key("");
    let mut found: Vec<(ResourceType, &str, &Tags)> = Vec::new();
    macro_rules! take_tables {
        ($($table:ident: $kind:ident, $resource_type:ident;)*) => {$(
            found.extend(view.$table.prefix(&prefix).map(|(_, row)| {
                let record: &'v _ = &**row.record();
                (ResourceType::$resource_type, record.id.as_str(), &record.tags)
            }));
        )*};
    }
    for_each_table!(take_tables);
    for (_, group) in view.security_groups.prefix(&prefix) {
        let group: &'v SecurityGroup = group.record();
        let rules = group.rules.iter();
        found.extend(rules.map(|rule| (ResourceType::SecurityGroupRule, rule.id.as_str(), &rule.tags)));
    }
    found
}
