//! Bringing a VPC to another configuration, and to its peers.

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, OwnedFd};

use crate::config::{FlowCount, Ipv6Cidr, PrefixListConfig, VpcConfig, check_identifier};
use crate::error::NetworkError;
use crate::nft::{acl_rules, base_rules, listing};
use crate::vpc::flows::Flows;
use crate::vpc::peering;
use crate::vpc::requests::Reply;
use crate::vpc::setup::{self, Parts};
use crate::vpc::thread::{Change, VpcThread, answer};

impl VpcThread {
    /// Tracked flows go on where the new configuration lets them: nothing is taken down to be made anew.
    pub(super) fn configure(&mut self, config: VpcConfig) -> Result<(), NetworkError> {
        self.flush();
        if config == self.config {
            return Ok(());
        }
        check(&config)?;
        let Parts { links, host, publics, .. } = &mut self.parts;
        let (former, wanted) = (nat_publics(&self.config), nat_publics(&config));
        publics.acquire(host, &wanted)?;
        setup::configure_addresses(links, &config)?;
        self.parts.configure_ipv6(&config)?;
        let Parts { nft, uplink, .. } = &mut self.parts;
        let mut commands = base_rules::commands(&config, uplink, self.config.counts_flows);
        let stale = acl_rules::chains(&self.config)
            .difference(&acl_rules::chains(&config))
            .cloned()
            .collect::<Vec<_>>();
        listing::remove_chains(&mut commands, &stale);
        nft.run(&commands)?;
        if !config.counts_flows {
            self.flows = Flows::default();
        }
        self.config = config;
        self.rewire()?;
        let Parts { host, publics, model, .. } = &mut self.parts;
        let given_up: BTreeSet<Ipv4Addr> = former
            .difference(&wanted)
            .filter(|public| !model.holders.contains_key(&IpAddr::V4(**public)))
            .copied()
            .collect();
        publics.release(host, &given_up)
    }

    /// Brings links to peers and routes to what the configuration says and is there.
    pub(super) fn rewire(&mut self) -> Result<(), NetworkError> {
        self.parts.wire(&self.config)
    }

    /// Makes the link to a peering's other VPC, whose namespace this is.
    pub(super) fn link_peering(&mut self, peering_id: &str, peer: &OwnedFd) -> Result<(), NetworkError> {
        peering::ensure_pair(&mut self.parts.links, peering_id, peer.as_fd())
    }

    pub(super) fn take_flows(&mut self) -> Result<Vec<FlowCount>, NetworkError> {
        self.flush();
        if !self.config.counts_flows {
            return Ok(Vec::new());
        }
        let Parts { model, nft, .. } = &mut self.parts;
        let attached: HashMap<&str, &str> =
            model.interfaces.iter().map(|(id, interface)| (interface.name.as_str(), id.as_str())).collect();
        self.flows.take(nft, self.config.ipv6_cidr.is_some(), &attached)
    }

    pub(super) fn set_prefix_list(&mut self, list: PrefixListConfig, reply: Reply<()>) {
        if let Err(error) = check_identifier("prefix list", &list.id) {
            return answer(reply, Err(error));
        }
        self.await_turn(&list.id);
        self.push(&list.id.clone(), Change::PutList(list), |_, result| answer(reply, result));
    }

    /// Reads the table back after nftables refused a change that the model already has.
    pub(super) fn reread(&mut self) -> Result<(), NetworkError> {
        let orphaned = mem::take(&mut self.parts.model.orphaned_sets);
        let publics: HashMap<Ipv4Addr, Ipv4Addr> = self
            .parts
            .model
            .interfaces
            .values()
            .filter_map(|interface| interface.public)
            .map(|public| (crate::alias::alias_of(public), public))
            .collect();
        let host_publics = self.parts.publics.recover(&mut self.parts.host)?;
        let all = publics.into_iter().chain(host_publics).collect();
        let Parts { links, nft, .. } = &mut self.parts;
        self.parts.model = setup::recover(links, nft, &all, &acl_rules::chains(&self.config))?;
        self.parts.model.orphaned_sets = orphaned;
        self.parts.model.has_ipv6 = self.config.ipv6_cidr.is_some();
        Ok(())
    }
}

/// The public addresses of the VPC's NAT gateways.
pub fn nat_publics(config: &VpcConfig) -> BTreeSet<Ipv4Addr> {
    config.nat_gateways.iter().filter_map(|gateway| gateway.public_address).collect()
}

/// Ids become parts of nftables commands. A subnet's addresses are its VPC's.
pub fn check(config: &VpcConfig) -> Result<(), NetworkError> {
    check_identifier("VPC", &config.id)?;
    for subnet in &config.subnets {
        check_identifier("subnet", &subnet.id)?;
        let is_inside = |own: Ipv6Cidr| {
            config.ipv6_cidr.is_some_and(|vpc| vpc.prefix <= own.prefix && vpc.contains(own.address))
        };
        if let Some(foreign) = subnet.ipv6_cidr.filter(|own| !is_inside(*own)) {
            return Err(NetworkError::ForeignSubnet(foreign.to_string()));
        }
    }
    for acl in &config.acls {
        check_identifier("network ACL", &acl.id)?;
    }
    for gateway in &config.nat_gateways {
        check_identifier("NAT gateway", &gateway.id)?;
    }
    for peering in &config.peerings {
        check_identifier("peering", &peering.id)?;
    }
    Ok(())
}
