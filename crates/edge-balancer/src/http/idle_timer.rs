//! Tells when nothing has moved for a while, without a timer being set for each thing that moves.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

#[derive(Debug)]
pub struct IdleTimer {
    sleep: Pin<Box<Sleep>>,
}

impl IdleTimer {
    pub fn new(period: Duration) -> IdleTimer {
        IdleTimer { sleep: Box::pin(tokio::time::sleep(period)) }
    }

    /// Ready when `period` has passed since something moved last.
    pub fn poll_expired(
        &mut self,
        context: &mut Context<'_>,
        moved_at: Instant,
        period: Duration,
    ) -> Poll<()> {
        let deadline = moved_at + period;
        if deadline < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(self.sleep.as_mut().poll(context));
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            // It was set before something moved: set once more, for the rest.
            self.sleep.as_mut().reset(deadline);
        }
    }
}
