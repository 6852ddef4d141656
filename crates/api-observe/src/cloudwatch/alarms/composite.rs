//! What composite alarms depend on: alarms that exist, and never themselves.

use std::collections::BTreeSet;

use state_model::Scope;
use state_model::cloudwatch::rule::Rule;
use state_model::cloudwatch::{Alarm, CompositeWatch, Watch};
use state_tables::{Transaction, View};
use wire_schema::ServiceError;

use super::errors::invalid;
use super::limits::PARENTS_MAX;

/// Refuses a composite alarm whose alarms don't exist, or that would depend on itself. The transaction depends on them.
pub fn check(
    scope: &Scope,
    view: &View,
    transaction: &mut Transaction,
    name: &str,
    rule: &Rule,
    watch: &CompositeWatch,
) -> Result<(), ServiceError> {
    let children = rule.children();
    let missing: Vec<&str> = children
        .iter()
        .filter(|child| !view.alarms.contains(&Alarm::key_of(scope, child)))
        .copied()
        .collect();
    if !missing.is_empty() {
        return Err(invalid(format!(
            "Could not save the composite alarm as alarms [{}] in the alarm rule do not exist",
            missing.join(", ")
        )));
    }
    let mut needed = children.clone();
    if let Some(suppressor) = &watch.suppressor {
        let suppressor = suppressor.name(scope);
        if !view.alarms.contains(&Alarm::key_of(scope, suppressor)) {
            return Err(invalid(format!(
                "Could not save the composite alarm as the suppressor alarm {suppressor} does not exist"
            )));
        }
        needed.insert(suppressor);
    }
    if reaches(scope, view, &needed, name) {
        return Err(invalid(format!(
            "Could not save the composite alarm as it would depend on itself: {name} is part of a cycle"
        )));
    }
    for child in &children {
        let key = Alarm::key_of(scope, child);
        let parents = parents(view, &key).filter(|parent| parent.name != name);
        if parents.count() >= PARENTS_MAX {
            return Err(invalid(format!(
                "The alarm {child} is part of {PARENTS_MAX} composite alarms already"
            )));
        }
    }
    needed.iter().for_each(|child| transaction.expect_present::<Alarm>(&Alarm::key_of(scope, child)));
    Ok(())
}

/// The composite alarms whose rules name the alarm.
pub fn parents<'v>(view: &'v View, key: &str) -> impl Iterator<Item = &'v Alarm> {
    view.alarms.by(Alarm::CHILD, key).map(|row| &**row.record())
}

/// Whether `name` is among the alarms or what they depend on.
fn reaches(scope: &Scope, view: &View, from: &BTreeSet<&str>, name: &str) -> bool {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut open: Vec<String> = from.iter().map(|child| (*child).to_owned()).collect();
    while let Some(next) = open.pop() {
        if next == name {
            return true;
        }
        if !seen.insert(next.clone()) {
            continue;
        }
        let Some(alarm) = view.alarms.get(&Alarm::key_of(scope, &next)) else { continue };
        let Watch::Composite(watch) = &alarm.watch else { continue };
        if let Ok(rule) = Rule::parse(&watch.rule, scope) {
            open.extend(rule.children().into_iter().map(str::to_owned));
        }
        open.extend(watch.suppressor.as_ref().map(|suppressor| suppressor.name(scope).to_owned()));
    }
    false
}
