//! Lets images expire by the lifecycle policies of their repositories.

use state_model::ecr::lifecycle::{LifecyclePolicy, expire};
use state_model::ecr::repository::{Lifecycle, Repository};
use state_tables::repository_contents::{self as contents, Removal};
use state_tables::{Row, State, TransactError, Transaction, View};
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::garbage::CollectError;

/// Evaluates every policy once and removes what expires; yields how many images went.
pub async fn expire_images(
    state: &State,
    now: Timestamp,
    random: &dyn Random,
) -> Result<usize, CollectError> {
    let view = state.view();
    let mut count = 0;
    for (key, repository) in view.ecr_repositories.iter() {
        let Some(lifecycle) = &repository.lifecycle else { continue };
        // It was checked when it was put.
        let Ok(policy) = LifecyclePolicy::parse(&lifecycle.text) else { continue };
        for expiry in expire(&contents::candidates(&view, repository), &policy, now) {
            count += usize::from(remove(state, key, &policy, &expiry.digest, (now, random)).await?);
        }
        transact(state, key, |_, transaction, row| note_evaluation(transaction, row, now)).await?;
    }
    Ok(count)
}

/// Whether the image went. It is judged again by what is there when it goes.
async fn remove(
    state: &State,
    key: &str,
    policy: &LifecyclePolicy,
    digest: &str,
    (now, random): (Timestamp, &dyn Random),
) -> Result<bool, CollectError> {
    loop {
        let step = transact(state, key, |view, transaction, repository| {
            let image = contents::image(view, repository, digest)?;
            let expired = expire(&contents::candidates(view, repository), policy, now);
            let still = expired.iter().any(|expiry| expiry.digest == digest);
            still.then(|| {
                let removal = contents::remove_image(view, transaction, repository, image);
                if removal == Removal::Complete {
                    let event = contents::deleted(view, image, None);
                    transaction.insert(&event.event(&repository.scope, now, random));
                }
                removal
            })
        });
        match step.await?.flatten() {
            None => return Ok(false),
            Some(Removal::Complete) => return Ok(true),
            Some(Removal::Unfinished) => {}
        }
    }
}

fn note_evaluation(transaction: &mut Transaction, row: &Row<Repository>, now: Timestamp) {
    if let Some(lifecycle) = &row.lifecycle {
        let lifecycle = Lifecycle { last_evaluated_at: Some(now), ..lifecycle.clone() };
        transaction.update(row, &Repository { lifecycle: Some(lifecycle), ..Repository::clone(row) });
    }
}

/// `None` when the repository is gone.
async fn transact<T>(
    state: &State,
    key: &str,
    mut decide: impl FnMut(&View, &mut Transaction, &Row<Repository>) -> T,
) -> Result<Option<T>, CollectError> {
    let outcome = state
        .transact(|view, transaction| {
            let row = view.ecr_repositories.get(key).filter(|row| !row.is_deleting);
            Ok::<_, std::convert::Infallible>(row.map(|row| decide(view, transaction, row)))
        })
        .await;
    match outcome {
        Ok(output) => Ok(output),
        Err(TransactError::Refused(never)) => match never {},
        Err(TransactError::Commit(failure)) => Err(CollectError::State(failure)),
    }
}
