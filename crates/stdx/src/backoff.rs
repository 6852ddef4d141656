//! Exponential backoff with full jitter, as pure arithmetic: the caller waits.

use std::time::Duration;

use crate::random::{self, Random};

#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub first: Duration,
    pub max: Duration,
}

impl Backoff {
    /// The wait before attempt `attempt` (0 = the first retry): random between half and all of `first * 2^attempt`, at most `max`.
    pub fn wait(&self, attempt: u32, random: &dyn Random) -> Duration {
        let full = self.first.saturating_mul(2_u32.saturating_pow(attempt.min(20))).min(self.max);
        let half_ms = u64::try_from(full.as_millis() / 2).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(half_ms + random::below(random, half_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn waits_grow_to_their_limit() {
        let backoff = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(2) };
        let random = SeededRandom::shared(1);
        assert!(backoff.wait(0, &*random) <= Duration::from_millis(100));
        assert!(backoff.wait(3, &*random) >= Duration::from_millis(400));
        assert!(backoff.wait(30, &*random) <= Duration::from_secs(2));
    }
}
