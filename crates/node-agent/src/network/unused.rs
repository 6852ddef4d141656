//! VPCs of which nothing is needed on this node any more. They are kept for a while, since making one costs the first task in it
//! more than an empty one costs the machine.

use std::collections::BTreeSet;
use std::time::Duration;

use link_protocol::network::{NetworkSnapshot, VpcSnapshot};
use tracing::{info, warn};

use super::{AppliedVpc, NodeNetworks};
use crate::limits::UNUSED_VPC_KEPT;

/// The VPC with nothing in it: no task, no way out, nobody who listens.
pub(super) fn emptied(vpc: &AppliedVpc) -> VpcSnapshot {
    let snapshot = &vpc.snapshot;
    VpcSnapshot {
        scope: snapshot.scope.clone(),
        id: snapshot.id.clone(),
        cidr_blocks: snapshot.cidr_blocks.clone(),
        ipv6_cidr_block: snapshot.ipv6_cidr_block.clone(),
        subnets: snapshot.subnets.clone(),
        route_tables: Vec::new(),
        network_acls: Vec::new(),
        nat_gateways: Vec::new(),
        peering_connections: Vec::new(),
        endpoints: Vec::new(),
        flow_logs: Vec::new(),
        groups: Vec::new(),
        prefix_lists: Vec::new(),
        names: Vec::new(),
        dns_support: snapshot.dns_support,
        dns_hostnames: snapshot.dns_hostnames,
    }
}

impl NodeNetworks {
    pub(super) fn unused(&self, snapshot: &NetworkSnapshot) -> impl Iterator<Item = &AppliedVpc> {
        let needed: BTreeSet<&str> = snapshot.vpcs.iter().map(|vpc| vpc.id.as_str()).collect();
        self.applied.iter().filter(move |(id, _)| !needed.contains(id.as_str())).map(|(_, vpc)| vpc)
    }

    /// Removes the VPCs that have been unused for long enough. Says when the next one will be due.
    pub(super) async fn remove_unused(
        &mut self,
        snapshot: &NetworkSnapshot,
        used: &BTreeSet<String>,
        now: Duration,
    ) -> Option<Duration> {
        let needed: BTreeSet<&str> = snapshot.vpcs.iter().map(|vpc| vpc.id.as_str()).collect();
        let mut next: Option<Duration> = None;
        let mut due: Vec<String> = std::mem::take(&mut self.stuck).into_iter().collect();
        due.retain(|id| !needed.contains(id.as_str()));
        for (id, vpc) in &mut self.applied {
            if needed.contains(id.as_str()) {
                vpc.unused_since = None;
                continue;
            }
            // A task that ends, or an interface that can't be detached, still needs it.
            let is_used = used.contains(id) || self.edges.attached().any(|(vpc_id, _)| vpc_id == id);
            let since = if is_used { now } else { vpc.unused_since.unwrap_or(now) };
            vpc.unused_since = Some(since);
            let waited = now.saturating_sub(since);
            if waited >= UNUSED_VPC_KEPT {
                due.push(id.clone());
            } else {
                let left = UNUSED_VPC_KEPT - waited;
                next = Some(next.map_or(left, |next| next.min(left)));
            }
        }
        for id in due {
            if !self.remove(&id).await {
                self.stuck.insert(id);
                next = Some(next.map_or(UNUSED_VPC_KEPT, |next| next.min(UNUSED_VPC_KEPT)));
            }
        }
        next
    }

    async fn remove(&mut self, vpc_id: &str) -> bool {
        if self.applied.remove(vpc_id).is_some() {
            for opened in &self.opened {
                opened.vpc_closed(vpc_id).await;
            }
        }
        match self.network.remove_vpc(vpc_id).await {
            Ok(()) => {
                info!(vpc = vpc_id, "the VPC is needed no more and was removed from this node");
                true
            }
            Err(failure) => {
                let error = &failure as &dyn std::error::Error;
                warn!(vpc = vpc_id, error, "an unused VPC can't be removed");
                false
            }
        }
    }
}
