//! The pool of public addresses: which one is free, and which one an interface has.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use state_model::ec2::NetworkInterface;
use state_model::ec2::network_interface::InterfaceOwner;
use state_model::ec2::subnet::Ipv4Block;
use stdx::random::{self, Random};

use crate::View;

/// The addresses that load balancers, tasks and Elastic IPs get when they face the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicPool(pub Ipv4Block);

impl PublicPool {
    /// Loopback addresses belong to the host already.
    pub fn is_loopback(self) -> bool {
        self.0.network.is_loopback()
    }

    /// Each once, around from one place on. Neither the network's own nor the broadcast address, unless the block is too
    /// small to have them.
    ///
    /// Every installation of a host shares its loopback addresses and knows only its own: they begin at a random place.
    fn addresses(self, random: &dyn Random) -> impl Iterator<Item = Ipv4Addr> {
        let size = self.0.size();
        let (first, count) = if size > 2 { (1, size - 2) } else { (0, size) };
        let start = if self.is_loopback() { random::below(random, count) } else { 0 };
        (0..count).map(move |step| {
            let offset = first + (start + step) % count;
            self.0.address(u32::try_from(offset).unwrap_or(u32::MAX))
        })
    }
}

/// An address of the pool that nobody has, and that isn't in `given`. Whoever takes it writes its
/// [`state_model::ec2::PublicAddress`] in the same transaction: that record's key keeps two from taking one.
pub fn free(
    view: &View,
    pool: PublicPool,
    given: &BTreeSet<Ipv4Addr>,
    random: &dyn Random,
) -> Option<Ipv4Addr> {
    pool.addresses(random).find(|address| {
        let text = address.to_string();
        !given.contains(address)
            && !view.public_addresses.contains(&text)
            // Load balancers of versions before the record have it in their placement alone.
            && !view.elb_load_balancer_placements.any_by("public-address", &text)
    })
}

/// The public address by which the world knows the interface's primary address.
pub fn of_interface(view: &View, interface: &NetworkInterface) -> Option<Ipv4Addr> {
    if let InterfaceOwner::LoadBalancer(key) = interface.owner() {
        let placement = view.elb_load_balancer_placements.get(key)?;
        return placement.zones.iter().find(|zone| zone.eni_id == interface.id)?.public_address;
    }
    let elastic = view.elastic_ips.by("interface", &interface.scope.key(&interface.id));
    let elastic = elastic.filter(|elastic| {
        elastic
            .association
            .as_ref()
            .is_some_and(|association| association.private_address == interface.address)
    });
    elastic.map(|elastic| elastic.public_address).next().or(interface.public_address)
}
