//! Edge dispatch: a session with a node's balancer. Sends what it is to serve, writes what it observes.
//!
//! It is the only writer of the states of load balancers and of the health of targets.

mod changes;
pub mod reports;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use control_plan::edge_config::{self, Surroundings};
use link_protocol::edge::{CountedWindow, EdgeDown, EdgeUp, HealthReport, ListeningReport, MetricsReport};
use link_protocol::edge_frame::{self, Decoder, FrameError};
use state_model::acm::Certificate;
use state_tables::View;
use state_telemetry::metrics::MetricStore;
use stdx_async::shutdown::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tracing::warn;

use crate::LoopContext;
use crate::driver::LoopError;
use crate::edge::changes::Affected;
use crate::edge::reports::Standing;
use crate::limits::{
    EDGE_DOWN_QUEUE_MAX, EDGE_IDLE_DRAIN_SECS, EDGE_IDLE_MAX, EDGE_INTERFACES_PATIENCE, EDGE_READ_BYTES,
    EDGE_UP_QUEUE_MAX, FAILURE_PAUSE,
};
use crate::measure;

/// Opens the private key of a certificate: PEM, or none when it can't be opened.
#[derive(Clone)]
pub struct Unseal(pub Arc<UnsealKey>);

type UnsealKey = dyn Fn(&Certificate) -> Option<String> + Send + Sync;

impl fmt::Debug for Unseal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Unseal")
    }
}

/// The newest counters of the balancer. Shared with whoever tells them.
#[derive(Clone, Debug, Default)]
pub struct EdgeMetrics(Arc<Mutex<Option<Arc<MetricsReport>>>>);

impl EdgeMetrics {
    pub fn newest(&self) -> Option<Arc<MetricsReport>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, report: MetricsReport) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(report));
    }
}

/// The sessions with the balancer of one node.
#[derive(Clone, Debug)]
pub struct EdgeDispatch {
    pub context: LoopContext,
    pub node: String,
    /// The folder that holds a network namespace for each interface, named by its id.
    pub namespaces: PathBuf,
    pub unseal: Unseal,
    /// The interfaces of load balancers that are in place on the node.
    pub attached: watch::Receiver<BTreeSet<String>>,
    pub metrics: EdgeMetrics,
    /// Keeps what the balancer counts.
    pub store: MetricStore,
    /// Grows with what the balancer has acknowledged: the revision of the state that is in effect there.
    pub applied: watch::Sender<u64>,
}

/// A balancer that has said hello.
#[derive(Debug)]
pub struct EdgeSession {
    pub pid: u32,
    pub version: String,
    reader: Reader,
    writer: OwnedWriteHalf,
}

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("the connection to the balancer failed")]
    Connection(#[from] io::Error),
    #[error("a message of the session is none")]
    Frame(#[from] FrameError),
    #[error("the balancer has hung up")]
    HungUp,
    #[error("the balancer did not begin with its name")]
    NoHello,
}

impl EdgeSession {
    /// Waits for the balancer's first message.
    pub async fn open(stream: UnixStream) -> Result<Self, SessionError> {
        let (read, writer) = stream.into_split();
        let mut reader = Reader { stream: read, decoder: Decoder::default() };
        match reader.next().await? {
            EdgeUp::Hello { pid, version } => Ok(Self { pid, version, reader, writer }),
            _ => Err(SessionError::NoHello),
        }
    }

    /// Asks the balancer to end, and waits until it has hung up.
    pub async fn stop(mut self, drain_secs: u32) -> Result<(), SessionError> {
        self.writer.write_all(&edge_frame::encode(&EdgeDown::Stop { drain_secs })?).await?;
        loop {
            match self.reader.next().await {
                Ok(_) => {}
                Err(SessionError::HungUp) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl EdgeDispatch {
    /// Serves one session until the shutdown, or until it breaks.
    pub async fn run(&self, session: EdgeSession, mut shutdown: Shutdown) -> Result<(), SessionError> {
        let EdgeSession { reader, mut writer, .. } = session;
        let (frames, mut frames_out) = mpsc::channel::<Vec<u8>>(EDGE_DOWN_QUEUE_MAX);
        let (ups, ups_in) = mpsc::channel(EDGE_UP_QUEUE_MAX);
        let (counted, counted_in) = mpsc::channel(EDGE_UP_QUEUE_MAX);
        let write = async {
            while let Some(frame) = frames_out.recv().await {
                writer.write_all(&frame).await?;
            }
            Ok(())
        };
        // Five directions that never wait for each other but by their queues: telling, writing, reading, recording,
        // and keeping counts.
        tokio::select! {
            () = shutdown.requested() => Ok(()),
            told = self.tell(frames.clone()) => told,
            written = write => written,
            read = reader.run(ups) => read,
            () = self.record(ups_in, counted) => Ok(()),
            kept = self.keep_counts(counted_in, frames.clone()) => kept,
        }
    }

    /// Everything first, then what changes.
    async fn tell(&self, frames: mpsc::Sender<Vec<u8>>) -> Result<(), SessionError> {
        let mut changes = self.context.state.changes();
        let mut attached = self.attached.clone();
        // A timeout is no failure: what is not in place by then is told as soon as it is.
        let _ = tokio::time::timeout(EDGE_INTERFACES_PATIENCE, self.interfaces_in_place(&mut attached)).await;
        changes.mark_unchanged();
        let mut before = self.context.state.view();
        let mut eni_ids = attached.borrow_and_update().clone();
        let mut told = Told { frames, load_balancers: BTreeMap::new(), target_groups: BTreeMap::new() };
        self.tell_affected(&before, &Affected::everything(&before), &eni_ids, &mut told).await?;
        told.send(&EdgeDown::Complete).await?;
        told.send(&EdgeDown::Mark { revision: before.revision }).await?;
        loop {
            let mut affected = tokio::select! {
                changed = changes.changed() => match changed {
                    Ok(()) => Affected::default(),
                    Err(_) => return Ok(()),
                },
                moved = attached.changed() => {
                    if moved.is_err() {
                        return Ok(());
                    }
                    let now = attached.borrow_and_update().clone();
                    let differing: BTreeSet<&String> = now.symmetric_difference(&eni_ids).collect();
                    let affected = Affected::with_interfaces(&self.context.state.view(), &differing);
                    eni_ids = now;
                    affected
                }
                // It has nothing to serve, and has had nothing for long enough: it needn't stay in memory.
                () = tokio::time::sleep(EDGE_IDLE_MAX), if before.elb_load_balancers.is_empty() => {
                    told.send(&EdgeDown::Stop { drain_secs: EDGE_IDLE_DRAIN_SECS }).await?;
                    return told.hang_on().await;
                }
            };
            let view = self.context.state.view();
            affected.add(Affected::between(&before, &view));
            before = view;
            if !affected.is_empty() {
                self.tell_affected(&before, &affected, &eni_ids, &mut told).await?;
                told.send(&EdgeDown::Mark { revision: before.revision }).await?;
            }
        }
    }

    /// Waits until the node has taken over every interface that it should have. After a restart it knows of none at first,
    /// and a load balancer that is told without them would lose its listeners, which have gone on all the time.
    async fn interfaces_in_place(&self, attached: &mut watch::Receiver<BTreeSet<String>>) {
        let _ = attached
            .wait_for(|eni_ids| {
                let view = self.context.state.view();
                let mut placements = view.elb_load_balancer_placements.by("node", &self.node);
                placements.all(|placement| placement.zones.iter().all(|zone| eni_ids.contains(&zone.eni_id)))
            })
            .await;
    }

    /// Target groups come before the load balancers that use them, and go after them.
    async fn tell_affected(
        &self,
        view: &View,
        affected: &Affected,
        attached: &BTreeSet<String>,
        told: &mut Told,
    ) -> Result<(), SessionError> {
        let surroundings = Surroundings { namespaces: &self.namespaces, attached, unseal: &*self.unseal.0 };
        let mut unused = Vec::new();
        for key in &affected.target_groups {
            if let Some(config) = edge_config::target_group(view, key) {
                told.target_groups.insert(key.clone(), config.arn.clone());
                told.send(&EdgeDown::TargetGroup(Box::new(config))).await?;
            } else if let Some(arn) = told.target_groups.remove(key) {
                unused.push(arn);
            }
        }
        for key in &affected.load_balancers {
            let placement = view.elb_load_balancer_placements.get(key);
            let is_here = placement.is_some_and(|placement| placement.node == self.node);
            let config = edge_config::load_balancer(view, key, &surroundings).filter(|_| is_here);
            if let Some(config) = config {
                told.load_balancers.insert(key.clone(), config.arn.clone());
                told.send(&EdgeDown::LoadBalancer(Box::new(config))).await?;
            } else if let Some(arn) = told.load_balancers.remove(key) {
                told.send(&EdgeDown::RemoveLoadBalancer { arn }).await?;
            }
        }
        for arn in unused {
            told.send(&EdgeDown::RemoveTargetGroup { arn }).await?;
        }
        Ok(())
    }

    /// Writes reports as they come, many at once when many have come.
    async fn record(&self, mut ups: mpsc::Receiver<EdgeUp>, counted: mpsc::Sender<CountedWindow>) {
        let mut attached = self.attached.clone();
        let mut heard = Heard::default();
        loop {
            tokio::select! {
                first = ups.recv() => match first {
                    Some(first) => self.hear(first, &mut heard),
                    None => return,
                },
                moved = attached.changed() => if moved.is_err() { return },
            }
            while let Ok(next) = ups.try_recv() {
                self.hear(next, &mut heard);
            }
            for window in heard.counted.drain(..) {
                if counted.send(window).await.is_err() {
                    return;
                }
            }
            // A report must not be lost: the balancer has no reason to send it again. So this waits for the store.
            while let Err(error) = self.write(&heard, &attached).await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "reports of the balancer could not be recorded; trying again"
                );
                tokio::time::sleep(FAILURE_PAUSE).await;
            }
            heard.health.clear();
            heard.tidy = false;
        }
    }

    fn hear(&self, up: EdgeUp, heard: &mut Heard) {
        match up {
            EdgeUp::Hello { .. } => {}
            EdgeUp::Applied { revision } => drop(self.applied.send_replace(revision)),
            EdgeUp::Listening(report) => {
                heard.listening.insert(report.load_balancer_arn.clone(), report);
            }
            EdgeUp::Health(reports) => heard.health.extend(reports),
            EdgeUp::Metrics(report) => {
                self.metrics.set(*report);
                heard.tidy = true;
            }
            EdgeUp::Counted(window) => heard.counted.push(*window),
        }
    }

    /// Acknowledges each window when it is kept. Apart from the other reports, which needn't wait for the disk.
    async fn keep_counts(
        &self,
        mut counted: mpsc::Receiver<CountedWindow>,
        frames: mpsc::Sender<Vec<u8>>,
    ) -> Result<(), SessionError> {
        while let Some(window) = counted.recv().await {
            measure::balancer::keep(&self.context, &self.store, &window).await;
            let kept = edge_frame::encode(&EdgeDown::Counted { number: window.number })?;
            frames.send(kept).await.map_err(|_| SessionError::HungUp)?;
        }
        Ok(())
    }

    async fn write(
        &self,
        heard: &Heard,
        attached: &watch::Receiver<BTreeSet<String>>,
    ) -> Result<(), LoopError> {
        reports::write_health(&self.context, &heard.health).await?;
        let attached = attached.borrow().clone();
        let standing = Standing { node: &self.node, reports: &heard.listening, attached: &attached };
        reports::write_states(&self.context, &standing).await?;
        if heard.tidy { reports::forget_health(&self.context).await } else { Ok(()) }
    }
}

/// What this session has told the balancer: keys and ARNs.
struct Told {
    frames: mpsc::Sender<Vec<u8>>,
    load_balancers: BTreeMap<String, String>,
    target_groups: BTreeMap<String, String>,
}

impl Told {
    async fn send(&self, message: &EdgeDown) -> Result<(), SessionError> {
        self.frames.send(edge_frame::encode(message)?).await.map_err(|_| SessionError::HungUp)
    }

    /// Nothing more is to be told: the session ends when the balancer hangs up.
    async fn hang_on(&self) -> Result<(), SessionError> {
        self.frames.closed().await;
        Err(SessionError::HungUp)
    }
}

/// What the balancer has reported and is not yet written, and where its load balancers stood last.
#[derive(Default)]
struct Heard {
    listening: HashMap<String, ListeningReport>,
    health: Vec<HealthReport>,
    counted: Vec<CountedWindow>,
    /// The balancer's regular report is also the beat for tidying up.
    tidy: bool,
}

#[derive(Debug)]
struct Reader {
    stream: OwnedReadHalf,
    decoder: Decoder,
}

impl Reader {
    async fn next(&mut self) -> Result<EdgeUp, SessionError> {
        let mut bytes = vec![0; EDGE_READ_BYTES];
        loop {
            if let Some(message) = self.decoder.next()? {
                return Ok(message);
            }
            match self.stream.read(&mut bytes).await? {
                0 => return Err(SessionError::HungUp),
                read => self.decoder.push(&bytes[..read]),
            }
        }
    }

    async fn run(mut self, ups: mpsc::Sender<EdgeUp>) -> Result<(), SessionError> {
        loop {
            let message = self.next().await?;
            if ups.send(message).await.is_err() {
                return Ok(());
            }
        }
    }
}
