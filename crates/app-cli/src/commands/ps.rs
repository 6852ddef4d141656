//! `neargate ps`: the tasks of a cluster, newest first.

use client_api::api::{ApiClient, ECS};
use serde_json::{Value, json};
use stdx::clock::{Clock, SystemClock, Timestamp};

use super::session;
use crate::arguments::Ps;

/// What DescribeTasks takes at once.
const TASKS_PER_CALL: usize = 100;

pub fn run(options: &Ps) -> anyhow::Result<()> {
    let api = session::open(&options.data.data_dir)?.api(options.region.as_deref())?;
    let mut tasks = session::block_on(async {
        let mut tasks = list(&api, &options.cluster, "RUNNING").await?;
        if options.all {
            tasks.extend(list(&api, &options.cluster, "STOPPED").await?);
        }
        Ok(tasks)
    })?;
    tasks.sort_by(|one, other| created_at(other).total_cmp(&created_at(one)));
    let now = SystemClock::new().now();
    println!("{:<32}  {:<24}  {:<14}  {:<15}  {:>8}  WHY", "TASK", "DEFINITION", "STATUS", "ADDRESS", "AGE");
    for task in &tasks {
        println!("{}", line(task, now));
    }
    Ok(())
}

async fn list(api: &ApiClient, cluster: &str, desired_status: &str) -> anyhow::Result<Vec<Value>> {
    let mut arns: Vec<Value> = Vec::new();
    let input = json!({ "cluster": cluster, "desiredStatus": desired_status });
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
    Ok(tasks)
}

fn created_at(task: &Value) -> f64 {
    task["createdAt"].as_f64().unwrap_or(0.0)
}

fn line(task: &Value, now: Timestamp) -> String {
    let last = |field: &str| task[field].as_str().unwrap_or("-").rsplit('/').next().unwrap_or("-").to_owned();
    let age = now.as_secs_f64() - created_at(task);
    let why = task["stoppedReason"].as_str().unwrap_or("");
    let (id, definition, status) = (last("taskArn"), last("taskDefinitionArn"), last("lastStatus"));
    let row =
        format!("{id:<32}  {definition:<24}  {status:<14}  {:<15}  {:>8}  {why}", address(task), short(age));
    row.trim_end().to_owned()
}

fn address(task: &Value) -> &str {
    let details = task["attachments"].as_array().into_iter().flatten();
    let mut details = details.flat_map(|attachment| attachment["details"].as_array().into_iter().flatten());
    let found = details.find(|detail| detail["name"] == "privateIPv4Address");
    found.and_then(|detail| detail["value"].as_str()).unwrap_or("-")
}

/// `42s`, `17m`, `3h`, `2d`.
fn short(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_a_task_at_a_glance() {
        let task = json!({
            "taskArn": "arn:aws:ecs:us-east-1:000000000000:task/default/0123456789abcdef0123456789abcdef",
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:3",
            "lastStatus": "RUNNING", "createdAt": 100.0,
            "attachments": [{ "details": [{ "name": "privateIPv4Address", "value": "172.31.0.9" }] }],
        });
        let line = line(&task, Timestamp::from_secs(142));
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words, ["0123456789abcdef0123456789abcdef", "web:3", "RUNNING", "172.31.0.9", "42s"]);
    }
}
