//! The loops that take questions.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hickory_proto::op::ResponseCode;
use stdx::random::SharedRandom;
use stdx_async::supervisor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::limits;
use crate::resolver::answer::{Decision, bare, decide};
use crate::resolver::forward::Forwarder;
use crate::resolver::zone::Zones;

/// After an error of the socket itself, so that a lasting one does not burn a processor.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Server {
    /// None while nobody is to be answered.
    pub zones: Arc<ArcSwapOption<Zones>>,
    pub forwarder: Forwarder,
    pub random: SharedRandom,
}

impl Server {
    fn decide(&self, question: &[u8], over_udp: bool) -> Decision {
        match self.zones.load().as_deref() {
            Some(zones) => decide(question, zones, &*self.random, over_udp),
            None => Decision::Ignore,
        }
    }

    async fn answer_tcp(&self, question: &[u8]) -> Option<Vec<u8>> {
        match self.decide(question, false) {
            Decision::Ignore => None,
            Decision::Answer(answer) => Some(answer),
            Decision::Forward => match self.forwarder.slot() {
                Some(_slot) => Some(self.forwarder.ask(question, false).await),
                None => Some(bare(question, ResponseCode::ServFail)),
            },
        }
    }
}

/// Answers what our zones know in this loop; each forwarded question has a task, as many as there are slots.
pub async fn udp(server: Arc<Server>, socket: Arc<UdpSocket>) {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            sleep(PAUSE_AFTER_ERROR).await;
            continue;
        };
        let question = &buffer[..length];
        let answer = match server.decide(question, true) {
            Decision::Ignore => continue,
            Decision::Answer(answer) => answer,
            Decision::Forward => match server.forwarder.slot() {
                None => bare(question, ResponseCode::ServFail),
                Some(slot) => {
                    let (server, socket) = (Arc::clone(&server), Arc::clone(&socket));
                    let question = question.to_vec();
                    supervisor::spawn("resolver-forward", async move {
                        let answer = server.forwarder.ask(&question, true).await;
                        drop(slot);
                        // A client that is gone needs no answer.
                        let _ = socket.send_to(&answer, peer).await;
                    });
                    continue;
                }
            },
        };
        let _ = socket.send_to(&answer, peer).await;
    }
}

pub async fn tcp(server: Arc<Server>, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(limits::DNS_CONNECTIONS_MAX));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(PAUSE_AFTER_ERROR).await;
            continue;
        };
        let server = Arc::clone(&server);
        supervisor::spawn("resolver-connection", async move {
            if let Err(error) = converse(&server, stream).await {
                debug!(%peer, %error, "a DNS connection ended");
            }
            drop(slot);
        });
    }
}

/// Answers the questions of one connection in their order, until it closes or falls silent.
async fn converse(server: &Server, mut stream: TcpStream) -> io::Result<()> {
    let mut question = Vec::new();
    loop {
        let length = match timeout(limits::DNS_IDLE_TIMEOUT, stream.read_u16()).await {
            Ok(Ok(length)) => length,
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Ok(()),
        };
        question.resize(usize::from(length), 0);
        timeout(limits::DNS_IDLE_TIMEOUT, stream.read_exact(&mut question)).await??;
        let Some(answer) = server.answer_tcp(&question).await else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(&answer);
        timeout(limits::DNS_IDLE_TIMEOUT, stream.write_all(&framed)).await??;
    }
}
