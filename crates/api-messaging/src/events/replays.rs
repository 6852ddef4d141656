//! Replays: the loop of replays does what is asked for here.

use api_auth::Context;
use state_model::events::archive::{Archive, Replay, ReplayState};
use state_tables::{Row, View};
use stdx::clock::Timestamp;
use wire_schema::{Instant, ServiceError};
use wire_shapes_messaging::events;

use super::errors::{exists, invalid, limit_exceeded, not_found};
use super::limits::REPLAYS_RUNNING_MAX;
use super::names::{Named, instant};
use super::validation::{NameConstraints, Violations};
use super::{Events, archives, page};

const REPLAY: Named = Named { kind: "replay", member: "replayName", chars_max: 64 };

pub async fn start_replay(
    context: Context<Events>,
    input: events::StartReplayRequest,
) -> Result<events::StartReplayResponse, ServiceError> {
    let name = REPLAY.authorise(&context, "StartReplay", input.replay_name)?;
    let mut violations = Violations::default();
    violations.required(input.event_source_arn.as_ref(), "eventSourceArn");
    violations.required(input.event_start_time.as_ref(), "eventStartTime");
    violations.required(input.event_end_time.as_ref(), "eventEndTime");
    violations.required(input.destination.as_ref(), "destination");
    let destination = input.destination.clone().unwrap_or_default();
    violations.required(destination.arn.as_ref(), "destination.arn");
    violations.length(input.description.as_deref(), "description", 0, 512);
    violations.check()?;
    let (from, until) = (time_of(input.event_start_time), time_of(input.event_end_time));
    if from >= until {
        return Err(invalid(
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
        ));
    }
    let archive_arn = input.event_source_arn.unwrap_or_default();
    let Some(archive_name) = archive_arn.strip_prefix(&context.scope.arn("events", "archive/")) else {
        return Err(invalid(
            "Parameter EventSourceArn is not valid. Reason: it must contain an archive ARN.",
        ));
    };
    let bus_arn = destination.arn.unwrap_or_default();
    let rules = destination.filter_arns.unwrap_or_default();
    let replay = context
        .transact(|view, transaction| {
            let archive = archives::find(view, &context, archive_name)?;
            check_destination(view, archive, &bus_arn, &rules)?;
            if view.event_replays.contains(&context.scope.key(&name)) {
                return Err(exists(format!("Replay {name} already exists.")));
            }
            let prefix = context.scope.key("");
            let of_scope = view.event_replays.prefix(&prefix);
            let running = of_scope.filter(|(_, replay)| !replay.state.has_ended()).count();
            if running >= REPLAYS_RUNNING_MAX {
                return Err(limit_exceeded());
            }
            let replay = Replay {
                scope: context.scope.clone(),
                name: name.clone(),
                description: input.description.clone(),
                archive_arn: archive_arn.clone(),
                stream: archive.stream(),
                bus_arn: bus_arn.clone(),
                rules: rules.clone(),
                from,
                until,
                state: ReplayState::Starting,
                started_at: context.now,
                ended_at: None,
                reached: None,
                cursor: None,
                sent: Vec::new(),
                queued_at: None,
            };
            transaction.insert(&replay);
            Ok(replay)
        })
        .await?;
    Ok(events::StartReplayResponse {
        replay_arn: Some(replay.arn()),
        state: Some(state(replay.state)),
        state_reason: None,
        replay_start_time: instant(replay.started_at),
    })
}

fn time_of(time: Option<Instant>) -> Timestamp {
    Timestamp::from_millis(time.unwrap_or_default().millis)
}

fn check_destination(
    view: &View,
    archive: &Archive,
    bus_arn: &str,
    rules: &[String],
) -> Result<(), ServiceError> {
    if archive.source_arn != bus_arn {
        return Err(invalid(
            "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
        ));
    }
    let bus = state_model::events::bus::parse_arn(bus_arn);
    for arn in rules {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let known = bus.as_ref().and_then(|(scope, bus)| {
            view.event_rules.get(&state_model::events::rule::Rule::key_of(scope, bus, name))
        });
        if known.is_none_or(|rule| rule.arn() != *arn) {
            return Err(not_found(format!("Rule {arn} does not exist.")));
        }
    }
    Ok(())
}

pub async fn cancel_replay(
    context: Context<Events>,
    input: events::CancelReplayRequest,
) -> Result<events::CancelReplayResponse, ServiceError> {
    let name = REPLAY.authorise(&context, "CancelReplay", input.replay_name)?;
    let replay = context
        .transact(|view, transaction| {
            let row = find(view, &context, &name)?;
            if !matches!(row.state, ReplayState::Starting | ReplayState::Running) {
                let message = format!("Replay {name} is not in a valid state for this operation.");
                return Err(ServiceError::caller("IllegalStatusException", message));
            }
            let replay = Replay { state: ReplayState::Cancelling, ..Replay::clone(row) };
            transaction.update(row, &replay);
            Ok(replay)
        })
        .await?;
    Ok(events::CancelReplayResponse {
        replay_arn: Some(replay.arn()),
        state: Some(state(replay.state)),
        state_reason: None,
    })
}

pub async fn describe_replay(
    context: Context<Events>,
    input: events::DescribeReplayRequest,
) -> Result<events::DescribeReplayResponse, ServiceError> {
    let name = REPLAY.authorise(&context, "DescribeReplay", input.replay_name)?;
    let replay = Replay::clone(find(&context.view(), &context, &name)?);
    Ok(events::DescribeReplayResponse {
        replay_arn: Some(replay.arn()),
        replay_name: Some(replay.name),
        description: replay.description,
        state: Some(state(replay.state)),
        state_reason: None,
        event_source_arn: Some(replay.archive_arn),
        destination: Some(events::ReplayDestination {
            arn: Some(replay.bus_arn),
            filter_arns: (!replay.rules.is_empty()).then_some(replay.rules),
        }),
        event_start_time: instant(replay.from),
        event_end_time: instant(replay.until),
        event_last_replayed_time: replay.reached.and_then(instant),
        replay_start_time: instant(replay.started_at),
        replay_end_time: replay.ended_at.and_then(instant),
    })
}

pub async fn list_replays(
    context: Context<Events>,
    input: events::ListReplaysRequest,
) -> Result<events::ListReplaysResponse, ServiceError> {
    context.authorise("events:ListReplays", "*")?;
    let mut violations = Violations::default();
    violations.optional_name(input.name_prefix.as_deref(), "namePrefix", 64, "");
    violations.in_range(input.limit, "limit", 1, 100);
    let wanted_state = input.state.as_ref().map(|state| state.as_str());
    violations.one_of(wanted_state, "state", events::ReplayState::VALUES);
    violations.check()?;
    let view = context.view();
    let prefix = context.scope.key(input.name_prefix.as_deref().unwrap_or_default());
    let parameters = format!("replays {:?} {wanted_state:?}", input.event_source_arn);
    let wanted = |replay: &Replay| {
        wanted_state.is_none_or(|state| state == replay.state.as_str())
            && input.event_source_arn.as_ref().is_none_or(|arn| *arn == replay.archive_arn)
    };
    let token = input.next_token.as_deref();
    let (rows, next_token) =
        page::page(&view.event_replays, &prefix, input.limit, token, &parameters, wanted)?;
    let replays = rows.iter().map(|row| Replay::clone(row)).map(|replay| events::Replay {
        replay_name: Some(replay.name),
        event_source_arn: Some(replay.archive_arn),
        state: Some(state(replay.state)),
        state_reason: None,
        event_start_time: instant(replay.from),
        event_end_time: instant(replay.until),
        event_last_replayed_time: replay.reached.and_then(instant),
        replay_start_time: instant(replay.started_at),
        replay_end_time: replay.ended_at.and_then(instant),
    });
    Ok(events::ListReplaysResponse { replays: Some(replays.collect()), next_token })
}

fn state(state: ReplayState) -> events::ReplayState {
    state.as_str().into()
}

fn find<'a>(view: &'a View, context: &Context<Events>, name: &str) -> Result<&'a Row<Replay>, ServiceError> {
    let row = view.event_replays.get(&context.scope.key(name));
    row.ok_or_else(|| not_found(format!("Replay {name} does not exist.")))
}
