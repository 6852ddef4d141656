//! Performance logs of Container Insights: one group per cluster, made with its first events.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use api_platform::logs::ingest::{StreamTarget, prepare_stream};
use control_loops::measure::PerformanceLog;
use state_model::logs::{LogGroup, LogStream};
use state_tables::{State, TransactError};
use state_telemetry::assemble::AssembleOptions;
use state_telemetry::logs::{Append, Batch, LogStore};
use stdx::clock::SharedClock;
use tokio::sync::mpsc;
use tracing::warn;

/// Of a group that is made here, as on AWS.
const RETENTION_DAYS: i32 = 1;

/// On AWS one of many, by whichever agent wrote it. Here one node writes them all.
const STREAM: &str = "FargateTelemetry-1";

#[derive(Debug)]
pub struct PerformanceLogs {
    pub state: Arc<State>,
    pub store: LogStore,
    pub clock: SharedClock,
}

impl PerformanceLogs {
    /// Runs until nobody measures any more.
    pub async fn follow(self, mut logs: mpsc::Receiver<PerformanceLog>) {
        while let Some(log) = logs.recv().await {
            if let Err(error) = self.write(&log).await {
                warn!(cluster = log.cluster, %error, "events of Container Insights can't be written");
            }
        }
    }

    async fn write(&self, log: &PerformanceLog) -> anyhow::Result<()> {
        let group = format!("/aws/ecs/containerinsights/{}/performance", log.cluster);
        self.make_group(log, &group).await?;
        let target = StreamTarget {
            scope: log.scope.clone(),
            group,
            stream: STREAM.to_owned(),
            create_group: false,
            options: AssembleOptions::default(),
        };
        prepare_stream(&self.state, &self.store, &target, self.clock.now())
            .await
            .map_err(|error| anyhow::anyhow!("the stream can't be made: {}", error.message))?;
        let mut batch = Batch::new();
        for event in &log.events {
            // Even an event with every dimension is far smaller than what is refused.
            if !batch.push(log.at.as_millis(), event.as_bytes()) {
                warn!(bytes = event.len(), "an event of Container Insights was too large to be stored");
            }
        }
        let key = LogStream::key_of(&target.scope, &target.group, &target.stream);
        let append = Append { sources: Vec::new(), batches: vec![(key, batch)] };
        self.store.append(append).await.context("the log store can't write")?;
        Ok(())
    }

    /// A group that is there keeps its retention.
    async fn make_group(&self, log: &PerformanceLog, name: &str) -> anyhow::Result<()> {
        let group = LogGroup {
            scope: log.scope.clone(),
            name: name.to_owned(),
            created_at: self.clock.now(),
            retention_days: Some(RETENTION_DAYS),
            class: String::from("STANDARD"),
            tags: BTreeMap::new(),
        };
        let key = LogGroup::key_of(&group.scope, &group.name);
        if self.state.view().log_groups.contains(&key) {
            return Ok(());
        }
        let made = self.state.transact(|view, transaction| {
            if !view.log_groups.contains(&key) {
                transaction.insert(&group);
            }
            Ok::<_, std::convert::Infallible>(())
        });
        match made.await {
            Ok(()) => Ok(()),
            Err(TransactError::Refused(never)) => match never {},
            Err(TransactError::Commit(error)) => Err(error).context("the group can't be made"),
        }
    }
}
