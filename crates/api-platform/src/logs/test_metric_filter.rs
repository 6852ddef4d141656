use api_auth::Context;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use super::Logs;
use super::filter_log_events::parse_pattern;
use super::limits::METRIC_FILTER_MESSAGES_MAX;
use super::validation::{LogConstraints, Violations};

pub async fn test_metric_filter(
    context: Context<Logs>,
    input: logs::TestMetricFilterRequest,
) -> Result<logs::TestMetricFilterResponse, ServiceError> {
    context.authorise("logs:TestMetricFilter", "*")?;
    let mut violations = Violations::default();
    violations.required(input.filter_pattern.as_ref(), "filterPattern");
    violations.filter_pattern(input.filter_pattern.as_deref(), "filterPattern");
    violations.required(input.log_event_messages.as_ref(), "logEventMessages");
    if let Some(messages) = &input.log_event_messages {
        violations.count(messages.len(), "logEventMessages", 1, METRIC_FILTER_MESSAGES_MAX);
    }
    violations.check()?;
    let pattern = parse_pattern(&input.filter_pattern.unwrap_or_default())?;
    let messages = input.log_event_messages.unwrap_or_default();
    let matches = messages.into_iter().zip(1..).filter_map(|(message, number)| {
        let values = pattern.extract(message.as_bytes())?;
        Some(logs::MetricFilterMatchRecord {
            event_message: Some(message),
            event_number: Some(number),
            extracted_values: Some(values),
        })
    });
    Ok(logs::TestMetricFilterResponse { matches: Some(matches.collect()) })
}
