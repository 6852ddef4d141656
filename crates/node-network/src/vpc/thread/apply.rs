//! Making changes of the rules, with what follows from them on the host and in the routes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::config::VpcConfig;
use crate::error::NetworkError;
use crate::netlink::{Batch, conntrack};
use crate::nft::model::{Interface, Model};
use crate::vpc::routing;
use crate::vpc::setup::Parts;
use crate::vpc::thread::{Change, VpcThread, configure};

impl VpcThread {
    /// All changes in one transaction, or none.
    pub(super) fn apply(&mut self, changes: &[&Change]) -> Result<(), NetworkError> {
        let effects = Effects::of(&self.config, &self.parts.model, changes);
        self.parts.publics.acquire(&mut self.parts.host, &effects.acquired)?;
        let mut commands = String::new();
        let model = &mut self.parts.model;
        for change in changes {
            match change {
                Change::PutInterface { id, interface } => {
                    model.put_interface(id, interface.clone(), &mut commands);
                }
                Change::RemoveInterface { id } => {
                    if let Some(removed) = model.remove_interface(id, &mut commands)
                        && self.config.counts_flows
                    {
                        self.flows.detached(&removed.name, id);
                    }
                }
                Change::PutGroup(rules) => model.put_group(rules, &mut commands),
                Change::RemoveGroup { id } => model.remove_group(id, &mut commands),
                Change::PutList(list) => model.put_list(list, &mut commands),
                Change::RemoveList { id } => model.remove_list(id, &mut commands),
                Change::PutService(service) => model.put_service(*service, &mut commands),
            }
        }
        self.run_commands(&commands)?;
        self.follow(effects)
    }

    /// Runs commands that the model already reflects.
    pub(super) fn run_commands(&mut self, commands: &str) -> Result<(), NetworkError> {
        let outcome = self.parts.nft.run(commands);
        if outcome.is_err() {
            self.reread()?;
        }
        outcome
    }

    /// What comes after the rules: addresses given up, and routes that depend on interfaces.
    fn follow(&mut self, effects: Effects) -> Result<(), NetworkError> {
        let gateways = configure::nat_publics(&self.config);
        let Parts { publics, host, model, conntrack, .. } = &mut self.parts;
        let unused = |public: &Ipv4Addr| {
            !model.holders.contains_key(&IpAddr::V4(*public)) && !gateways.contains(public)
        };
        let released = effects.released.into_iter().filter(unused).collect();
        publics.release(host, &released)?;
        let mut batch = Batch::default();
        for address in effects.translated_anew {
            // Connections keep the translation that they began with.
            conntrack::forget(&mut batch, address.into());
        }
        if !batch.is_empty() {
            conntrack.execute(batch)?;
        }
        if effects.reroutes { self.rewire() } else { Ok(()) }
    }
}

/// What changes of interfaces mean beyond the VPC's rules.
#[derive(Default)]
struct Effects {
    acquired: BTreeSet<Ipv4Addr>,
    released: BTreeSet<Ipv4Addr>,
    /// Private addresses that stay but get another public one.
    translated_anew: Vec<Ipv4Addr>,
    reroutes: bool,
}

impl Effects {
    fn of(config: &VpcConfig, model: &Model, changes: &[&Change]) -> Self {
        let mut effects = Self::default();
        for change in changes {
            let (id, wanted) = match change {
                Change::PutInterface { id, interface } => (id, Some(interface)),
                Change::RemoveInterface { id } => (id, None),
                _ => continue,
            };
            let known = model.interfaces.get(id);
            let holders = wanted.and_then(|wanted| model.holders.get(&IpAddr::V4(wanted.public?)));
            let former = [known, holders.and_then(|holder| model.interfaces.get(holder))];
            effects.acquired.extend(wanted.and_then(|wanted| wanted.public));
            for former in former.into_iter().flatten() {
                effects.released.extend(former.public);
                if wanted.is_some_and(|wanted| wanted.public != former.public) {
                    effects.translated_anew.push(former.address);
                }
            }
            let matters =
                |one: &Interface| one.transit || one.fronts || routing::concerns(config, one.address);
            effects.reroutes |= [known, wanted].into_iter().flatten().any(matters) && known != wanted;
        }
        effects
    }
}
