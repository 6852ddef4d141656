//! The balancer of this machine: started when there is a load balancer, found again after a restart of the server, fed with
//! its configuration, and ended when there has been nothing to balance for a while.

pub mod process;

use std::sync::Arc;
use std::time::Duration;

use control_loops::LoopContext;
use control_loops::edge::{EdgeDispatch, EdgeMetrics, EdgeSession, SessionError, Unseal, reports};
use node_network::Instance;
use state_telemetry::metrics::MetricStore;
use stdx::backoff::Backoff;
use stdx::random::SharedRandom;
use stdx_async::shutdown::Shutdown;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::limits::{BALANCER_DRAIN_SECS, BALANCER_SILENCE_MAX, BALANCER_START_MAX};
use process::{BalancerFiles, StartError};

const CONNECT_RETRY: Backoff = Backoff { first: Duration::from_millis(4), max: Duration::from_millis(100) };
const SESSION_RETRY: Backoff = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(5) };

/// Balancers of another version speak another protocol, or serve otherwise than this server expects.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Debug, thiserror::Error)]
enum BalancerError {
    #[error("the balancer can't be started")]
    Start(#[from] StartError),
    #[error("the balancer did not answer in time; its log is {0}")]
    Silent(String),
    #[error("the session with the balancer has ended")]
    Session(#[from] SessionError),
}

/// What keeps the balancer running and fed.
#[derive(Debug)]
pub struct Balancer {
    pub files: BalancerFiles,
    pub dispatch: EdgeDispatch,
    pub random: SharedRandom,
}

/// The parts that the server wires to others.
#[derive(Debug)]
pub struct Wiring {
    pub context: LoopContext,
    pub node: String,
    pub instance: Instance,
    pub unseal: Unseal,
    pub attached: watch::Receiver<std::collections::BTreeSet<String>>,
    pub metrics: EdgeMetrics,
    /// Keeps what the balancer counts.
    pub store: MetricStore,
}

impl Balancer {
    pub fn new(files: BalancerFiles, wiring: Wiring) -> Self {
        let random = Arc::clone(&wiring.context.random);
        let dispatch = EdgeDispatch {
            context: wiring.context,
            node: wiring.node,
            namespaces: wiring.instance.edge_dir(),
            unseal: wiring.unseal,
            attached: wiring.attached,
            metrics: wiring.metrics,
            store: wiring.store,
            applied: watch::Sender::new(0),
        };
        Self { files, dispatch, random }
    }

    /// Runs until the shutdown. The balancer goes on after it.
    pub async fn follow(self, mut shutdown: Shutdown) {
        let mut failures = 0;
        let mut changes = self.dispatch.context.state.changes();
        let mut silent_since = None;
        while !shutdown.is_requested() {
            changes.mark_unchanged();
            // One that runs already is taken over even when nothing is left for it: it must be told so.
            if !self.is_wanted() && !self.files.socket.exists() {
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = shutdown.requested() => return,
                }
                continue;
            }
            let session_shutdown = shutdown.clone();
            let served = tokio::select! {
                served = self.serve(session_shutdown, &mut failures, &mut silent_since) => served,
                () = shutdown.requested() => return,
            };
            if let Err(error) = served {
                self.note_failure(&error, &mut silent_since).await;
                let wait = SESSION_RETRY.wait(failures, &*self.random);
                failures += 1;
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = shutdown.requested() => return,
                }
            }
        }
    }

    fn is_wanted(&self) -> bool {
        !self.dispatch.context.state.view().elb_load_balancers.is_empty()
    }

    async fn serve(
        &self,
        shutdown: Shutdown,
        failures: &mut u32,
        silent_since: &mut Option<Duration>,
    ) -> Result<(), BalancerError> {
        let Some(session) = self.connect_or_start().await? else { return Ok(()) };
        if session.version != VERSION {
            info!(pid = session.pid, version = session.version, "replacing a balancer of another version");
            // Its listeners close at once and what is in flight goes on, while the next one takes the addresses.
            self.files.forget_socket();
            return Ok(session.stop(BALANCER_DRAIN_SECS).await?);
        }
        (*failures, *silent_since) = (0, None);
        Ok(self.dispatch.run(session, shutdown).await?)
    }

    /// None when nothing answers and nothing is wanted.
    async fn connect_or_start(&self) -> Result<Option<EdgeSession>, BalancerError> {
        if let Ok(session) = self.connect().await {
            return Ok(Some(session));
        }
        if !self.is_wanted() {
            self.files.forget_socket();
            return Ok(None);
        }
        // One that runs and doesn't answer is about to: its keeper starts the worker anew. If not, it is replaced.
        if process::running(&self.files).is_empty() {
            process::start(&self.files)?;
        }
        match tokio::time::timeout(BALANCER_START_MAX, self.connect_patiently()).await {
            Ok(session) => Ok(Some(session)),
            Err(_) => {
                process::end(&self.files);
                Err(BalancerError::Silent(self.files.log.display().to_string()))
            }
        }
    }

    async fn connect_patiently(&self) -> EdgeSession {
        let mut attempt = 0;
        loop {
            if let Ok(session) = self.connect().await {
                return session;
            }
            tokio::time::sleep(CONNECT_RETRY.wait(attempt, &*self.random)).await;
            attempt += 1;
        }
    }

    async fn connect(&self) -> Result<EdgeSession, SessionError> {
        let opened = async { EdgeSession::open(UnixStream::connect(&self.files.socket).await?).await };
        tokio::time::timeout(BALANCER_START_MAX, opened).await.unwrap_or(Err(SessionError::NoHello))
    }

    /// A balancer that is away for a moment still serves; one that stays away is told.
    async fn note_failure(&self, error: &BalancerError, silent_since: &mut Option<Duration>) {
        let now = self.dispatch.context.clock.monotonic();
        if self.is_wanted() {
            let error = error as &dyn std::error::Error;
            warn!(error, "the balancer is out of reach");
        }
        let since = *silent_since.get_or_insert(now);
        if now.saturating_sub(since) < BALANCER_SILENCE_MAX {
            return;
        }
        if let Err(error) = reports::write_unreachable(&self.dispatch.context, &self.dispatch.node).await {
            warn!(error = &error as &dyn std::error::Error, "the states of load balancers can't be written");
        }
    }
}
