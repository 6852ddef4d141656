//! Clusters.

use serde_json::json;

use super::harness::{Harness, definition, run};

fn arn(name: &str) -> String {
    format!("arn:aws:ecs:us-east-1:000000000000:cluster/{name}")
}

#[tokio::test]
async fn a_cluster_is_made_once() {
    let harness = Harness::new().await;
    let input = json!({ "clusterName": "web", "tags": [{ "key": "a", "value": "b" }] });
    let output = harness.ok("CreateCluster", input.clone()).await;
    let expect = json!({ "cluster": {
        "clusterArn": arn("web"),
        "clusterName": "web",
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": 0,
        "pendingTasksCount": 0,
        "activeServicesCount": 0,
        "statistics": [],
        "tags": [{ "key": "a", "value": "b" }],
        "settings": [{ "name": "containerInsights", "value": "disabled" }],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    } });
    assert_eq!(output, expect);
    assert_eq!(harness.ok("CreateCluster", input).await, expect);
    let listed = harness.ok("ListClusters", json!({})).await;
    assert_eq!(listed["clusterArns"], json!([arn("default"), arn("web")]));
    let refused = harness.refused("CreateCluster", json!({ "clusterName": "a b" })).await;
    assert_eq!(refused.0, "InvalidParameterException");
}

#[tokio::test]
async fn the_default_cluster_is_meant_when_none_is_named() {
    let harness = Harness::new().await;
    let output = harness.ok("DescribeClusters", json!({})).await;
    assert_eq!(output["clusters"][0]["clusterName"], "default");
    assert_eq!(output["clusters"][0]["settings"], json!([]));
    let output = harness.ok("DescribeClusters", json!({ "clusters": ["no", arn("default")] })).await;
    assert_eq!(output["failures"], json!([{ "arn": arn("no"), "reason": "MISSING" }]));
    assert_eq!(output["clusters"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn parts_are_shown_when_asked_for() {
    let harness = Harness::new().await;
    let exec = json!({ "executeCommandConfiguration": { "logging": "DEFAULT" } });
    harness.ok("UpdateCluster", json!({ "cluster": "default", "configuration": exec })).await;
    let all = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"];
    let output = harness.ok("DescribeClusters", json!({ "include": all })).await;
    let cluster = &output["clusters"][0];
    assert_eq!(cluster["configuration"], exec);
    assert_eq!(cluster["attachments"], json!([]));
    assert_eq!(cluster["settings"], json!([{ "name": "containerInsights", "value": "disabled" }]));
    assert!(cluster["statistics"].as_array().is_some_and(|pairs| {
        pairs.contains(&json!({ "name": "runningFargateTasksCount", "value": "0" }))
    }));
}

#[tokio::test]
async fn settings_and_providers_change() {
    let harness = Harness::new().await;
    let settings = json!([{ "name": "containerInsights", "value": "enabled" }]);
    let input = json!({ "cluster": "default", "settings": settings });
    assert_eq!(harness.ok("UpdateClusterSettings", input).await["cluster"]["settings"], settings);
    let strategy = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0 }]);
    let input = json!({
        "cluster": "default", "capacityProviders": ["FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": strategy,
    });
    let output = harness.ok("PutClusterCapacityProviders", input).await;
    assert_eq!(output["cluster"]["capacityProviders"], json!(["FARGATE_SPOT"]));
    assert_eq!(output["cluster"]["defaultCapacityProviderStrategy"], strategy);
    let of_elsewhere = json!([{ "capacityProvider": "FARGATE", "weight": 1 }]);
    let input = json!({
        "cluster": "default", "capacityProviders": ["FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": of_elsewhere,
    });
    assert_eq!(harness.refused("PutClusterCapacityProviders", input).await.0, "InvalidParameterException");
    let providers = harness.ok("DescribeCapacityProviders", json!({})).await;
    let names: Vec<_> = providers["capacityProviders"].as_array().into_iter().flatten().collect();
    assert_eq!(names.iter().map(|item| &item["name"]).collect::<Vec<_>>(), ["FARGATE", "FARGATE_SPOT"]);
    let missing = harness.ok("DescribeCapacityProviders", json!({ "capacityProviders": ["mine"] })).await;
    assert_eq!(missing["failures"][0]["reason"], "MISSING");
}

#[tokio::test]
async fn a_cluster_with_tasks_stays() {
    let harness = Harness::new().await;
    harness.ok("CreateCluster", json!({ "clusterName": "web" })).await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let output = harness.ok("RunTask", run(json!({ "cluster": "web" }))).await;
    let counted = harness.ok("DescribeClusters", json!({ "clusters": ["web"] })).await;
    assert_eq!(counted["clusters"][0]["pendingTasksCount"], 1);
    let refused = harness.refused("DeleteCluster", json!({ "cluster": "web" })).await;
    assert_eq!(refused.0, "ClusterContainsTasksException");
    assert_eq!(refused.1, "The Cluster cannot be deleted while Tasks are active.");
    let task = &output["tasks"][0]["taskArn"];
    harness.ok("StopTask", json!({ "cluster": "web", "task": task })).await;
    let deleted = harness.ok("DeleteCluster", json!({ "cluster": "web" })).await;
    assert_eq!(deleted["cluster"]["status"], "INACTIVE");
    let described = harness.ok("DescribeClusters", json!({ "clusters": ["web"] })).await;
    assert_eq!(described["clusters"][0]["status"], "INACTIVE");
    assert_eq!(harness.ok("ListClusters", json!({})).await["clusterArns"], json!([arn("default")]));
    let refused = harness.refused("RunTask", run(json!({ "cluster": "web" }))).await;
    let expect = ("InvalidParameterException".into(), "The referenced cluster was inactive.".into());
    assert_eq!(refused, expect);
    let again = harness.ok("CreateCluster", json!({ "clusterName": "web" })).await;
    assert_eq!(again["cluster"]["status"], "ACTIVE");
}

#[tokio::test]
async fn what_does_not_exist_is_said() {
    let harness = Harness::new().await;
    let expect = ("ClusterNotFoundException".to_owned(), "Cluster not found.".to_owned());
    for operation in ["DeleteCluster", "UpdateCluster", "ListTasks", "ListServices", "ListContainerInstances"]
    {
        assert_eq!(harness.refused(operation, json!({ "cluster": "no" })).await, expect, "{operation}");
    }
    let overridden = json!({ "executeCommandConfiguration": { "logging": "OVERRIDE" } });
    let input = json!({ "clusterName": "a", "configuration": overridden });
    assert_eq!(
        harness.refused("CreateCluster", input).await.1,
        "A CloudWatch log group name or S3 bucket name must be specified when overriding the default log \
         configuration"
    );
    let namespace = json!({ "clusterName": "a", "serviceConnectDefaults": { "namespace": "n" } });
    assert_eq!(harness.refused("CreateCluster", namespace).await.0, "NamespaceNotFoundException");
}

#[tokio::test]
async fn tags_of_clusters() {
    let harness = Harness::new().await;
    let arn = arn("default");
    let tags = json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "" }]);
    harness.ok("TagResource", json!({ "resourceArn": arn, "tags": tags })).await;
    assert_eq!(harness.ok("ListTagsForResource", json!({ "resourceArn": arn })).await["tags"], tags);
    harness.ok("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a", "c"] })).await;
    let left = harness.ok("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(left["tags"], json!([{ "key": "b", "value": "" }]));
    let missing = json!({ "resourceArn": self::arn("no") });
    assert_eq!(harness.refused("ListTagsForResource", missing).await.0, "ClusterNotFoundException");
}
