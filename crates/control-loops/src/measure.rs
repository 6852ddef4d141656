//! What nodes and balancers measure, on its way into the store of metrics: one put per second for all tasks, one per window of
//! the balancer's counts, and once a minute what is counted or averaged of a minute.
//!
//! Nothing is made up for a time in which the server was down: that is a gap.

pub mod balancer;
mod insights;
mod performance;
mod tasks;
mod usage;

use std::time::Duration;

use link_protocol::measured::Measured;
use state_model::Scope;
use state_telemetry::metrics::{
    Durability, MetricId, MetricStore, Name, PutError, Resolution, Sample, Unit, Values,
};
use stdx::clock::Timestamp;
use stdx_async::shutdown::Shutdown;
use tokio::sync::mpsc;
use tracing::warn;

use crate::LoopContext;
use crate::limits::{LIVE_COUNT_PERIOD, PERFORMANCE_QUEUE_MAX};
use insights::Insights;
use tasks::TaskSeries;

const MINUTE_MS: i64 = 60_000;

/// Events of Container Insights, for the performance log of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct PerformanceLog {
    pub scope: Scope,
    pub cluster: String,
    pub at: Timestamp,
    /// JSON documents.
    pub events: Vec<String>,
}

/// The loop that measures.
#[derive(Debug)]
pub struct Measuring {
    context: LoopContext,
    metrics: MetricStore,
    measured: mpsc::Receiver<Measured>,
    performance: mpsc::Sender<PerformanceLog>,
    tasks: TaskSeries,
    insights: Insights,
    /// Minutes since the epoch: the one that is being measured.
    minute: i64,
    /// The last put failed: the next failure is no news.
    is_failing: bool,
}

impl Measuring {
    /// Also gives what it writes to performance logs.
    pub fn new(
        context: LoopContext,
        metrics: MetricStore,
        measured: mpsc::Receiver<Measured>,
    ) -> (Self, mpsc::Receiver<PerformanceLog>) {
        let (performance, logs) = mpsc::channel(PERFORMANCE_QUEUE_MAX);
        let minute = minute_of(context.clock.now());
        let (tasks, insights) = (TaskSeries::default(), Insights::default());
        (Self { context, metrics, measured, performance, tasks, insights, minute, is_failing: false }, logs)
    }

    /// Runs until the shutdown, or until no node is left.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut live_counts = tokio::time::interval(LIVE_COUNT_PERIOD);
        live_counts.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let minute_end = tokio::time::sleep(self.until_minute_ends());
            tokio::select! {
                measured = self.measured.recv() => match measured {
                    Some(measured) => self.take(&measured).await,
                    None => return,
                },
                _ = live_counts.tick() => {
                    let samples = tasks::live_counts(&self.context.state.view(), self.context.clock.now());
                    self.put(samples).await;
                }
                () = minute_end => self.turn_to(minute_of(self.context.clock.now())).await,
                () = shutdown.requested() => return,
            }
        }
    }

    fn until_minute_ends(&self) -> Duration {
        let left = (self.minute + 1) * MINUTE_MS - self.context.clock.now().as_millis();
        // A clock that was set back by hours must not hold the minute for as long.
        Duration::from_millis(u64::try_from(left.clamp(0, MINUTE_MS)).unwrap_or(0) + 1)
    }

    async fn take(&mut self, measured: &Measured) {
        self.turn_to(minute_of(measured.at)).await;
        let view = self.context.state.view();
        let samples = self.tasks.samples(&view, measured);
        self.insights.add(&view, measured);
        self.put(samples).await;
    }

    /// Closes the minute when another one has begun, also when the clock was set back.
    async fn turn_to(&mut self, minute: i64) {
        // What was measured right before a minute's end may come right after it: that minute isn't told twice.
        if minute == self.minute || minute == self.minute - 1 {
            return;
        }
        let at = Timestamp::from_millis(self.minute * MINUTE_MS);
        self.minute = minute;
        let view = self.context.state.view();
        let closed = self.insights.close(&view, at);
        let mut samples = closed.samples;
        samples.extend(usage::samples(&view, at));
        self.tasks.forget_ended(&view);
        self.put(samples).await;
        for log in closed.logs {
            // Never waited for: measuring goes on.
            if let Err(error) = self.performance.try_send(log) {
                warn!(%error, "events of Container Insights are dropped");
            }
        }
    }

    async fn put(&mut self, samples: Vec<Sample>) {
        if samples.is_empty() {
            return;
        }
        let failure = self.metrics.put(samples, Durability::Soon).await.err();
        if let Some(error) = failure.as_ref().filter(|_| !self.is_failing) {
            warn!(error = error as &dyn std::error::Error, "what was measured can't be kept");
        }
        self.is_failing = failure.is_some_and(|failure| !matches!(failure, PutError::Stopped));
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(MINUTE_MS)
}

/// Name and value of dimensions.
type DimensionList = Vec<(&'static str, Name)>;

fn minute_sample(
    scope: &Scope,
    namespace: &str,
    (name, unit, value): (&str, Unit, f64),
    dimensions: &DimensionList,
    at: Timestamp,
) -> Sample {
    let dimensions = dimensions.iter().map(|(name, value)| (*name, Name::clone(value)));
    Sample {
        id: MetricId::new(scope.to_string(), namespace, name, dimensions),
        at,
        unit,
        resolution: Resolution::Minute,
        values: Values::One(value),
    }
}
