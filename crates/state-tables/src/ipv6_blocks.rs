//! Which IPv6 block a VPC gets.

use state_model::ec2::ipv6_block::{Ipv6Block, VPC_PREFIX_LENGTH};
use state_model::ec2::ipv6_pool::{IPV6_POOL_KEY, Ipv6Pool};
use stdx::random::{self, Random};

use crate::{Transaction, View};

/// The length of a unique local prefix: `fd`, 40 random bits, and no subnet yet. Its 256 blocks are the bound of an installation
/// whose operator names no pool of his own.
const UNIQUE_LOCAL_LENGTH: u8 = 48;

/// What the operator routes to this host. Where it is none, blocks are of the pool that the installation had before, or of a
/// unique local prefix that is drawn at the first use and stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipv6Source(pub Option<Ipv6Block>);

/// A /56 that no VPC has, or none when there is none left. The transaction conflicts with every other one
/// that gives out a block; it must write the VPC that has it.
pub fn give(
    view: &View,
    transaction: &mut Transaction,
    source: Ipv6Source,
    random: &dyn Random,
) -> Option<Ipv6Block> {
    let row = view.ipv6_pool.get(IPV6_POOL_KEY);
    let before = row.and_then(|row| Ipv6Block::parse(&row.cidr_block));
    let block = source.0.or(before).unwrap_or_else(|| unique_local_prefix(random));
    let was_drawn = row.is_none_or(|row| row.is_unique_local);
    let pool = Ipv6Pool { cidr_block: block.to_string(), is_unique_local: source.0.is_none() && was_drawn };
    match row {
        Some(row) => transaction.update(row, &pool),
        None => transaction.insert(&pool),
    }
    free_block(view, block, random)
}

/// Makes what the operator routes the installation's pool from now on, if it had another one before.
///
/// # Errors
/// A VPC's block that isn't of it: a VPC keeps its block, and an installation has one pool.
pub fn adopt(view: &View, transaction: &mut Transaction, source: Ipv6Source) -> Result<(), Ipv6Block> {
    let (Some(routed), Some(row)) = (source.0, view.ipv6_pool.get(IPV6_POOL_KEY)) else { return Ok(()) };
    let vpcs = view.vpcs.iter().filter_map(|(_, vpc)| vpc.record().ipv6_block.as_ref());
    let mut blocks = vpcs.filter_map(|block| Ipv6Block::parse(&block.cidr_block));
    if let Some(outside) = blocks.find(|block| !block.is_within(routed)) {
        return Err(outside);
    }
    let pool = Ipv6Pool { cidr_block: routed.to_string(), is_unique_local: false };
    if pool != **row.record() {
        transaction.update(row, &pool);
    }
    Ok(())
}

/// Beginning at a random place, so that a block isn't given again as soon as its VPC is gone. Among as many blocks in a row as are
/// taken, and one more, one is free: that bounds the search in a pool of any size.
fn free_block(view: &View, pool: Ipv6Block, random: &dyn Random) -> Option<Ipv6Block> {
    let count = u64::try_from(pool.blocks(VPC_PREFIX_LENGTH)).unwrap_or(u64::MAX);
    if count == 0 {
        return None;
    }
    let start = random::below(random, count);
    let tries = count.min(view.vpcs.len() as u64 + 1);
    let mut candidates = (0..tries).map(|step| {
        let index = (u128::from(start) + u128::from(step)) % u128::from(count);
        pool.block(VPC_PREFIX_LENGTH, index)
    });
    candidates.find(|block| !view.vpcs.any_by("ipv6-block", &block.to_string()))
}

/// <https://www.rfc-editor.org/rfc/rfc4193#section-3.2>
fn unique_local_prefix(random: &dyn Random) -> Ipv6Block {
    let mut bytes = [0; 16];
    bytes[0] = 0xfd;
    random.fill(&mut bytes[1..6]);
    Ipv6Block::around(bytes.into(), UNIQUE_LOCAL_LENGTH)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use state_model::Scope;
    use state_model::ec2::Vpc;
    use state_model::ec2::vpc::BlockAssociation;
    use state_store::memory::MemoryStore;
    use stdx::random::SeededRandom;

    use super::*;
    use crate::State;

    fn vpc(number: usize, block: Ipv6Block) -> Vpc {
        Vpc {
            scope: Scope::new("000000000000", "us-east-1"),
            id: format!("vpc-{number}"),
            cidr_block: String::from("10.0.0.0/16"),
            cidr_association_id: format!("vpc-cidr-assoc-{number}"),
            is_default: false,
            dhcp_options_id: String::from("dopt-1"),
            enable_dns_support: true,
            enable_dns_hostnames: false,
            enable_network_address_usage_metrics: false,
            secondary_blocks: Vec::new(),
            ipv6_block: Some(BlockAssociation {
                id: format!("vpc-cidr-assoc-6{number}"),
                cidr_block: block.to_string(),
            }),
            tags: Default::default(),
        }
    }

    /// What `count` VPCs get one after the other, each in its own transaction.
    async fn given(state: &State, source: Ipv6Source, count: usize) -> Vec<Option<Ipv6Block>> {
        let random = SeededRandom::shared(7);
        let mut all = Vec::new();
        for number in 0..count {
            let block = state
                .transact(|view, transaction| {
                    let block = give(view, transaction, source, &*random);
                    block.iter().for_each(|block| transaction.insert(&vpc(number, *block)));
                    Ok::<_, crate::StateError>(block)
                })
                .await
                .expect("the transaction commits");
            all.push(block);
        }
        all
    }

    async fn state() -> Arc<State> {
        let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
        stdx_async::supervisor::spawn("state feed", feed.run());
        state
    }

    fn distinct(given: &[Option<Ipv6Block>]) -> Vec<Ipv6Block> {
        let mut blocks: Vec<Ipv6Block> = given.iter().flatten().copied().collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    #[tokio::test]
    async fn a_routed_pool_gives_each_block_once_and_then_none() {
        let routed = Ipv6Source(Ipv6Block::parse("2001:db8:7::/53"));
        let state = state().await;
        let given = given(&state, routed, 9).await;
        let blocks = distinct(&given);
        assert_eq!(blocks.len(), 8);
        assert_eq!(given.last(), Some(&None));
        let pool = routed.0.expect("a block");
        assert!(blocks.iter().all(|block| block.is_within(pool) && block.prefix_length == 56));
        let view = state.view();
        assert!(!view.ipv6_pool.get(IPV6_POOL_KEY).expect("a pool").is_unique_local);
        let adopts =
            |text: &str| adopt(&view, &mut Transaction::new(), Ipv6Source(Ipv6Block::parse(text))).is_ok();
        assert!(adopts("2001:db8::/32") && !adopts("2001:db9::/32") && !adopts("2001:db8:7::/54"));
        assert_eq!(adopt(&view, &mut Transaction::new(), Ipv6Source(None)), Ok(()));
    }

    #[tokio::test]
    async fn a_unique_local_prefix_is_drawn_once() {
        let state = state().await;
        let given = given(&state, Ipv6Source::default(), 257).await;
        let blocks = distinct(&given);
        assert_eq!((blocks.len(), given.last()), (256, Some(&None)));
        let view = state.view();
        let pool = view.ipv6_pool.get(IPV6_POOL_KEY).expect("a pool");
        assert!(
            pool.is_unique_local && pool.cidr_block.starts_with("fd") && pool.cidr_block.ends_with("::/48")
        );
        let pool = Ipv6Block::parse(&pool.cidr_block).expect("a block");
        assert!(blocks.iter().all(|block| block.is_within(pool)));
    }
}
