//! Revisions: their numbers, echoes, states and listings.

use serde_json::{Value, json};

use super::harness::{Harness, ROLE, definition, with_container};

fn arn(name: &str) -> String {
    format!("arn:aws:ecs:us-east-1:000000000000:task-definition/{name}")
}

async fn register(harness: &Harness, family: &str) -> String {
    let output = harness.ok("RegisterTaskDefinition", definition(json!({ "family": family }))).await;
    output["taskDefinition"]["taskDefinitionArn"].as_str().expect("an ARN").to_owned()
}

async fn listed(harness: &Harness, input: Value) -> Vec<String> {
    let output = harness.ok("ListTaskDefinitions", input).await;
    let arns = output["taskDefinitionArns"].as_array().expect("a list").iter();
    arns.map(|text| text.as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn the_answer_shows_what_clients_compare() {
    let harness = Harness::new().await;
    let input = with_container(json!({
        "portMappings": [{ "containerPort": 80 }],
        "healthCheck": { "command": ["CMD-SHELL", "true"] },
        "ulimits": [],
    }));
    let output = harness.ok("RegisterTaskDefinition", input).await;
    let expect = json!({ "taskDefinition": {
        "taskDefinitionArn": arn("web:1"),
        "family": "web",
        "revision": 1,
        "status": "ACTIVE",
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "volumes": [],
        "placementConstraints": [],
        "requiresCompatibilities": ["FARGATE"],
        "compatibilities": ["EC2", "FARGATE"],
        "requiresAttributes": [
            { "name": "ecs.capability.container-health-check" },
            { "name": "com.amazonaws.ecs.capability.docker-remote-api.1.24" },
            { "name": "ecs.capability.task-eni" },
            { "name": "com.amazonaws.ecs.capability.docker-remote-api.1.18" },
        ],
        "registeredAt": 1_767_225_600.0,
        "registeredBy": "arn:aws:iam::000000000000:root",
        "enableFaultInjection": false,
        "containerDefinitions": [{
            "name": "app",
            "image": "nginx",
            "cpu": 0,
            "essential": true,
            "environment": [],
            "mountPoints": [],
            "volumesFrom": [],
            "systemControls": [],
            "ulimits": [],
            "portMappings": [{ "containerPort": 80, "hostPort": 80, "protocol": "tcp" }],
            "healthCheck": { "command": ["CMD-SHELL", "true"], "interval": 30, "timeout": 5, "retries": 3 },
        }],
    } });
    let registered_at = output["taskDefinition"]["registeredAt"].as_f64();
    assert_eq!(registered_at, Some(1_767_225_600.0));
    let mut output = output;
    output["taskDefinition"]["registeredAt"] = json!(1_767_225_600.0);
    assert_eq!(output, expect);
}

#[tokio::test]
async fn every_field_comes_back() {
    let harness = Harness::new().await;
    let container = json!({
        "name": "app", "image": "nginx", "cpu": 10, "memory": 256, "memoryReservation": 128,
        "essential": true,
        "entryPoint": ["/bin/sh"], "command": ["-c", "true"], "workingDirectory": "/tmp", "user": "1:2",
        "environment": [{ "name": "A", "value": "b" }],
        "environmentFiles": [{ "type": "s3", "value": "arn:aws:s3:::bucket/a.env" }],
        "secrets": [{ "name": "S", "valueFrom": "arn:aws:ssm:us-east-1:000000000000:parameter/s" }],
        "repositoryCredentials": { "credentialsParameter": "secret" },
        "dependsOn": [{ "containerName": "side", "condition": "HEALTHY" }],
        "startTimeout": 30, "stopTimeout": 60,
        "restartPolicy": { "enabled": true, "ignoredExitCodes": [0], "restartAttemptPeriod": 60 },
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": { "awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p" },
            "secretOptions": [],
        },
        "linuxParameters": {
            "initProcessEnabled": true, "capabilities": { "add": [], "drop": ["ALL"] }, "devices": [],
            "tmpfs": [],
        },
        "ulimits": [{ "name": "nofile", "softLimit": 1, "hardLimit": 2 }],
        "systemControls": [{ "namespace": "net.core.somaxconn", "value": "1" }],
        "portMappings": [{
            "containerPort": 80, "hostPort": 80, "protocol": "tcp", "name": "http", "appProtocol": "http2",
        }, { "containerPortRange": "100-110", "protocol": "udp" }],
        "mountPoints": [{ "sourceVolume": "v", "containerPath": "/v", "readOnly": true }],
        "volumesFrom": [{ "sourceContainer": "side", "readOnly": false }],
        "dockerLabels": { "a": "b" }, "readonlyRootFilesystem": true, "interactive": true,
        "pseudoTerminal": true, "versionConsistency": "disabled",
    });
    let side = json!({
        "name": "side", "image": "fluent", "essential": false, "cpu": 0, "environment": [], "mountPoints": [],
        "volumesFrom": [], "systemControls": [], "portMappings": [],
        "healthCheck": { "command": ["CMD", "true"], "interval": 5, "timeout": 2, "retries": 1,
        "startPeriod": 0 },
        "firelensConfiguration": { "type": "fluentbit", "options": { "enable-ecs-log-metadata": "true" } },
    });
    let given = json!({
        "family": "full", "networkMode": "awsvpc", "cpu": "1024", "memory": "2048",
        "requiresCompatibilities": ["FARGATE"], "taskRoleArn": ROLE, "executionRoleArn": ROLE,
        "pidMode": "task",
        "ephemeralStorage": { "sizeInGiB": 21 }, "enableFaultInjection": true,
        "runtimePlatform": { "cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX" },
        "placementConstraints": [],
        "volumes": [
            { "name": "v", "host": {} },
            { "name": "efs", "efsVolumeConfiguration": {
                "fileSystemId": "fs-1", "rootDirectory": "/", "transitEncryption": "ENABLED",
                "transitEncryptionPort": 2999,
                "authorizationConfig": { "accessPointId": "fsap-1", "iam": "ENABLED" },
            } },
            { "name": "s3", "s3filesVolumeConfiguration": {
                "fileSystemArn": "arn:aws:s3files:us-east-1:000000000000:file-system/a",
                "rootDirectory": "/a",
            } },
        ],
        "proxyConfiguration": { "type": "APPMESH", "containerName": "side", "properties": [
            { "name": "ProxyIngressPort", "value": "1" }, { "name": "ProxyEgressPort", "value": "2" },
        ] },
        "containerDefinitions": [container, side],
    });
    harness.ok("RegisterTaskDefinition", given.clone()).await;
    let output = harness.ok("DescribeTaskDefinition", json!({ "taskDefinition": "full" })).await;
    for (name, value) in given.as_object().expect("an object") {
        assert_eq!(&output["taskDefinition"][name], value, "{name}");
    }
}

#[tokio::test]
async fn revisions_are_counted_and_never_given_twice() {
    let harness = Harness::new().await;
    assert_eq!(register(&harness, "web").await, arn("web:1"));
    assert_eq!(register(&harness, "web").await, arn("web:2"));
    assert_eq!(register(&harness, "api").await, arn("api:1"));
    for name in ["web:1", "web:2"] {
        harness.ok("DeregisterTaskDefinition", json!({ "taskDefinition": name })).await;
    }
    assert_eq!(register(&harness, "web").await, arn("web:3"));
}

#[tokio::test]
async fn registrations_at_once_all_count() {
    let harness = Harness::new().await;
    let calls: Vec<_> = (0..64).map(|_| register(&harness, "web")).collect();
    let mut arns = futures_util::future::join_all(calls).await;
    arns.sort();
    arns.dedup();
    assert_eq!(arns.len(), 64);
    let output = harness.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web" })).await;
    assert_eq!(output["taskDefinition"]["revision"], 64);
}

#[tokio::test]
async fn definitions_are_found_in_every_form() {
    let harness = Harness::new().await;
    register(&harness, "web").await;
    register(&harness, "web").await;
    harness.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:2" })).await;
    for (name, expect) in [("web", "web:1"), ("web:2", "web:2"), (arn("web:1").as_str(), "web:1")] {
        let output = harness.ok("DescribeTaskDefinition", json!({ "taskDefinition": name })).await;
        assert_eq!(output["taskDefinition"]["taskDefinitionArn"], arn(expect), "{name}");
    }
    for name in ["no", "web:9", "arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1"] {
        let refused = harness.refused("DescribeTaskDefinition", json!({ "taskDefinition": name })).await;
        assert_eq!(refused, ("ClientException".into(), "Unable to describe task definition.".into()));
    }
    let refused = harness.refused("DescribeTaskDefinition", json!({ "taskDefinition": "web:x" })).await;
    assert_eq!(refused, ("InvalidParameterException".into(), "Invalid revision number. Number: x".into()));
}

#[tokio::test]
async fn a_definition_is_deregistered_then_deleted() {
    let harness = Harness::new().await;
    register(&harness, "web").await;
    let refused = harness.refused("DeregisterTaskDefinition", json!({ "taskDefinition": "web" })).await;
    assert_eq!(refused, ("ClientException".into(), "Revision is missing.".into()));
    let delete = json!({ "taskDefinitions": ["web:1", "web:9"] });
    let output = harness.ok("DeleteTaskDefinitions", delete.clone()).await;
    assert_eq!(output["taskDefinitions"], json!([]));
    assert_eq!(output["failures"][0]["arn"], arn("web:1"));
    assert_eq!(output["failures"].as_array().map(Vec::len), Some(2));
    for _ in 0..2 {
        let output = harness.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" })).await;
        assert_eq!(output["taskDefinition"]["status"], "INACTIVE");
        assert!(output["taskDefinition"]["deregisteredAt"].is_number());
    }
    let output = harness.ok("DeleteTaskDefinitions", delete).await;
    assert_eq!(output["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    assert!(output["taskDefinitions"][0]["deleteRequestedAt"].is_number());
    assert_eq!(listed(&harness, json!({ "status": "DELETE_IN_PROGRESS" })).await, ["web:1"]);
    let families = harness.ok("ListTaskDefinitionFamilies", json!({})).await;
    assert_eq!(families["families"], json!([]));
}

#[tokio::test]
async fn definitions_are_listed_in_order() {
    let harness = Harness::new().await;
    for family in ["web-a", "web", "web", "api", "web"] {
        register(&harness, family).await;
    }
    harness.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:2" })).await;
    assert_eq!(listed(&harness, json!({})).await, ["api:1", "web:1", "web:3", "web-a:1"]);
    assert_eq!(listed(&harness, json!({ "sort": "DESC" })).await, ["web-a:1", "web:3", "web:1", "api:1"]);
    assert_eq!(listed(&harness, json!({ "status": "INACTIVE" })).await, ["web:2"]);
    assert_eq!(listed(&harness, json!({ "familyPrefix": "web" })).await, ["web:1", "web:3"]);
    assert!(listed(&harness, json!({ "familyPrefix": "we" })).await.is_empty());
    let families = |input| harness.ok("ListTaskDefinitionFamilies", input);
    assert_eq!(families(json!({ "familyPrefix": "we" })).await["families"], json!(["web", "web-a"]));
    assert_eq!(families(json!({ "status": "INACTIVE" })).await["families"], json!([]));
}

#[tokio::test]
async fn pages_join_to_the_whole_listing() {
    let harness = Harness::new().await;
    for family in ["a", "b", "b", "c", "b"] {
        register(&harness, family).await;
    }
    for sort in ["ASC", "DESC"] {
        let whole = listed(&harness, json!({ "sort": sort })).await;
        let (mut joined, mut token) = (Vec::new(), Value::Null);
        loop {
            let input = json!({ "sort": sort, "maxResults": 2, "nextToken": token });
            joined.extend(listed(&harness, input.clone()).await);
            token = harness.ok("ListTaskDefinitions", input).await["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!(joined, whole);
    }
    let first = harness.ok("ListTaskDefinitions", json!({ "maxResults": 1 })).await;
    let other = json!({ "maxResults": 1, "status": "INACTIVE", "nextToken": first["nextToken"] });
    assert_eq!(harness.refused("ListTaskDefinitions", other).await.0, "InvalidParameterException");
}

#[tokio::test]
async fn tags_are_shown_when_asked_for() {
    let harness = Harness::new().await;
    let tags = json!([{ "key": "a", "value": "b" }]);
    let output = harness.ok("RegisterTaskDefinition", definition(json!({ "tags": tags }))).await;
    assert_eq!(output["tags"], tags);
    let plain = harness.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web" })).await;
    assert!(plain.get("tags").is_none());
    let input = json!({ "taskDefinition": "web", "include": ["TAGS"] });
    assert_eq!(harness.ok("DescribeTaskDefinition", input.clone()).await["tags"], tags);
    harness.ok("UntagResource", json!({ "resourceArn": arn("web:1"), "tagKeys": ["a"] })).await;
    assert_eq!(harness.ok("DescribeTaskDefinition", input).await["tags"], json!([]));
    let bad = definition(json!({ "tags": [{ "key": "aws:a", "value": "" }] }));
    assert_eq!(harness.refused("RegisterTaskDefinition", bad).await.0, "InvalidParameterException");
}
