//! Connections to targets that wait for their next request: those of one worker, so that none is ever locked.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use hyper::client::conn::http2::SendRequest;
use tokio::time::Instant;

use super::body::RequestBody;
use super::limits::{HTTP2_TARGET_CONNECTIONS_MAX, IDLE_TARGET_CONNECTIONS_MAX};
use super::stream::is_stale;
use super::target_connection::{Key, TargetConnection};

#[derive(Debug, Default)]
pub struct Pool {
    http1: RefCell<HashMap<Key, VecDeque<Idle>>>,
    http2: RefCell<HashMap<Key, Vec<Rc<Shared>>>>,
}

#[derive(Debug)]
struct Idle {
    connection: TargetConnection,
    since: Instant,
}

/// An HTTP/2 connection, used by many requests at once.
#[derive(Debug)]
pub struct Shared {
    pub sender: RefCell<SendRequest<RequestBody>>,
    pub streams: Cell<usize>,
    pub last_used: Cell<Instant>,
}

/// Streams of one connection before another one is opened.
const STREAMS_WANTED: usize = 100;

impl Pool {
    /// The one that was used last: it is the least likely to have been closed by its target.
    pub fn take(&self, key: Key) -> Option<TargetConnection> {
        let mut idle = self.http1.borrow_mut();
        let connections = idle.get_mut(&key)?;
        while let Some(mut idle) = connections.pop_back() {
            if !is_stale(&mut idle.connection.stream) {
                idle.connection.reused = true;
                return Some(idle.connection);
            }
        }
        None
    }

    pub fn put(&self, mut connection: TargetConnection, now: Instant) {
        connection.input = bytes::BytesMut::new();
        let mut idle = self.http1.borrow_mut();
        let connections = idle.entry(connection.key).or_default();
        if connections.len() >= IDLE_TARGET_CONNECTIONS_MAX {
            connections.pop_front();
        }
        connections.push_back(Idle { connection, since: now });
    }

    /// One with room for another request. None: open one.
    pub fn share(&self, key: Key) -> Option<Rc<Shared>> {
        let mut shared = self.http2.borrow_mut();
        let connections = shared.get_mut(&key)?;
        connections.retain(|shared| !shared.sender.borrow().is_closed());
        let least = connections.iter().min_by_key(|shared| shared.streams.get())?;
        let is_full =
            least.streams.get() >= STREAMS_WANTED && connections.len() < HTTP2_TARGET_CONNECTIONS_MAX;
        (!is_full).then(|| least.clone())
    }

    pub fn add_shared(&self, key: Key, sender: SendRequest<RequestBody>) -> Rc<Shared> {
        let shared = Rc::new(Shared {
            sender: RefCell::new(sender),
            streams: Cell::new(0),
            last_used: Cell::new(Instant::now()),
        });
        self.http2.borrow_mut().entry(key).or_default().push(shared.clone());
        shared
    }

    /// Drops what is closed, unused for too long, or leads to a target that is gone.
    pub fn sweep(&self, now: Instant, idle_max: Duration) {
        self.http1.borrow_mut().retain(|_, connections| {
            connections.retain_mut(|idle| {
                now.duration_since(idle.since) < idle_max && !is_stale(&mut idle.connection.stream)
            });
            !connections.is_empty()
        });
        self.http2.borrow_mut().retain(|_, connections| {
            connections.retain(|shared| {
                let is_idle =
                    shared.streams.get() == 0 && now.duration_since(shared.last_used.get()) >= idle_max;
                !is_idle && !shared.sender.borrow().is_closed()
            });
            !connections.is_empty()
        });
    }

    /// Of HTTP/1.
    pub fn idle_count(&self) -> usize {
        self.http1.borrow().values().map(VecDeque::len).sum()
    }
}
