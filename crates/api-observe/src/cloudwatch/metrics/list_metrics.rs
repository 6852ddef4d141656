//! ListMetrics: the metrics that there are, in pages.

use api_auth::Context;
use state_telemetry::metrics::{MetricId, Selector};
use stdx_async::supervisor;
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch::{self as shapes, Dimension, Metric};

use super::super::CloudWatch;
use super::errors::{invalid, too_many};
use super::limits::{
    DIMENSION_VALUE_CHARS_MAX, DIMENSIONS_MAX, LISTED_AGE_MAX, METRICS_PER_PAGE, NAME_CHARS_MAX,
    RECENTLY_ACTIVE,
};
use super::{series, token};

/// The last metric of a page: namespace, name, dimensions.
type Place = (String, String, Vec<(String, String)>);

pub async fn list_metrics(
    context: Context<CloudWatch>,
    input: shapes::ListMetricsInput,
) -> Result<shapes::ListMetricsOutput, ServiceError> {
    context.authorise("cloudwatch:ListMetrics", "*")?;
    let given = |value: &Option<String>, parameter: &str| -> Result<Option<String>, ServiceError> {
        let checked = value.as_deref().map(|value| series::text(Some(value), parameter, NAME_CHARS_MAX));
        Ok(checked.transpose()?.map(str::to_owned))
    };
    let since = match input.recently_active.as_ref().map(shapes::RecentlyActive::as_str) {
        None => context.now.minus(LISTED_AGE_MAX),
        Some("PT3H") => context.now.minus(RECENTLY_ACTIVE),
        Some(other) => return Err(invalid(other, "RecentlyActive")),
    };
    let selector = Selector {
        partition: context.scope.to_string(),
        namespace: given(&input.namespace, "Namespace")?,
        name: given(&input.metric_name, "MetricName")?,
        dimensions: dimensions(input.dimensions.as_deref().unwrap_or_default())?,
        since: Some(since),
    };
    let parameters =
        format!("{:?} {:?}", Selector { since: None, ..selector.clone() }, input.recently_active);
    let behind: Option<Place> = token::decode(&parameters, input.next_token.as_deref())?;
    let own = &context.scope.account;
    let is_elsewhere = input.owning_account.as_ref().is_some_and(|account| account != own);
    if is_elsewhere {
        // Accounts are never linked here.
        return Ok(shapes::ListMetricsOutput { metrics: Some(Vec::new()), ..Default::default() });
    }
    let behind = behind.map(|(namespace, name, dimensions)| {
        MetricId::new(context.scope.to_string(), namespace, name, dimensions)
    });
    let store = context.service.metrics.clone();
    let mut listed = supervisor::blocking(move || store.list(&selector)).await;
    let first = behind.map_or(0, |behind| listed.partition_point(|info| info.id <= behind));
    listed.drain(..first);
    let has_more = listed.len() > METRICS_PER_PAGE;
    listed.truncate(METRICS_PER_PAGE);
    let next_token =
        listed.last().filter(|_| has_more).map(|last| token::encode(&parameters, &place(&last.id)));
    let with_accounts = input.include_linked_accounts == Some(true);
    Ok(shapes::ListMetricsOutput {
        owning_accounts: with_accounts.then(|| vec![own.clone(); listed.len()]),
        metrics: Some(listed.into_iter().map(|info| metric(&info.id)).collect()),
        next_token,
    })
}

fn dimensions(given: &[shapes::DimensionFilter]) -> Result<Vec<(String, Option<String>)>, ServiceError> {
    if given.len() > DIMENSIONS_MAX {
        return Err(too_many("Dimensions", DIMENSIONS_MAX));
    }
    let mut found = Vec::with_capacity(given.len());
    for (filter, number) in given.iter().zip(1..) {
        let parameter = format!("Dimensions.member.{number}");
        let name = series::text(filter.name.as_deref(), &format!("{parameter}.Name"), NAME_CHARS_MAX)?;
        let parameter = format!("{parameter}.Value");
        let value = filter.value.as_deref();
        let value = value.map(|value| series::text(Some(value), &parameter, DIMENSION_VALUE_CHARS_MAX));
        found.push((name.to_owned(), value.transpose()?.map(str::to_owned)));
    }
    Ok(found)
}

fn place(id: &MetricId) -> Place {
    let dimensions = id.dimensions.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    (id.namespace.to_string(), id.name.to_string(), dimensions.collect())
}

fn metric(id: &MetricId) -> Metric {
    let dimension = |(name, value): &(std::sync::Arc<str>, std::sync::Arc<str>)| Dimension {
        name: Some(name.to_string()),
        value: Some(value.to_string()),
    };
    Metric {
        namespace: Some(id.namespace.to_string()),
        metric_name: Some(id.name.to_string()),
        dimensions: Some(id.dimensions.iter().map(dimension).collect()),
    }
}
