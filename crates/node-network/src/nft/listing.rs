//! Reading back a VPC's table, after a restart of the server.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};

use serde_json::Value;

use crate::config::{Family, MacAddress};
use crate::error::NetworkError;
use crate::nft::base_rules::TABLE;
use crate::nft::model::{Group, Interface, Model, Service, ServiceProtocol, set_digest};
use crate::nft::{Nft, acl_rules, front_rules};

/// The table's contents as a model.
///
/// `index_of` finds a link by its name; elements of links that are gone are left out of the model and
/// returned as commands that remove them. `id_of` finds the interface's id, `public_of` the public address of an
/// alias. `wanted_chains` are the ACLs' chains that stay.
pub fn read(
    nft: &mut Nft,
    index_of: impl Fn(&str) -> Option<u32>,
    id_of: impl Fn(&str) -> Option<String>,
    public_of: impl Fn(Ipv4Addr) -> Option<Ipv4Addr>,
    wanted_chains: &BTreeSet<String>,
) -> Result<(Model, String), NetworkError> {
    let answer = nft.list(&format!("list table {TABLE}"))?;
    let listing: Value = serde_json::from_str(&answer)
        .map_err(|error| NetworkError::Firewall { message: format!("unreadable listing: {error}") })?;
    let objects = listing["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut table = Table::default();
    for object in objects {
        table.take(object);
    }
    let stale_chains: Vec<String> = table.acl_chains.difference(wanted_chains).cloned().collect();
    let (model, mut commands) = table.into_model(index_of, id_of, public_of);
    remove_chains(&mut commands, &stale_chains);
    Ok((model, commands))
}

/// The parts of the listing that the model is made of.
#[derive(Default)]
struct Table {
    bound: HashMap<String, (MacAddress, Ipv4Addr)>,
    bound6: HashMap<String, BTreeSet<Ipv6Addr>>,
    transit: BTreeSet<String>,
    fronts: BTreeSet<String>,
    /// Link name to set digest, per map.
    egress_of: HashMap<String, String>,
    ingress_of: HashMap<String, String>,
    /// Private address to alias.
    public_of: HashMap<Ipv4Addr, Ipv4Addr>,
    services: BTreeSet<Service>,
    lists: BTreeSet<(String, Family)>,
    acl_chains: BTreeSet<String>,
    groups: HashMap<String, Group>,
    group_sets: HashMap<String, BTreeSet<String>>,
}

impl Table {
    fn take(&mut self, object: &Value) {
        if let Some(chain) = object.get("chain") {
            let name = text(&chain["name"]);
            if let Some(group) = name.strip_prefix("rules_in_") {
                self.groups.entry(group.to_owned()).or_default().has_chains = true;
            } else if let Some(set) = name.strip_prefix("set_in_") {
                self.group_sets.entry(set.to_owned()).or_default();
            } else if acl_rules::owns(name) {
                self.acl_chains.insert(name.to_owned());
            }
        } else if let Some(rule) = object.get("rule") {
            self.take_rule(rule);
        } else if let Some(set) = object.get("set") {
            self.take_set(set);
        } else if let Some(map) = object.get("map") {
            self.take_map(map);
        }
    }

    fn take_rule(&mut self, rule: &Value) {
        let Some(set) = rule["chain"].as_str().and_then(|chain| chain.strip_prefix("set_in_")) else {
            return;
        };
        let target = rule["expr"][0]["jump"]["target"].as_str();
        if let Some(group) = target.and_then(|target| target.strip_prefix("rules_in_")) {
            self.group_sets.entry(set.to_owned()).or_default().insert(group.to_owned());
        }
    }

    fn take_set(&mut self, set: &Value) {
        let name = text(&set["name"]);
        let elements = set["elem"].as_array().map(Vec::as_slice).unwrap_or_default();
        let members = |prefix| name.strip_prefix(prefix).map(str::to_owned);
        let of_ipv6 = members("members6_");
        if let Some(group) = members("members_").or_else(|| of_ipv6.clone()) {
            // Every address has one reason for now: the interfaces' own are counted when the model is made,
            // and what is left then is remote.
            let group = self.groups.entry(group).or_default();
            group
                .remote_members
                .extend(elements.iter().filter_map(|element| text(element).parse::<IpAddr>().ok()));
            group.has_ipv6_set |= of_ipv6.is_some();
        } else if name == "bound" {
            for element in elements {
                let parts = &element["concat"];
                if let (Ok(mac), Ok(address)) = (text(&parts[1]).parse(), text(&parts[2]).parse()) {
                    self.bound.insert(text(&parts[0]).to_owned(), (mac, address));
                }
            }
        } else if name == "bound6" {
            for element in elements {
                let parts = &element["concat"];
                if let Ok(address) = text(&parts[2]).parse() {
                    self.bound6.entry(text(&parts[0]).to_owned()).or_default().insert(address);
                }
            }
        } else if name == "transit" {
            self.transit = elements.iter().map(|element| text(element).to_owned()).collect();
        } else if name == front_rules::SET.0 {
            let links = elements.iter().map(|element| text(&element["concat"][0]).to_owned());
            self.fronts = links.collect();
        } else if name == "services" {
            self.services = elements.iter().filter_map(service).collect();
        } else if let Some(list) = name.strip_prefix("list_") {
            self.lists.insert((list.to_owned(), Family::Ipv4));
        } else if let Some(list) = name.strip_prefix("list6_") {
            self.lists.insert((list.to_owned(), Family::Ipv6));
        }
    }

    fn take_map(&mut self, map: &Value) {
        if text(&map["name"]) == "public_of" {
            let elements = map["elem"].as_array().map(Vec::as_slice).unwrap_or_default();
            let pair =
                |element: &Value| Some((text(&element[0]).parse().ok()?, text(&element[1]).parse().ok()?));
            self.public_of = elements.iter().filter_map(pair).collect();
        }
        let (target, prefix) = match text(&map["name"]) {
            "egress_of" => (&mut self.egress_of, "set_out_"),
            "ingress_of" => (&mut self.ingress_of, "set_in_"),
            _ => return,
        };
        for element in map["elem"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let chain = text(&element[1]["jump"]["target"]);
            if let Some(set) = chain.strip_prefix(prefix) {
                target.insert(text(&element[0]).to_owned(), set.to_owned());
            }
        }
    }

    fn into_model(
        mut self,
        index_of: impl Fn(&str) -> Option<u32>,
        id_of: impl Fn(&str) -> Option<String>,
        public_of: impl Fn(Ipv4Addr) -> Option<Ipv4Addr>,
    ) -> (Model, String) {
        let mut model = Model {
            groups: self.groups,
            group_sets: self.group_sets,
            services: self.services,
            lists: self.lists,
            ..Model::default()
        };
        let mut stale = Vec::new();
        for (name, (mac, address)) in self.bound {
            let set = self.ingress_of.get(&name);
            let groups = set.and_then(|set| model.group_sets.get(set)).cloned().unwrap_or_default();
            let index = index_of(&name);
            let transit = self.transit.contains(&name);
            let fronts = self.fronts.contains(&name);
            let id = id_of(&name).unwrap_or_else(|| format!("gone-{name}"));
            if index.is_none() || id.starts_with("gone-") {
                stale.push(id.clone());
            }
            let index = index.unwrap_or(0);
            let public = self.public_of.get(&address).map(|alias| public_of(*alias).unwrap_or(*alias));
            let ipv6 = self.bound6.remove(&name).unwrap_or_default();
            let interface = Interface { name, index, address, ipv6, groups, mac, transit, public, fronts };
            model.hold(&id, &interface);
            model.interfaces.insert(id, interface);
        }
        count_members(&mut model);
        let mut commands = String::new();
        for id in stale {
            model.remove_interface(&id, &mut commands);
        }
        (model, commands)
    }
}

/// Members that an interface of this node explains are its own; the rest live elsewhere.
fn count_members(model: &mut Model) {
    for interface in model.interfaces.values() {
        debug_assert!(set_digest(&interface.groups).len() == 16);
        for id in &interface.groups {
            if let Some(group) = model.groups.get_mut(id) {
                for address in interface.private_addresses() {
                    group.remote_members.remove(&address);
                    *group.members.entry(address).or_default() += 1;
                }
            }
        }
    }
    for group in model.groups.values_mut() {
        for address in &group.remote_members {
            *group.members.entry(*address).or_default() += 1;
        }
    }
}

/// Appends what removes chains that nothing leads to any more.
pub fn remove_chains(commands: &mut String, chains: &[String]) {
    // Two of them may lead to each other, so all are emptied first. Writing to a String can't fail.
    for verb in ["flush", "delete"] {
        for chain in chains {
            let _ = writeln!(commands, "{verb} chain {TABLE} {chain}");
        }
    }
}

fn service(element: &Value) -> Option<Service> {
    let parts = &element["concat"];
    let protocol = match parts[1].as_u64() {
        Some(6) => ServiceProtocol::Tcp,
        Some(17) => ServiceProtocol::Udp,
        _ => return None,
    };
    let port = u16::try_from(parts[2].as_u64()?).ok()?;
    Some(Service { address: SocketAddrV4::new(text(&parts[0]).parse().ok()?, port), protocol })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
