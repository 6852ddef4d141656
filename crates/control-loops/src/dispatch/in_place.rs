//! What the node has told to be in place beside tasks.

use std::collections::{BTreeMap, BTreeSet};

use state_model::Scope;
use state_model::ec2::InPlace;
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;
use tokio::sync::watch;

use crate::LoopContext;
use crate::driver::LoopError;
use crate::limits::IN_PLACE_CHANGES_PER_COMMIT_MAX;

/// Tells which interfaces of load balancers are in place, when that is news.
pub(super) fn tell_edges(edges_attached: &watch::Sender<BTreeSet<String>>, ids: &BTreeSet<String>) {
    let eni_ids: BTreeSet<String> = ids.iter().filter(|id| id.starts_with("eni-")).cloned().collect();
    edges_attached.send_if_modified(|told| {
        let is_news = *told != eni_ids;
        *told = eni_ids;
        is_news
    });
}

/// Makes the table hold exactly those of `ids` that are somebody's resources.
pub(super) async fn write(context: &LoopContext, ids: &BTreeSet<String>) -> Result<(), LoopError> {
    loop {
        let done = context
            .state
            .transact(|view, transaction| {
                Ok::<_, LoopError>(write_some(view, transaction, ids, context.clock.now()))
            })
            .await?;
        if done {
            return Ok(());
        }
    }
}

/// As many as one commit takes. Says whether nothing is left to do after it.
fn write_some(view: &View, transaction: &mut Transaction, ids: &BTreeSet<String>, now: Timestamp) -> bool {
    let owners = owners(view);
    let wanted: BTreeMap<String, InPlace> = ids
        .iter()
        .filter_map(|id| {
            let scope = (*owners.get(id.as_str())?).clone();
            Some((scope.key(id), InPlace { scope, id: id.clone(), at: now }))
        })
        .collect();
    let missing = wanted.iter().filter(|(key, _)| !view.network_in_place.contains(key));
    let gone = view.network_in_place.iter().filter(|(key, _)| !wanted.contains_key(*key));
    for (_, record) in missing {
        if transaction.write_count() == IN_PLACE_CHANGES_PER_COMMIT_MAX {
            return false;
        }
        transaction.insert(record);
    }
    for (_, row) in gone {
        if transaction.write_count() == IN_PLACE_CHANGES_PER_COMMIT_MAX {
            return false;
        }
        transaction.delete(row);
    }
    true
}

/// The accounts and regions under which the resources are kept that can be in place.
fn owners(view: &View) -> BTreeMap<&str, &Scope> {
    let gateways = view.nat_gateways.iter().map(|(_, row)| (row.id.as_str(), &row.scope));
    let endpoints = view.vpc_endpoints.iter().map(|(_, row)| (row.id.as_str(), &row.scope));
    let peerings = view.vpc_peering_connections.iter().map(|(_, row)| (row.id.as_str(), &row.scope));
    let flow_logs = view.flow_logs.iter().map(|(_, row)| (row.id.as_str(), &row.scope));
    gateways.chain(endpoints).chain(peerings).chain(flow_logs).collect()
}
