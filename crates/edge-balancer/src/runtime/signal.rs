//! Something that happens once, and that many may wait for.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub struct Signal {
    fired: AtomicBool,
    waiting: Notify,
}

impl Signal {
    pub fn fire(&self) {
        self.fired.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    pub fn is_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }

    /// Resolves at once when it has happened already.
    pub async fn fired(&self) {
        loop {
            // Registered before the flag is read: a signal in between isn't missed.
            let notified = self.waiting.notified();
            if self.is_fired() {
                return;
            }
            notified.await;
        }
    }
}
