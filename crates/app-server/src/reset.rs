//! `POST /_neargate/reset`: back to an empty installation with its defaults, for test suites that begin every test so.

use std::sync::Arc;

use api_platform::logs::ingest::Ingest;
use api_platform::logs::insights::Queries;
use http::StatusCode;
use state_blobs::BlobStore;
use state_model::Scope;
use state_model::ecs::task::{StopCode, StopRequest};
use state_tables::{State, Transaction, View, task_columns};
use state_telemetry::logs::LogStore;
use state_telemetry::metrics::MetricStore;
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use tokio::sync::Mutex;

use crate::regions;

/// Tasks that one commit asks to stop: each costs one precondition and one write.
const STOPS_PER_COMMIT_MAX: usize = 60;

#[derive(Debug)]
pub struct Reset {
    pub state: Arc<State>,
    pub clock: SharedClock,
    pub random: SharedRandom,
    /// Only test suites may drop everything: the option `--any-credentials` says that this is one.
    pub allowed: bool,
    pub home: Scope,
    /// The root's access key outlives a reset: it is what `neargate env` told.
    pub root_key_id: String,
    pub logs: LogStore,
    pub metrics: MetricStore,
    pub ingest: Arc<Ingest>,
    pub queries: Arc<Queries>,
    pub blobs: BlobStore,
    pub running: Mutex<()>,
}

#[derive(Debug)]
pub struct ResetRefusal {
    pub status: StatusCode,
    pub message: String,
}

impl Reset {
    /// Stops every task, waits for their end, drops all state and makes the defaults again.
    pub async fn run(&self) -> Result<(), ResetRefusal> {
        if !self.allowed {
            let message =
                String::from("Reset is only possible when the server was started with --any-credentials.");
            return Err(ResetRefusal { status: StatusCode::FORBIDDEN, message });
        }
        let _one_at_a_time = self.running.lock().await;
        // Services would start their tasks anew, and targets that drain would hold them for minutes.
        let is_kept = |table: &str| !table.starts_with("ecs-service") && !table.starts_with("elb-");
        self.state.clear(is_kept).await.map_err(|error| failed(&error.to_string()))?;
        self.stop_tasks().await?;
        let mut changes = self.state.changes();
        // What follows from their end is written as well, or it would turn up after the reset.
        while !all_settled(&self.state.view()) {
            if changes.changed().await.is_err() {
                return Err(failed("the server is stopping"));
            }
        }
        let root_key =
            self.state.view().iam_access_keys.get(&self.root_key_id).map(|row| Arc::clone(row.record()));
        self.state.clear(|_| false).await.map_err(|error| failed(&error.to_string()))?;
        self.ingest.clear();
        self.queries.clear(self.clock.now());
        self.logs.clear().await.map_err(|error| failed(&error.to_string()))?;
        self.metrics.clear().await.map_err(|error| failed(&error.to_string()))?;
        self.blobs.clear().await.map_err(|error| failed(&error.to_string()))?;
        if let Some(root_key) = root_key {
            let mut transaction = Transaction::new();
            transaction.put(&*root_key);
            self.state.commit(transaction).await.map_err(|error| failed(&error.to_string()))?;
        }
        regions::ensure(&self.state, &self.home, self.clock.now(), &*self.random)
            .await
            .map_err(|error| failed(&error.message))
    }

    async fn stop_tasks(&self) -> Result<(), ResetRefusal> {
        let now = self.clock.now();
        loop {
            let stopped = self.state.transact(|view, transaction| {
                let waiting = view.live_tasks.iter().filter_map(|key| view.task_intents.get(key));
                let mut count = 0;
                for row in waiting.filter(|row| row.stop.is_none()).take(STOPS_PER_COMMIT_MAX) {
                    let mut intent = (**row.record()).clone();
                    intent.stop = Some(StopRequest {
                        code: StopCode::UserInitiated,
                        reason: String::from("The installation was reset"),
                        at: now,
                    });
                    intent.changes += 1;
                    task_columns::update_intent(transaction, row, &intent);
                    count += 1;
                }
                Ok::<_, std::convert::Infallible>(count)
            });
            match stopped.await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(_) => return Err(failed("the state store can't write")),
            }
        }
    }
}

fn all_settled(view: &View) -> bool {
    view.live_tasks.is_empty() && view.task_intents.iter().all(|(key, _)| task_columns::is_settled(view, key))
}

fn failed(reason: &str) -> ResetRefusal {
    let message = format!("The reset did not complete: {reason}.");
    ResetRefusal { status: StatusCode::INTERNAL_SERVER_ERROR, message }
}
