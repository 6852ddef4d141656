//! Event buses: the default one of each region, and custom ones.

use api_auth::Context;
use state_model::events::DEFAULT_BUS;
use state_model::events::bus::{self, Bus};
use state_model::events::rule::Rule;
use wire_schema::{Empty, ServiceError};
use wire_shapes_messaging::events;

use super::errors::{exists, invalid, limit_exceeded, not_served, refuse_kms_key};
use super::limits::BUSES_MAX;
use super::names::{bus_name, find_bus, instant};
use super::validation::{NameConstraints, Violations};
use super::{Events, page, tags};

pub async fn create_event_bus(
    context: Context<Events>,
    input: events::CreateEventBusRequest,
) -> Result<events::CreateEventBusResponse, ServiceError> {
    authorise(&context, "CreateEventBus", input.name.as_deref())?;
    let mut violations = Violations::default();
    violations.name(input.name.as_deref(), "name", 256, "/");
    violations.length(input.description.as_deref(), "description", 0, 512);
    violations.check()?;
    if input.event_source_name.is_some() {
        return Err(not_served("EventSourceName (partner event sources)"));
    }
    check_extras(input.kms_key_identifier.as_deref(), &input.dead_letter_config, &input.log_config)?;
    let name = input.name.unwrap_or_default();
    if name.contains('/') {
        return Err(invalid("Event bus name must not contain '/': it is reserved for partner event buses."));
    }
    let mut bus = Bus::new(&context.scope, &name, context.now);
    bus.description = input.description;
    tags::merge(&mut bus.tags, &input.tags.unwrap_or_default())?;
    context
        .transact(|view, transaction| {
            if name == DEFAULT_BUS || view.event_buses.contains(&Bus::key_of(&context.scope, &name)) {
                return Err(exists(format!("Event bus {name} already exists.")));
            }
            if view.event_buses.prefix(&context.scope.key("")).count() >= BUSES_MAX {
                return Err(limit_exceeded());
            }
            transaction.insert(&bus);
            Ok(())
        })
        .await?;
    Ok(events::CreateEventBusResponse {
        event_bus_arn: Some(bus.arn()),
        description: bus.description,
        log_config: input.log_config,
        ..Default::default()
    })
}

/// Deleting a bus that isn't there succeeds, as on AWS.
pub async fn delete_event_bus(
    context: Context<Events>,
    input: events::DeleteEventBusRequest,
) -> Result<Empty, ServiceError> {
    authorise(&context, "DeleteEventBus", input.name.as_deref())?;
    let mut violations = Violations::default();
    violations.name(input.name.as_deref(), "name", 256, "/");
    violations.check()?;
    let name = input.name.unwrap_or_default();
    if name == DEFAULT_BUS {
        return Err(invalid("Cannot delete event bus default."));
    }
    context
        .transact(|view, transaction| {
            let rules = Rule::key_of(&context.scope, &name, "");
            if view.event_rules.prefix(&rules).next().is_some() {
                return Err(invalid(format!("Event bus {name} can't be deleted since it has rules.")));
            }
            if let Some(row) = view.event_buses.get(&Bus::key_of(&context.scope, &name)) {
                transaction.delete(row);
            }
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn describe_event_bus(
    context: Context<Events>,
    input: events::DescribeEventBusRequest,
) -> Result<events::DescribeEventBusResponse, ServiceError> {
    authorise(&context, "DescribeEventBus", input.name.as_deref())?;
    let name = bus_name(&context.scope, input.name.as_deref())?;
    let bus = find_bus(&context.view(), &context.scope, &name)?;
    Ok(events::DescribeEventBusResponse {
        arn: Some(bus.arn()),
        creation_time: instant(bus.created_at),
        last_modified_time: instant(bus.modified_at),
        name: Some(bus.name),
        description: bus.description,
        policy: bus.policy,
        ..Default::default()
    })
}

pub async fn update_event_bus(
    context: Context<Events>,
    input: events::UpdateEventBusRequest,
) -> Result<events::UpdateEventBusResponse, ServiceError> {
    authorise(&context, "UpdateEventBus", input.name.as_deref())?;
    let mut violations = Violations::default();
    violations.optional_name(input.name.as_deref(), "name", 256, "/");
    violations.length(input.description.as_deref(), "description", 0, 512);
    violations.check()?;
    check_extras(input.kms_key_identifier.as_deref(), &input.dead_letter_config, &input.log_config)?;
    let name = input.name.unwrap_or_else(|| DEFAULT_BUS.to_owned());
    let bus = change(&context, &name, |bus| {
        bus.description = input.description.clone();
        Ok(())
    })
    .await?;
    Ok(events::UpdateEventBusResponse {
        arn: Some(bus.arn()),
        name: Some(bus.name),
        description: bus.description,
        log_config: input.log_config,
        ..Default::default()
    })
}

pub async fn list_event_buses(
    context: Context<Events>,
    input: events::ListEventBusesRequest,
) -> Result<events::ListEventBusesResponse, ServiceError> {
    context.authorise("events:ListEventBuses", "*")?;
    let mut violations = Violations::default();
    violations.in_range(input.limit, "limit", 1, 100);
    violations.check()?;
    let view = context.view();
    let scope = &context.scope;
    let prefix = input.name_prefix.unwrap_or_default();
    let (rows, next_token) = page::page(
        &view.event_buses,
        &scope.key(&prefix),
        input.limit,
        input.next_token.as_deref(),
        "buses",
        |_| true,
    )?;
    let mut buses: Vec<_> = rows.iter().map(|row| Bus::clone(row)).collect();
    let is_default_written = view.event_buses.contains(&Bus::key_of(scope, DEFAULT_BUS));
    if input.next_token.is_none() && !is_default_written && DEFAULT_BUS.starts_with(&prefix) {
        buses.insert(0, find_bus(&view, scope, DEFAULT_BUS)?);
    }
    let shown = buses.into_iter().map(|bus| events::EventBus {
        arn: Some(bus.arn()),
        creation_time: instant(bus.created_at),
        last_modified_time: instant(bus.modified_at),
        name: Some(bus.name),
        description: bus.description,
        policy: bus.policy,
        managed_by: None,
    });
    Ok(events::ListEventBusesResponse { event_buses: Some(shown.collect()), next_token })
}

/// Writes a changed bus, also the default one for the first time.
pub async fn change(
    context: &Context<Events>,
    name: &str,
    change: impl Fn(&mut Bus) -> Result<(), ServiceError>,
) -> Result<Bus, ServiceError> {
    context
        .transact(|view, transaction| {
            let mut bus = find_bus(view, &context.scope, name)?;
            change(&mut bus)?;
            bus.modified_at = context.now;
            match view.event_buses.get(&Bus::key_of(&context.scope, name)) {
                Some(row) => transaction.update(row, &bus),
                None => transaction.insert(&bus),
            }
            Ok(bus)
        })
        .await
}

fn authorise(context: &Context<Events>, action: &str, name: Option<&str>) -> Result<(), ServiceError> {
    let name = bus_name(&context.scope, name).unwrap_or_default();
    context.authorise(&format!("events:{action}"), &bus::arn_of(&context.scope, &name))
}

fn check_extras(
    kms_key: Option<&str>,
    dead_letters: &Option<events::DeadLetterConfig>,
    logs: &Option<events::LogConfig>,
) -> Result<(), ServiceError> {
    refuse_kms_key(kms_key)?;
    if dead_letters.as_ref().is_some_and(|config| config.arn.is_some()) {
        return Err(not_served("DeadLetterConfig (there is no SQS)"));
    }
    let logs_something =
        |config: &events::LogConfig| config.level.as_ref().is_some_and(|level| *level != events::Level::Off);
    if logs.as_ref().is_some_and(logs_something) {
        return Err(not_served("LogConfig with a level other than OFF"));
    }
    Ok(())
}
