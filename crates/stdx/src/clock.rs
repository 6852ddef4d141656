//! Time as a value: code below the composition root takes a [`Clock`] or a [`Timestamp`], never the system clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch: the resolution AWS reports at its edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds * 1000)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded towards the past.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Time passed since `earlier`; zero when `earlier` lies in the future.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    pub fn plus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    pub fn minus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Reads any RFC 3339 time; none when it isn't one.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        let at: jiff::Timestamp = text.parse().ok()?;
        Some(Timestamp(at.as_millisecond()))
    }

    /// `2026-01-01T00:00:05.123Z`, the form of events and metadata documents.
    pub fn to_rfc3339_millis(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => format!("{at:.3}"),
            Err(_) => String::from("1970-01-01T00:00:00.000Z"),
        }
    }

    /// `2026-01-01T00:00:05Z`, the form of XML protocols and credential documents.
    pub fn to_rfc3339_secs(self) -> String {
        match jiff::Timestamp::from_second(self.as_secs()) {
            Ok(at) => format!("{at:.0}"),
            Err(_) => String::from("1970-01-01T00:00:00Z"),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_rfc3339_millis())
    }
}

/// Where the time comes from. The simulator and tests move their own.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// A reading that never goes back; only differences have a meaning.
    fn monotonic(&self) -> Duration;
}

pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    origin: std::time::Instant,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system clock")]
    pub fn new() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since_epoch.map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)))
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct FakeClock {
    millis: AtomicI64,
}

impl FakeClock {
    pub fn at(timestamp: Timestamp) -> Arc<Self> {
        Arc::new(Self { millis: AtomicI64::new(timestamp.0) })
    }

    pub fn advance(&self, by: Duration) {
        self.millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.millis.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.millis.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_format_as_aws_prints_them() {
        let at = Timestamp::from_millis(1_767_225_605_123);
        assert_eq!(at.to_rfc3339_millis(), "2026-01-01T00:00:05.123Z");
        assert_eq!(at.to_rfc3339_secs(), "2026-01-01T00:00:05Z");
        assert_eq!(Timestamp::from_millis(-1).as_secs(), -1);
        assert_eq!(at.since(at.plus(Duration::from_secs(1))), Duration::ZERO);
    }

    #[test]
    fn a_fake_clock_moves_only_when_told() {
        let clock = FakeClock::at(Timestamp::from_secs(10));
        assert_eq!(clock.now(), Timestamp::from_secs(10));
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now(), Timestamp::from_millis(11_500));
    }
}
