//! Services as text.

use std::collections::BTreeMap;

use serde_json::Value;
use stdx::clock::Timestamp;

use super::read::{Detail, Summary, Targets};
use crate::commands::tasks::{self, last_part};
use crate::commands::{age, columns};

/// Of the events, the newest: more would push the rest off the screen.
const EVENTS_SHOWN: usize = 10;

/// One line per service.
pub fn list(services: &[Summary]) -> String {
    let header = ["SERVICE", "STATUS", "DESIRED", "RUNNING", "PENDING", "ROLLOUT", "TARGETS"];
    let row = |summary: &Summary| {
        let service = &summary.service;
        vec![
            text(&service["serviceName"]),
            text(&service["status"]),
            count(&service["desiredCount"]),
            count(&service["runningCount"]),
            count(&service["pendingCount"]),
            rollout(service),
            joined_health(&summary.targets),
        ]
    };
    columns::table(&header, &services.iter().map(row).collect::<Vec<_>>())
}

/// Everything about one.
pub fn detail(detail: &Detail, now: Timestamp) -> String {
    let service = &detail.summary.service;
    let mut parts = vec![headline(service), deployments(service, now)];
    let rows: Vec<_> = detail.tasks.iter().map(|task| tasks::row(task, now)).collect();
    if !rows.is_empty() {
        parts.push(columns::table(&tasks::HEADER, &rows));
    }
    parts.extend(detail.summary.targets.iter().map(targets));
    parts.push(events(service, now));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn headline(service: &Value) -> String {
    format!(
        "{} in {}: {}, {} desired, {} running, {} pending\n",
        text(&service["serviceName"]),
        last_part(&service["clusterArn"]),
        text(&service["status"]),
        count(&service["desiredCount"]),
        count(&service["runningCount"]),
        count(&service["pendingCount"]),
    )
}

fn deployments(service: &Value, now: Timestamp) -> String {
    let header = [
        "DEPLOYMENT",
        "STATUS",
        "DEFINITION",
        "DESIRED",
        "RUNNING",
        "PENDING",
        "FAILED",
        "ROLLOUT",
        "AGE",
        "WHY",
    ];
    let row = |deployment: &Value| {
        vec![
            text(&deployment["id"]),
            text(&deployment["status"]),
            last_part(&deployment["taskDefinition"]),
            count(&deployment["desiredCount"]),
            count(&deployment["runningCount"]),
            count(&deployment["pendingCount"]),
            count(&deployment["failedTasks"]),
            text(&deployment["rolloutState"]),
            age::of(&deployment["createdAt"], now),
            deployment["rolloutStateReason"].as_str().unwrap_or_default().to_owned(),
        ]
    };
    let rows: Vec<_> = items(&service["deployments"]).map(row).collect();
    if rows.is_empty() { String::new() } else { columns::table(&header, &rows) }
}

fn targets(targets: &Targets) -> String {
    let title = format!("TARGETS of {} ({})", targets.name, targets.container);
    let health = match &targets.health {
        Ok(health) => health,
        Err(reason) => return format!("{title}: {reason}\n"),
    };
    let row = |target: &Value| {
        let (place, state) = (&target["Target"], &target["TargetHealth"]);
        let told = [&state["Reason"], &state["Description"]].into_iter().filter_map(Value::as_str);
        vec![
            format!("{}:{}", text(&place["Id"]), text(&place["Port"])),
            text(&place["AvailabilityZone"]),
            text(&state["State"]),
            told.collect::<Vec<_>>().join(": "),
        ]
    };
    let rows: Vec<_> = health.iter().map(row).collect();
    let summary = joined_health(std::slice::from_ref(targets));
    let mut output = format!("{title}: {summary}\n");
    if !rows.is_empty() {
        output.push_str(&columns::table(&["TARGET", "ZONE", "STATE", "WHY"], &rows));
    }
    output
}

fn events(service: &Value, now: Timestamp) -> String {
    let row = |event: &Value| vec![age::of(&event["createdAt"], now), text(&event["message"])];
    let rows: Vec<_> = items(&service["events"]).take(EVENTS_SHOWN).map(row).collect();
    if rows.is_empty() { String::new() } else { columns::table(&["AGE", "EVENT"], &rows) }
}

/// The state of the newest deployment, and how many there are when it isn't the only one.
fn rollout(service: &Value) -> String {
    let mut deployments = items(&service["deployments"]);
    let primary = deployments.find(|deployment| deployment["status"] == "PRIMARY");
    let state = primary.map_or_else(|| String::from("-"), |deployment| text(&deployment["rolloutState"]));
    match items(&service["deployments"]).count() {
        0 | 1 => state,
        several => format!("{state} ({several} deployments)"),
    }
}

/// `2/3 healthy, 1 initial`; each target group of a service by itself.
fn joined_health(groups: &[Targets]) -> String {
    let each: Vec<String> = groups.iter().map(group_health).collect();
    if each.is_empty() { String::from("-") } else { each.join(" | ") }
}

fn group_health(targets: &Targets) -> String {
    let Ok(health) = &targets.health else { return String::from("unknown") };
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for target in health {
        *others.entry(text(&target["TargetHealth"]["State"])).or_default() += 1;
    }
    let healthy = others.remove("healthy").unwrap_or(0);
    let mut output = format!("{healthy}/{} healthy", health.len());
    for (state, number) in others {
        output.push_str(&format!(", {number} {state}"));
    }
    output
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

fn count(value: &Value) -> String {
    value.as_u64().unwrap_or(0).to_string()
}

#[cfg(test)]
mod tests;
