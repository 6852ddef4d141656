//! The names by which one data directory's things are known on its host.

use std::fmt;
use std::net::Ipv6Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// One Neargate on this host, named by eight hexadecimal digits of its data directory's hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    hash: String,
}

/// With these addresses hosts speak to their VPCs; those of no instance are ever seen elsewhere.
pub(crate) const HOSTS_IPV6: &str = "fd6e:6567::/32";

/// All instances keep their run directories here.
pub(crate) const RUN_ROOT: &str = "/run/neargate";

impl Instance {
    /// The data directory must be given in one form only (absolute, no symbolic links), or the names differ.
    pub fn of_data_dir(data_dir: &Path) -> Self {
        let digest = Sha256::digest(data_dir.as_os_str().as_bytes());
        Self { hash: hex::encode(&digest[..4]) }
    }

    pub fn hash(&self) -> &str {
        &self.hash
    }

    pub fn run_dir(&self) -> PathBuf {
        Path::new(RUN_ROOT).join(&self.hash)
    }

    pub(crate) fn namespace_dir(&self) -> PathBuf {
        self.run_dir().join("netns")
    }

    pub(crate) fn namespace_path(&self, vpc_id: &str) -> PathBuf {
        self.namespace_dir().join(vpc_id)
    }

    /// The namespaces of load balancers' interfaces, by the interfaces' ids: kept without any process.
    pub fn edge_dir(&self) -> PathBuf {
        self.run_dir().join("edges")
    }

    /// The label of the addresses that the host takes for load balancers: 13 characters, of the 15 that Linux allows.
    pub(crate) fn address_label(&self) -> String {
        format!("lo:ng{}", self.hash)
    }

    /// What every host-side link of this instance begins with.
    pub(crate) fn link_prefix(&self) -> String {
        format!("ng{}", self.hash)
    }

    /// The host's end of a VPC's uplink: 14 characters, of the 15 that Linux allows.
    pub(crate) fn uplink_name(&self, slot: u16) -> String {
        format!("ng{}{slot:04x}", self.hash)
    }

    /// The slot in an uplink's name, when the link is ours.
    pub(crate) fn uplink_slot(&self, link: &str) -> Option<u16> {
        u16::from_str_radix(link.strip_prefix(&self.link_prefix())?, 16).ok()
    }

    /// What the host speaks with to the VPC of a slot: a unique local address, as the VPC must tell it from all others.
    pub(crate) fn host_ipv6(&self, slot: u16) -> Ipv6Addr {
        let hash = u32::from_str_radix(&self.hash, 16).unwrap_or(0).to_be_bytes();
        let half = |high, low| u16::from_be_bytes([high, low]);
        Ipv6Addr::new(0xfd6e, 0x6567, half(hash[0], hash[1]), half(hash[2], hash[3]), slot, 0, 0, 1)
    }

    pub(crate) fn host_table(&self) -> String {
        format!("neargate_{}", self.hash)
    }

    /// Routes of two VPCs, or of two instances, to the same address live side by side by their priorities.
    pub(crate) fn route_priority(&self, slot: u16) -> u32 {
        let hash = u32::from_str_radix(&self.hash, 16).unwrap_or(0);
        (hash & 0x7fff_0000) | (1 + u32::from(slot))
    }

    /// A public address leads to one VPC: the newest route replaces another's.
    pub(crate) fn public_route_priority(&self) -> u32 {
        u32::from_str_radix(&self.hash, 16).unwrap_or(0) & 0x7fff_0000
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_lead_back() {
        let instance = Instance::of_data_dir(Path::new("/var/lib/neargate"));
        assert_eq!(instance.hash().len(), 8);
        let link = instance.uplink_name(0x1f);
        assert!(link.len() <= 15, "{link}");
        assert_eq!(instance.uplink_slot(&link), Some(0x1f));
        let address = instance.host_ipv6(0x1f);
        assert!(HOSTS_IPV6.parse::<crate::config::Ipv6Cidr>().unwrap().contains(address), "{address}");
        assert_eq!(address.segments()[4], 0x1f);
        let other = Instance::of_data_dir(Path::new("/var/lib/other"));
        assert_eq!(other.uplink_slot(&link), None);
        assert_ne!(instance.route_priority(1), instance.route_priority(2));
    }
}
