//! Services: what creating, updating and deleting one answers.

use serde_json::{Value, json};

use super::harness::{Harness, definition, with_container};
use super::service_lab::{create, service};

const DEFINITION: &str = "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1";

#[tokio::test]
async fn the_first_answer_has_every_default() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let output = harness.ok("CreateService", create(json!({}))).await;
    let service = &output["service"];
    let id = service["deployments"][0]["id"].as_str().and_then(|id| id.strip_prefix("ecs-svc/"));
    let id = id.expect("a revision");
    let network = json!({ "awsvpcConfiguration": {
        "subnets": ["subnet-1"], "securityGroups": [], "assignPublicIp": "DISABLED",
    } });
    assert_eq!(id.len(), 19);
    let at = &service["createdAt"];
    let revision = format!("arn:aws:ecs:us-east-1:000000000000:service-revision/default/web/{id}");
    let expect = json!({
        "serviceArn": "arn:aws:ecs:us-east-1:000000000000:service/default/web",
        "serviceName": "web",
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/default",
        "status": "ACTIVE",
        "desiredCount": 2,
        "runningCount": 0,
        "pendingCount": 0,
        "loadBalancers": [],
        "serviceRegistries": [],
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "platformFamily": "Linux",
        "taskDefinition": DEFINITION,
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": { "enable": false, "rollback": false },
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
        },
        "deploymentController": { "type": "ECS" },
        "deployments": [first_deployment(id, at, &network)],
        "taskSets": [],
        "currentServiceDeployment": service["currentServiceDeployment"],
        "currentServiceRevisions": [{
            "arn": revision, "requestedTaskCount": 2, "runningTaskCount": 0, "pendingTaskCount": 0,
        }],
        "events": [],
        "networkConfiguration": network,
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": "REPLICA",
        "enableECSManagedTags": false,
        "propagateTags": "NONE",
        "enableExecuteCommand": false,
        "availabilityZoneRebalancing": "ENABLED",
        "resourceManagementType": "CUSTOMER",
        "tags": [],
        "createdAt": at,
        "createdBy": "arn:aws:iam::000000000000:root",
    });
    assert_eq!(*service, expect);
    let described = harness.ok("DescribeServices", json!({ "services": ["web"], "include": ["TAGS"] })).await;
    assert_eq!(described, json!({ "services": [expect], "failures": [] }));
}

fn first_deployment(revision: &str, at: &Value, network: &Value) -> Value {
    json!({
        "id": format!("ecs-svc/{revision}"),
        "status": "PRIMARY",
        "taskDefinition": DEFINITION,
        "desiredCount": 2,
        "pendingCount": 0,
        "runningCount": 0,
        "failedTasks": 0,
        "createdAt": at,
        "updatedAt": at,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "networkConfiguration": network,
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": format!("ECS deployment ecs-svc/{revision} in progress."),
    })
}

#[tokio::test]
async fn what_is_asked_for_is_told_back() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let providers = json!({
        "cluster": "default", "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [],
    });
    harness.ok("PutClusterCapacityProviders", providers).await;
    let strategy = json!([
        { "capacityProvider": "FARGATE", "weight": 1, "base": 2 },
        { "capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0 },
    ]);
    let breaker = json!({
        "enable": true, "rollback": true, "resetOnHealthyTask": false,
        "thresholdConfiguration": { "type": "COUNT", "value": 4 },
    });
    let input = create(json!({
        "launchType": null,
        "capacityProviderStrategy": strategy,
        "platformVersion": "1.4.0",
        "deploymentConfiguration": {
            "maximumPercent": 150, "minimumHealthyPercent": 50, "deploymentCircuitBreaker": breaker,
            "bakeTimeInMinutes": 5,
        },
        "healthCheckGracePeriodSeconds": 30,
        "propagateTags": "SERVICE",
        "enableECSManagedTags": true,
        "availabilityZoneRebalancing": "DISABLED",
        "tags": [{ "key": "team", "value": "a" }],
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-2"], "assignPublicIp": "ENABLED",
        } },
    }));
    let created = harness.ok("CreateService", input.clone()).await["service"].clone();
    assert_eq!(created["launchType"], Value::Null);
    assert_eq!(created["deployments"][0]["capacityProviderStrategy"], strategy);
    for (member, expect) in input.as_object().into_iter().flatten() {
        match member.as_str() {
            "taskDefinition" => {}
            "deploymentConfiguration" => {
                for (member, expect) in expect.as_object().into_iter().flatten() {
                    assert_eq!(created["deploymentConfiguration"][member], *expect, "{member}");
                }
            }
            _ => assert_eq!(created[member], *expect, "{member}"),
        }
    }
}

#[tokio::test]
async fn the_same_request_again_yields_the_same_service() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let first = harness.ok("CreateService", create(json!({ "clientToken": "a" }))).await;
    for again in [json!({ "clientToken": "a" }), json!({})] {
        assert_eq!(harness.ok("CreateService", create(again)).await, first);
    }
    for other in [json!({ "desiredCount": 3 }), json!({ "clientToken": "b" })] {
        let refused = harness.refused("CreateService", create(other)).await;
        let message = "Creation of service was not idempotent.";
        assert_eq!(refused, ("InvalidParameterException".into(), message.into()));
    }
}

#[tokio::test]
async fn a_deployment_begins_only_with_what_tasks_are_made_from() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let other_network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-2"] } });
    let same_network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-1"] } });
    harness.ok("CreateService", create(json!({ "taskDefinition": "web:1" }))).await;
    for (changes, begins) in [
        (json!({ "desiredCount": 5 }), false),
        (json!({ "deploymentConfiguration": { "maximumPercent": 300 } }), false),
        (json!({ "healthCheckGracePeriodSeconds": 9 }), false),
        (json!({ "enableECSManagedTags": true, "propagateTags": "SERVICE" }), false),
        (json!({ "availabilityZoneRebalancing": "DISABLED" }), false),
        (json!({ "taskDefinition": "web:1" }), false),
        (json!({ "networkConfiguration": same_network }), false),
        (json!({ "loadBalancers": [], "serviceRegistries": [] }), false),
        (json!({ "taskDefinition": "web" }), true),
        (json!({ "networkConfiguration": other_network }), true),
        (json!({ "platformVersion": "1.4.0" }), true),
        (json!({ "forceNewDeployment": true }), true),
        (json!({ "forceNewDeployment": false }), false),
    ] {
        harness.advance(std::time::Duration::from_secs(1));
        let before = service(&harness, "web").await;
        let mut input = changes.clone();
        input["service"] = json!("web");
        let after = harness.ok("UpdateService", input).await["service"].clone();
        assert_eq!(after["deployments"].as_array().map(Vec::len), Some(1), "{changes}");
        let same = after["currentServiceDeployment"] == before["currentServiceDeployment"];
        assert_eq!(!same, begins, "{changes}");
        assert_eq!(after["deployments"][0]["id"] != before["deployments"][0]["id"], begins, "{changes}");
    }
    let last = service(&harness, "web").await;
    assert_eq!(last["desiredCount"], 5);
    assert_eq!(last["deploymentConfiguration"]["maximumPercent"], 300);
    assert_eq!(last["deploymentConfiguration"]["minimumHealthyPercent"], 100);
    assert_eq!(last["healthCheckGracePeriodSeconds"], 9);
    assert_eq!(last["availabilityZoneRebalancing"], "DISABLED");
    assert_eq!(last["taskDefinition"], "arn:aws:ecs:us-east-1:000000000000:task-definition/web:2");
    assert_eq!(last["networkConfiguration"]["awsvpcConfiguration"]["subnets"], json!(["subnet-2"]));
}

#[tokio::test]
async fn a_strategy_changes_only_by_force() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let providers = json!({
        "cluster": "default", "capacityProviders": ["FARGATE_SPOT"], "defaultCapacityProviderStrategy": [],
    });
    harness.ok("PutClusterCapacityProviders", providers).await;
    harness.ok("CreateService", create(json!({}))).await;
    let strategy = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0 }]);
    let mut input = json!({ "service": "web", "capacityProviderStrategy": strategy });
    let (code, message) = harness.refused("UpdateService", input.clone()).await;
    assert_eq!(code, "InvalidParameterException");
    assert!(message.ends_with("you must force a new deployment."), "{message}");
    input["forceNewDeployment"] = json!(true);
    let updated = harness.ok("UpdateService", input).await;
    assert_eq!(updated["service"]["capacityProviderStrategy"], strategy);
    assert_eq!(updated["service"]["launchType"], Value::Null);
    let none = json!({
        "cluster": "default", "capacityProviders": [], "defaultCapacityProviderStrategy": [],
    });
    let in_use = harness.refused("PutClusterCapacityProviders", none.clone()).await;
    assert_eq!(in_use.0, "ResourceInUseException");
    let back = json!({ "service": "web", "capacityProviderStrategy": [], "forceNewDeployment": true });
    assert_eq!(harness.ok("UpdateService", back).await["service"]["launchType"], "FARGATE");
    harness.ok("PutClusterCapacityProviders", none).await;
}

#[tokio::test]
async fn a_deleted_service_leaves_its_name() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let first = harness.ok("CreateService", create(json!({}))).await["service"].clone();
    let refused = harness.refused("DeleteService", json!({ "service": "web" })).await;
    let message = "The service cannot be stopped while it is scaled above 0.";
    assert_eq!(refused, ("InvalidParameterException".into(), message.into()));
    harness.ok("UpdateService", json!({ "service": "web", "desiredCount": 0 })).await;
    let deleted = harness.ok("DeleteService", json!({ "service": first["serviceArn"] })).await;
    assert_eq!(deleted["service"]["status"], "DRAINING");
    let inactive = service(&harness, "web").await;
    assert_eq!(inactive["status"], "INACTIVE");
    assert_eq!(inactive["deployments"], json!([]));
    assert_eq!(harness.ok("ListServices", json!({})).await["serviceArns"], json!([]));
    let refused = harness.refused("UpdateService", json!({ "service": "web", "desiredCount": 1 })).await;
    assert_eq!(refused, ("ServiceNotActiveException".into(), "Service was not ACTIVE.".into()));
    let refused = harness.refused("DeleteService", json!({ "service": "web" })).await;
    assert_eq!(refused.0, "ServiceNotFoundException");
    harness.advance(std::time::Duration::from_secs(1));
    let second = harness.ok("CreateService", create(json!({}))).await["service"].clone();
    assert_eq!(second["status"], "ACTIVE");
    assert_ne!(second["currentServiceDeployment"], first["currentServiceDeployment"]);
    let listed = harness.ok("ListServiceDeployments", json!({ "service": "web" })).await;
    assert_eq!(listed["serviceDeployments"].as_array().map(Vec::len), Some(1), "the former's are forgotten");
    let deleted = harness.ok("DeleteService", json!({ "service": "web", "force": true })).await;
    assert_eq!(deleted["service"]["desiredCount"], 0);
}

#[tokio::test]
async fn services_are_listed_in_pages_of_ten() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    for index in 0..12 {
        let name = format!("web-{index:02}");
        harness.ok("CreateService", create(json!({ "serviceName": name }))).await;
    }
    let first = harness.ok("ListServices", json!({})).await;
    assert_eq!(first["serviceArns"].as_array().map(Vec::len), Some(10));
    let second = harness.ok("ListServices", json!({ "nextToken": first["nextToken"] })).await;
    let arn = |name: &str| format!("arn:aws:ecs:us-east-1:000000000000:service/default/{name}");
    assert_eq!(second, json!({ "serviceArns": [arn("web-10"), arn("web-11")] }));
    let count = |listed: Value| listed["serviceArns"].as_array().map(Vec::len);
    let longest = harness.ok("ListServices", json!({ "maxResults": 100 })).await;
    assert_eq!(count(longest), Some(12));
    for (filter, expect) in [
        (json!({ "launchType": "FARGATE", "maxResults": 100 }), 12),
        (json!({ "launchType": "EC2" }), 0),
        (json!({ "schedulingStrategy": "DAEMON" }), 0),
        (json!({ "resourceManagementType": "ECS" }), 0),
    ] {
        assert_eq!(count(harness.ok("ListServices", filter.clone()).await), Some(expect), "{filter}");
    }
    let too_many: Vec<_> = (0..11).map(|index| format!("web-{index:02}")).collect();
    let refused = harness.refused("DescribeServices", json!({ "services": too_many })).await;
    assert_eq!(refused.0, "InvalidParameterException");
}

#[tokio::test]
async fn a_crowd_of_services_is_made_at_once() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let made = (0..100).map(|index| {
        let name = format!("web-{index:02}");
        harness.ok("CreateService", create(json!({ "serviceName": name })))
    });
    let made = futures_util::future::join_all(made).await;
    assert!(made.iter().all(|output| output["service"]["status"] == "ACTIVE"));
}

#[tokio::test]
async fn no_service_is_left_in_a_deleted_cluster() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    for round in 0..40 {
        let cluster = format!("c-{round}");
        harness.ok("CreateCluster", json!({ "clusterName": cluster })).await;
        if round % 2 == 1 {
            harness.ok("CreateService", create(json!({ "cluster": cluster, "serviceName": "other" }))).await;
        }
        let (created, _, deleted) = tokio::join!(
            harness.call("CreateService", create(json!({ "cluster": cluster }))),
            harness.call("DeleteService", json!({ "cluster": cluster, "service": "other", "force": true })),
            harness.call("DeleteCluster", json!({ "cluster": cluster })),
        );
        assert!(created.is_err() || deleted.is_err(), "{created:?} {deleted:?}");
    }
}

#[tokio::test]
async fn a_cluster_counts_and_keeps_its_services() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    harness.ok("CreateService", create(json!({}))).await;
    let described = harness.ok("DescribeClusters", json!({ "include": ["STATISTICS"] })).await;
    let cluster = &described["clusters"][0];
    assert_eq!(cluster["activeServicesCount"], 1);
    let statistics = cluster["statistics"].as_array().expect("a list");
    assert!(statistics.contains(&json!({ "name": "activeFargateServiceCount", "value": "1" })));
    let refused = harness.refused("DeleteCluster", json!({ "cluster": "default" })).await;
    let message = "The Cluster cannot be deleted while Services are active.";
    assert_eq!(refused, ("ClusterContainsServicesException".into(), message.into()));
    harness.ok("DeleteService", json!({ "service": "web", "force": true })).await;
    harness.ok("DeleteCluster", json!({ "cluster": "default" })).await;
}

#[tokio::test]
async fn services_have_tags() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let tags = json!([{ "key": "a", "value": "1" }]);
    let created = harness.ok("CreateService", create(json!({ "tags": tags }))).await;
    let arn = &created["service"]["serviceArn"];
    let more = json!({ "resourceArn": arn, "tags": [{ "key": "b", "value": "2" }] });
    harness.ok("TagResource", more).await;
    harness.ok("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a"] })).await;
    let listed = harness.ok("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(listed, json!({ "tags": [{ "key": "b", "value": "2" }] }));
    let hidden = harness.ok("DescribeServices", json!({ "services": ["web"] })).await;
    assert_eq!(hidden["services"][0]["tags"], Value::Null);
    harness.ok("DeleteService", json!({ "service": "web", "force": true })).await;
    let refused = harness.refused("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(refused.0, "InvalidParameterException");
}

#[tokio::test]
async fn an_update_is_held_to_the_new_definition() {
    let harness = Harness::new().await;
    let ports = json!([{ "containerPort": 80 }]);
    harness.ok("RegisterTaskDefinition", with_container(json!({ "portMappings": ports }))).await;
    super::service_lab::target_group(&harness, "web").await;
    let balancers = json!([super::service_lab::load_balancer("web", "app", 80)]);
    let created = harness.ok("CreateService", create(json!({ "loadBalancers": balancers }))).await;
    assert_eq!(created["service"]["loadBalancers"], balancers);
    assert_eq!(created["service"]["healthCheckGracePeriodSeconds"], 0);
    let role = "arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS";
    assert_eq!(created["service"]["roleArn"], role);
    harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    let refused =
        harness.refused("UpdateService", json!({ "service": "web", "taskDefinition": "web" })).await;
    assert_eq!(refused.1, "The container app did not have a container port 80 defined.");
    let cleared = json!({ "service": "web", "taskDefinition": "web", "loadBalancers": [] });
    let updated = harness.ok("UpdateService", cleared).await;
    assert_eq!(updated["service"]["loadBalancers"], json!([]));
    assert_eq!(updated["service"]["roleArn"], Value::Null);
}
