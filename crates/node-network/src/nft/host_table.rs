//! The instance's own table on the host: public addresses, and what tasks may do there.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::Value;

use crate::alias::{ALIASES, alias_of};
use crate::config::Ipv6Pool;
use crate::error::NetworkError;
use crate::instance::{HOSTS_IPV6, Instance};
use crate::nft::Nft;

/// The uplinks of every installation of this host: what another one's tasks send is that one's to judge and to translate.
const ANY_LINK: &str = "\"ng*\"";

/// Makes the table, or brings it to its present form; its map of public addresses keeps its members.
///
/// - Whoever speaks to a public address, here or through this host, is led to the address's alias, which is in
///   the VPC. The host's own loopback addresses travel as their aliases, too, and nobody else speaks with one.
/// - Tasks reach nothing of the host itself, and no link-local address behind it, as a cloud's metadata service.
/// - Nobody but the host's own processes begins a connection to a task's private address through the host.
///   Someone else's masquerading would otherwise make strangers look like the host, whom security groups trust.
/// - A task's connection leaves the VPC with the alias of its own public address or its NAT gateway's. It leaves
///   the host with the public address, or with the host's when that is a loopback address.
pub fn ensure(nft: &mut Nft, instance: &Instance) -> Result<(), NetworkError> {
    let table = instance.host_table();
    let links = format!("\"{}*\"", instance.link_prefix());
    nft.run(&format!(
        "add table ip {table}
add map ip {table} public {{ type ipv4_addr : ipv4_addr; }}
add map ip {table} public_of {{ type ipv4_addr : ipv4_addr; }}
add chain ip {table} forward {{ type filter hook forward priority 0; policy accept; }}
add chain ip {table} input {{ type filter hook input priority 0; policy accept; }}
add chain ip {table} inbound {{ type nat hook prerouting priority -100; policy accept; }}
add chain ip {table} own {{ type nat hook output priority -100; policy accept; }}
add chain ip {table} outbound {{ type nat hook postrouting priority 100; policy accept; }}
flush chain ip {table} forward
flush chain ip {table} input
flush chain ip {table} inbound
flush chain ip {table} own
flush chain ip {table} outbound
add rule ip {table} forward iifname != {ANY_LINK} ip saddr {ALIASES} drop
add rule ip {table} forward oifname {links} ct state established,related accept
add rule ip {table} forward iifname {links} ip saddr != {ALIASES} drop
add rule ip {table} forward oifname {links} ct status dnat accept
add rule ip {table} forward oifname {links} drop
add rule ip {table} forward iifname {links} ip daddr 169.254.0.0/16 drop
add rule ip {table} forward iifname {links} ip daddr {ALIASES} drop
add rule ip {table} input iifname {links} ct state established,related accept
add rule ip {table} input iifname {links} drop
add rule ip {table} inbound dnat to ip daddr map @public
add rule ip {table} own dnat to ip daddr map @public
add rule ip {table} outbound ip saddr 241.0.0.0/8 snat to ip saddr map @public_of
add rule ip {table} outbound oifname {links} snat ip prefix to ip saddr map {{ 127.0.0.0/8 : 240.0.0.0/8 }}
add rule ip {table} outbound iifname {links} ip saddr {ALIASES} oifname != {links} masquerade
"
    ))
}

/// Appends what leads `public` to its alias and back. Adding it again changes nothing.
pub fn add_public(text: &mut String, instance: &Instance, public: Ipv4Addr) {
    write(text, "add", instance, public);
}

/// Appends what forgets `public`, whether or not it is known: adding it first makes the removal always possible.
pub fn remove_public(text: &mut String, instance: &Instance, public: Ipv4Addr) {
    write(text, "add", instance, public);
    write(text, "delete", instance, public);
}

fn write(text: &mut String, verb: &str, instance: &Instance, public: Ipv4Addr) {
    use std::fmt::Write;
    let (table, alias) = (instance.host_table(), alias_of(public));
    // Writing to a String can't fail.
    let _ = writeln!(text, "{verb} element ip {table} public {{ {public} : {alias} }}");
    if !public.is_loopback() {
        let _ = writeln!(text, "{verb} element ip {table} public_of {{ {alias} : {public} }}");
    }
}

/// The public addresses that the table knows, by their aliases. Without a table there are none.
pub fn public_by_alias(
    nft: &mut Nft,
    instance: &Instance,
) -> Result<BTreeMap<Ipv4Addr, Ipv4Addr>, NetworkError> {
    let table = instance.host_table();
    // Making it first makes the listing always possible.
    nft.run(&format!("add table ip {table}\nadd map ip {table} public {{ type ipv4_addr : ipv4_addr; }}\n"))?;
    let answer = nft.list(&format!("list map ip {table} public"))?;
    let listing: Value = serde_json::from_str(&answer)
        .map_err(|error| NetworkError::Firewall { message: format!("unreadable listing: {error}") })?;
    let objects = listing["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let elements = objects.iter().filter_map(|object| object["map"]["elem"].as_array()).flatten();
    let pair = |element: &Value| {
        let address = |value: &Value| value.as_str()?.parse().ok();
        Some((address(&element[1])?, address(&element[0])?))
    };
    Ok(elements.filter_map(pair).collect())
}

/// Makes the table of IPv6, or brings it to its present form.
///
/// - Tasks reach nothing of the host itself, no other VPC, of whichever installation, and no address of the pool that no VPC
///   of this host has.
/// - What comes from elsewhere to a task is forwarded when the world knows the way to the pool: the VPC decides then. Otherwise
///   only what belongs to a connection from inside is, and what leaves the host leaves it with the host's address.
/// - The host's own processes speak with an address of [`HOSTS_IPV6`], which security groups trust. Nobody else does, also
///   not by someone's masquerading. The host's own errors about a task's packets belong to the task's connection, so they aren't new.
///
/// Before the pool is known, nothing passes between tasks and the world.
pub fn ensure_v6(nft: &mut Nft, instance: &Instance, pool: Option<Ipv6Pool>) -> Result<(), NetworkError> {
    let table = instance.host_table();
    let links = format!("\"{}*\"", instance.link_prefix());
    let (to_world, from_world, masquerade) = match pool {
        None => (format!("iifname {links} drop"), format!("oifname {links} drop"), String::new()),
        Some(Ipv6Pool { cidr, masquerade }) => {
            let to_world = format!("iifname {links} ip6 daddr {{ fe80::/10, {HOSTS_IPV6}, {cidr} }} drop");
            let verdict = if masquerade { "drop" } else { "accept" };
            let hidden =
                format!("add rule ip6 {table} outbound iifname {links} ip6 saddr {cidr} masquerade\n");
            let masquerade = if masquerade { hidden } else { String::new() };
            (to_world, format!("oifname {links} {verdict}"), masquerade)
        }
    };
    nft.run(&format!(
        "add table ip6 {table}
add chain ip6 {table} forward {{ type filter hook forward priority 0; policy accept; }}
add chain ip6 {table} input {{ type filter hook input priority 0; policy accept; }}
add chain ip6 {table} outbound {{ type nat hook postrouting priority 100; policy accept; }}
add chain ip6 {table} translated {{ type filter hook postrouting priority 300; policy accept; }}
flush table ip6 {table}
add rule ip6 {table} forward iifname != {ANY_LINK} ip6 saddr {HOSTS_IPV6} drop
add rule ip6 {table} forward iifname {links} oifname {ANY_LINK} drop
add rule ip6 {table} forward oifname {links} ct state established,related accept
add rule ip6 {table} forward {to_world}
add rule ip6 {table} forward {from_world}
add rule ip6 {table} input iifname {links} ct state established,related accept
add rule ip6 {table} input iifname {links} drop
add rule ip6 {table} translated oifname {links} ip6 saddr {HOSTS_IPV6} ct state new ct original ip6 saddr != {HOSTS_IPV6} drop
{masquerade}"
    ))
}

/// Removes the tables, whether or not they are there.
pub fn remove(nft: &mut Nft, instance: &Instance) -> Result<(), NetworkError> {
    let table = instance.host_table();
    // A kernel without IPv6 can't make its table, not even to remove it.
    let has_v6 = nft.list(&format!("list table ip6 {table}")).is_ok();
    let v6 = if has_v6 { format!("delete table ip6 {table}\n") } else { String::new() };
    nft.run(&format!("add table ip {table}\ndelete table ip {table}\n{v6}"))
}
