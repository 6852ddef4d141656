//! API destinations: HTTP endpoints that events can be sent to.

use api_auth::Context;
use state_model::events::connection::{ApiDestination, Connection};
use state_tables::{Row, View};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::errors::{exists, limit_exceeded, not_found};
use super::limits::{API_DESTINATION_RATE, API_DESTINATIONS_MAX};
use super::names::{Named, instant};
use super::validation::{NameConstraints, Violations};
use super::{Events, connections, page};

const API_DESTINATION: Named = Named { kind: "api-destination", member: "name", chars_max: 64 };

pub async fn create_api_destination(
    context: Context<Events>,
    input: events::CreateApiDestinationRequest,
) -> Result<events::CreateApiDestinationResponse, ServiceError> {
    let name = API_DESTINATION.authorise(&context, "CreateApiDestination", input.name)?;
    let mut violations = Violations::default();
    violations.required(input.connection_arn.as_ref(), "connectionArn");
    violations.required(input.invocation_endpoint.as_ref(), "invocationEndpoint");
    violations.required(input.http_method.as_ref(), "httpMethod");
    let method = input.http_method.as_ref().map(|method| method.as_str());
    let rate = input.invocation_rate_limit_per_second;
    check(&mut violations, &input.description, method, rate);
    violations.check()?;
    let endpoint = input.invocation_endpoint.unwrap_or_default();
    connections::check_endpoint(&endpoint)?;
    let destination = ApiDestination {
        scope: context.scope.clone(),
        name,
        id: random::uuid(&*context.random),
        description: input.description,
        connection_arn: input.connection_arn.unwrap_or_default(),
        endpoint,
        method: method.unwrap_or_default().to_owned(),
        rate_max: rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(API_DESTINATION_RATE),
        created_at: context.now,
        modified_at: context.now,
    };
    context
        .transact(|view, transaction| {
            check_connection(view, &destination.connection_arn)?;
            if view.event_api_destinations.contains(&context.scope.key(&destination.name)) {
                return Err(exists(format!("An api-destination '{}' already exists.", destination.name)));
            }
            if view.event_api_destinations.prefix(&context.scope.key("")).count() >= API_DESTINATIONS_MAX {
                return Err(limit_exceeded());
            }
            transaction.insert(&destination);
            Ok(())
        })
        .await?;
    let view = context.view();
    Ok(events::CreateApiDestinationResponse {
        api_destination_arn: Some(destination.arn()),
        api_destination_state: Some(state(&view, &destination)),
        creation_time: instant(destination.created_at),
        last_modified_time: instant(destination.modified_at),
    })
}

pub async fn update_api_destination(
    context: Context<Events>,
    input: events::UpdateApiDestinationRequest,
) -> Result<events::UpdateApiDestinationResponse, ServiceError> {
    let name = API_DESTINATION.authorise(&context, "UpdateApiDestination", input.name)?;
    let mut violations = Violations::default();
    let method = input.http_method.as_ref().map(|method| method.as_str());
    let rate = input.invocation_rate_limit_per_second;
    check(&mut violations, &input.description, method, rate);
    violations.check()?;
    if let Some(endpoint) = &input.invocation_endpoint {
        connections::check_endpoint(endpoint)?;
    }
    let changed = context
        .transact(|view, transaction| {
            let row = find(view, &context, &name)?;
            let mut destination = ApiDestination::clone(row);
            if let Some(arn) = &input.connection_arn {
                check_connection(view, arn)?;
                destination.connection_arn.clone_from(arn);
            }
            if let Some(endpoint) = &input.invocation_endpoint {
                destination.endpoint.clone_from(endpoint);
            }
            if let Some(method) = method {
                destination.method = method.to_owned();
            }
            if let Some(description) = &input.description {
                destination.description = Some(description.clone());
            }
            if let Some(rate) = rate.and_then(|rate| u32::try_from(rate).ok()) {
                destination.rate_max = rate;
            }
            destination.modified_at = context.now;
            transaction.update(row, &destination);
            Ok(destination)
        })
        .await?;
    let view = context.view();
    Ok(events::UpdateApiDestinationResponse {
        api_destination_arn: Some(changed.arn()),
        api_destination_state: Some(state(&view, &changed)),
        creation_time: instant(changed.created_at),
        last_modified_time: instant(changed.modified_at),
    })
}

pub async fn delete_api_destination(
    context: Context<Events>,
    input: events::DeleteApiDestinationRequest,
) -> Result<events::DeleteApiDestinationResponse, ServiceError> {
    let name = API_DESTINATION.authorise(&context, "DeleteApiDestination", input.name)?;
    context
        .transact(|view, transaction| {
            transaction.delete(find(view, &context, &name)?);
            Ok(())
        })
        .await?;
    Ok(events::DeleteApiDestinationResponse {})
}

pub async fn describe_api_destination(
    context: Context<Events>,
    input: events::DescribeApiDestinationRequest,
) -> Result<events::DescribeApiDestinationResponse, ServiceError> {
    let name = API_DESTINATION.authorise(&context, "DescribeApiDestination", input.name)?;
    let view = context.view();
    let destination = ApiDestination::clone(find(&view, &context, &name)?);
    Ok(events::DescribeApiDestinationResponse {
        api_destination_arn: Some(destination.arn()),
        api_destination_state: Some(state(&view, &destination)),
        name: Some(destination.name),
        description: destination.description,
        connection_arn: Some(destination.connection_arn),
        invocation_endpoint: Some(destination.endpoint),
        http_method: Some(destination.method.into()),
        invocation_rate_limit_per_second: i32::try_from(destination.rate_max).ok(),
        creation_time: instant(destination.created_at),
        last_modified_time: instant(destination.modified_at),
    })
}

pub async fn list_api_destinations(
    context: Context<Events>,
    input: events::ListApiDestinationsRequest,
) -> Result<events::ListApiDestinationsResponse, ServiceError> {
    context.authorise("events:ListApiDestinations", "*")?;
    let mut violations = Violations::default();
    violations.optional_name(input.name_prefix.as_deref(), "namePrefix", 64, "");
    violations.in_range(input.limit, "limit", 1, 100);
    violations.check()?;
    let view = context.view();
    let prefix = context.scope.key(input.name_prefix.as_deref().unwrap_or_default());
    let parameters = format!("destinations {:?}", input.connection_arn);
    let wanted = |destination: &ApiDestination| {
        input.connection_arn.as_ref().is_none_or(|arn| *arn == destination.connection_arn)
    };
    let token = input.next_token.as_deref();
    let (rows, next_token) =
        page::page(&view.event_api_destinations, &prefix, input.limit, token, &parameters, wanted)?;
    let shown = rows.iter().map(|row| events::ApiDestination {
        api_destination_arn: Some(row.arn()),
        api_destination_state: Some(state(&view, row)),
        name: Some(row.name.clone()),
        connection_arn: Some(row.connection_arn.clone()),
        invocation_endpoint: Some(row.endpoint.clone()),
        http_method: Some(row.method.clone().into()),
        invocation_rate_limit_per_second: i32::try_from(row.rate_max).ok(),
        creation_time: instant(row.created_at),
        last_modified_time: instant(row.modified_at),
    });
    Ok(events::ListApiDestinationsResponse { api_destinations: Some(shown.collect()), next_token })
}

/// Inactive without a connection that can authorise a call.
fn state(view: &View, destination: &ApiDestination) -> events::ApiDestinationState {
    let mut connection = view.event_connections.by(Connection::ARN, &destination.connection_arn);
    if connection.next().is_some_and(|connection| connection.sealed_secrets.is_some()) {
        events::ApiDestinationState::Active
    } else {
        events::ApiDestinationState::Inactive
    }
}

fn check(violations: &mut Violations, description: &Option<String>, method: Option<&str>, rate: Option<i32>) {
    violations.length(description.as_deref(), "description", 0, 512);
    violations.one_of(method, "httpMethod", events::ApiDestinationHttpMethod::VALUES);
    let most = i32::try_from(API_DESTINATION_RATE).unwrap_or(i32::MAX);
    violations.in_range(rate, "invocationRateLimitPerSecond", 1, most);
}

fn check_connection(view: &View, arn: &str) -> Result<(), ServiceError> {
    if view.event_connections.any_by(Connection::ARN, arn) {
        Ok(())
    } else {
        Err(not_found(format!("Connection {arn} does not exist.")))
    }
}

fn find<'a>(
    view: &'a View,
    context: &Context<Events>,
    name: &str,
) -> Result<&'a Row<ApiDestination>, ServiceError> {
    let row = view.event_api_destinations.get(&context.scope.key(name));
    row.ok_or_else(|| {
        not_found(format!(
            "Failed to describe the api-destination(s). An api-destination '{name}' does not exist."
        ))
    })
}
