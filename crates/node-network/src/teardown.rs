//! Removing everything of an instance, or of one VPC, knowing nothing but the names.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;

use crate::edges;
use crate::error::{NetworkError, TeardownErrors};
use crate::instance::Instance;
use crate::namespace;
use crate::netlink::{Batch, Socket, link, route};
use crate::nft::{Nft, host_table};
use crate::sysctl;
use crate::vpc::{DEAD_LINK_GROUP, LINK_GROUP};

/// Removes every namespace, link, route, table and file of the instance, and gives the host its forwarding
/// setting back. Goes on after failures and returns them all. The calling thread must be in the host's
/// namespace.
pub fn teardown_all(instance: &Instance) -> Result<(), TeardownErrors> {
    let mut errors = Vec::new();
    for vpc_id in persisted_vpcs(instance) {
        errors.extend(remove_vpc(instance, &vpc_id));
    }
    errors.extend(
        edges::persisted(instance).iter().filter_map(|id| edges::remove_namespace(instance, id).err()),
    );
    let rest = [
        edges::set_host_addresses(instance, &BTreeSet::new()),
        remove_uplinks(instance, None),
        Nft::new().and_then(|mut nft| host_table::remove(&mut nft, instance)),
        sysctl::release_forwarding(instance),
        sysctl::release_forwarding_v6(instance),
        remove_directory(instance),
    ];
    errors.extend(rest.into_iter().filter_map(Result::err));
    if errors.is_empty() { Ok(()) } else { Err(TeardownErrors(errors)) }
}

/// The VPCs that have a namespace here, whoever made it.
pub(crate) fn persisted_vpcs(instance: &Instance) -> Vec<String> {
    let Ok(entries) = fs::read_dir(instance.namespace_dir()) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// Removes one VPC: its links at once, then what keeps its namespace.
pub(crate) fn remove_vpc(instance: &Instance, vpc_id: &str) -> Vec<NetworkError> {
    let path = instance.namespace_path(vpc_id);
    let emptied = match namespace::open(&path) {
        // A listener that someone still holds would keep the namespace: its links must not live on with it.
        Ok(vpc) => namespace::inside(vpc.as_fd(), remove_links).or_else(|error| match &error {
            // Not a namespace but the plain file it should have been mounted on.
            NetworkError::System { source, .. } if source.raw_os_error() == Some(22) => Ok(()),
            _ => Err(error),
        }),
        Err(_) => Ok(()),
    };
    let removed = namespace::remove_persisted(&path);
    let uplink = remove_uplinks(instance, Some(vpc_id));
    [emptied, removed, uplink].into_iter().filter_map(Result::err).collect()
}

fn remove_links() -> Result<(), NetworkError> {
    let mut links = Socket::route()?;
    let mut batch = Batch::default();
    link::delete_group(&mut batch, LINK_GROUP);
    link::delete_group(&mut batch, DEAD_LINK_GROUP);
    links.execute(batch)
}

/// Removes the host's ends of uplinks, of one VPC or of all, and with them their addresses and routes.
fn remove_uplinks(instance: &Instance, vpc_id: Option<&str>) -> Result<(), NetworkError> {
    let mut host = Socket::route()?;
    let links = link::list(&mut host)?;
    let routes = route::list_ours(&mut host)?;
    let wanted = links.iter().filter(|link| {
        instance.uplink_slot(&link.name).is_some() && (vpc_id.is_none() || link.alias.as_deref() == vpc_id)
    });
    for uplink in wanted {
        let mut batch = Batch::default();
        let leading_there: Vec<_> = routes.iter().filter(|route| route.link == Some(uplink.index)).collect();
        for route in &leading_there {
            route::delete(&mut batch, route);
        }
        link::delete(&mut batch, uplink.index);
        host.execute(batch)?;
        if vpc_id.is_some() {
            let aliases: BTreeSet<Ipv4Addr> =
                leading_there.iter().filter_map(|route| Some(route.destination.v4()?.address)).collect();
            remove_public_addresses(instance, &aliases)?;
        }
    }
    Ok(())
}

fn remove_public_addresses(instance: &Instance, aliases: &BTreeSet<Ipv4Addr>) -> Result<(), NetworkError> {
    let mut nft = Nft::new()?;
    let mut commands = String::new();
    let known = host_table::public_by_alias(&mut nft, instance)?;
    for (_, public) in known.iter().filter(|(alias, _)| aliases.contains(alias)) {
        host_table::remove_public(&mut commands, instance, *public);
    }
    nft.run(&commands)
}

fn remove_directory(instance: &Instance) -> Result<(), NetworkError> {
    let path = instance.run_dir();
    // Others keep their own things in the run directory; only what is empty goes.
    for directory in [instance.namespace_dir(), instance.edge_dir(), path] {
        match fs::remove_dir(&directory) {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::DirectoryNotEmpty
                ) => {}
            Err(error) => return Err(NetworkError::file("remove a run directory", directory)(error)),
        }
    }
    Ok(())
}
