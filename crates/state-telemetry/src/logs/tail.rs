//! New events as they are stored, for whoever follows a log.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::batch::Encoded;
use super::block::Block;
use super::read::Selector;
use super::store::LogStore;
use crate::limits::{LIVE_TAIL_EVENTS_PER_UPDATE, TAIL_QUEUE_BYTES_MAX, TAIL_QUEUE_LENGTH_MAX};
use crate::pattern::Pattern;

/// A stored event as a follower sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailEvent {
    pub stream: Arc<str>,
    pub timestamp_ms: i64,
    pub ingestion_ms: i64,
    pub message: Vec<u8>,
}

/// A block that was just made durable.
#[derive(Debug)]
pub(super) struct Committed {
    key: Arc<str>,
    block: Encoded,
}

impl Committed {
    pub(super) fn new(key: Arc<str>, block: Encoded) -> Self {
        Self { key, block }
    }

    fn bytes(&self) -> usize {
        self.block.messages.len() + self.block.columns.len()
    }
}

#[derive(Debug)]
struct Subscriber {
    selector: Selector,
    sender: mpsc::Sender<Arc<Committed>>,
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: AtomicUsize,
    events_dropped: AtomicU64,
}

/// Everyone who follows.
#[derive(Debug, Default)]
pub(super) struct Tails {
    count: AtomicUsize,
    subscribers: Mutex<Vec<Subscriber>>,
}

impl Tails {
    pub(super) fn is_listening(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Hands a block to those who selected its stream. Who is too slow loses it and is told how much.
    pub(super) fn publish(&self, committed: Arc<Committed>) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| !subscriber.sender.is_closed());
        self.count.store(subscribers.len(), Ordering::Release);
        for subscriber in subscribers.iter().filter(|subscriber| subscriber.selector.selects(&committed.key))
        {
            let queue = &subscriber.queue;
            let has_room = queue.bytes.load(Ordering::Relaxed) < TAIL_QUEUE_BYTES_MAX;
            if has_room && subscriber.sender.try_send(Arc::clone(&committed)).is_ok() {
                queue.bytes.fetch_add(committed.bytes(), Ordering::Relaxed);
            } else {
                queue.events_dropped.fetch_add(u64::from(committed.block.header.count), Ordering::Relaxed);
            }
        }
    }
}

/// Follows the selected streams from the moment of its making. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    receiver: mpsc::Receiver<Arc<Committed>>,
    queue: Arc<Queue>,
    pattern: Pattern,
}

impl LogStore {
    /// Events of the selected streams, also of streams that begin later, that match `pattern`.
    pub fn tail(&self, selector: Selector, pattern: Pattern) -> Subscription {
        let (sender, receiver) = mpsc::channel(TAIL_QUEUE_LENGTH_MAX);
        let queue = Arc::new(Queue::default());
        let tails = &self.shared().tails;
        let mut subscribers = tails.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.push(Subscriber { selector, sender, queue: Arc::clone(&queue) });
        tails.count.store(subscribers.len(), Ordering::Release);
        Subscription { receiver, queue, pattern }
    }
}

impl Subscription {
    /// Waits for matching events. Safe to give up waiting: nothing is lost by it.
    /// `None` when the store is closed.
    pub async fn recv(&mut self) -> Option<Vec<TailEvent>> {
        loop {
            let committed = self.receiver.recv().await?;
            // Bytes are added just after sending, so the sum may be missing for a moment.
            let _ = self.queue.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| {
                Some(bytes.saturating_sub(committed.bytes()))
            });
            let Encoded { header, messages, columns } = &committed.block;
            let block = Block::from_parts(*header, messages, columns);
            let matching = (0..block.len()).filter(|index| self.pattern.matches(block.message(*index)));
            let events: Vec<TailEvent> = matching
                .map(|index| TailEvent {
                    stream: Arc::clone(&committed.key),
                    timestamp_ms: block.timestamp(index),
                    ingestion_ms: block.ingestion(index),
                    message: block.message(index).to_vec(),
                })
                .collect();
            if !events.is_empty() {
                return Some(events);
            }
        }
    }

    /// Events (matching or not) that came too fast since the last call.
    pub fn take_dropped(&self) -> u64 {
        self.queue.events_dropped.swap(0, Ordering::Relaxed)
    }
}

/// The events of one update of a live tail: at most 500, the rest is counted as sampled away.
#[derive(Debug, Default)]
pub struct LiveSample {
    events: Vec<TailEvent>,
    is_sampled: bool,
}

impl LiveSample {
    pub fn add(&mut self, events: Vec<TailEvent>) {
        let room = LIVE_TAIL_EVENTS_PER_UPDATE - self.events.len();
        self.is_sampled |= events.len() > room;
        self.events.extend(events.into_iter().take(room));
    }

    pub fn note_dropped(&mut self, events: u64) {
        self.is_sampled |= events > 0;
    }

    /// The update, in time order, and whether events are missing from it. Begins the next one.
    pub fn take(&mut self) -> (Vec<TailEvent>, bool) {
        let mut events = std::mem::take(&mut self.events);
        events.sort_by_key(|event| event.timestamp_ms);
        (events, std::mem::take(&mut self.is_sampled))
    }
}
