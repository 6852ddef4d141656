//! Which target a flow goes to.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use super::Flow;
use crate::runtime::options::Stickiness;
use crate::runtime::{Listener, Target, TargetGroup, Zone};

/// None: nothing is registered that may be used from this zone. `tried` are serials of targets that didn't answer.
pub fn target(
    listener: &Listener,
    zone: &Zone,
    flow: &Flow,
    tried: &[u64],
) -> Option<(Arc<TargetGroup>, Arc<Target>)> {
    let hash = hash(flow);
    let state = listener.state();
    let weights = state.forward.iter().map(|(_, weight)| u64::from(*weight));
    let (slot, _) = &state.forward[weighted(weights, hash)?];
    let group = slot.load()?;
    let cross_zone = group.is_cross_zone(listener.load_balancer.state().options.cross_zone);
    let eligible = group.eligible();
    let targets = &eligible.of(&zone.config.availability_zone, cross_zone).targets;
    let target = match group.options.stickiness {
        Some(Stickiness::SourceAddress) => by_source(targets, flow.client.ip(), tried)?,
        _ => by_flow(targets, hash, tried)?,
    };
    let target = target.clone();
    drop(eligible);
    Some((group, target))
}

/// The index of the part that `hash` falls into; none when all weights are zero.
fn weighted(weights: impl Iterator<Item = u64> + Clone, hash: u64) -> Option<usize> {
    let total: u64 = weights.clone().sum();
    let mut point = hash.checked_rem(total)?;
    for (index, weight) in weights.enumerate() {
        match point.checked_sub(weight) {
            None => return Some(index),
            Some(rest) => point = rest,
        }
    }
    None
}

fn by_flow<'a>(targets: &'a [Arc<Target>], hash: u64, tried: &[u64]) -> Option<&'a Arc<Target>> {
    // Another part of the hash than the one that chose the group.
    let start = usize::try_from((hash >> 16) % (targets.len().max(1) as u64)).unwrap_or(0);
    let (before, after) = targets.split_at(start.min(targets.len()));
    after.iter().chain(before).find(|target| !tried.contains(&target.serial))
}

/// The same target for the same client as long as it is there; when one goes, only its clients move.
fn by_source<'a>(targets: &'a [Arc<Target>], client: IpAddr, tried: &[u64]) -> Option<&'a Arc<Target>> {
    let open = targets.iter().filter(|target| !tried.contains(&target.serial));
    open.max_by_key(|target| hash(&(client, target.address)))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_share_the_flows() {
        for (weights, expected) in
            [(&[1, 0][..], [1000, 0]), (&[0, 5], [0, 1000]), (&[3, 1], [750, 250]), (&[0, 0], [0, 0])]
        {
            let mut counts = [0, 0];
            for hash in 0..1000 {
                if let Some(index) = weighted(weights.iter().copied(), hash) {
                    counts[index] += 1;
                }
            }
            assert_eq!(counts, expected, "{weights:?}");
        }
    }
}
