//! The instance's own table on the host: what tasks may do there, and masquerading towards the world.

use std::net::Ipv4Addr;

use crate::error::NetworkError;
use crate::instance::Instance;
use crate::nft::Nft;

/// Makes the table, or brings it to its present form; its set of uplinks keeps its members.
///
/// - Tasks reach nothing of the host itself, and no link-local address behind it, as a cloud's metadata service.
/// - Nobody but the host's own processes begins a connection to a task through the host. Someone else's
///   masquerading would otherwise make strangers look like the host, whom security groups trust.
/// - A task's connection leaves with the host's address. The VPC has given it the uplink's already, so tasks
///   of VPCs with the same addresses don't mix.
pub fn ensure(nft: &mut Nft, instance: &Instance) -> Result<(), NetworkError> {
    let table = instance.host_table();
    let links = format!("\"{}*\"", instance.link_prefix());
    nft.run(&format!(
        "add table ip {table}
add set ip {table} uplinks {{ type ipv4_addr; }}
add chain ip {table} forward {{ type filter hook forward priority 0; policy accept; }}
add chain ip {table} input {{ type filter hook input priority 0; policy accept; }}
add chain ip {table} outbound {{ type nat hook postrouting priority 100; policy accept; }}
flush chain ip {table} forward
flush chain ip {table} input
flush chain ip {table} outbound
add rule ip {table} forward oifname {links} ct state established,related accept
add rule ip {table} forward oifname {links} drop
add rule ip {table} forward iifname {links} ip saddr != @uplinks drop
add rule ip {table} forward iifname {links} ip daddr 169.254.0.0/16 drop
add rule ip {table} input iifname {links} ct state established,related accept
add rule ip {table} input iifname {links} drop
add rule ip {table} outbound ip saddr @uplinks oifname != {links} masquerade
"
    ))
}

pub fn add_uplink(nft: &mut Nft, instance: &Instance, address: Ipv4Addr) -> Result<(), NetworkError> {
    nft.run(&format!("add element ip {} uplinks {{ {address} }}\n", instance.host_table()))
}

/// Removing an address that is not there is fine: adding it first makes the removal always possible.
pub fn remove_uplink(nft: &mut Nft, instance: &Instance, address: Ipv4Addr) -> Result<(), NetworkError> {
    let table = instance.host_table();
    nft.run(&format!(
        "add element ip {table} uplinks {{ {address} }}\ndelete element ip {table} uplinks {{ {address} }}\n"
    ))
}

/// Removes the table, whether or not it is there.
pub fn remove(nft: &mut Nft, instance: &Instance) -> Result<(), NetworkError> {
    let table = instance.host_table();
    nft.run(&format!("add table ip {table}\ndelete table ip {table}\n"))
}
