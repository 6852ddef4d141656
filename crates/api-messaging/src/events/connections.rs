//! Connections: how calls of API destinations are authorised. Their secrets are sealed, and never shown again.

mod authorization;

use api_auth::Context;
use state_model::events::connection::Connection;
use state_tables::{Row, View};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::errors::{exists, invalid, limit_exceeded, not_found, not_served, refuse_kms_key};
use super::limits::CONNECTIONS_MAX;
use super::names::{Named, instant};
use super::validation::{NameConstraints, Violations};
use super::{Events, page};
use authorization::{Given, kind_of};

pub use authorization::check_endpoint;

const CONNECTION: Named = Named { kind: "connection", member: "name", chars_max: 64 };

/// What a change of a connection answers.
macro_rules! told {
    ($shape:ident, $connection:expr, $state:expr) => {
        events::$shape {
            connection_arn: Some($connection.arn()),
            connection_state: Some($state),
            creation_time: instant($connection.created_at),
            last_modified_time: instant($connection.modified_at),
            last_authorized_time: $connection.authorized_at.and_then(instant),
        }
    };
}

pub async fn create_connection(
    context: Context<Events>,
    input: events::CreateConnectionRequest,
) -> Result<events::CreateConnectionResponse, ServiceError> {
    let name = CONNECTION.authorise(&context, "CreateConnection", input.name)?;
    let mut violations = Violations::default();
    violations.required(input.authorization_type.as_ref(), "authorizationType");
    violations.required(input.auth_parameters.as_ref(), "authParameters");
    violations.length(input.description.as_deref(), "description", 0, 512);
    let kind = input.authorization_type.as_ref().map(|kind| kind.as_str());
    violations.one_of(kind, "authorizationType", events::ConnectionAuthorizationType::VALUES);
    violations.check()?;
    let is_private = input.invocation_connectivity_parameters.is_some();
    check_extras(is_private, input.kms_key_identifier.as_deref())?;
    let given = Given::of_create(input.auth_parameters.unwrap_or_default())?;
    let (shown, secrets) = given.whole(kind.unwrap_or_default())?;
    let id = random::uuid(&*context.random);
    let connection = Connection {
        scope: context.scope.clone(),
        name,
        description: input.description,
        shown,
        sealed_secrets: Some(context.service.keys.seal_connection(&id, &secrets, &*context.random)),
        id,
        created_at: context.now,
        modified_at: context.now,
        authorized_at: Some(context.now),
    };
    context
        .transact(|view, transaction| {
            if view.event_connections.contains(&context.scope.key(&connection.name)) {
                return Err(exists(format!("Connection {} already exists.", connection.name)));
            }
            if view.event_connections.prefix(&context.scope.key("")).count() >= CONNECTIONS_MAX {
                return Err(limit_exceeded());
            }
            transaction.insert(&connection);
            Ok(())
        })
        .await?;
    Ok(events::CreateConnectionResponse {
        connection_arn: Some(connection.arn()),
        connection_state: Some(connection.state().into()),
        creation_time: instant(connection.created_at),
        last_modified_time: instant(connection.modified_at),
    })
}

pub async fn update_connection(
    context: Context<Events>,
    input: events::UpdateConnectionRequest,
) -> Result<events::UpdateConnectionResponse, ServiceError> {
    let name = CONNECTION.authorise(&context, "UpdateConnection", input.name)?;
    let mut violations = Violations::default();
    violations.length(input.description.as_deref(), "description", 0, 512);
    let kind = input.authorization_type.as_ref().map(|kind| kind.as_str());
    violations.one_of(kind, "authorizationType", events::ConnectionAuthorizationType::VALUES);
    violations.check()?;
    let is_private = input.invocation_connectivity_parameters.is_some();
    check_extras(is_private, input.kms_key_identifier.as_deref())?;
    let given = input.auth_parameters.map(Given::of_update).transpose()?;
    let changed = change(&context, &name, |connection| {
        if let Some(description) = &input.description {
            connection.description = Some(description.clone());
        }
        let before = context.service.keys.unseal_connection(connection);
        let (shown, secrets) = match (&given, before) {
            (Some(given), before) => given.merged(kind, &connection.shown, before)?,
            (None, _) if kind.is_some_and(|kind| kind != kind_of(&connection.shown)) => {
                return Err(invalid("AuthParameters must be given when AuthorizationType changes."));
            }
            (None, Some(before)) => (connection.shown.clone(), before),
            (None, None) => return Ok(()),
        };
        connection.shown = shown;
        let sealed = context.service.keys.seal_connection(&connection.id, &secrets, &*context.random);
        connection.sealed_secrets = Some(sealed);
        connection.authorized_at = Some(context.now);
        Ok(())
    })
    .await?;
    Ok(told!(UpdateConnectionResponse, changed, changed.state().into()))
}

/// Forgets the secrets: the connection and its destinations stay, and can't be called until it is updated.
pub async fn deauthorize_connection(
    context: Context<Events>,
    input: events::DeauthorizeConnectionRequest,
) -> Result<events::DeauthorizeConnectionResponse, ServiceError> {
    let name = CONNECTION.authorise(&context, "DeauthorizeConnection", input.name)?;
    let changed = change(&context, &name, |connection| {
        connection.sealed_secrets = None;
        Ok(())
    })
    .await?;
    Ok(told!(DeauthorizeConnectionResponse, changed, changed.state().into()))
}

pub async fn delete_connection(
    context: Context<Events>,
    input: events::DeleteConnectionRequest,
) -> Result<events::DeleteConnectionResponse, ServiceError> {
    let name = CONNECTION.authorise(&context, "DeleteConnection", input.name)?;
    let deleted = context
        .transact(|view, transaction| {
            let row = find(view, &context, &name)?;
            transaction.delete(row);
            Ok(Connection::clone(row))
        })
        .await?;
    Ok(told!(DeleteConnectionResponse, deleted, events::ConnectionState::Deleting))
}

pub async fn describe_connection(
    context: Context<Events>,
    input: events::DescribeConnectionRequest,
) -> Result<events::DescribeConnectionResponse, ServiceError> {
    let name = CONNECTION.authorise(&context, "DescribeConnection", input.name)?;
    let connection = Connection::clone(find(&context.view(), &context, &name)?);
    Ok(events::DescribeConnectionResponse {
        connection_arn: Some(connection.arn()),
        connection_state: Some(connection.state().into()),
        authorization_type: Some(kind_of(&connection.shown).into()),
        secret_arn: Some(connection.secret_arn()),
        auth_parameters: Some(authorization::shown(&connection.shown)),
        name: Some(connection.name),
        description: connection.description,
        creation_time: instant(connection.created_at),
        last_modified_time: instant(connection.modified_at),
        last_authorized_time: connection.authorized_at.and_then(instant),
        ..Default::default()
    })
}

pub async fn list_connections(
    context: Context<Events>,
    input: events::ListConnectionsRequest,
) -> Result<events::ListConnectionsResponse, ServiceError> {
    context.authorise("events:ListConnections", "*")?;
    let mut violations = Violations::default();
    violations.optional_name(input.name_prefix.as_deref(), "namePrefix", 64, "");
    violations.in_range(input.limit, "limit", 1, 100);
    let state = input.connection_state.as_ref().map(|state| state.as_str());
    violations.one_of(state, "connectionState", events::ConnectionState::VALUES);
    violations.check()?;
    let view = context.view();
    let prefix = context.scope.key(input.name_prefix.as_deref().unwrap_or_default());
    let parameters = format!("connections {state:?}");
    let wanted = |connection: &Connection| state.is_none_or(|state| state == connection.state());
    let token = input.next_token.as_deref();
    let (rows, next_token) =
        page::page(&view.event_connections, &prefix, input.limit, token, &parameters, wanted)?;
    let shown = rows.iter().map(|row| events::Connection {
        connection_arn: Some(row.arn()),
        name: Some(row.name.clone()),
        connection_state: Some(row.state().into()),
        state_reason: None,
        authorization_type: Some(kind_of(&row.shown).into()),
        creation_time: instant(row.created_at),
        last_modified_time: instant(row.modified_at),
        last_authorized_time: row.authorized_at.and_then(instant),
    });
    Ok(events::ListConnectionsResponse { connections: Some(shown.collect()), next_token })
}

async fn change(
    context: &Context<Events>,
    name: &str,
    change: impl Fn(&mut Connection) -> Result<(), ServiceError>,
) -> Result<Connection, ServiceError> {
    context
        .transact(|view, transaction| {
            let row = find(view, context, name)?;
            let mut connection = Connection::clone(row);
            change(&mut connection)?;
            connection.modified_at = context.now;
            transaction.update(row, &connection);
            Ok(connection)
        })
        .await
}

fn check_extras(is_private: bool, kms_key: Option<&str>) -> Result<(), ServiceError> {
    if is_private {
        return Err(not_served("InvocationConnectivityParameters (private APIs)"));
    }
    refuse_kms_key(kms_key)
}

fn find<'a>(
    view: &'a View,
    context: &Context<Events>,
    name: &str,
) -> Result<&'a Row<Connection>, ServiceError> {
    let row = view.event_connections.get(&context.scope.key(name));
    row.ok_or_else(|| {
        not_found(format!("Failed to describe the connection(s). Connection '{name}' does not exist."))
    })
}
