//! The deliveries loop: tries what waits, writes down how it went, and tries again what may still arrive.
//!
//! An attempt's outcome is one transaction. What was tried and not written down when the server ends is tried again: everything
//! arrives at least once.

pub(crate) mod counts;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use control_plan::deliveries::{self as plan, Next, Schedule};
use control_plan::limits::DELIVERIES_AT_ONCE_MAX;
use state_model::delivery::Delivery;
use state_tables::{Transaction, View};
use state_telemetry::metrics::MetricStore;
use stdx::clock::Timestamp;
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use counts::Counts;

use crate::LoopContext;
use crate::driver::LoopError;
use crate::limits::{
    DELIVERY_DRAIN_MAX, DELIVERY_ERROR_CHARS_MAX, DELIVERY_OUTCOMES_PER_COMMIT_MAX, FAILURE_PAUSE, PERIOD_MAX,
};

/// Brings a delivery to its receiver. One attempt; it bounds its own time.
#[async_trait]
pub trait Executor: Send + Sync + fmt::Debug {
    async fn execute(&self, delivery: &Delivery) -> Outcome;
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Arrived,
    /// The same attempt may succeed later.
    Failed(String),
    /// It never will.
    Refused(String),
}

struct Ended {
    key: Arc<str>,
    outcome: Outcome,
}

pub struct Deliveries {
    pub context: LoopContext,
    pub executor: Arc<dyn Executor>,
    pub metrics: MetricStore,
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Deliveries").finish_non_exhaustive()
    }
}

impl Deliveries {
    /// Until the shutdown; what is being tried then gets a moment to end.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut changes = self.context.state.changes();
        let (sender, mut outcomes) = mpsc::channel::<Ended>(DELIVERIES_AT_ONCE_MAX);
        let mut schedule = Schedule::default();
        let mut former = Arc::new(View::default());
        while !shutdown.is_requested() {
            changes.mark_unchanged();
            let view = self.context.state.view();
            follow(&mut schedule, &former, &view);
            former = view;
            self.begin(&mut schedule, &former, &sender);
            let wait = schedule.next_at().map_or(PERIOD_MAX, |at| at.since(self.now()).min(PERIOD_MAX));
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(wait) => {}
                Some(ended) = outcomes.recv() => self.settle(&mut schedule, ended, &mut outcomes).await,
                () = shutdown.requested() => {}
            }
        }
        let drain = async {
            while schedule.in_flight() > 0
                && let Some(ended) = outcomes.recv().await
            {
                self.settle(&mut schedule, ended, &mut outcomes).await;
            }
        };
        let _what_is_left_is_tried_again = tokio::time::timeout(DELIVERY_DRAIN_MAX, drain).await;
        debug!("the deliveries loop ended");
    }

    fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    fn begin(&self, schedule: &mut Schedule, view: &View, sender: &mpsc::Sender<Ended>) {
        while let Some(key) = schedule.begin(self.now()) {
            let Some(row) = view.deliveries.get(&key) else {
                schedule.end(&key, true, None);
                continue;
            };
            let (delivery, executor, sender) =
                (Arc::clone(row.record()), Arc::clone(&self.executor), sender.clone());
            supervisor::spawn("delivery", async move {
                // Apart, so that a panic is an outcome too and holds no slot.
                let attempt = supervisor::spawn("attempt", async move { executor.execute(&delivery).await });
                let outcome = attempt.await.ok().flatten();
                let outcome = outcome.unwrap_or_else(|| Outcome::Failed("the attempt broke off".to_owned()));
                // The loop is gone only when the server ends.
                let _unheard = sender.send(Ended { key, outcome }).await;
            });
        }
    }

    /// Writes down what has ended, again and again until it is written: without that, it would be tried twice.
    async fn settle(&self, schedule: &mut Schedule, first: Ended, more: &mut mpsc::Receiver<Ended>) {
        let mut ended = vec![first];
        while ended.len() < DELIVERY_OUTCOMES_PER_COMMIT_MAX
            && let Ok(next) = more.try_recv()
        {
            ended.push(next);
        }
        while let Err(error) = self.write(&ended).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "outcomes of deliveries could not be written yet"
            );
            tokio::time::sleep(FAILURE_PAUSE).await;
        }
        let view = self.context.state.view();
        for one in &ended {
            let again = view.deliveries.get(&one.key).map(|row| &**row.record());
            schedule.end(&one.key, one.outcome == Outcome::Arrived, again);
        }
    }

    async fn write(&self, ended: &[Ended]) -> Result<(), LoopError> {
        let counts = self
            .context
            .state
            .transact(|view, transaction| {
                let mut counts = Counts::new(self.now());
                for one in ended {
                    self.decide(view, transaction, one, &mut counts);
                }
                Ok::<_, LoopError>(counts)
            })
            .await?;
        counts.tell(&self.metrics).await;
        Ok(())
    }

    fn decide(&self, view: &View, transaction: &mut Transaction, ended: &Ended, counts: &mut Counts) {
        // Gone when everything was reset meanwhile.
        let Some(row) = view.deliveries.get(&ended.key) else { return };
        let (next, error) = match &ended.outcome {
            Outcome::Arrived => {
                counts.arrived(row);
                transaction.delete(row);
                return;
            }
            Outcome::Refused(error) => (Next::Drop, error),
            Outcome::Failed(error) => {
                let kept: String = error.chars().take(DELIVERY_ERROR_CHARS_MAX).collect();
                (plan::failed(row, &kept, self.now(), &*self.context.random), error)
            }
        };
        match next {
            Next::Again(again) => {
                debug!(
                    lane = row.lane,
                    attempts = again.attempts,
                    error,
                    "a delivery failed and is tried again"
                );
                counts.retried(row);
                transaction.update(row, &again);
            }
            Next::Drop => {
                info!(lane = row.lane, attempts = row.attempts + 1, error, "a delivery was given up");
                counts.dropped(row);
                transaction.delete(row);
            }
        }
    }
}

/// Brings the schedule to the newest snapshot.
fn follow(schedule: &mut Schedule, former: &View, view: &View) {
    for changed in view.deliveries.changed_since(&former.deliveries) {
        match changed.after {
            Some(row) => schedule.put(changed.key, row),
            None => schedule.remove(changed.key),
        }
    }
}
