//! The handle everything reads and writes state through.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use state_model::record::DecodeError;
use state_store::{CommitError, Revision, Store, StoreError, Watch, WatchError};
use tokio::sync::watch;
use tracing::error;

use crate::limits::{DELETIONS_PER_COMMIT, TRANSACT_ATTEMPTS_MAX};
use crate::tables::View;
use crate::transaction::Transaction;

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("the stored state can't be read")]
    Load(#[source] StoreError),
    #[error("the stored state can't be watched")]
    Watch(#[source] WatchError),
    #[error("the stored state holds a record that this program can't read")]
    Decode(#[source] DecodeError),
}

/// Why [`State::transact`] gave up: the decision itself said no, or the store did.
#[derive(Debug)]
pub enum TransactError<E> {
    Refused(E),
    Commit(CommitError),
}

#[derive(Debug)]
pub struct State {
    store: Arc<dyn Store>,
    view: ArcSwap<View>,
    revision: watch::Sender<Revision>,
}

impl State {
    /// Loads everything. The returned [`Feed`] must be run as a task of its own: it keeps the snapshot current.
    pub async fn load(store: Arc<dyn Store>) -> Result<(Arc<State>, Feed), StateError> {
        let range = store.range(b"").await.map_err(StateError::Load)?;
        let mut view = View { revision: range.revision, ..View::default() };
        for entry in &range.entries {
            view.apply_stored(&entry.key, Some(&entry.value), entry.mod_revision)
                .map_err(StateError::Decode)?;
        }
        let watch = store.watch(range.revision).await.map_err(StateError::Watch)?;
        let (revision, _) = watch::channel(range.revision);
        let state = Arc::new(State { store, view: ArcSwap::from_pointee(view), revision });
        let feed = Feed { state: Arc::clone(&state), watch };
        Ok((state, feed))
    }

    /// The newest snapshot. Cheap; take one per decision and decide from that one alone.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Wakes whoever plans: the value is the newest revision.
    pub fn changes(&self) -> watch::Receiver<Revision> {
        self.revision.subscribe()
    }

    /// Applies the transaction and returns when the snapshot holds it.
    pub async fn commit(&self, transaction: Transaction) -> Result<Revision, CommitError> {
        let revision = self.store.commit(transaction.inner).await?;
        let mut seen = self.revision.subscribe();
        // The sender lives as long as `self`.
        let _ = seen.wait_for(|applied| *applied >= revision).await;
        Ok(revision)
    }

    /// Decides from a snapshot and commits; decides again from a newer one when another writer came first.
    ///
    /// `decide` fills the transaction and yields what the caller wants to know; an error of it ends the attempt.
    pub async fn transact<T, E>(
        &self,
        mut decide: impl FnMut(&View, &mut Transaction) -> Result<T, E>,
    ) -> Result<T, TransactError<E>> {
        let mut conflict = None;
        for _ in 0..TRANSACT_ATTEMPTS_MAX {
            let mut transaction = Transaction::new();
            let view = self.view();
            let output = decide(&view, &mut transaction).map_err(TransactError::Refused)?;
            if transaction.is_empty() {
                return Ok(output);
            }
            match self.commit(transaction).await {
                Ok(_) => return Ok(output),
                Err(CommitError::Conflict { key }) => conflict = Some(key),
                Err(other) => return Err(TransactError::Commit(other)),
            }
            if !self.wait_past(view.revision).await? {
                break;
            }
        }
        let key = conflict.unwrap_or_default();
        Err(TransactError::Commit(CommitError::Conflict { key }))
    }

    /// Deletes everything but the tables that `keep` names. Not one transaction: nobody else may be writing.
    pub async fn clear(&self, keep: fn(&str) -> bool) -> Result<(), CommitError> {
        let range = self.store.range(b"").await.map_err(CommitError::Unavailable)?;
        let doomed = range.entries.into_iter().map(|entry| entry.key).filter(|key| {
            let table = key.split(|byte| *byte == b'/').next().unwrap_or_default();
            !std::str::from_utf8(table).is_ok_and(keep)
        });
        let doomed: Vec<_> = doomed.collect();
        for keys in doomed.chunks(DELETIONS_PER_COMMIT) {
            let writes = keys.iter().map(|key| state_store::Write::Delete { key: key.clone() }).collect();
            let inner = state_store::Transaction { preconditions: Vec::new(), writes };
            self.commit(Transaction { inner }).await?;
        }
        Ok(())
    }

    /// Deciding again from the same snapshot would conflict again: waits for what the store has and the snapshot lacks.
    /// False when there is nothing newer, so that the conflict is final.
    async fn wait_past<E>(&self, revision: Revision) -> Result<bool, TransactError<E>> {
        let newest =
            self.store.commit(state_store::Transaction::default()).await.map_err(TransactError::Commit)?;
        let mut seen = self.revision.subscribe();
        let _ = seen.wait_for(|applied| *applied >= newest).await;
        Ok(newest > revision)
    }
}

/// Applies the store's watch to the snapshot.
#[derive(Debug)]
pub struct Feed {
    state: Arc<State>,
    watch: Watch,
}

impl Feed {
    /// Runs until the store closes. An error means that the snapshot no longer follows the store: the process must
    /// stop rather than answer from it.
    pub fn run(mut self) -> Pin<Box<dyn Future<Output = Result<(), StateError>> + Send>> {
        Box::pin(async move {
            while let Some(first) = self.watch.batches.recv().await {
                let mut view = View::clone(&self.state.view.load());
                view.apply_batch(&first.map_err(StateError::Watch)?).map_err(StateError::Decode)?;
                // Whatever else has arrived belongs to the same snapshot: one publication for a burst of commits.
                while let Ok(next) = self.watch.batches.try_recv() {
                    view.apply_batch(&next.map_err(StateError::Watch)?).map_err(StateError::Decode)?;
                }
                let revision = view.revision;
                self.state.view.store(Arc::new(view));
                self.state.revision.send_replace(revision);
            }
            error!("the state store closed its watch");
            Ok(())
        })
    }
}
