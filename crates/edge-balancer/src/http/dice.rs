//! Numbers for choices and identifiers, cheap enough for every request. Never for secrets.

use std::cell::Cell;

use stdx::random::{self, Random};

/// SplitMix64 with a seed of the kernel's.
#[derive(Debug)]
pub struct Dice(Cell<u64>);

impl Dice {
    pub fn new(random: &dyn Random) -> Dice {
        Dice(Cell::new(random::u64(random)))
    }

    pub fn roll(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, 0 when that is 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.roll().checked_rem(bound).unwrap_or(0)
    }
}
