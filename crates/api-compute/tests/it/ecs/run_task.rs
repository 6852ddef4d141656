//! RunTask: what it answers, what it refuses, and what a repeated request gets.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Harness, ROLE, UNTRUSTED_ROLE, definition, run, with_container};

async fn with_definition(changes: Value) -> Harness {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", definition(changes)).await;
    harness
}

fn network(value: Value) -> Value {
    run(json!({ "networkConfiguration": { "awsvpcConfiguration": value } }))
}

#[tokio::test]
async fn the_first_answer_has_the_recorded_form() {
    let harness = Harness::new().await;
    harness.ok("RegisterTaskDefinition", with_container(json!({ "memory": 256 }))).await;
    let output = harness.ok("RunTask", run(json!({ "startedBy": "me" }))).await;
    let task = &output["tasks"][0];
    let arn = task["taskArn"].as_str().expect("an ARN");
    let id = arn.strip_prefix("arn:aws:ecs:us-east-1:000000000000:task/default/").expect("the long form");
    assert_eq!(id.len(), 32);
    let container_arn = task["containers"][0]["containerArn"].as_str().expect("an ARN");
    assert!(
        container_arn.starts_with(&format!("arn:aws:ecs:us-east-1:000000000000:container/default/{id}/"))
    );
    let expect = json!({
        "attachments": [{
            "id": task["attachments"][0]["id"],
            "type": "ElasticNetworkInterface",
            "status": "PRECREATED",
            "details": [{ "name": "subnetId", "value": "subnet-1" }],
        }],
        "attributes": [{ "name": "ecs.cpu-architecture", "value": "x86_64" }],
        "availabilityZone": "us-east-1a",
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/default",
        "containers": [{
            "containerArn": container_arn,
            "taskArn": arn,
            "name": "app",
            "image": "nginx",
            "lastStatus": "PENDING",
            "networkBindings": [],
            "networkInterfaces": [],
            "managedAgents": [],
            "gpuIds": [],
            "cpu": "0",
            "memory": "256",
        }],
        "cpu": "256",
        "memory": "512",
        "createdAt": task["createdAt"],
        "desiredStatus": "RUNNING",
        "lastStatus": "PROVISIONING",
        "enableExecuteCommand": false,
        "ephemeralStorage": { "sizeInGiB": 20 },
        "fargateEphemeralStorage": { "sizeInGiB": 20 },
        "group": "family:web",
        "inferenceAccelerators": [],
        "launchType": "FARGATE",
        "overrides": {
            "containerOverrides": [{
                "name": "app", "command": [], "environment": [], "environmentFiles": [],
                "resourceRequirements": [],
            }],
            "inferenceAcceleratorOverrides": [],
        },
        "platformFamily": "Linux",
        "platformVersion": "1.4.0",
        "startedBy": "me",
        "tags": [],
        "taskArn": arn,
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1",
        "version": 1,
    });
    assert_eq!(task, &expect);
    assert_eq!(output["failures"], json!([]));
}

/// Each case: the request, and the code and message of its refusal. Nothing is left of any.
async fn check(harness: &Harness, cases: Vec<(Value, &str, &str)>) {
    for (input, code, message) in cases {
        let refused = harness.refused("RunTask", input.clone()).await;
        assert_eq!(refused, (code.into(), message.into()), "{input}");
    }
    assert_eq!(harness.ok("ListTasks", json!({})).await["taskArns"], json!([]));
}

const INVALID: &str = "InvalidParameterException";

#[tokio::test]
async fn definitions_and_clusters_must_be_usable() {
    let harness = with_definition(json!({})).await;
    harness.ok("RegisterTaskDefinition", definition(json!({ "family": "old" }))).await;
    harness.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "old:1" })).await;
    let container = json!({ "name": "a", "image": "b", "memory": 64 });
    let bridge = json!({ "family": "bridge", "containerDefinitions": [container] });
    harness.ok("RegisterTaskDefinition", bridge).await;
    let task_definition = |name: &str| run(json!({ "taskDefinition": name }));
    let cases = vec![
        (run(json!({ "cluster": "no" })), "ClusterNotFoundException", "Cluster not found."),
        (task_definition("no"), "ClientException", "TaskDefinition not found."),
        (task_definition("old"), "ClientException", "TaskDefinition not found."),
        (task_definition("old:1"), INVALID, "TaskDefinition is inactive"),
        (task_definition("bridge"), INVALID, "Task definition does not support launch_type FARGATE."),
    ];
    check(&harness, cases).await;
}

#[tokio::test]
async fn there_is_only_fargate_to_run_on() {
    let harness = with_definition(json!({})).await;
    let no_instances = "No Container Instances were found in your cluster.";
    let both = "Specifying both a launch type and capacity provider strategy is not supported. Remove one and \
                try again.";
    let strategy = json!([{ "capacityProvider": "FARGATE", "weight": 1 }]);
    let platform = "The specified platform does not exist.";
    let cases = vec![
        (run(json!({ "launchType": "EC2" })), INVALID, no_instances),
        (run(json!({ "launchType": null })), INVALID, no_instances),
        (run(json!({ "capacityProviderStrategy": strategy })), INVALID, both),
        (run(json!({ "platformVersion": "1.3.0" })), "PlatformUnknownException", platform),
    ];
    check(&harness, cases).await;
}

#[tokio::test]
async fn networks_must_exist() {
    let harness = with_definition(json!({})).await;
    let unknown_subnet = "Error retrieving subnet information for [subnet-9]: The subnet ID 'subnet-9' does not \
                          exist (ErrorCode: InvalidSubnetID.NotFound)";
    let unknown_group = "Error retrieving security group information for [sg-9]: The security group 'sg-9' does \
                         not exist (ErrorCode: InvalidGroup.NotFound)";
    let several = "All subnets and security groups must belong to the same VPC.";
    let none = "Network Configuration must be provided when networkMode 'awsvpc' is specified.";
    let group = |id: &str| network(json!({ "subnets": ["subnet-1"], "securityGroups": [id] }));
    let cases = vec![
        (run(json!({ "networkConfiguration": null })), INVALID, none),
        (network(json!({ "subnets": [] })), INVALID, "subnets can not be empty."),
        (network(json!({ "subnets": ["subnet-9"] })), INVALID, unknown_subnet),
        (network(json!({ "subnets": ["subnet-1", "subnet-3"] })), INVALID, several),
        (group("sg-9"), INVALID, unknown_group),
        (group("sg-3"), INVALID, several),
    ];
    check(&harness, cases).await;
}

#[tokio::test]
async fn other_parameters_have_their_form() {
    let harness = with_definition(json!({})).await;
    let count = "count should be between 1 and 10";
    let over = |value: Value| run(json!({ "overrides": value }));
    let of_container = |value: Value| over(json!({ "containerOverrides": [value] }));
    let cases = vec![
        (run(json!({ "count": 0 })), INVALID, count),
        (run(json!({ "count": 11 })), INVALID, count),
        (
            of_container(json!({ "name": "x" })),
            INVALID,
            "Override for container named x is not a container in the TaskDefinition.",
        ),
        (
            over(json!({ "cpu": "300" })),
            "ClientException",
            "No Fargate configuration exists for given values.",
        ),
        (
            of_container(json!({ "name": "app", "command": ["x".repeat(9000)] })),
            INVALID,
            "Container Overrides length must be at most 8192",
        ),
        (run(json!({ "group": "service:web" })), INVALID, "Invalid namespace for group."),
    ];
    check(&harness, cases).await;
    for changes in [
        json!({ "startedBy": "a b" }),
        json!({ "clientToken": "x".repeat(65) }),
        json!({ "propagateTags": "SERVICE" }),
        json!({ "placementStrategy": [{ "type": "random" }] }),
    ] {
        assert_eq!(harness.refused("RunTask", run(changes.clone())).await.0, INVALID, "{changes}");
    }
}

#[tokio::test]
async fn roles_must_trust_tasks() {
    let harness = with_definition(json!({ "taskRoleArn": ROLE, "executionRoleArn": "app" })).await;
    harness.ok("RunTask", run(json!({}))).await;
    for role in [UNTRUSTED_ROLE, "arn:aws:iam::000000000000:role/none"] {
        let refused = harness.refused("RunTask", run(json!({ "overrides": { "taskRoleArn": role } }))).await;
        let expect = format!(
            "ECS was unable to assume the role '{role}' that was provided for this task. Please verify \
             that the role being passed has the proper trust relationship and permissions and that your \
             IAM user has permissions to pass this role."
        );
        assert_eq!(refused, ("ClientException".into(), expect));
    }
}

#[tokio::test]
async fn what_cannot_run_here_is_told_at_once() {
    let harness = Harness::new().await;
    let efs = json!([{ "name": "v", "efsVolumeConfiguration": { "fileSystemId": "fs-1" } }]);
    harness.ok("RegisterTaskDefinition", definition(json!({ "volumes": efs }))).await;
    assert_eq!(harness.refused("RunTask", run(json!({}))).await.0, "UnsupportedFeatureException");
    let exec = run(json!({ "enableExecuteCommand": true }));
    assert_eq!(harness.refused("RunTask", exec).await.0, "UnsupportedFeatureException");
}

#[tokio::test]
async fn tasks_spread_over_subnets_and_providers() {
    let harness = with_definition(json!({})).await;
    let strategy = json!([
        { "capacityProvider": "FARGATE", "weight": 1, "base": 1 },
        { "capacityProvider": "FARGATE_SPOT", "weight": 1 },
    ]);
    let mut input = network(json!({ "subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-2"] }));
    input["count"] = json!(4);
    input["launchType"] = Value::Null;
    input["capacityProviderStrategy"] = strategy;
    let output = harness.ok("RunTask", input).await;
    let tasks = output["tasks"].as_array().expect("a list");
    let count = |field: &str, value: &str| tasks.iter().filter(|task| task[field] == value).count();
    assert_eq!((count("availabilityZone", "us-east-1a"), count("availabilityZone", "us-east-1b")), (2, 2));
    let providers = (count("capacityProviderName", "FARGATE"), count("capacityProviderName", "FARGATE_SPOT"));
    assert_eq!(providers, (3, 1), "the base, then the first of two equal ones, in turns");
    assert_eq!(count("launchType", "FARGATE"), 4);
}

#[tokio::test]
async fn the_default_group_and_strategy_are_used() {
    let harness = with_definition(json!({})).await;
    let strategy = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }]);
    let input = json!({
        "cluster": "default", "capacityProviders": ["FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": strategy,
    });
    harness.ok("PutClusterCapacityProviders", input).await;
    let output = harness.ok("RunTask", run(json!({ "launchType": null }))).await;
    assert_eq!(output["tasks"][0]["capacityProviderName"], "FARGATE_SPOT");
    let view = harness.state.view();
    let (_, row) = view.task_intents.iter().next().expect("one task");
    assert_eq!(row.network.security_groups, ["sg-1"]);
    let in_use =
        json!({ "cluster": "default", "capacityProviders": [], "defaultCapacityProviderStrategy": [] });
    assert_eq!(harness.refused("PutClusterCapacityProviders", in_use).await.0, "ResourceInUseException");
}

#[tokio::test]
async fn a_token_is_worth_one_run() {
    let harness = with_definition(json!({})).await;
    let input = run(json!({ "clientToken": "once", "count": 2 }));
    let first = harness.ok("RunTask", input.clone()).await;
    let second = harness.ok("RunTask", input.clone()).await;
    assert_eq!(first, second);
    let other = harness.call("RunTask", run(json!({ "clientToken": "once" }))).await.expect_err("a conflict");
    assert_eq!(other.code, "ConflictException");
    assert_eq!(
        other.body["resourceIds"],
        json!([first["tasks"][0]["taskArn"], first["tasks"][1]["taskArn"]])
    );
    harness.advance(Duration::from_secs(24 * 60 * 60));
    let third = harness.ok("RunTask", input).await;
    assert_ne!(first["tasks"][0]["taskArn"], third["tasks"][0]["taskArn"]);
}

#[tokio::test]
async fn overrides_change_the_task() {
    let harness = with_definition(json!({ "ephemeralStorage": { "sizeInGiB": 30 } })).await;
    let overrides = json!({
        "cpu": "0.5 vCPU", "memory": "1 GB", "ephemeralStorage": { "sizeInGiB": 40 },
        "containerOverrides": [{
            "name": "app", "command": ["true"], "environment": [{ "name": "A", "value": "b" }], "cpu": 64,
            "memory": 128,
        }],
    });
    let output = harness.ok("RunTask", run(json!({ "overrides": overrides }))).await;
    let task = &output["tasks"][0];
    assert_eq!((&task["cpu"], &task["memory"]), (&json!("512"), &json!("1024")));
    assert_eq!(task["ephemeralStorage"], json!({ "sizeInGiB": 40 }));
    assert_eq!(
        (&task["containers"][0]["cpu"], &task["containers"][0]["memory"]),
        (&json!("64"), &json!("128"))
    );
    let echoed = &task["overrides"];
    assert_eq!((&echoed["cpu"], &echoed["memory"]), (&json!("512"), &json!("1024")));
    assert_eq!(echoed["containerOverrides"][0]["command"], json!(["true"]));
    assert_eq!(echoed["containerOverrides"][0]["environmentFiles"], json!([]));
}

#[tokio::test]
async fn tags_come_from_three_sides() {
    let tags = json!([{ "key": "a", "value": "definition" }, { "key": "b", "value": "definition" }]);
    let harness = with_definition(json!({ "tags": tags })).await;
    let plain = harness.ok("RunTask", run(json!({}))).await;
    assert_eq!(plain["tasks"][0]["tags"], json!([]));
    let input = run(json!({
        "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": true, "tags": [{ "key": "a",
        "value": "run" }],
    }));
    let output = harness.ok("RunTask", input).await;
    let expect = json!([
        { "key": "a", "value": "run" },
        { "key": "aws:ecs:clusterName", "value": "default" },
        { "key": "b", "value": "definition" },
    ]);
    assert_eq!(output["tasks"][0]["tags"], expect);
    let arn = &output["tasks"][0]["taskArn"];
    assert_eq!(harness.ok("ListTagsForResource", json!({ "resourceArn": arn })).await["tags"], expect);
    let hidden = harness.ok("DescribeTasks", json!({ "tasks": [arn] })).await;
    assert_eq!(hidden["tasks"][0]["tags"], json!([]));
    let shown = harness.ok("DescribeTasks", json!({ "tasks": [arn], "include": ["TAGS"] })).await;
    assert_eq!(shown["tasks"][0]["tags"], expect);
}
