//! Tags of buses and rules.

use api_auth::Context;
use state_model::events::bus::{self, Bus};
use state_model::events::rule::Rule;
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::Events;
use super::errors::{invalid, not_found, rule_managed};
use super::limits::TAGS_MAX;
use super::names::find_bus;
use super::validation::Violations;
use crate::tags::{self, Bounds, Tags};

/// What is tagged.
enum Resource {
    Bus(String),
    /// By its key.
    Rule(String),
}

pub async fn tag_resource(
    context: Context<Events>,
    input: events::TagResourceRequest,
) -> Result<events::TagResourceResponse, ServiceError> {
    let resource = authorise(&context, "TagResource", input.resource_arn)?;
    let mut violations = Violations::default();
    violations.required(input.tags.as_ref(), "tags");
    violations.check()?;
    let tags = input.tags.unwrap_or_default();
    change(&context, &resource, |known| merge(known, &tags)).await?;
    Ok(events::TagResourceResponse {})
}

pub async fn untag_resource(
    context: Context<Events>,
    input: events::UntagResourceRequest,
) -> Result<events::UntagResourceResponse, ServiceError> {
    let resource = authorise(&context, "UntagResource", input.resource_arn)?;
    let mut violations = Violations::default();
    violations.required(input.tag_keys.as_ref(), "tagKeys");
    violations.check()?;
    let keys = input.tag_keys.unwrap_or_default();
    change(&context, &resource, |known| {
        known.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(events::UntagResourceResponse {})
}

pub async fn list_tags_for_resource(
    context: Context<Events>,
    input: events::ListTagsForResourceRequest,
) -> Result<events::ListTagsForResourceResponse, ServiceError> {
    let resource = authorise(&context, "ListTagsForResource", input.resource_arn)?;
    let view = context.view();
    let tags = match &resource {
        Resource::Bus(name) => find_bus(&view, &context.scope, name)?.tags,
        Resource::Rule(key) => view.event_rules.get(key).ok_or_else(rule_gone)?.tags.clone(),
    };
    let tags = tags.into_iter().map(|(key, value)| events::Tag { key: Some(key), value: Some(value) });
    Ok(events::ListTagsForResourceResponse { tags: Some(tags.collect()) })
}

/// Adds tags, or replaces their values.
pub fn merge(tags: &mut Tags, new: &[events::Tag]) -> Result<(), ServiceError> {
    let bounds = Bounds { value_chars_min: 0, count_max: TAGS_MAX, holder: "A resource" };
    tags::merge(tags, new.iter().map(|tag| (&tag.key, &tag.value)), bounds)
}

fn authorise(context: &Context<Events>, action: &str, arn: Option<String>) -> Result<Resource, ServiceError> {
    context.authorise(&format!("events:{action}"), arn.as_deref().unwrap_or("*"))?;
    let mut violations = Violations::default();
    violations.required(arn.as_ref(), "resourceARN");
    violations.check()?;
    let arn = arn.unwrap_or_default();
    let scope = &context.scope;
    if let Some((of, name)) = bus::parse_arn(&arn) {
        return if of == *scope { Ok(Resource::Bus(name.to_owned())) } else { Err(missing(&arn)) };
    }
    let rule = arn.strip_prefix(&scope.arn("events", "rule/"));
    let Some(rule) = rule.filter(|rule| !rule.is_empty()) else {
        return Err(invalid(
            "Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format.",
        ));
    };
    let (bus, name) = rule.rsplit_once('/').unwrap_or((state_model::events::DEFAULT_BUS, rule));
    Ok(Resource::Rule(Rule::key_of(scope, bus, name)))
}

async fn change(
    context: &Context<Events>,
    resource: &Resource,
    change: impl Fn(&mut Tags) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    context
        .transact(|view, transaction| {
            match resource {
                Resource::Bus(name) => {
                    let mut bus = find_bus(view, &context.scope, name)?;
                    change(&mut bus.tags)?;
                    match view.event_buses.get(&Bus::key_of(&context.scope, name)) {
                        Some(row) => transaction.update(row, &bus),
                        None => transaction.insert(&bus),
                    }
                }
                Resource::Rule(key) => {
                    let row = view.event_rules.get(key).ok_or_else(rule_gone)?;
                    if row.managed_by.is_some() {
                        return Err(rule_managed(&row.name));
                    }
                    let mut rule = Rule::clone(row);
                    change(&mut rule.tags)?;
                    transaction.update(row, &rule);
                }
            }
            Ok(())
        })
        .await
}

fn rule_gone() -> ServiceError {
    not_found("Rule does not exist.")
}

fn missing(arn: &str) -> ServiceError {
    not_found(format!("Resource {arn} does not exist."))
}
