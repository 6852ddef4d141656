//! Who watches, and the latest batches for those who begin a little late.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::limits::{HISTORY_BATCHES_MAX, HISTORY_BYTES_MAX, WATCH_QUEUE_MAX};
use crate::store::{Revision, Watch, WatchBatch, WatchError};

/// Owned by a provider and used under the same lock as its revision, so that no batch is missed or seen
/// twice.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    history: VecDeque<WatchBatch>,
    history_bytes: usize,
    senders: Vec<mpsc::Sender<Result<WatchBatch, WatchError>>>,
}

impl Watchers {
    /// A watch of everything after `after`; `current` is the newest revision published.
    pub fn subscribe(&mut self, after: Revision, current: Revision) -> Result<Watch, WatchError> {
        let oldest = self.history.front().map_or(current + 1, |batch| batch.revision);
        if after + 1 < oldest {
            return Err(WatchError::Compacted { requested: after, oldest });
        }
        let (sender, batches) = mpsc::channel(WATCH_QUEUE_MAX);
        for batch in self.history.iter().filter(|batch| batch.revision > after) {
            // The queue is longer than the history, so this can't fail.
            let _ = sender.try_send(Ok(batch.clone()));
        }
        self.senders.push(sender);
        Ok(Watch { batches })
    }

    pub fn publish(&mut self, batch: WatchBatch) {
        self.senders.retain(|sender| {
            // The last place of the queue is for telling that there is none left.
            let room = sender.capacity();
            if room <= 1 {
                let _ = sender.try_send(Err(WatchError::Lagged));
            }
            room > 1 && sender.try_send(Ok(batch.clone())).is_ok()
        });
        self.history_bytes += size(&batch);
        self.history.push_back(batch);
        while self.history.len() > HISTORY_BATCHES_MAX || self.history_bytes > HISTORY_BYTES_MAX {
            match self.history.pop_front() {
                Some(oldest) => self.history_bytes -= size(&oldest),
                None => break,
            }
        }
    }
}

fn size(batch: &WatchBatch) -> usize {
    batch
        .changes
        .iter()
        .map(|change| change.key.len() + change.value.as_ref().map_or(0, bytes::Bytes::len))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(revision: Revision) -> WatchBatch {
        WatchBatch { revision, changes: Vec::new().into() }
    }

    #[tokio::test]
    async fn a_watcher_that_never_reads_is_told_and_cut_off() {
        let mut watchers = Watchers::default();
        let mut watch = watchers.subscribe(0, 0).expect("nothing is compacted");
        for revision in 1..=WATCH_QUEUE_MAX as Revision + 10 {
            watchers.publish(batch(revision));
        }
        assert!(watchers.senders.is_empty());
        let mut last = None;
        let mut count = 0;
        while let Some(next) = watch.batches.recv().await {
            count += 1;
            last = Some(next);
        }
        assert_eq!((count, last), (WATCH_QUEUE_MAX, Some(Err(WatchError::Lagged))));
    }
}
