//! Where a load balancer listens: an interface in each of its subnets, and a public address when it faces the internet.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use state_model::ec2::{NetworkInterface, Subnet};
use state_model::elbv2::load_balancer::{LoadBalancerSubnet, PlacedZone, Scheme};
use state_model::elbv2::{LoadBalancer, LoadBalancerPlacement, LoadBalancerStatus};
use state_tables::addresses::{self, Reserved};
use state_tables::public_addresses::{self, PublicPool};
use state_tables::{Row, View};
use stdx::clock::Timestamp;
use stdx::random::{self, Random};

use crate::limits::DELETIONS_PER_COMMIT_MAX;

/// What one load balancer's place becomes.
#[derive(Debug)]
pub struct Decision {
    pub load_balancer: Row<LoadBalancer>,
    pub former: Option<Row<LoadBalancerPlacement>>,
    pub placement: LoadBalancerPlacement,
    pub made: Vec<NetworkInterface>,
    /// Those that are in other groups now.
    pub changed: Vec<(Row<NetworkInterface>, NetworkInterface)>,
    pub gone: Vec<Row<NetworkInterface>>,
}

/// The first load balancer whose place isn't as it should be. One at a time: its commit decides which addresses the next
/// one finds free.
pub fn plan(
    view: &View,
    node: &str,
    pool: PublicPool,
    now: Timestamp,
    random: &dyn Random,
) -> Option<Decision> {
    let load_balancers = view.elb_load_balancers.iter();
    load_balancers
        .filter(|(key, load_balancer)| !is_settled(view, key, load_balancer, pool))
        .find_map(|(key, load_balancer)| decide(view, key, load_balancer, node, pool, now, random))
}

/// Whether nothing at all has to be decided: the cheap answer for nearly every load balancer at nearly every change.
fn is_settled(view: &View, key: &str, load_balancer: &LoadBalancer, pool: PublicPool) -> bool {
    let Some(placement) = view.elb_load_balancer_placements.get(key) else { return false };
    placement.zones.len() == load_balancer.subnets.len()
        && placement.failure.is_none()
        && load_balancer.subnets.iter().zip(&placement.zones).all(|(wanted, zone)| {
            kept(view, load_balancer, wanted, Some(zone))
                .is_some_and(|interface| interface.security_groups == load_balancer.security_groups)
                && kept_public(load_balancer, zone, pool).is_some()
        })
}

/// The interface of a zone that can stay as it is, but for its groups.
fn kept<'v>(
    view: &'v View,
    load_balancer: &LoadBalancer,
    wanted: &LoadBalancerSubnet,
    zone: Option<&PlacedZone>,
) -> Option<&'v Row<NetworkInterface>> {
    let zone = zone.filter(|zone| zone.subnet_id == wanted.subnet_id)?;
    let fits = wanted.private_ipv4_address.is_none_or(|address| address == zone.private_address);
    view.network_interfaces.get(&load_balancer.scope.key(&zone.eni_id)).filter(|_| fits)
}

/// The public address that the zone keeps: `Some(None)` when it needs none, `None` when it must get one.
fn kept_public(
    load_balancer: &LoadBalancer,
    zone: &PlacedZone,
    pool: PublicPool,
) -> Option<Option<Ipv4Addr>> {
    match load_balancer.scheme {
        Scheme::Internal => Some(None),
        Scheme::InternetFacing => zone.public_address.filter(|address| pool.0.contains(*address)).map(Some),
    }
}

/// None when everything is as well as it can be.
fn decide(
    view: &View,
    key: &str,
    load_balancer: &Row<LoadBalancer>,
    node: &str,
    pool: PublicPool,
    now: Timestamp,
    random: &dyn Random,
) -> Option<Decision> {
    let former = view.elb_load_balancer_placements.get(key);
    let mut decision = Decision {
        load_balancer: load_balancer.clone(),
        former: former.cloned(),
        placement: LoadBalancerPlacement {
            scope: load_balancer.scope.clone(),
            load_balancer: load_balancer.path(),
            node: former.map_or_else(|| node.to_owned(), |former| former.node.clone()),
            zones: Vec::new(),
            failure: None,
            at: now,
        },
        made: Vec::new(),
        changed: Vec::new(),
        gone: Vec::new(),
    };
    let mut given = Given { reserved: Reserved::default(), public: BTreeSet::new() };
    for wanted in &load_balancer.subnets {
        if let Err(failure) = place_zone(view, &mut decision, wanted, pool, &mut given, random) {
            decision.placement.failure.get_or_insert(failure);
        }
    }
    let kept: BTreeSet<&str> = decision.placement.zones.iter().map(|zone| zone.eni_id.as_str()).collect();
    let interfaces = view.network_interfaces.by("load-balancer", key);
    decision.gone = interfaces.filter(|interface| !kept.contains(interface.id.as_str())).cloned().collect();
    let same_place = decision.former.as_ref().is_some_and(|former| {
        former.zones == decision.placement.zones && former.failure == decision.placement.failure
    });
    let nothing_else = decision.changed.is_empty() && decision.gone.is_empty();
    (!same_place || !nothing_else).then_some(decision)
}

/// Addresses that this decision has given already.
struct Given {
    reserved: Reserved,
    public: BTreeSet<Ipv4Addr>,
}

fn place_zone(
    view: &View,
    decision: &mut Decision,
    wanted: &LoadBalancerSubnet,
    pool: PublicPool,
    given: &mut Given,
    random: &dyn Random,
) -> Result<(), String> {
    let load_balancer = decision.load_balancer.clone();
    let former = decision
        .former
        .as_ref()
        .and_then(|former| former.zones.iter().find(|zone| zone.subnet_id == wanted.subnet_id).cloned());
    let public_address = match former.as_ref().and_then(|zone| kept_public(&load_balancer, zone, pool)) {
        Some(kept) => kept,
        None if load_balancer.scheme == Scheme::Internal => None,
        None => {
            let address = public_addresses::free(view, pool, &given.public, random)
                .ok_or_else(|| String::from("The pool of public addresses has no free address."))?;
            given.public.insert(address);
            Some(address)
        }
    };
    let interface = match kept(view, &load_balancer, wanted, former.as_ref()) {
        Some(row) if row.security_groups == load_balancer.security_groups => (**row.record()).clone(),
        Some(row) => {
            let mut next = (**row.record()).clone();
            next.security_groups.clone_from(&load_balancer.security_groups);
            decision.changed.push((row.clone(), next.clone()));
            next
        }
        None => {
            let made = interface(view, &load_balancer, wanted, decision.placement.at, given, random)?;
            decision.made.push(made.clone());
            made
        }
    };
    decision.placement.zones.push(PlacedZone {
        availability_zone: interface.availability_zone,
        subnet_id: interface.subnet_id,
        eni_id: interface.id,
        private_address: interface.address,
        public_address,
    });
    Ok(())
}

fn interface(
    view: &View,
    load_balancer: &LoadBalancer,
    wanted: &LoadBalancerSubnet,
    now: Timestamp,
    given: &mut Given,
    random: &dyn Random,
) -> Result<NetworkInterface, String> {
    let scope = &load_balancer.scope;
    let subnet = view
        .subnets
        .get(&scope.key(&wanted.subnet_id))
        .ok_or_else(|| format!("The subnet ID '{}' does not exist", wanted.subnet_id))?;
    let address = private_address(view, subnet, wanted, given, random)?;
    Ok(NetworkInterface {
        scope: scope.clone(),
        id: format!("eni-{}", random::hex(random, 17)),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: subnet.id.clone(),
        availability_zone: subnet.availability_zone.clone(),
        address,
        mac_address: addresses::mac_address(random),
        private_dns_name: addresses::private_dns_name(address, &scope.region),
        description: format!("ELB {}", load_balancer.path()),
        security_groups: load_balancer.security_groups.clone(),
        task_key: String::new(),
        load_balancer_key: Some(scope.key(&load_balancer.path())),
        nat_gateway_id: None,
        vpc_endpoint_id: None,
        public_address: None,
        secondary_addresses: Vec::new(),
        ipv6_addresses: Vec::new(),
        source_dest_check: true,
        attachment_id: random::uuid(random),
        created_at: now,
        tags: Default::default(),
    })
}

fn private_address(
    view: &View,
    subnet: &Subnet,
    wanted: &LoadBalancerSubnet,
    given: &mut Given,
    random: &dyn Random,
) -> Result<Ipv4Addr, String> {
    match wanted.private_ipv4_address {
        Some(address) if addresses::is_free(view, subnet, address, &given.reserved) => Ok(address),
        Some(address) => Err(format!("The address '{address}' of the subnet '{}' is in use", subnet.id)),
        None => addresses::allocate(view, subnet, &mut given.reserved, random)
            .ok_or_else(|| format!("The subnet '{}' has no free address", subnet.id)),
    }
}

/// What is left of a load balancer that is gone.
#[derive(Debug)]
pub struct Leftovers {
    pub placement: Row<LoadBalancerPlacement>,
    pub status: Option<Row<LoadBalancerStatus>>,
    pub interfaces: Vec<Row<NetworkInterface>>,
}

/// Of as many load balancers as one commit deletes.
pub fn leftovers(view: &View) -> Vec<Leftovers> {
    let mut rows = 0;
    let gone =
        view.elb_load_balancer_placements.iter().filter(|(key, _)| !view.elb_load_balancers.contains(key));
    let found = gone.map(|(key, placement)| Leftovers {
        placement: placement.clone(),
        status: view.elb_load_balancer_status.get(key).cloned(),
        interfaces: view.network_interfaces.by("load-balancer", key).cloned().collect(),
    });
    found
        .take_while(|one| {
            let fits = rows == 0 || rows + one.interfaces.len() + 2 <= DELETIONS_PER_COMMIT_MAX;
            rows += one.interfaces.len() + 2;
            fits
        })
        .collect()
}
