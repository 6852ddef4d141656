//! Where a VPC's packets go: one Linux routing table per route table, and the rules that choose among them.
//!
//! The next hop tells what a packet passes on its way out: the host's address stands for the internet gateway, an
//! alias or a private address for the NAT gateway that has it. The firewall's translation goes by that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use sha2::{Digest, Sha256};

use crate::alias::alias_of;
use crate::config::{
    Family, IpCidr, NatGatewayConfig, RouteConfig, RouteTableConfig, RouteTarget, SubnetConfig, VpcConfig,
};
use crate::error::NetworkError;
use crate::limits;
use crate::netlink::route::{self, Route, TABLE_MAIN};
use crate::netlink::rule::{self, Rule};
use crate::netlink::{Batch, Socket};
use crate::nft::front_rules;
use crate::nft::model::{Interface, Model};
use crate::vpc::ipv6;
use crate::vpc::peering::PeerLink;
use crate::vpc::setup::Uplink;

/// Rules in the order of their priorities; the kernel's own for the main table is 32766.
const OF_FRONT: u32 = 40;
const TO_HOST: u32 = 50;
const TO_VPC: u32 = 60;
const OF_TRANSIT: u32 = 90;
const OF_SUBNET: u32 = 100;
const OF_VPC_ITSELF: u32 = 33_000;
const NOWHERE: u32 = 33_001;

/// The table of what the VPC itself sends to the world: errors about packets that were too large.
const OWN_TABLE: u32 = 0x2000_0000;

/// To which the index of an interface is added that speaks for its clients: the way of answers to them.
const FRONT_TABLES: u32 = 0x3000_0000;

/// What routing depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    pub config: &'a VpcConfig,
    pub model: &'a Model,
    pub uplink: &'a Uplink,
    /// The peerings whose links are in place, by their ids.
    pub peers: &'a BTreeMap<String, PeerLink>,
}

/// Where a route leads, with its target looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// To another table: the main one knows the interfaces.
    Local,
    Link {
        index: u32,
        gateway: IpAddr,
        mtu_bytes: Option<u32>,
    },
    Blackhole,
}

/// Brings the tables and rules of the namespace to what `inputs` say, adding before removing.
pub fn sync(links: &mut Socket, inputs: Inputs<'_>) -> Result<(), NetworkError> {
    let wanted_routes = routes(inputs);
    let wanted_rules = rules(inputs);
    let present_routes: Vec<Route> =
        route::list_all_ours(links)?.into_iter().filter(|route| route.table != TABLE_MAIN).collect();
    let present_rules: BTreeSet<Rule> = rule::list_ours(links)?.into_iter().collect();
    let mut batch = Batch::default();
    for route in wanted_routes.iter().filter(|route| !present_routes.contains(route)) {
        route::add(&mut batch, route);
    }
    for rule in wanted_rules.difference(&present_rules) {
        rule::add(&mut batch, rule);
    }
    for rule in present_rules.difference(&wanted_rules) {
        rule::delete(&mut batch, rule);
    }
    let place = |route: &Route| (route.table, route.destination.network(), route.destination.prefix());
    let places: BTreeSet<_> = wanted_routes.iter().map(place).collect();
    for route in present_routes.iter().filter(|route| !places.contains(&place(route))) {
        route::delete(&mut batch, route);
    }
    if batch.is_empty() { Ok(()) } else { links.execute(batch) }
}

/// Whether routing has to follow when the interface with this address comes or goes.
pub fn concerns(config: &VpcConfig, address: Ipv4Addr) -> bool {
    let mut routes = config.route_tables.iter().flat_map(|table| &table.routes);
    routes.any(|route| route.target == RouteTarget::Interface(address))
}

fn rules(inputs: Inputs<'_>) -> BTreeSet<Rule> {
    let mut rules = rules_of(inputs, Family::Ipv4);
    if inputs.config.ipv6_cidr.is_some() {
        rules.extend(rules_of(inputs, Family::Ipv6));
    }
    rules
}

fn rules_of(inputs: Inputs<'_>, family: Family) -> BTreeSet<Rule> {
    let Inputs { config, model, uplink, .. } = inputs;
    let rule = |priority, table| Rule {
        family,
        priority,
        source: None,
        destination: None,
        input_link: None,
        mark: None,
        table,
    };
    let host = IpCidr::host(match family {
        Family::Ipv4 => uplink.host_address.into(),
        Family::Ipv6 => uplink.host_ipv6.into(),
    });
    let mut rules = BTreeSet::from([
        Rule { destination: Some(host), ..rule(TO_HOST, Some(TABLE_MAIN)) },
        Rule { input_link: Some(String::from("lo")), ..rule(OF_VPC_ITSELF, Some(OWN_TABLE)) },
        // What no table knows is dropped, as AWS does; the kernel would tell the sender.
        rule(NOWHERE, None),
    ]);
    let blocks = config.cidrs.iter().copied().map(IpCidr::V4).chain(config.ipv6_cidr.map(IpCidr::V6));
    for block in blocks.filter(|block| block.family() == family) {
        rules.insert(Rule { destination: Some(block.whole()), ..rule(TO_VPC, Some(TABLE_MAIN)) });
    }
    for interface in fronts(model).filter(|_| family == Family::Ipv4) {
        let mark = Some(front_rules::mark_of(interface.address));
        rules.insert(Rule { mark, ..rule(OF_FRONT, Some(FRONT_TABLES | interface.index)) });
    }
    for subnet in &config.subnets {
        let (Some(id), Some(block)) = (&subnet.route_table, block_of(subnet, family)) else { continue };
        let table = Some(table_number(id));
        rules.insert(Rule { source: Some(block.whole()), ..rule(OF_SUBNET, table) });
        // An interface that may send with any address is known by its link.
        let transit =
            model.interfaces.values().filter(|one| one.transit && subnet.cidr.contains(one.address));
        for interface in transit {
            rules.insert(Rule { input_link: Some(interface.name.clone()), ..rule(OF_TRANSIT, table) });
        }
    }
    rules
}

fn block_of(subnet: &SubnetConfig, family: Family) -> Option<IpCidr> {
    match family {
        Family::Ipv4 => Some(subnet.cidr.into()),
        Family::Ipv6 => subnet.ipv6_cidr.map(IpCidr::V6),
    }
}

fn routes(inputs: Inputs<'_>) -> Vec<Route> {
    let Inputs { config, model, uplink, .. } = inputs;
    let own = |destination, gateway: IpAddr| Route {
        table: OWN_TABLE,
        link: Some(uplink.vpc_index),
        gateway: Some(gateway),
        mtu_bytes: Some(limits::MTU_OUTSIDE_BYTES),
        ..Route::new(destination)
    };
    let mut routes = vec![own(IpCidr::EVERYWHERE_V4, uplink.host_address.into())];
    routes.extend(config.ipv6_cidr.map(|_| own(IpCidr::EVERYWHERE_V6, ipv6::HOP.into())));
    routes.extend(fronts(model).map(|interface| Route {
        table: FRONT_TABLES | interface.index,
        link: Some(interface.index),
        gateway: Some(interface.address.into()),
        on_link: true,
        ..Route::new(IpCidr::EVERYWHERE_V4)
    }));
    let used: BTreeSet<&String> =
        config.subnets.iter().filter_map(|subnet| subnet.route_table.as_ref()).collect();
    for table in config.route_tables.iter().filter(|table| used.contains(&table.id)) {
        let number = table_number(&table.id);
        for (destination, way) in ways(inputs, table) {
            let route = Route { table: number, ..Route::new(destination) };
            routes.push(match way {
                Way::Local => Route { throws: true, ..route },
                Way::Blackhole => route,
                Way::Link { index, gateway, mtu_bytes } => {
                    Route { link: Some(index), gateway: Some(gateway), mtu_bytes, on_link: true, ..route }
                }
            });
        }
    }
    routes
}

fn fronts(model: &Model) -> impl Iterator<Item = &Interface> {
    model.interfaces.values().filter(|interface| interface.fronts)
}

/// Each destination of a table with its way, the most specific of the NAT gateways' own tables included.
fn ways(inputs: Inputs<'_>, table: &RouteTableConfig) -> HashMap<IpCidr, Way> {
    let mut ways = HashMap::new();
    let is_known =
        |route: &&RouteConfig| inputs.config.ipv6_cidr.is_some() || route.destination.v6().is_none();
    for route in table.routes.iter().filter(is_known) {
        let destination = route.destination.whole();
        match &route.target {
            target if destination.family() == Family::Ipv6 => {
                ways.insert(destination, way_v6(inputs, target));
            }
            RouteTarget::NatGateway(id) => {
                let through = through_nat(inputs, destination, id);
                // Where this table itself knows better, the gateway is not asked.
                let known = |inner: IpCidr| {
                    table.routes.iter().any(|other| {
                        other.destination.prefix() > destination.prefix()
                            && destination.contains(other.destination.network())
                            && other.destination.prefix() <= inner.prefix()
                            && other.destination.contains(inner.network())
                    })
                };
                for (inner, way) in through.into_iter().filter(|(inner, _)| !known(*inner)) {
                    ways.entry(inner).or_insert(way);
                }
            }
            target => {
                ways.insert(destination, way(inputs, target, None));
            }
        }
    }
    ways
}

/// What happens to packets for `destination` at a NAT gateway: its own subnet's table decides.
fn through_nat(inputs: Inputs<'_>, destination: IpCidr, id: &str) -> Vec<(IpCidr, Way)> {
    let config = inputs.config;
    let Some(gateway) = config.nat_gateways.iter().find(|gateway| gateway.id == *id) else {
        return vec![(destination, Way::Blackhole)];
    };
    let subnet = config.subnets.iter().find(|subnet| subnet.id == gateway.subnet);
    let table = subnet.and_then(|subnet| subnet.route_table.as_ref());
    let table = config.route_tables.iter().find(|other| Some(&other.id) == table);
    let own: &[RouteConfig] = table.map_or(&[], |table| &table.routes);
    let covers =
        |outer: IpCidr, inner: IpCidr| outer.prefix() <= inner.prefix() && outer.contains(inner.network());
    let widest = own
        .iter()
        .filter(|route| covers(route.destination, destination))
        .max_by_key(|route| route.destination.prefix());
    let whole_way = widest.map_or(Way::Blackhole, |route| way(inputs, &route.target, Some(gateway)));
    let mut ways = vec![(destination, whole_way)];
    let inner = own.iter().filter(|route| {
        route.destination.prefix() > destination.prefix() && covers(destination, route.destination)
    });
    ways.extend(inner.map(|route| (route.destination.whole(), way(inputs, &route.target, Some(gateway)))));
    ways
}

/// The way to a target with IPv4, for packets that `nat` has translated, if any.
fn way(inputs: Inputs<'_>, target: &RouteTarget, nat: Option<&NatGatewayConfig>) -> Way {
    let Inputs { model, uplink, peers, .. } = inputs;
    let to_world = |gateway: Ipv4Addr| world(uplink, gateway.into());
    match target {
        RouteTarget::Local => Way::Local,
        RouteTarget::InternetGateway => match nat {
            None => to_world(uplink.host_address),
            Some(gateway) => {
                gateway.public_address.map_or(Way::Blackhole, |public| to_world(alias_of(public)))
            }
        },
        RouteTarget::Peering(id) => peers.get(id).map_or(Way::Blackhole, |peer| Way::Link {
            index: peer.index,
            gateway: nat.map_or(PeerLink::HOP, |gateway| gateway.private_address).into(),
            mtu_bytes: None,
        }),
        RouteTarget::Interface(address) if nat.is_none() => transit(model, *address)
            .map_or(Way::Blackhole, |interface| appliance(interface, interface.address.into())),
        // A NAT gateway behind another, or an appliance behind one, is not a way.
        RouteTarget::Interface(_)
        | RouteTarget::NatGateway(_)
        | RouteTarget::EgressOnlyInternetGateway
        | RouteTarget::Blackhole => Way::Blackhole,
    }
}

/// The way to a target with IPv6. Who may come in by a gateway is the firewall's business.
fn way_v6(inputs: Inputs<'_>, target: &RouteTarget) -> Way {
    let Inputs { model, uplink, peers, .. } = inputs;
    match target {
        RouteTarget::Local => Way::Local,
        RouteTarget::InternetGateway | RouteTarget::EgressOnlyInternetGateway => {
            world(uplink, ipv6::HOP.into())
        }
        RouteTarget::Peering(id) => peers.get(id).map_or(Way::Blackhole, |peer| Way::Link {
            index: peer.index,
            gateway: ipv6::HOP.into(),
            mtu_bytes: None,
        }),
        RouteTarget::Interface(address) => transit(model, *address)
            .and_then(|interface| Some(appliance(interface, (*interface.ipv6.first()?).into())))
            .unwrap_or(Way::Blackhole),
        RouteTarget::NatGateway(_) | RouteTarget::Blackhole => Way::Blackhole,
    }
}

fn world(uplink: &Uplink, gateway: IpAddr) -> Way {
    Way::Link { index: uplink.vpc_index, gateway, mtu_bytes: Some(limits::MTU_OUTSIDE_BYTES) }
}

/// Interfaces take what is not for them only when their source/destination check is off.
fn transit(model: &Model, address: Ipv4Addr) -> Option<&Interface> {
    let interface = model.interfaces.get(model.holders.get(&IpAddr::V4(address))?)?;
    (interface.transit && interface.address == address).then_some(interface)
}

fn appliance(interface: &Interface, gateway: IpAddr) -> Way {
    Way::Link { index: interface.index, gateway, mtu_bytes: None }
}

/// The same number for the same route table, also after a restart.
fn table_number(id: &str) -> u32 {
    let digest = Sha256::digest(id.as_bytes());
    0x1000_0000 | (u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) & 0x0fff_ffff)
}
