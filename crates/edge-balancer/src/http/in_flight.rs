//! A request that a target works on.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use crate::runtime::Target;

/// Counted with its target as long as it lives.
pub struct InFlight {
    pub target: Arc<Target>,
    /// Made when someone waits for the first time: most are done before.
    expired: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl InFlight {
    pub fn new(target: Arc<Target>) -> InFlight {
        target.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight { target, expired: None }
    }

    /// Ready when the target is gone, or its draining is over.
    pub fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let target = &self.target;
        let expired = self.expired.get_or_insert_with(|| {
            let target = target.clone();
            Box::pin(async move { target.expired.fired().await })
        });
        expired.as_mut().poll(context)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.target.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InFlight").field("target", &self.target.address).finish_non_exhaustive()
    }
}
