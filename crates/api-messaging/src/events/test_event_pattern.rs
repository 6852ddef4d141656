use api_auth::Context;
use serde_json::Value;
use state_model::events::pattern::Pattern;
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::Events;
use super::errors::{bad_pattern, invalid};
use super::validation::Violations;

/// What an event must have to be asked for; rules know them all.
const REQUIRED: [&str; 7] = ["id", "account", "source", "time", "region", "resources", "detail-type"];

pub async fn test_event_pattern(
    context: Context<Events>,
    input: events::TestEventPatternRequest,
) -> Result<events::TestEventPatternResponse, ServiceError> {
    context.authorise("events:TestEventPattern", "*")?;
    let mut violations = Violations::default();
    violations.required(input.event_pattern.as_ref(), "eventPattern");
    violations.required(input.event.as_ref(), "event");
    violations.length(input.event_pattern.as_deref(), "eventPattern", 0, 4_096);
    violations.check()?;
    let pattern =
        Pattern::parse(&input.event_pattern.unwrap_or_default()).map_err(|error| bad_pattern(&error))?;
    let event: Value = serde_json::from_str(&input.event.unwrap_or_default())
        .map_err(|_| invalid("Parameter Event is not valid."))?;
    if let Some(member) = REQUIRED.iter().find(|member| event.get(member).is_none()) {
        return Err(invalid(format!(
            "Parameter Event is not valid. Reason: {member} is a required argument."
        )));
    }
    Ok(events::TestEventPatternResponse { result: Some(pattern.matches(&event)) })
}
