//! Public addresses on the host: each leads to the VPC that holds it.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::alias::alias_of;
use crate::error::NetworkError;
use crate::instance::Instance;
use crate::netlink::route::{self, Route};
use crate::netlink::{Batch, Socket};
use crate::nft::{Nft, host_table};
use crate::vpc::setup::Uplink;

/// The VPC that holds each public address, of all VPCs of this node: an address moves before its former VPC
/// gives it up.
pub type Holders = Arc<Mutex<HashMap<Ipv4Addr, String>>>;

/// One VPC's hand on the host's table and routes.
#[derive(Debug)]
pub struct PublicAddresses {
    instance: Instance,
    vpc_id: String,
    uplink: Uplink,
    /// Works on the host's namespace.
    nft: Nft,
    holders: Holders,
}

impl PublicAddresses {
    pub fn new(instance: &Instance, vpc_id: &str, uplink: Uplink, nft: Nft, holders: Holders) -> Self {
        Self { instance: instance.clone(), vpc_id: vpc_id.to_owned(), uplink, nft, holders }
    }

    /// The public addresses that a former server led to this VPC.
    pub fn recover(&mut self, host: &mut Socket) -> Result<HashMap<Ipv4Addr, Ipv4Addr>, NetworkError> {
        let by_alias = host_table::public_by_alias(&mut self.nft, &self.instance)?;
        let routes = route::list_ours(host)?;
        let ours = routes.iter().filter(|route| route.link == Some(self.uplink.host_index));
        let found: HashMap<Ipv4Addr, Ipv4Addr> = ours
            .filter_map(|route| {
                let alias = route.destination.v4()?.address;
                Some((alias, *by_alias.get(&alias)?))
            })
            .collect();
        let mut holders = lock(&self.holders);
        for public in found.values() {
            holders.insert(*public, self.vpc_id.clone());
        }
        Ok(found)
    }

    /// Leads the addresses here; those that already do cost nothing.
    pub fn acquire(&mut self, host: &mut Socket, publics: &BTreeSet<Ipv4Addr>) -> Result<(), NetworkError> {
        let mut holders = lock(&self.holders);
        let mut batch = Batch::default();
        let mut commands = String::new();
        let lacking: Vec<Ipv4Addr> =
            publics.iter().filter(|public| holders.get(public) != Some(&self.vpc_id)).copied().collect();
        for public in &lacking {
            route::add(&mut batch, &self.route(*public));
            host_table::add_public(&mut commands, &self.instance, *public);
        }
        if lacking.is_empty() {
            return Ok(());
        }
        host.execute(batch)?;
        self.nft.run(&commands)?;
        holders.extend(lacking.into_iter().map(|public| (public, self.vpc_id.clone())));
        Ok(())
    }

    /// Gives addresses up, except those that another VPC holds by now.
    pub fn release(&mut self, host: &mut Socket, publics: &BTreeSet<Ipv4Addr>) -> Result<(), NetworkError> {
        let mut holders = lock(&self.holders);
        let mut batch = Batch::default();
        let mut commands = String::new();
        for public in publics.iter().filter(|public| holders.get(public) == Some(&self.vpc_id)) {
            route::delete(&mut batch, &self.route(*public));
            host_table::remove_public(&mut commands, &self.instance, *public);
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.nft.run(&commands)?;
        host.execute(batch)?;
        holders.retain(|public, vpc_id| *vpc_id != self.vpc_id || !publics.contains(public));
        Ok(())
    }

    fn route(&self, public: Ipv4Addr) -> Route {
        Route {
            link: Some(self.uplink.host_index),
            gateway: Some(self.uplink.vpc_address.into()),
            priority: self.instance.public_route_priority(),
            ..Route::host(alias_of(public))
        }
    }
}

/// Forgets the addresses of a VPC that is gone; its routes went with its links.
pub fn forget_vpc(holders: &Holders, vpc_id: &str) {
    lock(holders).retain(|_, holder| holder != vpc_id);
}

fn lock(holders: &Holders) -> MutexGuard<'_, HashMap<Ipv4Addr, String>> {
    holders.lock().unwrap_or_else(PoisonError::into_inner)
}
