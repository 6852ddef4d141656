//! Where a load balancer listens: an interface in each of its subnets, and a public address when it faces the internet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use state_model::ec2::elastic_ip::ElasticIpAssociation;
use state_model::ec2::public_address::PublicAddressOwner;
use state_model::ec2::{ElasticIp, NetworkInterface, PublicAddress, Subnet};
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
    /// Addresses of the pool that it has from now on, and that it has no longer.
    pub taken: Vec<PublicAddress>,
    pub freed: Vec<Row<PublicAddress>>,
    /// Elastic IP addresses that stand for something else from now on, or for nothing.
    pub elastic_ips: Vec<(Row<ElasticIp>, ElasticIp)>,
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
                && public_is_settled(view, load_balancer, wanted, zone, pool)
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
    view: &View,
    load_balancer: &LoadBalancer,
    wanted: &LoadBalancerSubnet,
    zone: &PlacedZone,
    pool: PublicPool,
) -> Option<Option<Ipv4Addr>> {
    if load_balancer.scheme == Scheme::Internal {
        return Some(None);
    }
    let address = zone.public_address?;
    if let Some(id) = &wanted.allocation_id {
        let elastic_ip = view.elastic_ips.get(&load_balancer.scope.key(id))?;
        return (elastic_ip.public_address == address).then_some(Some(address));
    }
    let is_mine = match view.public_addresses.get(&address.to_string()) {
        Some(row) => row.owner == owner(load_balancer) && row.scope == load_balancer.scope,
        // Placed by a version before the record: it is taken now.
        None => true,
    };
    (pool.0.contains(address) && is_mine).then_some(Some(address))
}

/// Whether the public address is kept, and its record says whose it is.
fn public_is_settled(
    view: &View,
    load_balancer: &LoadBalancer,
    wanted: &LoadBalancerSubnet,
    zone: &PlacedZone,
    pool: PublicPool,
) -> bool {
    let Some(kept) = kept_public(view, load_balancer, wanted, zone, pool) else { return false };
    let Some(address) = kept else { return true };
    match &wanted.allocation_id {
        None => view.public_addresses.contains(&address.to_string()),
        Some(id) => {
            let elastic_ip = view.elastic_ips.get(&load_balancer.scope.key(id));
            let association = elastic_ip.and_then(|elastic_ip| elastic_ip.association.as_ref());
            association.is_some_and(|association| stands_for(association, zone))
        }
    }
}

fn stands_for(association: &ElasticIpAssociation, zone: &PlacedZone) -> bool {
    (&association.network_interface_id, association.private_address) == (&zone.eni_id, zone.private_address)
}

fn owner(load_balancer: &LoadBalancer) -> PublicAddressOwner {
    PublicAddressOwner::LoadBalancer(load_balancer.path())
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
        taken: Vec::new(),
        freed: Vec::new(),
        elastic_ips: Vec::new(),
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
    settle_addresses(view, key, &mut decision, random);
    let same_place = decision.former.as_ref().is_some_and(|former| {
        former.zones == decision.placement.zones && former.failure == decision.placement.failure
    });
    let nothing_else = decision.changed.is_empty()
        && decision.gone.is_empty()
        && decision.taken.is_empty()
        && decision.freed.is_empty()
        && decision.elastic_ips.is_empty();
    (!same_place || !nothing_else).then_some(decision)
}

/// The records of the public addresses: who has them follows from the zones as they are placed now.
fn settle_addresses(view: &View, key: &str, decision: &mut Decision, random: &dyn Random) {
    let load_balancer = decision.load_balancer.clone();
    let scope = &load_balancer.scope;
    let mut placed: BTreeMap<&str, &PlacedZone> = BTreeMap::new();
    let mut kept = BTreeSet::new();
    for zone in &decision.placement.zones {
        let wanted = load_balancer.subnets.iter().find(|wanted| wanted.subnet_id == zone.subnet_id);
        match (wanted.and_then(|wanted| wanted.allocation_id.as_deref()), zone.public_address) {
            (Some(id), Some(_)) => drop(placed.insert(id, zone)),
            (None, Some(address)) => {
                kept.insert(address);
                if !view.public_addresses.contains(&address.to_string()) {
                    let owner = owner(&load_balancer);
                    decision.taken.push(PublicAddress { address, scope: scope.clone(), owner });
                }
            }
            (_, None) => {}
        }
    }
    let owned = view.public_addresses.by("owner", &scope.key(&load_balancer.path()));
    decision.freed = owned.filter(|row| !kept.contains(&row.address)).cloned().collect();
    let interfaces = view.network_interfaces.by("load-balancer", key);
    let held = interfaces.flat_map(|interface| view.elastic_ips.by("interface", &scope.key(&interface.id)));
    let mut rows: BTreeMap<&str, &Row<ElasticIp>> = held.map(|row| (row.id.as_str(), row)).collect();
    rows.extend(placed.keys().filter_map(|id| Some((*id, view.elastic_ips.get(&scope.key(id))?))));
    for (id, row) in rows {
        let zone = placed.get(id);
        let settled = match (&row.association, zone) {
            (Some(association), Some(zone)) => stands_for(association, zone),
            (association, zone) => association.is_none() && zone.is_none(),
        };
        if settled {
            continue;
        }
        let association = zone.map(|zone| ElasticIpAssociation {
            id: format!("eipassoc-0{}", random::hex(random, 16)),
            network_interface_id: zone.eni_id.clone(),
            private_address: zone.private_address,
        });
        let next = ElasticIp { association, ..ElasticIp::clone(row.record()) };
        decision.elastic_ips.push((row.clone(), next));
    }
}

/// The Elastic IP address of a zone, unless something else has it.
fn elastic_address(view: &View, load_balancer: &LoadBalancer, id: &str) -> Result<Ipv4Addr, String> {
    let scope = &load_balancer.scope;
    let row = view
        .elastic_ips
        .get(&scope.key(id))
        .ok_or_else(|| format!("The allocation ID '{id}' does not exist"))?;
    let holder = row.association.as_ref().map(|association| {
        let interface = view.network_interfaces.get(&scope.key(&association.network_interface_id));
        interface.and_then(|interface| interface.load_balancer_key.clone())
    });
    match holder {
        Some(holder) if holder.as_deref() != Some(scope.key(&load_balancer.path()).as_str()) => {
            Err(format!("The Elastic IP address '{id}' is in use"))
        }
        _ => Ok(row.public_address),
    }
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
    let kept_address = former.as_ref().and_then(|zone| kept_public(view, &load_balancer, wanted, zone, pool));
    let public_address = match (kept_address, &wanted.allocation_id) {
        (Some(kept), _) => kept,
        (None, _) if load_balancer.scheme == Scheme::Internal => None,
        (None, Some(id)) => Some(elastic_address(view, &load_balancer, id)?),
        (None, None) => {
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
    pub public_addresses: Vec<Row<PublicAddress>>,
    /// Those that stood for its interfaces. They stay their account's.
    pub elastic_ips: Vec<Row<ElasticIp>>,
}

impl Leftovers {
    fn rows(&self) -> usize {
        self.interfaces.len() + self.public_addresses.len() + self.elastic_ips.len() + 2
    }
}

/// Of as many load balancers as one commit deletes.
pub fn leftovers(view: &View) -> Vec<Leftovers> {
    let mut rows = 0;
    let gone =
        view.elb_load_balancer_placements.iter().filter(|(key, _)| !view.elb_load_balancers.contains(key));
    let found = gone.map(|(key, placement)| {
        let interfaces: Vec<_> = view.network_interfaces.by("load-balancer", key).cloned().collect();
        let interface_keys = interfaces.iter().map(|interface| interface.scope.key(&interface.id));
        Leftovers {
            placement: placement.clone(),
            status: view.elb_load_balancer_status.get(key).cloned(),
            public_addresses: view.public_addresses.by("owner", key).cloned().collect(),
            elastic_ips: interface_keys
                .flat_map(|key| view.elastic_ips.by("interface", &key))
                .cloned()
                .collect(),
            interfaces,
        }
    });
    found
        .take_while(|one| {
            let fits = rows == 0 || rows + one.rows() <= DELETIONS_PER_COMMIT_MAX;
            rows += one.rows();
            fits
        })
        .collect()
}
