//! What the HTTP side of one worker keeps between requests.

use std::rc::Rc;
use std::time::Duration;

use stdx::clock::Timestamp;
use stdx::random::Random;
use tokio::time::Instant;

use super::dice::Dice;
use super::limits::POOL_SWEEP_PERIOD;
use super::pool::Pool;
use super::sticky::Sealer;
use super::target_connection::TargetTls;
use crate::worker::Worker;

/// Unused connections to targets are closed after it: less than the 60 s and more that servers wait for.
const IDLE_TARGET_CONNECTION_MAX: Duration = Duration::from_secs(55);

#[derive(Debug)]
pub struct Local {
    pub pool: Pool,
    pub dice: Dice,
    pub sealer: Sealer,
    /// None: the TLS library could not be set up, and targets with TLS answer 502.
    pub target_tls: Option<TargetTls>,
    origin: Instant,
    origin_us: i64,
}

impl Local {
    /// `cookie_key` is the same for every worker and every run of this installation: stickiness outlives them.
    pub fn new(cookie_key: &[u8; 32], random: &dyn Random, now: Timestamp) -> Local {
        Local {
            pool: Pool::default(),
            dice: Dice::new(random),
            sealer: Sealer::new(cookie_key, random),
            target_tls: TargetTls::new().ok(),
            origin: Instant::now(),
            origin_us: now.as_millis() * 1000,
        }
    }

    /// Microseconds since the epoch, without asking the wall clock for each request.
    pub fn wall_us(&self, at: Instant) -> i64 {
        let elapsed = at.duration_since(self.origin).as_micros();
        self.origin_us + i64::try_from(elapsed).unwrap_or(i64::MAX / 2)
    }

    pub fn epoch_secs(&self, at: Instant) -> u64 {
        u64::try_from(self.wall_us(at) / 1_000_000).unwrap_or(0)
    }
}

/// Closes connections to targets that nobody uses: for one task of the worker, as long as it runs.
pub async fn sweep_pools(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(POOL_SWEEP_PERIOD);
    loop {
        let now = ticks.tick().await;
        worker.http.pool.sweep(now, IDLE_TARGET_CONNECTION_MAX);
    }
}
