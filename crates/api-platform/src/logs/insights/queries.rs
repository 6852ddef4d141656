//! StartQuery, GetQueryResults, StopQuery, DescribeQueries.

use std::sync::atomic::{AtomicU64, Ordering};

use api_auth::Context;
use state_telemetry::insights::{self, QueryError};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use super::jobs::Job;
use crate::logs::errors::{bad_token, invalid, limit_exceeded, query_missing};
use crate::logs::limits::{
    EVENTS_PER_PAGE_MAX, QUERIES_PER_PAGE_MAX, QUERY_CHARS_MAX, QUERY_GROUPS_MAX, QUERY_LIMIT_DEFAULT,
    QUERY_LIMIT_MAX,
};
use crate::logs::validation::{LogConstraints, Violations};
use crate::logs::{Logs, identifiers, token};

/// The language that is served.
const LANGUAGE: &str = "CWLI";

pub async fn start_query(
    context: Context<Logs>,
    input: logs::StartQueryRequest,
) -> Result<logs::StartQueryResponse, ServiceError> {
    let groups = groups(&context, &input)?;
    for group in &groups {
        identifiers::authorise(&context, "StartQuery", group)?;
    }
    let mut violations = Violations::default();
    violations.required(input.query_string.as_ref(), "queryString");
    violations.required(input.start_time.as_ref(), "startTime");
    violations.required(input.end_time.as_ref(), "endTime");
    violations.in_range(input.start_time, "startTime", 0, i64::MAX);
    violations.in_range(input.end_time, "endTime", 0, i64::MAX);
    violations.in_range(input.limit, "limit", 1, QUERY_LIMIT_MAX);
    let text = input.query_string.unwrap_or_default();
    violations.length(Some(&text), "queryString", 0, QUERY_CHARS_MAX);
    violations.check()?;
    refuse_language(input.query_language.as_ref())?;
    let (start, end) = (input.start_time.unwrap_or(0), input.end_time.unwrap_or(0));
    // Seconds, as documented, or the milliseconds that the console sends.
    let millis = |time: i64| if time < 100_000_000_000 { time * 1000 } else { time };
    if millis(start) > millis(end) {
        return Err(invalid("End time should not be before start time"));
    }
    if groups.is_empty() {
        return Err(invalid("At least one log group must be specified."));
    }
    if groups.len() > QUERY_GROUPS_MAX {
        return Err(invalid(format!("At most {QUERY_GROUPS_MAX} log groups can be queried at once.")));
    }
    let view = context.view();
    for group in &groups {
        identifiers::find_group(&view, &context.scope, group)?;
    }
    let query = insights::parse(&text).map_err(malformed)?;
    let limit = usize::try_from(input.limit.unwrap_or(QUERY_LIMIT_DEFAULT)).unwrap_or(1);
    let id = random::uuid(&*context.random);
    // The end is inclusive, to the second.
    let range = (millis(start), millis(end).saturating_add(if end == millis(end) { 1 } else { 1000 }));
    let caller = context.principal.arn().to_string();
    let job = Job::new(id.clone(), context.scope.clone(), groups, text, range, limit, context.now, caller);
    let queries = &context.service.queries;
    let job = queries
        .add(job, context.now)
        .ok_or_else(|| limit_exceeded("Account maximum query concurrency limit exceeded."))?;
    queries.run(job, query, context.service.store.clone(), std::sync::Arc::clone(&context.service.clock));
    Ok(logs::StartQueryResponse { query_id: Some(id) })
}

/// Other languages are refused, not misread.
pub(super) fn refuse_language(language: Option<&logs::QueryLanguage>) -> Result<(), ServiceError> {
    match language.map(logs::QueryLanguage::as_str) {
        None | Some(LANGUAGE) => Ok(()),
        Some(other) => Err(malformed(QueryError {
            message: format!("the query language {other} is not supported here: use {LANGUAGE}"),
            start: 0,
            end: 0,
        })),
    }
}

pub(super) fn malformed(error: QueryError) -> ServiceError {
    let place = |place: usize| i32::try_from(place).ok();
    let location = logs::QueryCompileErrorLocation {
        start_char_offset: place(error.start),
        end_char_offset: place(error.end),
    };
    let compile_error =
        logs::QueryCompileError { location: Some(location), message: Some(error.message.clone()) };
    let mut refusal =
        ServiceError::from_shape(&logs::MalformedQueryException { query_compile_error: Some(compile_error) });
    refusal.message = error.message;
    refusal
}

fn groups(context: &Context<Logs>, input: &logs::StartQueryRequest) -> Result<Vec<String>, ServiceError> {
    let given = [
        input.log_group_name.is_some(),
        input.log_group_names.is_some(),
        input.log_group_identifiers.is_some(),
    ];
    if given.into_iter().filter(|is_given| *is_given).count() > 1 {
        return Err(invalid(
            "Only one of logGroupName, logGroupNames and logGroupIdentifiers can be specified.",
        ));
    }
    let named: Vec<&String> =
        input.log_group_name.iter().chain(input.log_group_names.iter().flatten()).collect();
    let mut violations = Violations::default();
    for name in &named {
        violations.group_name(Some(name), "logGroupName");
    }
    violations.check()?;
    let mut groups: Vec<String> = named.into_iter().cloned().collect();
    for identifier in input.log_group_identifiers.iter().flatten() {
        groups.push(identifiers::group_name(&context.scope, identifier)?);
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

pub async fn get_query_results(
    context: Context<Logs>,
    input: logs::GetQueryResultsRequest,
) -> Result<logs::GetQueryResultsResponse, ServiceError> {
    identifiers::authorise(&context, "GetQueryResults", "")?;
    let mut violations = Violations::default();
    violations.required(input.query_id.as_ref(), "queryId");
    violations.in_range(input.max_items, "maxItems", 1, EVENTS_PER_PAGE_MAX);
    violations.check()?;
    let id = input.query_id.unwrap_or_default();
    let job = context.service.queries.find(&context.scope, &id).ok_or_else(query_missing)?;
    let state = job.state();
    let parameters = format!("query {id}");
    let first: usize = match &input.next_token {
        Some(token) => token::decode(context.now, &parameters, token)?.parse().map_err(|_| bad_token())?,
        None => 0,
    };
    let page = usize::try_from(input.max_items.unwrap_or(EVENTS_PER_PAGE_MAX)).unwrap_or(1);
    let end = first.saturating_add(page).min(state.rows.len());
    let rows = state.rows.get(first..end).unwrap_or_default();
    let field = |(name, value): &(String, String)| logs::ResultField {
        field: Some(name.clone()),
        value: Some(value.clone()),
    };
    let results = rows.iter().map(|row| row.iter().map(field).collect()).collect();
    Ok(logs::GetQueryResultsResponse {
        results: Some(results),
        statistics: Some(statistics(&job)),
        status: Some(state.status.into()),
        query_language: Some(LANGUAGE.into()),
        next_token: (end < state.rows.len())
            .then(|| token::encode(context.now, &parameters, &end.to_string())),
        encryption_key: None,
    })
}

fn statistics(job: &Job) -> logs::QueryStatistics {
    let count = |count: &AtomicU64| Some(count.load(Ordering::Relaxed) as f64);
    logs::QueryStatistics {
        bytes_scanned: count(&job.counts.bytes),
        records_matched: count(&job.counts.matched),
        records_scanned: count(&job.counts.scanned),
        log_groups_scanned: Some(job.groups.len() as f64),
        estimated_bytes_skipped: Some(0.0),
        estimated_records_skipped: Some(0.0),
        result_count: Some(job.state().rows.len() as f64),
    }
}

pub async fn stop_query(
    context: Context<Logs>,
    input: logs::StopQueryRequest,
) -> Result<logs::StopQueryResponse, ServiceError> {
    identifiers::authorise(&context, "StopQuery", "")?;
    let mut violations = Violations::default();
    violations.required(input.query_id.as_ref(), "queryId");
    violations.check()?;
    let id = input.query_id.unwrap_or_default();
    let job = context.service.queries.find(&context.scope, &id).ok_or_else(query_missing)?;
    if !job.cancel(context.now) {
        return Err(invalid("The specified query has already ended and can't be stopped."));
    }
    Ok(logs::StopQueryResponse { success: Some(true) })
}

pub async fn describe_queries(
    context: Context<Logs>,
    input: logs::DescribeQueriesRequest,
) -> Result<logs::DescribeQueriesResponse, ServiceError> {
    identifiers::authorise(&context, "DescribeQueries", input.log_group_name.as_deref().unwrap_or(""))?;
    let mut violations = Violations::default();
    violations.in_range(input.max_results, "maxResults", 1, QUERIES_PER_PAGE_MAX);
    if let Some(group) = &input.log_group_name {
        violations.group_name(Some(group), "logGroupName");
    }
    violations.check()?;
    let is_elsewhere = input.query_language.as_ref().is_some_and(|language| language.as_str() != LANGUAGE);
    let is_asked = |job: &Job, status: &str| {
        !is_elsewhere
            && input.log_group_name.as_ref().is_none_or(|group| job.groups.contains(group))
            && input.status.as_ref().is_none_or(|wanted| wanted.as_str() == status)
    };
    let parameters = format!("queries {:?} {:?}", input.log_group_name, input.status);
    let after = input.next_token.map(|token| token::decode(context.now, &parameters, &token)).transpose()?;
    let jobs = context.service.queries.of(&context.scope);
    let first = match &after {
        Some(id) => jobs.iter().position(|job| job.id == *id).ok_or_else(bad_token)? + 1,
        None => 0,
    };
    let mut asked =
        jobs[first..].iter().map(|job| (job, job.state())).filter(|(job, state)| is_asked(job, state.status));
    let limit = usize::try_from(input.max_results.unwrap_or(QUERIES_PER_PAGE_MAX)).unwrap_or(1);
    let shown: Vec<_> = asked.by_ref().take(limit).collect();
    let next_token = asked
        .next()
        .and_then(|_| shown.last())
        .map(|(job, _)| token::encode(context.now, &parameters, &job.id));
    let infos = shown.into_iter().map(|(job, state)| logs::QueryInfo {
        query_id: Some(job.id.clone()),
        query_string: Some(job.text.clone()),
        query_language: Some(LANGUAGE.into()),
        status: Some(state.status.into()),
        create_time: Some(job.created_at.as_millis()),
        log_group_name: job.groups.first().cloned(),
        bytes_scanned: Some(job.counts.bytes.load(Ordering::Relaxed) as f64),
        query_duration: state
            .ended_at
            .map(|at| i64::try_from(at.since(job.created_at).as_millis()).unwrap_or(i64::MAX)),
        user_identity: Some(job.caller.clone()),
    });
    Ok(logs::DescribeQueriesResponse { queries: Some(infos.collect()), next_token })
}
