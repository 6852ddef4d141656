//! What load balancers need of the host: a kept namespace for each of their interfaces, and public addresses.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::PathBuf;

use crate::config::Cidr;
use crate::error::NetworkError;
use crate::instance::Instance;
use crate::namespace;
use crate::netlink::{Batch, Socket, address, link};
use crate::sysctl;

/// The namespace of an interface, as a former server left it or a new one, with its loopback up.
pub fn ensure_namespace(instance: &Instance, eni_id: &str) -> Result<PathBuf, NetworkError> {
    let directory = instance.edge_dir();
    fs::create_dir_all(&directory).map_err(NetworkError::file("create a run directory", &directory))?;
    let path = directory.join(eni_id);
    let opened = namespace::open_or_create_persisted(&path)?;
    namespace::inside(opened.as_fd(), || {
        // The interface to come has no IPv6, as those of tasks.
        sysctl::set_if_present("ipv6/conf/default/disable_ipv6", "1")?;
        let mut batch = Batch::default();
        link::set_up(&mut batch, 1);
        Socket::route()?.execute(batch)
    })?;
    Ok(path)
}

/// The balancer may hold it a moment longer: the namespace ends with its last socket.
pub fn remove_namespace(instance: &Instance, eni_id: &str) -> Result<(), NetworkError> {
    namespace::remove_persisted(&instance.edge_dir().join(eni_id))
}

/// The interfaces that have a namespace here, whoever made it.
pub fn persisted(instance: &Instance) -> Vec<String> {
    let Ok(entries) = fs::read_dir(instance.edge_dir()) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// Adds what is missing of `wanted` to the loopback of the calling thread's namespace, the host's, and removes what else
/// carries the instance's label.
pub fn set_host_addresses(instance: &Instance, wanted: &BTreeSet<Ipv4Addr>) -> Result<(), NetworkError> {
    const LOOPBACK: u32 = 1;
    let label = instance.address_label();
    let mut host = Socket::route()?;
    let assigned = address::list(&mut host)?;
    let is_ours = |one: &&address::Assigned| one.index == LOOPBACK && one.label == label;
    let present: BTreeSet<Ipv4Addr> = assigned.iter().filter(is_ours).map(|one| one.cidr.address).collect();
    // What the host has by itself, on whichever link, needs nothing and must not be taken from it.
    let foreign: BTreeSet<Ipv4Addr> =
        assigned.iter().filter(|one| !is_ours(one)).map(|one| one.cidr.address).collect();
    let mut batch = Batch::default();
    for missing in wanted.iter().filter(|one| !present.contains(one) && !foreign.contains(one)) {
        address::add_labelled(&mut batch, LOOPBACK, *missing, &label);
    }
    for stale in present.difference(wanted) {
        address::delete(&mut batch, LOOPBACK, Cidr { address: *stale, prefix: 32 });
    }
    if batch.is_empty() { Ok(()) } else { host.execute(batch) }
}
