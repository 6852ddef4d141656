//! Named background tasks. A panic in one is told in the log with its name, never lost.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::{Instrument, error, info_span};

/// Starts `future` under `name`.
///
/// The handle yields `None` when the task panicked or was aborted.
#[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<Option<F::Output>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let inner = tokio::spawn(future.instrument(info_span!("task", name)));
    let abort = AbortOnDrop(inner.abort_handle());
    tokio::spawn(async move {
        let _abort = abort;
        match inner.await {
            Ok(output) => Some(output),
            Err(failure) => {
                if failure.is_panic() {
                    error!(task = name, %failure, "a background task panicked");
                }
                None
            }
        }
    })
}

/// Runs blocking work on the runtime's blocking pool.
///
/// # Panics
/// When the work itself panics: its caller waits for the result and can't go on without.
#[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(output) => output,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}

/// Aborting the outer handle must end the work too, not only the watcher.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_only_its_own_task() {
        let broken = spawn("broken", async { panic!("on purpose") });
        let fine = spawn("fine", async { 7 });
        assert_eq!(broken.await.ok().flatten(), None::<()>);
        assert_eq!(fine.await.ok().flatten(), Some(7));
    }
}
