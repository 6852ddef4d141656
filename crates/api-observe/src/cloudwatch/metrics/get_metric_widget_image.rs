//! GetMetricWidgetImage: a graph as a picture.

use api_auth::Context;
use state_model::Scope;
use state_telemetry::metrics::{Query, Series, Source, evaluate};
use stdx::clock::Timestamp;
use stdx_async::supervisor;
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch as shapes;

use super::super::CloudWatch;
use super::super::widget::{Definition, Line, Row, draw};
use super::errors::{invalid, not_evaluated, required, validation};
use super::labels::{self, Zone};
use super::limits::{DATA_POINTS_MAX, WIDGET_CHARS_MAX};
use super::{series, times};

const PERIOD_DEFAULT: i64 = 300;

pub async fn get_metric_widget_image(
    context: Context<CloudWatch>,
    input: shapes::GetMetricWidgetImageInput,
) -> Result<shapes::GetMetricWidgetImageOutput, ServiceError> {
    context.authorise("cloudwatch:GetMetricWidgetImage", "*")?;
    if let Some(format) =
        input.output_format.as_deref().filter(|format| !matches!(*format, "png" | "image/png"))
    {
        return Err(invalid(format, "OutputFormat"));
    }
    let text = input.metric_widget.ok_or_else(|| required("MetricWidget"))?;
    if text.len() > WIDGET_CHARS_MAX {
        return Err(validation(format!("MetricWidget must be at most {WIDGET_CHARS_MAX} characters long.")));
    }
    let definition =
        Definition::parse(&text, context.now).map_err(|error| invalid_widget(&error.to_string()))?;
    let queries = queries(&context.scope, &definition)?;
    let (store, partition, now) = (context.service.metrics.clone(), context.scope.to_string(), context.now);
    let image = supervisor::blocking(move || {
        let mut picture = definition.picture;
        let period = queries.iter().map(|query| query.period).min().unwrap_or(60);
        let from = times::aligned(Timestamp::from_secs(picture.from), period, now);
        let mut found = evaluate(&store, &partition, &queries, from, Timestamp::from_secs(picture.until))?;
        labels::fill_in(&mut found, &queries, Zone::default(), now);
        picture.lines = found.into_iter().map(|series| line(series, &queries, &definition.rows)).collect();
        Ok(draw(&picture))
    });
    let image = image.await.map_err(not_evaluated)?;
    Ok(shapes::GetMetricWidgetImageOutput { metric_widget_image: Some(image.into()) })
}

fn invalid_widget(message: &str) -> ServiceError {
    validation(format!("Invalid metric widget: {message}"))
}

fn queries(scope: &Scope, definition: &Definition) -> Result<Vec<Query>, ServiceError> {
    let mut queries: Vec<Query> = Vec::new();
    let seconds = definition.picture.until - definition.picture.from;
    let mut points = 0;
    for (index, row) in definition.rows.iter().enumerate() {
        let region = row.region.as_ref().or(definition.region.as_ref());
        if region.is_some_and(|region| *region != scope.region) {
            return Err(invalid_widget("Metrics of other regions are not supported here."));
        }
        let period = row.period.or(definition.period).unwrap_or(PERIOD_DEFAULT);
        let period = times::period(i32::try_from(period).ok(), "period")?;
        points += seconds / i64::from(period) + 1;
        let id = row.id.clone().unwrap_or_else(|| format!("neargate_row_{index}"));
        if queries.iter().any(|query| query.id == id) {
            return Err(invalid_widget(&format!("The id '{id}' is not unique.")));
        }
        queries.push(Query {
            id,
            source: source(scope, definition, row)?,
            period,
            label: row.label.clone(),
            returns_data: !row.is_hidden,
        });
    }
    if usize::try_from(points).is_ok_and(|points| points > DATA_POINTS_MAX) {
        return Err(invalid_widget(
            "The graph has too many data points: choose a longer period or a shorter time.",
        ));
    }
    Ok(queries)
}

fn source(scope: &Scope, definition: &Definition, row: &Row) -> Result<Source, ServiceError> {
    if let Some(expression) = &row.expression {
        return Ok(Source::Expression(expression.clone()));
    }
    let namespace = series::namespace(Some(&row.namespace), "namespace")?;
    let id = series::metric_id(scope, namespace, &row.name, row.dimensions.clone());
    let stat = row.stat.as_deref().or(definition.stat.as_deref()).unwrap_or("Average");
    Ok(Source::Metric { id, stat: series::stat(stat, "stat")?, unit: None })
}

fn line(series: Series, queries: &[Query], rows: &[Row]) -> Line {
    let place = queries.iter().position(|query| query.id == series.query_id);
    let row = place.and_then(|place| rows.get(place));
    let period = place.map_or(60, |place| i64::from(queries[place].period));
    Line {
        label: label(&series, row),
        pen: row.and_then(|row| row.pen),
        points: series.points.iter().map(|point| (point.at.as_secs(), point.value)).collect(),
        period,
    }
}

/// What was given, or what tells the metrics of the graph apart.
fn label(series: &Series, row: Option<&Row>) -> String {
    match row {
        Some(row) if row.label.is_none() && row.expression.is_none() => {
            let values = row.dimensions.iter().map(|(_, value)| value.as_str());
            std::iter::once(row.name.as_str()).chain(values).collect::<Vec<_>>().join(" ")
        }
        Some(Row { expression: Some(expression), label: None, .. }) => expression.clone(),
        _ => series.label.clone(),
    }
}
