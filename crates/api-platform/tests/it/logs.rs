//! CloudWatch Logs through its handlers.

mod events;
mod groups;
mod ingest;
mod live_tail;

use std::sync::Arc;
use std::time::Duration;

use api_auth::{Context, Principal};
use api_platform::logs::metrics::LogMetrics;
use api_platform::logs::{Logs, create_log_group, create_log_stream, put_log_events};
use state_telemetry::logs::{Config, LogStore};
use state_telemetry::metrics::{self, MetricStore};
use stdx::clock::{FakeClock, SystemClock};
use wire_shapes_platform::logs;

use crate::harness::{ACCOUNT, Harness};

pub struct Kit {
    pub harness: Harness,
    pub service: Arc<Logs>,
    _dir: tempfile::TempDir,
}

impl Kit {
    pub async fn new() -> Self {
        let harness = Harness::new().await;
        let dir = tempfile::tempdir().expect("a folder");
        let clock = FakeClock::at(harness.now);
        let store = LogStore::open(dir.path(), Config::default(), clock).expect("the store opens");
        let metrics =
            MetricStore::open(&dir.path().join("metrics"), metrics::Config::default(), SystemClock::shared())
                .expect("the store opens");
        let metrics = Arc::new(LogMetrics::new(metrics));
        let service =
            Arc::new(Logs { store, metrics, queries: Arc::default(), clock: SystemClock::shared() });
        Self { harness, service, _dir: dir }
    }

    /// With group `/ecs/web` and its streams `a` and `b`.
    pub async fn filled() -> Self {
        let kit = Self::new().await;
        kit.group("/ecs/web").await;
        kit.stream("/ecs/web", "a").await;
        kit.stream("/ecs/web", "b").await;
        kit
    }

    pub fn context(&self) -> Context<Logs> {
        Context::new(self.harness.request(Principal::root(ACCOUNT)), Arc::clone(&self.service))
    }

    pub fn later(&mut self, by: Duration) {
        self.harness.now = self.harness.now.plus(by);
    }

    pub fn now(&self) -> i64 {
        self.harness.now.as_millis()
    }

    pub async fn group(&self, name: &str) {
        let input = logs::CreateLogGroupRequest { log_group_name: Some(name.into()), ..Default::default() };
        create_log_group::create_log_group(self.context(), input).await.expect("the group is made");
    }

    pub async fn stream(&self, group: &str, name: &str) {
        let input = logs::CreateLogStreamRequest {
            log_group_name: Some(group.into()),
            log_stream_name: Some(name.into()),
        };
        create_log_stream::create_log_stream(self.context(), input).await.expect("the stream is made");
    }

    pub async fn put(&self, stream: &str, events: &[(i64, &str)]) {
        let event = |(timestamp, message): &(i64, &str)| logs::InputLogEvent {
            timestamp: Some(*timestamp),
            message: Some((*message).into()),
        };
        let input = logs::PutLogEventsRequest {
            log_group_name: Some("/ecs/web".into()),
            log_stream_name: Some(stream.into()),
            log_events: Some(events.iter().map(event).collect()),
            ..Default::default()
        };
        put_log_events::put_log_events(self.context(), input).await.expect("the events are stored");
    }
}
