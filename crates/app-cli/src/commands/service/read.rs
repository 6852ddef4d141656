//! Services with their tasks and targets, read through the API.

use anyhow::Context;
use client_api::api::{ApiClient, CallError, ECS, ELBV2};
use serde_json::{Value, json};

use crate::commands::tasks;

/// What DescribeServices takes at once.
const SERVICES_PER_CALL: usize = 10;
const SERVICES_PER_PAGE: usize = 100;

/// As the API describes it, and the health of its targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub service: Value,
    pub targets: Vec<Targets>,
}

/// Also its tasks, stopping ones included.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    pub summary: Summary,
    pub tasks: Vec<Value>,
}

/// A target group that the service's tasks are registered with.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    pub name: String,
    /// `container:port`
    pub container: String,
    /// Or why it can't be told: a target group may have been deleted under its service.
    pub health: Result<Vec<Value>, String>,
}

/// The services of a cluster that are not deleted, by name.
pub async fn services(api: &ApiClient, cluster: &str) -> anyhow::Result<Vec<Summary>> {
    let mut arns: Vec<Value> = Vec::new();
    let input = json!({ "cluster": cluster, "maxResults": SERVICES_PER_PAGE });
    api.pages(ECS, "ListServices", input, |page| {
        arns.extend(page["serviceArns"].as_array().cloned().unwrap_or_default())
    })
    .await?;
    let mut found = Vec::new();
    for chunk in arns.chunks(SERVICES_PER_CALL) {
        let input = json!({ "cluster": cluster, "services": chunk });
        let described = api.call(ECS, "DescribeServices", &input).await?;
        for service in described["services"].as_array().into_iter().flatten() {
            found.push(summary(api, service.clone()).await?);
        }
    }
    found.sort_by(|one, other| {
        one.service["serviceName"].as_str().cmp(&other.service["serviceName"].as_str())
    });
    Ok(found)
}

/// A service by its name or ARN, deleted ones included for as long as they are remembered.
pub async fn detail(api: &ApiClient, cluster: &str, name: &str) -> anyhow::Result<Detail> {
    let input = json!({ "cluster": cluster, "services": [name] });
    let described = api.call(ECS, "DescribeServices", &input).await?;
    let service = described["services"].get(0).with_context(|| {
        format!("there is no service {name} in cluster {cluster}: see `neargate service --cluster {cluster}`")
    })?;
    let mut found = Vec::new();
    // Nothing of a service that has ended is listed any more.
    if service["status"] != "INACTIVE" {
        let name = service["serviceName"].as_str();
        found = tasks::list(api, cluster, name, "RUNNING").await?;
        let stopping = tasks::list(api, cluster, name, "STOPPED").await?;
        found.extend(stopping.into_iter().filter(|task| task["lastStatus"] != "STOPPED"));
        tasks::sort(&mut found);
    }
    Ok(Detail { summary: summary(api, service.clone()).await?, tasks: found })
}

async fn summary(api: &ApiClient, service: Value) -> anyhow::Result<Summary> {
    let mut targets = Vec::new();
    for balancer in service["loadBalancers"].as_array().into_iter().flatten() {
        let Some(arn) = balancer["targetGroupArn"].as_str() else { continue };
        targets.push(Targets {
            name: group_name(arn).to_owned(),
            container: format!(
                "{}:{}",
                balancer["containerName"].as_str().unwrap_or("-"),
                balancer["containerPort"].as_u64().unwrap_or(0)
            ),
            health: health(api, arn).await?,
        });
    }
    Ok(Summary { service, targets })
}

/// A refusal is something to show; a server that doesn't answer is not.
async fn health(api: &ApiClient, arn: &str) -> Result<Result<Vec<Value>, String>, CallError> {
    match api.query(ELBV2, "DescribeTargetHealth", &[("TargetGroupArn", arn)]).await {
        Ok(answer) => Ok(Ok(answer["TargetHealthDescriptions"].as_array().cloned().unwrap_or_default())),
        Err(error @ CallError::Service { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// `…:targetgroup/NAME/<id>`
fn group_name(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}
