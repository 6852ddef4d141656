//! Replays: reads archived events in the order of their times, and puts them among those that wait.
//!
//! What is sent again and how far the replay has come are one transaction, so a killed server neither leaves out nor repeats.

use state_model::events::PendingEvent;
use state_model::events::Replayed;
use state_model::events::archive::{Replay, ReplayState};
use state_model::events::bus;
use state_store::CommitError;
use state_tables::{Row, Transaction};
use state_telemetry::logs::{Event, Filter, Key, LogStore, Selector};
use state_telemetry::pattern::Pattern;
use stdx::clock::Timestamp;
use stdx_async::supervisor;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};
use crate::limits::{
    EVENT_BYTES_PER_COMMIT_MAX, FAILURE_PAUSE, REPLAY_REMEMBERED_MAX, REPLAYED_PER_COMMIT_MAX,
    REPLAYS_WAIT_ABOVE,
};

pub async fn activate(context: LoopContext, archives: LogStore) -> Result<Activation, LoopError> {
    let view = context.state.view();
    let running = view.event_replays.iter().map(|(_, row)| row).find(|row| !row.state.has_ended());
    let Some(row) = running else { return Ok(Activation::Idle(None)) };
    let mut replay = Replay::clone(row);
    if replay.state == ReplayState::Cancelling {
        replay.state = ReplayState::Cancelled;
        replay.ended_at = Some(context.clock.now());
        return write(&context, row, &replay, &[]).await;
    }
    if view.pending_events.len() >= REPLAYS_WAIT_ABOVE {
        return Ok(Activation::Idle(None));
    }
    let page = match read(&archives, &replay).await {
        Ok(page) => page,
        Err(reason) => {
            tracing::warn!(replay = replay.name, reason, "an archive can't be read; its replay waits");
            return Ok(Activation::Idle(Some(context.clock.now().plus(FAILURE_PAUSE))));
        }
    };
    replay.state = ReplayState::Running;
    // Those that fit in a commit; each is written as a text within a text.
    let mut bytes = 0;
    let fitting = page.events.iter().take_while(|event| {
        bytes += 2 * event.message.len();
        bytes <= EVENT_BYTES_PER_COMMIT_MAX
    });
    let fitting = fitting.count().max(1).min(page.events.len());
    let events = sent_again(&mut replay, &page.events[..fitting], context.clock.now());
    let next = page.events.get(fitting).map(|event| event.key).or(page.next);
    match next {
        Some(next) => replay.cursor = Some(next.to_string()),
        None => {
            replay.state = ReplayState::Completed;
            replay.ended_at = Some(context.clock.now());
            replay.sent.clear();
        }
    }
    write(&context, row, &replay, &events).await
}

async fn read(archives: &LogStore, replay: &Replay) -> Result<state_telemetry::logs::FilterPage, String> {
    let filter = Filter {
        selector: Selector::Streams(vec![replay.stream.clone()]),
        start_ms: Some(replay.from.as_millis()),
        end_ms: Some(replay.until.as_millis()),
        pattern: Pattern::parse("").map_err(|error| error.to_string())?,
        from_head: true,
        limit: REPLAYED_PER_COMMIT_MAX,
        cursor: replay.cursor.as_deref().and_then(|text| text.parse::<Key>().ok()),
    };
    let archives = archives.clone();
    let page = supervisor::blocking(move || archives.filter(&filter)).await;
    page.map_err(|error| error.to_string())
}

/// The events of a page as they wait, and how far the replay has come with them.
fn sent_again(replay: &mut Replay, page: &[Event], now: Timestamp) -> Vec<PendingEvent> {
    let Some((scope, bus)) = bus::parse_arn(&replay.bus_arn) else { return Vec::new() };
    let mut events = Vec::new();
    for archived in page {
        let Ok(envelope) = serde_json::from_slice::<serde_json::Value>(&archived.message) else { continue };
        let text = |name: &str| envelope[name].as_str().unwrap_or_default().to_owned();
        let id = text("id");
        replay.reached = Some(Timestamp(archived.timestamp_ms));
        if replay.sent.contains(&id) {
            continue;
        }
        replay.sent.push(id.clone());
        // They keep their order among all that waits.
        let place = now.0.max(replay.queued_at.map_or(0, |last| last.0 + 1));
        replay.queued_at = Some(Timestamp(place));
        let resources = envelope["resources"].as_array().into_iter().flatten();
        events.push(PendingEvent {
            scope: scope.clone(),
            id,
            bus: bus.to_owned(),
            source: text("source"),
            detail_type: text("detail-type"),
            time: Timestamp(archived.timestamp_ms),
            resources: resources.filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            detail: envelope["detail"].to_string(),
            accepted_at: Timestamp(place),
            replay: Some(Replayed { name: replay.name.clone(), rules: replay.rules.clone() }),
            hops: 0,
            via: None,
            origin: None,
            told: None,
        });
    }
    let surplus = replay.sent.len().saturating_sub(REPLAY_REMEMBERED_MAX);
    replay.sent.drain(..surplus);
    events
}

async fn write(
    context: &LoopContext,
    row: &Row<Replay>,
    replay: &Replay,
    events: &[PendingEvent],
) -> Result<Activation, LoopError> {
    let mut transaction = Transaction::new();
    transaction.update(row, replay);
    events.iter().for_each(|event| transaction.insert(event));
    committed(context.state.commit(transaction).await)
}

fn committed(result: Result<state_store::Revision, CommitError>) -> Result<Activation, LoopError> {
    match result {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(Activation::Again),
        Err(error) => Err(LoopError::Commit(error)),
    }
}
