//! Archives. Each has a rule of its own on the bus, which nobody else may change, and whose target it is.

use api_auth::Context;
use serde_json::{Value, json};
use state_model::events::archive::Archive;
use state_model::events::bus;
use state_model::events::pattern::Pattern;
use state_model::events::rule::{Input, Rule, RuleTarget};
use state_tables::{Row, View};
use state_telemetry::logs::Selector;
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::errors::{bad_pattern, exists, invalid, limit_exceeded, not_found, refuse_kms_key};
use super::limits::ARCHIVES_MAX;
use super::names::{Named, find_bus, instant};
use super::validation::{NameConstraints, Violations};
use super::{Events, page};

/// Who manages an archive's rule, as AWS names it.
const MANAGED_BY: &str = "prod.vhs.events.aws.internal";

const ARCHIVE: Named = Named { kind: "archive", member: "archiveName", chars_max: 48 };

pub async fn create_archive(
    context: Context<Events>,
    input: events::CreateArchiveRequest,
) -> Result<events::CreateArchiveResponse, ServiceError> {
    let name = ARCHIVE.authorise(&context, "CreateArchive", input.archive_name)?;
    let mut violations = Violations::default();
    violations.required(input.event_source_arn.as_ref(), "eventSourceArn");
    violations.check()?;
    let source_arn = input.event_source_arn.unwrap_or_default();
    check(
        &input.description,
        input.event_pattern.as_deref(),
        input.retention_days,
        &input.kms_key_identifier,
    )?;
    let Some((_, bus)) = bus::parse_arn(&source_arn).filter(|(scope, _)| *scope == context.scope) else {
        return Err(invalid(
            "Parameter EventSourceArn is not valid. Reason: it must be the ARN of an event bus of this account and region.",
        ));
    };
    let archive = Archive {
        scope: context.scope.clone(),
        name,
        source_arn: source_arn.clone(),
        description: input.description,
        event_pattern: input.event_pattern,
        retention_days: u32::try_from(input.retention_days.unwrap_or(0)).unwrap_or(0),
        created_at: context.now,
        id: random::uuid(&*context.random),
    };
    let rule = rule_of(&archive, bus, context.now);
    context
        .transact(|view, transaction| {
            find_bus(view, &context.scope, bus)?;
            if view.event_archives.contains(&context.scope.key(&archive.name)) {
                return Err(exists(format!("Archive {} already exists.", archive.name)));
            }
            if view.event_archives.prefix(&context.scope.key("")).count() >= ARCHIVES_MAX {
                return Err(limit_exceeded());
            }
            transaction.insert(&archive);
            transaction.insert(&rule);
            Ok(())
        })
        .await?;
    Ok(events::CreateArchiveResponse {
        archive_arn: Some(archive.arn()),
        state: Some(events::ArchiveState::Enabled),
        creation_time: instant(archive.created_at),
        ..Default::default()
    })
}

/// What the archive asks of events: its pattern, and that they aren't sent again by a replay.
fn rule_of(archive: &Archive, bus: &str, now: stdx::clock::Timestamp) -> Rule {
    let pattern = archive.event_pattern.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut pattern = pattern.unwrap_or_else(|| json!({}));
    pattern["replay-name"] = json!([{"exists": false}]);
    Rule {
        scope: archive.scope.clone(),
        bus: bus.to_owned(),
        name: format!("Events-Archive-{}", archive.name),
        description: None,
        event_pattern: Some(pattern.to_string()),
        schedule: None,
        enabled: true,
        role_arn: None,
        managed_by: Some(MANAGED_BY.to_owned()),
        created_at: now,
        scheduled_at: now,
        tags: Default::default(),
        targets: vec![RuleTarget {
            id: format!("Events-Archive-{}", archive.name),
            arn: archive.arn(),
            role_arn: None,
            input: Input::Event,
            ecs: None,
            http: None,
            retry: None,
        }],
    }
}

fn rule_row<'a>(view: &'a View, archive: &Archive) -> Option<&'a Row<Rule>> {
    let (scope, bus) = bus::parse_arn(&archive.source_arn)?;
    view.event_rules.get(&Rule::key_of(&scope, bus, &format!("Events-Archive-{}", archive.name)))
}

/// Its events go first: a server that is killed then leaves an archive that can be deleted again.
pub async fn delete_archive(
    context: Context<Events>,
    input: events::DeleteArchiveRequest,
) -> Result<events::DeleteArchiveResponse, ServiceError> {
    let name = ARCHIVE.authorise(&context, "DeleteArchive", input.archive_name)?;
    let stream = find(&context.view(), &context, &name)?.stream();
    let selector = Selector::Streams(vec![stream]);
    context.service.archives.delete_streams(&selector).await.map_err(ServiceError::internal)?;
    context
        .transact(|view, transaction| {
            let row = find(view, &context, &name)?;
            transaction.delete(row);
            if let Some(rule) = rule_row(view, row) {
                transaction.delete(rule);
            }
            Ok(())
        })
        .await?;
    // What came meanwhile.
    context.service.archives.delete_streams(&selector).await.map_err(ServiceError::internal)?;
    Ok(events::DeleteArchiveResponse {})
}

pub async fn update_archive(
    context: Context<Events>,
    input: events::UpdateArchiveRequest,
) -> Result<events::UpdateArchiveResponse, ServiceError> {
    let name = ARCHIVE.authorise(&context, "UpdateArchive", input.archive_name)?;
    check(
        &input.description,
        input.event_pattern.as_deref(),
        input.retention_days,
        &input.kms_key_identifier,
    )?;
    let archive = context
        .transact(|view, transaction| {
            let row = find(view, &context, &name)?;
            let mut archive = Archive::clone(row);
            if let Some(description) = &input.description {
                archive.description = Some(description.clone());
            }
            if let Some(pattern) = &input.event_pattern {
                archive.event_pattern = Some(pattern.clone());
            }
            if let Some(days) = input.retention_days {
                archive.retention_days = u32::try_from(days).unwrap_or(0);
            }
            transaction.update(row, &archive);
            if let (Some(rule), Some((_, bus))) = (rule_row(view, row), bus::parse_arn(&archive.source_arn)) {
                transaction.update(rule, &rule_of(&archive, bus, rule.created_at));
            }
            Ok(archive)
        })
        .await?;
    Ok(events::UpdateArchiveResponse {
        archive_arn: Some(archive.arn()),
        state: Some(events::ArchiveState::Enabled),
        creation_time: instant(archive.created_at),
        ..Default::default()
    })
}

pub async fn describe_archive(
    context: Context<Events>,
    input: events::DescribeArchiveRequest,
) -> Result<events::DescribeArchiveResponse, ServiceError> {
    let name = ARCHIVE.authorise(&context, "DescribeArchive", input.archive_name)?;
    let archive = Archive::clone(find(&context.view(), &context, &name)?);
    let (events_count, bytes) = held(&context, &archive);
    Ok(events::DescribeArchiveResponse {
        archive_arn: Some(archive.arn()),
        archive_name: Some(archive.name),
        event_source_arn: Some(archive.source_arn),
        description: archive.description,
        event_pattern: archive.event_pattern,
        state: Some(events::ArchiveState::Enabled),
        retention_days: i32::try_from(archive.retention_days).ok(),
        size_bytes: Some(bytes),
        event_count: Some(events_count),
        creation_time: instant(archive.created_at),
        ..Default::default()
    })
}

pub async fn list_archives(
    context: Context<Events>,
    input: events::ListArchivesRequest,
) -> Result<events::ListArchivesResponse, ServiceError> {
    context.authorise("events:ListArchives", "*")?;
    let mut violations = Violations::default();
    violations.optional_name(input.name_prefix.as_deref(), "namePrefix", 48, "");
    violations.in_range(input.limit, "limit", 1, 100);
    let state = input.state.as_ref().map(|state| state.as_str());
    violations.one_of(state, "state", events::ArchiveState::VALUES);
    violations.check()?;
    if input.name_prefix.is_some() && (input.event_source_arn.is_some() || state.is_some()) {
        return Err(invalid("Only one of NamePrefix, EventSourceArn and State can be given."));
    }
    let view = context.view();
    let prefix = context.scope.key(input.name_prefix.as_deref().unwrap_or_default());
    let parameters = format!("archives {:?} {state:?}", input.event_source_arn);
    let wanted = |archive: &Archive| {
        state.is_none_or(|state| state == "ENABLED")
            && input.event_source_arn.as_ref().is_none_or(|arn| *arn == archive.source_arn)
    };
    let token = input.next_token.as_deref();
    let (rows, next_token) =
        page::page(&view.event_archives, &prefix, input.limit, token, &parameters, wanted)?;
    let archives = rows.iter().map(|row| {
        let (events_count, bytes) = held(&context, row);
        let archive = Archive::clone(row);
        events::Archive {
            archive_name: Some(archive.name),
            event_source_arn: Some(archive.source_arn),
            state: Some(events::ArchiveState::Enabled),
            retention_days: i32::try_from(archive.retention_days).ok(),
            size_bytes: Some(bytes),
            event_count: Some(events_count),
            creation_time: instant(archive.created_at),
            state_reason: None,
        }
    });
    Ok(events::ListArchivesResponse { archives: Some(archives.collect()), next_token })
}

/// Events and bytes of the archive.
fn held(context: &Context<Events>, archive: &Archive) -> (i64, i64) {
    let stats = context.service.archives.stats(&archive.stream());
    stats.map_or((0, 0), |stats| {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        (number(stats.event_count), number(stats.stored_bytes))
    })
}

pub fn find<'a>(
    view: &'a View,
    context: &Context<Events>,
    name: &str,
) -> Result<&'a Row<Archive>, ServiceError> {
    let row = view.event_archives.get(&context.scope.key(name));
    row.ok_or_else(|| not_found(format!("Archive {name} does not exist.")))
}

fn check(
    description: &Option<String>,
    pattern: Option<&str>,
    retention_days: Option<i32>,
    kms_key: &Option<String>,
) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    violations.length(description.as_deref(), "description", 0, 512);
    violations.in_range(retention_days, "retentionDays", 0, i32::MAX);
    violations.check()?;
    refuse_kms_key(kms_key.as_deref())?;
    match pattern.map(Pattern::parse) {
        Some(Err(error)) => Err(bad_pattern(&error)),
        _ => Ok(()),
    }
}
