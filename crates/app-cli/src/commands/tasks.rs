//! Tasks of a cluster: read through the API, and one row of each.

use client_api::api::{ApiClient, CallError, ECS};
use serde_json::{Value, json};
use stdx::clock::Timestamp;

use super::age;

/// What DescribeTasks takes at once.
const TASKS_PER_CALL: usize = 100;

pub const HEADER: [&str; 7] = ["TASK", "DEFINITION", "STATUS", "HEALTH", "ADDRESS", "AGE", "WHY"];

/// The tasks with this desired status, newest first; only a service's when one is named.
pub async fn list(
    api: &ApiClient,
    cluster: &str,
    service: Option<&str>,
    desired_status: &str,
) -> Result<Vec<Value>, CallError> {
    let mut input = json!({ "cluster": cluster, "desiredStatus": desired_status });
    if let Some(service) = service {
        input["serviceName"] = service.into();
    }
    let mut arns: Vec<Value> = Vec::new();
    api.pages(ECS, "ListTasks", input, |page| {
        arns.extend(page["taskArns"].as_array().cloned().unwrap_or_default())
    })
    .await?;
    let mut tasks = Vec::new();
    for chunk in arns.chunks(TASKS_PER_CALL) {
        let described =
            api.call(ECS, "DescribeTasks", &json!({ "cluster": cluster, "tasks": chunk })).await?;
        tasks.extend(described["tasks"].as_array().cloned().unwrap_or_default());
    }
    sort(&mut tasks);
    Ok(tasks)
}

/// Newest first.
pub fn sort(tasks: &mut [Value]) {
    let created_at = |task: &Value| task["createdAt"].as_f64().unwrap_or(0.0);
    tasks.sort_by(|one, other| created_at(other).total_cmp(&created_at(one)));
}

pub fn row(task: &Value, now: Timestamp) -> Vec<String> {
    let health = match task["healthStatus"].as_str() {
        None | Some("UNKNOWN") => "-",
        Some(health) => health,
    };
    vec![
        last_part(&task["taskArn"]),
        last_part(&task["taskDefinitionArn"]),
        last_part(&task["lastStatus"]),
        health.to_owned(),
        address(task).to_owned(),
        age::of(&task["createdAt"], now),
        task["stoppedReason"].as_str().unwrap_or_default().to_owned(),
    ]
}

/// The name at the end of an ARN.
pub fn last_part(arn: &Value) -> String {
    arn.as_str().unwrap_or("-").rsplit('/').next().unwrap_or("-").to_owned()
}

fn address(task: &Value) -> &str {
    let details = task["attachments"].as_array().into_iter().flatten();
    let mut details = details.flat_map(|attachment| attachment["details"].as_array().into_iter().flatten());
    let found = details.find(|detail| detail["name"] == "privateIPv4Address");
    found.and_then(|detail| detail["value"].as_str()).unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_a_task_at_a_glance() {
        let task = json!({
            "taskArn": "arn:aws:ecs:us-east-1:000000000000:task/default/0123456789abcdef0123456789abcdef",
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:3",
            "lastStatus": "RUNNING", "healthStatus": "UNKNOWN", "createdAt": 100.0,
            "attachments": [{ "details": [{ "name": "privateIPv4Address", "value": "172.31.0.9" }] }],
        });
        let expected = ["0123456789abcdef0123456789abcdef", "web:3", "RUNNING", "-", "172.31.0.9", "42s", ""];
        assert_eq!(row(&task, Timestamp::from_secs(142)), expected);
        let bare = ["-", "-", "-", "-", "-", "-", ""];
        assert_eq!(row(&json!({}), Timestamp::from_secs(142)), bare);
    }
}
