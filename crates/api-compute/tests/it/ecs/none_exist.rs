//! Container instances and services: real answers where none exist.

use serde_json::json;

use super::harness::Harness;

#[tokio::test]
async fn there_are_no_container_instances() {
    let harness = Harness::new().await;
    let listed = harness.ok("ListContainerInstances", json!({})).await;
    assert_eq!(listed, json!({ "containerInstanceArns": [] }));
    let described = harness.ok("DescribeContainerInstances", json!({ "containerInstances": ["a"] })).await;
    let arn = "arn:aws:ecs:us-east-1:000000000000:container-instance/default/a";
    assert_eq!(described["failures"], json!([{ "arn": arn, "reason": "MISSING" }]));
    harness.ok("RegisterTaskDefinition", super::harness::definition(json!({}))).await;
    let started =
        harness.ok("StartTask", json!({ "taskDefinition": "web", "containerInstances": ["a"] })).await;
    assert_eq!(started, json!({ "tasks": [], "failures": [{ "arn": arn, "reason": "MISSING" }] }));
    let attributes = json!({ "attributes": [{ "name": "a", "targetId": "b" }] });
    assert_eq!(harness.refused("PutAttributes", attributes.clone()).await.0, "TargetNotFoundException");
    assert_eq!(harness.refused("DeleteAttributes", attributes).await.0, "TargetNotFoundException");
    let listed = harness.ok("ListAttributes", json!({ "targetType": "container-instance" })).await;
    assert_eq!(listed, json!({ "attributes": [] }));
}

#[tokio::test]
async fn there_are_no_services() {
    let harness = Harness::new().await;
    assert_eq!(harness.ok("ListServices", json!({})).await, json!({ "serviceArns": [] }));
    let described = harness.ok("DescribeServices", json!({ "services": ["web"] })).await;
    let arn = "arn:aws:ecs:us-east-1:000000000000:service/default/web";
    assert_eq!(described, json!({ "services": [], "failures": [{ "arn": arn, "reason": "MISSING" }] }));
    let refused = harness.refused("ListTasks", json!({ "serviceName": "web" })).await;
    assert_eq!(refused.0, "ServiceNotFoundException");
    let none = harness.refused("DescribeServices", json!({ "services": [] })).await;
    assert_eq!(none.0, "InvalidParameterException");
}
