//! What a VPC's table holds, kept beside it, so that every change is the difference and nothing more.
//!
//! The owner changes it and runs the commands. When nftables refuses them, it reads the table back: a copy kept
//! for that case would cost each change as much as the table is large.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};

use sha2::{Digest, Sha256};

use crate::alias::alias_of;
use crate::config::{Family, GroupRules, MacAddress, Peer, PrefixListConfig};
use crate::nft::base_rules::TABLE;
use crate::nft::front_rules;
use crate::nft::group_rules::{self, Direction, disjoint, list_set, members_set};

#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Whether the VPC has an IPv6 block. Without one there are neither sets nor rules of IPv6; what is told afterwards has them.
    pub has_ipv6: bool,
    /// By interface id.
    pub interfaces: HashMap<String, Interface>,
    /// The interface of a private, public or IPv6 address.
    pub holders: HashMap<IpAddr, String>,
    pub groups: HashMap<String, Group>,
    /// Chains that jump through several groups: the name's digest, and the groups.
    pub group_sets: HashMap<String, BTreeSet<String>>,
    pub services: BTreeSet<Service>,
    /// Prefix lists whose sets exist, by id and family.
    pub lists: BTreeSet<(String, Family)>,
    /// Sets of removed groups and prefix lists that another group's rules may still name.
    pub orphaned_sets: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The outer end in the VPC's namespace.
    pub name: String,
    pub index: u32,
    pub address: Ipv4Addr,
    pub ipv6: BTreeSet<Ipv6Addr>,
    pub groups: BTreeSet<String>,
    pub mac: MacAddress,
    pub transit: bool,
    pub public: Option<Ipv4Addr>,
    /// It may send from the addresses of its clients: see [`front_rules`].
    pub fronts: bool,
}

impl Interface {
    /// What its groups' member sets hold of it.
    pub fn private_addresses(&self) -> impl Iterator<Item = IpAddr> {
        [IpAddr::V4(self.address)].into_iter().chain(self.ipv6.iter().copied().map(IpAddr::V6))
    }

    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.private_addresses().chain(self.public.map(IpAddr::V4))
    }
}

#[derive(Clone, Debug, Default)]
pub struct Group {
    /// A referenced group has a member set before it has rules.
    pub has_chains: bool,
    /// Whether the set of its IPv6 members exists, beside that of IPv4.
    pub has_ipv6_set: bool,
    /// What the member sets hold: an address, and how many reasons it has to be there.
    pub members: BTreeMap<IpAddr, u32>,
    pub remote_members: BTreeSet<IpAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    pub address: SocketAddrV4,
    pub protocol: ServiceProtocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceProtocol {
    Tcp,
    Udp,
}

impl Model {
    /// Adds an interface, or brings a known one to `wanted`.
    pub fn put_interface(&mut self, id: &str, wanted: Interface, text: &mut String) {
        if self.interfaces.get(id) == Some(&wanted) {
            return;
        }
        // An address belongs to one interface: whoever had it before is gone, or the allocator would not
        // reuse it.
        let holders = wanted.addresses().filter_map(|address| self.holders.get(&address).cloned());
        let former: BTreeSet<String> = holders.chain([id.to_owned()]).collect();
        for other in former {
            self.remove_interface(&other, text);
        }
        let set = self.ensure_group_set(&wanted.groups, text);
        interface_elements(text, "add", &wanted);
        for direction in Direction::BOTH {
            element(text, "add", direction, &wanted.name, &set);
        }
        for group in &wanted.groups {
            wanted.private_addresses().for_each(|address| self.add_member(group, address, text));
        }
        self.hold(id, &wanted);
        self.interfaces.insert(id.to_owned(), wanted);
    }

    /// Notes which addresses are the interface's.
    pub fn hold(&mut self, id: &str, interface: &Interface) {
        self.holders.extend(interface.addresses().map(|address| (address, id.to_owned())));
    }

    /// Takes an interface out of every map and set: from then on nothing passes it.
    pub fn remove_interface(&mut self, id: &str, text: &mut String) -> Option<Interface> {
        let interface = self.interfaces.remove(id)?;
        for address in interface.addresses() {
            self.holders.remove(&address);
        }
        let set = set_digest(&interface.groups);
        interface_elements(text, "delete", &interface);
        for direction in Direction::BOTH {
            element(text, "delete", direction, &interface.name, &set);
        }
        for group in &interface.groups {
            interface.private_addresses().for_each(|address| self.remove_member(group, address, text));
        }
        Some(interface)
    }

    /// Gives a group its rules. Tracked connections go on, as on AWS; new ones meet the new rules.
    pub fn put_group(&mut self, rules: &GroupRules, text: &mut String) {
        self.ensure_group(&rules.id, text);
        for rule in rules.ingress.iter().chain(&rules.egress) {
            match &rule.peer {
                Peer::Group(peer) => self.ensure_members(peer, text),
                Peer::PrefixList(list) => self.ensure_list(list, text),
                Peer::Cidr(_) => {}
            }
        }
        group_rules::replace(text, Direction::Ingress, &rules.id, &rules.ingress, self.families());
        group_rules::replace(text, Direction::Egress, &rules.id, &rules.egress, self.families());
        let known = |address: &&IpAddr| self.has_ipv6 || address.is_ipv4();
        let wanted: BTreeSet<IpAddr> = rules.remote_members.iter().filter(known).copied().collect();
        let former = self.groups.get(&rules.id).map(|group| group.remote_members.clone()).unwrap_or_default();
        for address in wanted.difference(&former) {
            self.add_member(&rules.id, *address, text);
        }
        for address in former.difference(&wanted) {
            self.remove_member(&rules.id, *address, text);
        }
        if let Some(group) = self.groups.get_mut(&rules.id) {
            group.remote_members = wanted;
        }
    }

    /// Removes a group's chains; its member set goes when no rule names it any more (`remove_orphaned_sets`).
    pub fn remove_group(&mut self, id: &str, text: &mut String) {
        let Some(group) = self.groups.remove(id) else { return };
        let sets: Vec<String> = self
            .group_sets
            .iter()
            .filter(|(_, set)| set.contains(id))
            .map(|(name, _)| name.clone())
            .collect();
        for set in sets {
            self.remove_group_set(&set, text);
        }
        for direction in Direction::BOTH.into_iter().filter(|_| group.has_chains) {
            let chain = direction.rules_chain(id);
            line(text, format_args!("flush chain {TABLE} {chain}"));
            line(text, format_args!("delete chain {TABLE} {chain}"));
        }
        for family in Family::BOTH.into_iter().filter(|family| *family == Family::Ipv4 || group.has_ipv6_set)
        {
            let set = members_set(id, family);
            line(text, format_args!("flush set {TABLE} {set}"));
            self.orphaned_sets.insert(set);
        }
    }

    /// Gives a prefix list its blocks: rules that name it hold for them from then on.
    pub fn put_list(&mut self, list: &PrefixListConfig, text: &mut String) {
        self.ensure_list(&list.id, text);
        let all = disjoint(&list.cidrs);
        for family in self.families() {
            let set = list_set(&list.id, *family);
            line(text, format_args!("flush set {TABLE} {set}"));
            let blocks: Vec<String> =
                all.iter().filter(|block| block.family() == *family).map(ToString::to_string).collect();
            if !blocks.is_empty() {
                line(text, format_args!("add element {TABLE} {set} {{ {} }}", blocks.join(", ")));
            }
        }
    }

    /// Empties a prefix list; its set goes when no rule names it any more.
    pub fn remove_list(&mut self, id: &str, text: &mut String) {
        for family in Family::BOTH {
            if self.lists.remove(&(id.to_owned(), family)) {
                let set = list_set(id, family);
                line(text, format_args!("flush set {TABLE} {set}"));
                self.orphaned_sets.insert(set);
            }
        }
    }

    /// The families that the VPC has.
    fn families(&self) -> &'static [Family] {
        if self.has_ipv6 { &Family::BOTH } else { &[Family::Ipv4] }
    }

    /// Removes the chains of group sets that no interface uses.
    pub fn remove_unused_group_sets(&mut self, text: &mut String) {
        let used: BTreeSet<String> =
            self.interfaces.values().map(|interface| set_digest(&interface.groups)).collect();
        let unused: Vec<String> =
            self.group_sets.keys().filter(|name| !used.contains(*name)).cloned().collect();
        for set in unused {
            self.remove_group_set(&set, text);
        }
    }

    pub fn put_service(&mut self, service: Service, text: &mut String) {
        if self.services.insert(service) {
            let protocol = match service.protocol {
                ServiceProtocol::Tcp => "tcp",
                ServiceProtocol::Udp => "udp",
            };
            let (address, port) = (service.address.ip(), service.address.port());
            line(text, format_args!("add element {TABLE} services {{ {address} . {protocol} . {port} }}"));
        }
    }

    /// A list that is not known yet is empty: rules that name it match nothing until its blocks arrive.
    fn ensure_list(&mut self, id: &str, text: &mut String) {
        for family in self.families() {
            if self.lists.insert((id.to_owned(), *family)) {
                let (set, address_type) = (list_set(id, *family), family.address_type());
                self.orphaned_sets.remove(&set);
                line(text, format_args!("add set {TABLE} {set} {{ type {address_type}; flags interval; }}"));
            }
        }
    }

    /// A group that is not known yet gets empty chains: it allows nothing until its rules arrive.
    fn ensure_group(&mut self, id: &str, text: &mut String) {
        self.ensure_members(id, text);
        if let Some(group) = self.groups.get_mut(id).filter(|group| !group.has_chains) {
            group.has_chains = true;
            for direction in Direction::BOTH {
                line(text, format_args!("add chain {TABLE} {}", direction.rules_chain(id)));
            }
        }
    }

    fn ensure_members(&mut self, id: &str, text: &mut String) {
        if !self.groups.contains_key(id) {
            self.groups.insert(id.to_owned(), Group::default());
            self.add_members_set(id, Family::Ipv4, text);
        }
        if let Some(group) = self.groups.get_mut(id).filter(|group| self.has_ipv6 && !group.has_ipv6_set) {
            group.has_ipv6_set = true;
            self.add_members_set(id, Family::Ipv6, text);
        }
    }

    fn add_members_set(&mut self, id: &str, family: Family, text: &mut String) {
        let (set, address_type) = (members_set(id, family), family.address_type());
        self.orphaned_sets.remove(&set);
        line(text, format_args!("add set {TABLE} {set} {{ type {address_type}; }}"));
    }

    fn ensure_group_set(&mut self, groups: &BTreeSet<String>, text: &mut String) -> String {
        for group in groups {
            self.ensure_group(group, text);
        }
        let name = set_digest(groups);
        if !self.group_sets.contains_key(&name) {
            for direction in Direction::BOTH {
                let chain = direction.set_chain(&name);
                line(text, format_args!("add chain {TABLE} {chain}"));
                for group in groups {
                    let target = direction.rules_chain(group);
                    line(text, format_args!("add rule {TABLE} {chain} jump {target}"));
                }
            }
            self.group_sets.insert(name.clone(), groups.clone());
        }
        name
    }

    fn remove_group_set(&mut self, name: &str, text: &mut String) {
        self.group_sets.remove(name);
        for direction in Direction::BOTH {
            let chain = direction.set_chain(name);
            line(text, format_args!("flush chain {TABLE} {chain}"));
            line(text, format_args!("delete chain {TABLE} {chain}"));
        }
    }

    fn add_member(&mut self, group: &str, address: IpAddr, text: &mut String) {
        let reasons = self.groups.entry(group.to_owned()).or_default().members.entry(address).or_default();
        *reasons += 1;
        if *reasons == 1 {
            let set = members_set(group, family_of(address));
            line(text, format_args!("add element {TABLE} {set} {{ {address} }}"));
        }
    }

    fn remove_member(&mut self, group: &str, address: IpAddr, text: &mut String) {
        let Some(group_state) = self.groups.get_mut(group) else { return };
        let Some(reasons) = group_state.members.get_mut(&address) else { return };
        *reasons -= 1;
        if *reasons == 0 {
            group_state.members.remove(&address);
            let set = members_set(group, family_of(address));
            line(text, format_args!("delete element {TABLE} {set} {{ {address} }}"));
        }
    }
}

/// The name of a set of groups. Interfaces with the same groups share its chains.
pub fn set_digest(groups: &BTreeSet<String>) -> String {
    let mut digest = Sha256::new();
    for group in groups {
        digest.update(group.as_bytes());
        digest.update([0]);
    }
    hex::encode(&digest.finalize()[..8])
}

/// The interface's own elements, without those that lead to its groups.
fn interface_elements(text: &mut String, verb: &str, interface: &Interface) {
    let Interface { name, address, mac, .. } = interface;
    line(text, format_args!("{verb} element {TABLE} bound {{ \"{name}\" . {mac} . {address} }}"));
    front_rules::elements(text, verb, interface);
    for address in &interface.ipv6 {
        line(text, format_args!("{verb} element {TABLE} bound6 {{ \"{name}\" . {mac} . {address} }}"));
    }
    if interface.transit {
        line(text, format_args!("{verb} element {TABLE} transit {{ \"{name}\" }}"));
    }
    if let Some(public) = interface.public {
        let alias = alias_of(public);
        line(text, format_args!("{verb} element {TABLE} public_sources {{ {address} }}"));
        line(text, format_args!("{verb} element {TABLE} public_of {{ {address} : {alias} }}"));
        line(text, format_args!("{verb} element {TABLE} private_of {{ {alias} : {address} }}"));
    }
}

fn family_of(address: IpAddr) -> Family {
    if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
}

fn element(text: &mut String, verb: &str, direction: Direction, name: &str, set: &str) {
    let (map, chain) = (direction.map(), direction.set_chain(set));
    line(text, format_args!("{verb} element {TABLE} {map} {{ \"{name}\" : jump {chain} }}"));
}

fn line(text: &mut String, command: std::fmt::Arguments<'_>) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{command}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IpCidr;

    fn interface(name: &str, address: [u8; 4], groups: &[&str]) -> Interface {
        Interface {
            name: name.to_owned(),
            index: 7,
            address: address.into(),
            ipv6: BTreeSet::new(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            mac: MacAddress([10, 0, 0, 0, 0, 1]),
            transit: false,
            fronts: false,
            public: None,
        }
    }

    #[test]
    fn blocks_of_a_list_do_not_overlap() {
        let blocks = [
            "10.1.0.0/16",
            "10.0.0.0/8",
            "127.0.0.1/32",
            "10.0.0.0/16",
            "192.0.2.7/24",
            "2001:db8::7/32",
            "2001:db8:1::/48",
        ];
        let cidrs: Vec<IpCidr> = blocks.iter().map(|block| block.parse().unwrap()).collect();
        let kept: Vec<String> = disjoint(&cidrs).iter().map(ToString::to_string).collect();
        assert_eq!(kept, ["10.0.0.0/8", "127.0.0.1/32", "192.0.2.0/24", "240.0.0.1/32", "2001:db8::/32"]);
    }

    #[test]
    fn a_public_address_leaves_its_former_interface() {
        let mut model = Model::default();
        let mut text = String::new();
        let public = Some(Ipv4Addr::new(127, 80, 0, 1));
        model.put_interface("eni-1", Interface { public, ..interface("e1", [10, 0, 0, 4], &[]) }, &mut text);
        text.clear();
        model.put_interface("eni-2", Interface { public, ..interface("e2", [10, 0, 0, 5], &[]) }, &mut text);
        assert!(text.contains("delete element inet neargate private_of { 240.80.0.1 : 10.0.0.4 }"));
        assert!(text.contains("add element inet neargate public_of { 10.0.0.5 : 240.80.0.1 }"));
        assert!(!model.interfaces.contains_key("eni-1"));
    }

    #[test]
    fn a_second_interface_of_the_same_groups_adds_elements_only() {
        let mut model = Model::default();
        let mut text = String::new();
        model.put_interface("eni-1", interface("e1", [10, 0, 0, 4], &["sg-a", "sg-b"]), &mut text);
        assert_eq!(text.matches("add chain").count(), 6);
        text.clear();
        model.put_interface("eni-2", interface("e2", [10, 0, 0, 5], &["sg-b", "sg-a"]), &mut text);
        assert_eq!(text.matches("add element").count(), 5);
        assert_eq!(text.lines().count(), 5);
        text.clear();
        model.put_interface("eni-2", interface("e2", [10, 0, 0, 5], &["sg-a", "sg-b"]), &mut text);
        assert_eq!(text, "");
    }

    #[test]
    fn ipv6_members_come_with_the_vpcs_block() {
        let mut model = Model::default();
        let mut text = String::new();
        let rules = GroupRules {
            id: "sg-a".into(),
            ingress: vec![],
            egress: vec![],
            remote_members: vec!["2001:db8::9".parse().unwrap()],
        };
        model.put_group(&rules, &mut text);
        assert!(!text.contains("members6") && !text.contains("2001"), "{text}");
        model.has_ipv6 = true;
        text.clear();
        model.put_group(&rules, &mut text);
        assert!(text.contains("add set inet neargate members6_sg-a { type ipv6_addr; }"), "{text}");
        assert!(text.contains("add element inet neargate members6_sg-a { 2001:db8::9 }"), "{text}");
        text.clear();
        let ipv6 = BTreeSet::from(["2001:db8::4".parse().unwrap()]);
        model.put_interface(
            "eni-1",
            Interface { ipv6, ..interface("e1", [10, 0, 0, 4], &["sg-a"]) },
            &mut text,
        );
        assert!(
            text.contains("add element inet neargate bound6 { \"e1\" . 0a:00:00:00:00:01 . 2001:db8::4 }"),
            "{text}"
        );
        assert!(text.contains("add element inet neargate members6_sg-a { 2001:db8::4 }"), "{text}");
        model.remove_interface("eni-1", &mut text);
        model.remove_group("sg-a", &mut text);
        assert!(model.orphaned_sets.contains("members6_sg-a"));
    }

    #[test]
    fn a_reused_address_leaves_its_former_interface() {
        let mut model = Model::default();
        let mut text = String::new();
        model.put_interface("eni-1", interface("e1", [10, 0, 0, 4], &["sg-a"]), &mut text);
        model.put_interface("eni-2", interface("e2", [10, 0, 0, 4], &["sg-a"]), &mut text);
        assert!(!model.interfaces.contains_key("eni-1"));
        assert!(
            text.contains("delete element inet neargate bound { \"e1\" . 0a:00:00:00:00:01 . 10.0.0.4 }")
        );
        assert_eq!(model.groups["sg-a"].members.len(), 1);
    }

    #[test]
    fn a_member_known_here_and_elsewhere_stays_until_both_are_gone() {
        let mut model = Model::default();
        let mut text = String::new();
        let mut rules = GroupRules {
            id: "sg-a".into(),
            ingress: vec![],
            egress: vec![],
            remote_members: vec![Ipv4Addr::new(10, 0, 0, 4).into()],
        };
        model.put_group(&rules, &mut text);
        model.put_interface("eni-1", interface("e1", [10, 0, 0, 4], &["sg-a"]), &mut text);
        text.clear();
        rules.remote_members.clear();
        model.put_group(&rules, &mut text);
        assert!(!text.contains("delete element"));
        model.remove_interface("eni-1", &mut text);
        assert!(text.contains("delete element inet neargate members_sg-a { 10.0.0.4 }"));
    }
}
