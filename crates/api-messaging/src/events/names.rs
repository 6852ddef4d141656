//! Which bus and rule a request means.

use api_auth::Context;
use state_model::Scope;
use state_model::events::DEFAULT_BUS;
use state_model::events::bus::{self, Bus};
use state_model::events::rule::Rule;
use state_tables::{Row, View};
use wire_schema::{Instant, ServiceError};

use super::Events;
use super::errors::{bus_missing, invalid, rule_managed, rule_missing};
use super::validation::{NameConstraints, Violations};

/// The name of the bus that is given by name or ARN; left out, the default one.
pub fn bus_name(scope: &Scope, given: Option<&str>) -> Result<String, ServiceError> {
    let Some(given) = given else { return Ok(DEFAULT_BUS.to_owned()) };
    if !given.starts_with("arn:") {
        return Ok(given.to_owned());
    }
    match bus::parse_arn(given) {
        Some((of, name)) if of == *scope => Ok(name.to_owned()),
        Some(_) => Err(bus_missing(given)),
        None => {
            Err(invalid(format!("Parameter {given} is not valid. Reason: it is no ARN of an event bus.")))
        }
    }
}

/// The bus, also the default one of which nothing was written yet.
pub fn find_bus(view: &View, scope: &Scope, name: &str) -> Result<Bus, ServiceError> {
    match view.event_buses.get(&Bus::key_of(scope, name)) {
        Some(row) => Ok(Bus::clone(row)),
        None if name == DEFAULT_BUS => {
            let region = view.regions.get(&scope.to_string());
            Ok(Bus::default_of(scope, region.map_or(Default::default(), |region| region.created_at)))
        }
        None => Err(bus_missing(name)),
    }
}

pub fn find_rule<'a>(
    view: &'a View,
    scope: &Scope,
    bus: &str,
    name: &str,
) -> Result<&'a Row<Rule>, ServiceError> {
    find_bus(view, scope, bus)?;
    view.event_rules.get(&Rule::key_of(scope, bus, name)).ok_or_else(|| rule_missing(name, bus))
}

/// The rule, when callers may change it.
pub fn find_own_rule<'a>(
    view: &'a View,
    scope: &Scope,
    bus: &str,
    name: &str,
) -> Result<&'a Row<Rule>, ServiceError> {
    let rule = find_rule(view, scope, bus, name)?;
    if rule.managed_by.is_some() { Err(rule_managed(name)) } else { Ok(rule) }
}

/// Authorises an action on a rule and yields its bus.
pub fn authorise_rule(
    context: &Context<Events>,
    action: &str,
    name: Option<&str>,
    bus: Option<&str>,
) -> Result<String, ServiceError> {
    let bus_of = bus_name(&context.scope, bus);
    let known = bus_of.as_deref().unwrap_or(DEFAULT_BUS);
    let arn = state_model::events::rule::arn_of(&context.scope, known, name.unwrap_or_default());
    context.authorise(&format!("events:{action}"), &arn)?;
    bus_of
}

/// What is named within its account and region alone.
#[derive(Debug)]
pub struct Named {
    /// What its ARN says before the name.
    pub kind: &'static str,
    /// The member that names it.
    pub member: &'static str,
    pub chars_max: usize,
}

impl Named {
    /// Authorises an action on it and yields its name.
    pub fn authorise(
        &self,
        context: &Context<Events>,
        action: &str,
        name: Option<String>,
    ) -> Result<String, ServiceError> {
        let path = format!("{}/{}", self.kind, name.as_deref().unwrap_or_default());
        context.authorise(&format!("events:{action}"), &context.scope.arn("events", &path))?;
        let mut violations = Violations::default();
        violations.name(name.as_deref(), self.member, self.chars_max, "");
        violations.check()?;
        Ok(name.unwrap_or_default())
    }
}

pub fn instant(at: stdx::clock::Timestamp) -> Option<Instant> {
    Some(Instant::from_millis(at.as_millis()))
}
