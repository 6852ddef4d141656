//! What goes after its time: tokens, deleted definitions, deleted clusters.

use std::time::Duration;

use serde_json::json;
use state_tables::ecs_leftovers;

use super::harness::{Harness, definition, run};

const MOST: usize = 10;
const DAY: Duration = Duration::from_hours(24);

impl Harness {
    async fn clean_up(&self) -> usize {
        let view = self.state.view();
        let leftovers = ecs_leftovers::find(&view, self.now(), MOST);
        self.write(|transaction| leftovers.delete(&view, transaction)).await;
        leftovers.len()
    }
}

#[tokio::test]
async fn a_deleted_definition_waits_for_its_tasks() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    harness.ok("RunTask", run(json!({}))).await;
    for family in ["web", "web", "api"] {
        harness.ok("RegisterTaskDefinition", definition(json!({ "family": family }))).await;
    }
    for name in ["web:1", "web:2", "web:3"] {
        harness.ok("DeregisterTaskDefinition", json!({ "taskDefinition": name })).await;
        harness.ok("DeleteTaskDefinitions", json!({ "taskDefinitions": [name] })).await;
    }
    assert_eq!(harness.clean_up().await, 2, "web:1 is in use");
    harness.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web:1" })).await;
    harness.refused("DescribeTaskDefinition", json!({ "taskDefinition": "web:3" })).await;
    let next = harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    assert_eq!(next["taskDefinition"]["revision"], 4, "the number of a removed revision isn't given again");
}

#[tokio::test]
async fn a_deleted_definition_waits_for_its_services() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    harness.ok("CreateService", super::service_lab::create(json!({}))).await;
    harness.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" })).await;
    harness.ok("DeleteTaskDefinitions", json!({ "taskDefinitions": ["web:1"] })).await;
    assert_eq!(harness.clean_up().await, 0, "web:1 is in use");
    let forced = json!({ "service": "web", "forceNewDeployment": true });
    harness.ok("UpdateService", forced).await;
    harness.ok("DeleteService", json!({ "service": "web", "force": true })).await;
    assert_eq!(harness.clean_up().await, 0, "the service is described for a while");
    harness.advance(Duration::from_secs(3600));
    while harness.clean_up().await > 0 {}
    harness.refused("DescribeTaskDefinition", json!({ "taskDefinition": "web:1" })).await;
    let described = harness.ok("DescribeServices", json!({ "services": ["web"] })).await;
    assert_eq!(described["failures"][0]["reason"], "MISSING");
}

#[tokio::test]
async fn tokens_go_when_they_no_longer_hold() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    harness.ok("RunTask", run(json!({ "clientToken": "once" }))).await;
    harness.advance(DAY);
    assert_eq!(harness.clean_up().await, 0);
    harness.advance(DAY);
    assert_eq!(harness.clean_up().await, 1);
    assert_eq!(harness.clean_up().await, 0);
}

#[tokio::test]
async fn deleted_clusters_are_described_for_a_day() {
    let harness = Harness::new().await;
    harness.ok("CreateCluster", json!({ "clusterName": "web" })).await;
    harness.ok("DeleteCluster", json!({ "cluster": "web" })).await;
    assert_eq!(harness.clean_up().await, 0);
    harness.advance(DAY);
    assert_eq!(harness.clean_up().await, 1);
    let described = harness.ok("DescribeClusters", json!({ "clusters": ["web"] })).await;
    assert_eq!(described["failures"][0]["reason"], "MISSING");
}
