//! The socket that control connects to, and a session over it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use link_protocol::edge::EdgeUp;
use link_protocol::edge_frame::{self, Decoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_local};

use super::Event;
use crate::limits;

/// Dropped: the connection closes.
#[derive(Debug)]
pub struct Session {
    pub number: u64,
    outgoing: mpsc::Sender<EdgeUp>,
    tasks: [AbortHandle; 2],
}

/// Replaces what an earlier worker has left at the path. Only one worker gets here: the lock on the state is held.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(failure) if failure.kind() != io::ErrorKind::NotFound => return Err(failure),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

pub async fn accept(listener: UnixListener, events: mpsc::Sender<Event>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if is_allowed(&stream) => {
                if events.send(Event::Connected(stream)).await.is_err() {
                    return;
                }
            }
            Ok(_) => tracing::warn!("someone who may not has connected to the balancer's socket"),
            Err(failure) => {
                tracing::warn!(%failure, "the balancer's socket can't accept");
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The configuration holds private keys, and decides where traffic goes.
fn is_allowed(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == nix::unistd::geteuid().as_raw())
}

impl Session {
    pub fn start(number: u64, stream: UnixStream, events: mpsc::Sender<Event>) -> Session {
        let (reader, writer) = stream.into_split();
        let (outgoing, queue) = mpsc::channel(limits::SESSION_OUTGOING_MAX);
        let reading = spawn_local(read(number, reader, events));
        let writing = spawn_local(write(writer, queue));
        Session { number, outgoing, tasks: [reading.abort_handle(), writing.abort_handle()] }
    }

    /// False when control doesn't take what it is told: the session is to be given up, the next one is told all again.
    pub fn tell(&self, message: EdgeUp) -> bool {
        self.outgoing.try_send(message).is_ok()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn read(number: u64, mut reader: OwnedReadHalf, events: mpsc::Sender<Event>) {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; limits::SESSION_READ_BYTES];
    let failure = 'session: loop {
        match reader.read(&mut buffer).await {
            Ok(0) => break None,
            Ok(count) => decoder.push(&buffer[..count]),
            Err(failure) => break Some(failure.to_string()),
        }
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(message)) => {
                    if events.send(Event::Message { session: number, message }).await.is_err() {
                        return;
                    }
                }
                Err(failure) => break 'session Some(format!("{failure:?}")),
            }
        }
    };
    if let Some(failure) = failure {
        tracing::warn!(failure, "a session with control has broken");
    }
    let _ = events.send(Event::Closed { session: number }).await;
}

async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::Receiver<EdgeUp>) {
    while let Some(message) = queue.recv().await {
        match edge_frame::encode(&message) {
            Ok(bytes) => {
                if writer.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Err(failure) => tracing::error!(?failure, "a message to control can't be sent"),
        }
    }
}
