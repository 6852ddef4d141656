//! Interfaces with namespaces of their own: those of load balancers, where the balancer listens, and those of VPC endpoints, where
//! this program does.

use std::collections::{BTreeMap, BTreeSet};

use link_protocol::Interface;
use link_protocol::network::{NetworkSnapshot, VpcSnapshot};
use node_network::config::{EniConfig, GroupRule, GroupRules, IpCidr, Peer, Traffic};
use node_network::{Network, NetworkError};
use tracing::warn;

/// Those that are in place, by their ids.
#[derive(Debug, Default)]
pub(super) struct Edges {
    attached: BTreeMap<String, Interface>,
    /// The ids of those among the snapshot's that are load balancers'.
    of_load_balancers: BTreeSet<String>,
    /// The ids of those that speak for their clients.
    fronts: BTreeSet<String>,
}

impl Edges {
    /// Each with its VPC, the VPC first.
    pub(super) fn attached(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attached.values().map(|edge| (edge.vpc_id.as_str(), edge.eni_id.as_str()))
    }

    /// The ids of those of load balancers.
    pub(super) fn of_load_balancers(&self) -> BTreeSet<String> {
        self.attached.keys().filter(|id| self.of_load_balancers.contains(*id)).cloned().collect()
    }

    /// The ids of those of the VPC's endpoints.
    pub(super) fn of_endpoints(&self, vpc: &VpcSnapshot) -> BTreeSet<String> {
        let wanted = vpc.endpoints.iter().flat_map(|endpoint| &endpoint.interfaces);
        let ids = wanted.map(|edge| &edge.eni_id).filter(|id| self.attached.contains_key(*id));
        ids.cloned().collect()
    }

    /// Detaches what the snapshot doesn't name. Says whether all was done.
    pub(super) async fn detach_others(&mut self, network: &Network, snapshot: &NetworkSnapshot) -> bool {
        self.of_load_balancers = snapshot.edges.iter().map(|edge| edge.eni_id.clone()).collect();
        let wanted: BTreeSet<&str> = wanted(snapshot).map(|edge| edge.eni_id.as_str()).collect();
        let gone = self.attached.values().filter(|edge| !wanted.contains(edge.eni_id.as_str()));
        let gone: Vec<Interface> = gone.cloned().collect();
        let mut complete = true;
        for edge in gone {
            match network.detach_edge(&edge.vpc_id, &edge.eni_id).await {
                Ok(()) => {
                    self.attached.remove(&edge.eni_id);
                    self.fronts.remove(&edge.eni_id);
                }
                Err(failure) => {
                    complete = false;
                    warn_of(
                        &edge,
                        &failure,
                        "the interface of a load balancer or an endpoint can't be removed",
                    );
                }
            }
        }
        complete
    }

    /// Attaches what is missing and changes what differs. Says whether all was done.
    pub(super) async fn attach(&mut self, network: &Network, snapshot: &NetworkSnapshot) -> bool {
        let mut complete = true;
        for edge in wanted(snapshot) {
            let speaks = snapshot.fronts.contains(&edge.eni_id);
            if let Err(failure) = self.attach_one(network, edge, speaks).await {
                complete = false;
                warn_of(edge, &failure, "the interface of a load balancer or an endpoint can't be attached");
            }
        }
        complete
    }

    /// An interface that once speaks for its clients goes on with it: connections that have begun so must not break.
    async fn attach_one(
        &mut self,
        network: &Network,
        edge: &Interface,
        speaks: bool,
    ) -> Result<(), NetworkError> {
        if self.attached.get(&edge.eni_id) != Some(edge) {
            self.fronts.remove(&edge.eni_id);
            attach(network, edge).await?;
            if speaks {
                network.let_speak_for_clients(&edge.vpc_id, &edge.eni_id).await?;
                self.fronts.insert(edge.eni_id.clone());
            }
            self.attached.insert(edge.eni_id.clone(), edge.clone());
        } else if speaks && !self.fronts.contains(&edge.eni_id) {
            network.let_speak_for_clients(&edge.vpc_id, &edge.eni_id).await?;
            self.fronts.insert(edge.eni_id.clone());
        }
        Ok(())
    }
}

fn wanted(snapshot: &NetworkSnapshot) -> impl Iterator<Item = &Interface> {
    let endpoints = snapshot.vpcs.iter().flat_map(|vpc| &vpc.endpoints);
    snapshot.edges.iter().chain(endpoints.flat_map(|endpoint| &endpoint.interfaces))
}

async fn attach(network: &Network, edge: &Interface) -> Result<(), NetworkError> {
    let mut eni = EniConfig {
        eni_id: edge.eni_id.clone(),
        vpc_id: edge.vpc_id.clone(),
        subnet: edge.subnet_cidr_block.parse()?,
        address: edge.address,
        // What listens there speaks IPv4 alone.
        ipv6_addresses: Vec::new(),
        mac: edge.mac_address.parse()?,
        groups: edge.security_groups.clone(),
        source_dest_check: true,
        public_address: edge.public_address,
    };
    if eni.groups.is_empty() {
        network.set_group(&eni.vpc_id, open_group()).await?;
        eni.groups.push(OPEN_GROUP.to_owned());
    }
    network.attach_edge(eni).await.map(drop)
}

/// The group of an interface that was made without any: a load balancer's, or a gateway endpoint's. It lets everyone in, and
/// reaches everyone. No id of EC2's has this form.
const OPEN_GROUP: &str = "neargate-open";

fn open_group() -> GroupRules {
    let everything = vec![GroupRule { traffic: Traffic::All, peer: Peer::Cidr(IpCidr::EVERYWHERE_V4) }];
    GroupRules {
        id: OPEN_GROUP.to_owned(),
        ingress: everything.clone(),
        egress: everything,
        remote_members: Vec::new(),
    }
}

fn warn_of(edge: &Interface, failure: &NetworkError, what: &'static str) {
    warn!(eni = edge.eni_id, error = failure as &dyn std::error::Error, "{what}");
}
