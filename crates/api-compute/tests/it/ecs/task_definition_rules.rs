//! Every rule of RegisterTaskDefinition with its message.

use serde_json::{Value, json};

use super::harness::{Harness, ROLE, definition, with_container};

/// Each case: what is registered, and the message of the ClientException.
async fn check(cases: Vec<(Value, &str)>) {
    let harness = Harness::new().await;
    for (input, message) in cases {
        let refused = harness.refused("RegisterTaskDefinition", input.clone()).await;
        assert_eq!(refused, ("ClientException".into(), message.into()), "{input}");
    }
}

/// Each case is registered.
async fn accept(cases: Vec<Value>) {
    let harness = Harness::new().await;
    for input in cases {
        harness.ok("RegisterTaskDefinition", input).await;
    }
}

fn containers(list: Value) -> Value {
    definition(json!({ "containerDefinitions": list }))
}

const ECR_IMAGE: &str = "000000000000.dkr.ecr.us-east-1.amazonaws.com/app:1";

#[tokio::test]
async fn the_task_as_a_whole() {
    check(vec![
        (definition(json!({ "family": null })), "Family should not be null or empty."),
        (definition(json!({ "family": "we b" })), "Family contains invalid characters."),
        (definition(json!({ "networkMode": null })), "Fargate only supports network mode ‘awsvpc’."),
        (definition(json!({ "networkMode": "bridge" })), "Fargate only supports network mode ‘awsvpc’."),
        (definition(json!({ "cpu": null })), "Fargate requires that 'cpu' be defined at the task level."),
        (
            definition(json!({ "memory": null })),
            "Fargate requires that 'memory' be defined at the task level.",
        ),
        (definition(json!({ "cpu": "512" })), "No Fargate configuration exists for given values."),
        (definition(json!({ "cpu": "300" })), "No Fargate configuration exists for given values."),
        (
            definition(json!({ "runtimePlatform": { "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE" } })),
            "No Fargate configuration exists for given values.",
        ),
        (
            definition(json!({
                "cpu": "1024", "memory": "2048",
                "runtimePlatform": {
                    "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE", "cpuArchitecture": "ARM64",
                },
            })),
            "No Fargate configuration exists for given values.",
        ),
        (definition(json!({ "cpu": "much" })), "Invalid 'cpu' setting for task."),
        (definition(json!({ "memory": "much" })), "Invalid 'memory' setting for task."),
        (
            definition(json!({ "inferenceAccelerators": [{ "deviceName": "a", "deviceType": "b" }] })),
            "Unsupported field 'inferenceAccelerators'",
        ),
        (
            definition(json!({ "pidMode": "host" })),
            "Tasks using the Fargate launch type do not support pidMode 'host'",
        ),
        (
            definition(json!({ "ipcMode": "task" })),
            "Fargate compatible task definitions do not support ipcMode",
        ),
        (
            definition(json!({ "placementConstraints": [{ "type": "memberOf", "expression": "x" }] })),
            "Fargate compatible task definitions do not support constraints",
        ),
        (
            definition(json!({ "ephemeralStorage": { "sizeInGiB": 20 } })),
            "EphemeralStorage size should be at least 21",
        ),
        (
            definition(json!({ "ephemeralStorage": { "sizeInGiB": 201 } })),
            "EphemeralStorage size should be at most 200",
        ),
        (
            definition(
                json!({ "ephemeralStorage": { "sizeInGiB": 30 }, "requiresCompatibilities": ["EC2"] }),
            ),
            "Tasks using the EC2 launch type do not support EphemeralStorage",
        ),
        (definition(json!({ "taskRoleArn": "no role" })), "Role is not valid"),
        (definition(json!({ "executionRoleArn": "arn:aws:s3:::bucket" })), "Role is not valid"),
    ])
    .await;
}

#[tokio::test]
async fn the_list_of_containers() {
    let app = json!({ "name": "app", "image": "nginx" });
    let big = json!({ "name": "app", "image": "nginx", "command": ["x".repeat(70_000)] });
    let harness = Harness::new().await;
    let (code, message) = harness.refused("RegisterTaskDefinition", containers(json!([big]))).await;
    assert_eq!(code, "ClientException");
    assert!(message.ends_with("Max allowed length is '65536' bytes."), "{message}");
    check(vec![
        (containers(json!([])), "Container list cannot be empty."),
        (containers(Value::Null), "Container list cannot be empty."),
        (containers(json!([{ "name": "a" }])), "Container.image should not be null or empty."),
        (containers(json!([{ "image": "a" }])), "Container.name should not be null or empty."),
        (containers(json!([app, app])), "Container names must be unique within a task definition"),
        (
            with_container(json!({ "essential": false })),
            "Task definition doesn't have any essential container",
        ),
        (
            definition(json!({
                "networkMode": "bridge", "requiresCompatibilities": ["EC2"], "cpu": null, "memory": null,
            })),
            "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be \
             specified.",
        ),
        (
            with_container(json!({ "memory": 128, "memoryReservation": 256 })),
            "Invalid setting for container 'app'. 'memory' must be greater than or equal to \
             'memoryReservation'",
        ),
        (
            with_container(json!({ "memory": 1024 })),
            "The 'memory' setting for container 'app' is greater than for the task",
        ),
        (
            with_container(json!({ "cpu": 257 })),
            "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_fargate_refuses() {
    let linux = |value: Value| with_container(json!({ "linuxParameters": value }));
    let unsupported = "Fargate compatible task definitions do not support";
    check(vec![
        (
            with_container(json!({ "privileged": true })),
            "Fargate requires that the 'privileged' setting be 'false'.",
        ),
        (linux(json!({ "capabilities": { "add": ["NET_ADMIN"] } })), "NET_ADMIN is not allowed on Fargate."),
        (linux(json!({ "devices": [{ "hostPath": "/dev/a" }] })), &format!("{unsupported} devices")),
        (linux(json!({ "sharedMemorySize": 64 })), &format!("{unsupported} sharedMemorySize")),
        (linux(json!({ "maxSwap": 64 })), &format!("{unsupported} maxSwap")),
        (linux(json!({ "swappiness": 1 })), &format!("{unsupported} swappiness")),
        (linux(json!({ "tmpfs": [{ "containerPath": "/a", "size": 1 }] })), &format!("{unsupported} tmpfs")),
        (
            with_container(json!({ "dockerSecurityOptions": ["no-new-privileges"] })),
            &format!("{unsupported} dockerSecurityOptions"),
        ),
        (
            with_container(json!({ "resourceRequirements": [{ "type": "GPU", "value": "1" }] })),
            "Tasks using the Fargate launch type do not support GPU resource requirements",
        ),
        (
            with_container(json!({ "stopTimeout": 121 })),
            "Tasks using the Fargate launch type must have a container stop timeout of less than 120 \
             seconds.",
        ),
        (
            with_container(json!({ "image": ECR_IMAGE })),
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        (
            definition(json!({ "volumes": [{ "name": "v", "host": { "sourcePath": "/a" } }] })),
            &format!("{unsupported} sourcePath"),
        ),
        (
            definition(json!({ "volumes": [{ "name": "v",
            "dockerVolumeConfiguration": { "scope": "task" } }] })),
            &format!("{unsupported} dockerVolumeConfiguration"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn the_network_of_a_task() {
    check(vec![
        (
            with_container(json!({ "portMappings": [{ "containerPort": 80, "hostPort": 8080 }] })),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (with_container(json!({ "links": ["other"] })), "Links are not supported when networkMode=awsvpc."),
        (
            with_container(json!({ "extraHosts": [{ "hostname": "a", "ipAddress": "1.2.3.4" }] })),
            "Extra hosts are not supported on container when networkMode=awsvpc.",
        ),
        (
            with_container(json!({ "hostname": "a" })),
            "hostname is not supported on container when networkMode=awsvpc.",
        ),
        (
            with_container(json!({ "dnsServers": ["1.2.3.4"] })),
            "DNS servers are not supported on container when networkMode=awsvpc.",
        ),
        (
            with_container(json!({ "disableNetworking": true })),
            "Disable Networking is not supported on container when networkMode=awsvpc.",
        ),
        (
            with_container(json!({ "portMappings": [
                { "containerPort": 80, "name": "a" }, { "containerPort": 81, "name": "a" },
            ] })),
            "port mapping name is already used",
        ),
        (
            containers(json!([
                { "name": "a", "image": "i", "portMappings": [{ "containerPort": 80 }] },
                { "name": "b", "image": "i", "portMappings": [{ "containerPort": 80 }] },
            ])),
            "container port is used multiple times in task",
        ),
        (
            with_container(json!({ "portMappings": [{ "containerPortRange": "90-80" }] })),
            "Invalid 'containerPortRange' setting",
        ),
        (
            with_container(
                json!({ "portMappings": [{ "containerPortRange": "80-90", "containerPort": 80 }] }),
            ),
            "cannot specify both single port and port range",
        ),
    ])
    .await;
}

#[tokio::test]
async fn logs_and_secrets() {
    let log = |driver: &str, options: Value| {
        with_container(json!({ "logConfiguration": { "logDriver": driver, "options": options } }))
    };
    let all = json!({ "awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p" });
    let without_prefix = json!({ "awslogs-group": "g", "awslogs-region": "r" });
    let mut with_role = log("awslogs", without_prefix);
    with_role["executionRoleArn"] = json!(ROLE);
    check(vec![
        (
            log("awslogs", all),
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        (
            with_role,
            "Fargate requires log configuration options to include awslogs-stream-prefix to support log \
             driver awslogs.",
        ),
        (
            log("awslogs", json!({ "awslogs-region": "r" })),
            "Log driver awslogs requires options: awslogs-group",
        ),
        (log("awslogs", json!({})), "Log driver awslogs requires options: awslogs-group, awslogs-region"),
        (
            log("syslog", json!({})),
            "syslog is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]",
        ),
        (
            log("awsfirelens", json!({})),
            "When awsfirelens log driver is specified in log configuration, a firelens configuration \
             object must be specified",
        ),
        (
            with_container(json!({ "secrets": [{ "name": "A", "valueFrom": "b" }] })),
            "When you are specifying container secrets, you must also specify a value for \
             'executionRoleArn'.",
        ),
        (
            with_container(json!({ "environmentFiles": vec![json!({ "type": "s3", "value": "x" }); 11] })),
            "The maximum number of environment files was exceeded. Specify ten or less and try again",
        ),
        (
            with_container(json!({ "environmentFiles": [{ "type": "s3", "value": "x" }] })),
            "Invalid arn syntax",
        ),
    ])
    .await;
}

#[tokio::test]
async fn dependencies_and_restarts() {
    let depends = |on: &str, condition: &str, second: Value| {
        let depends_on = json!([{ "containerName": on, "condition": condition }]);
        containers(json!([{ "name": "a", "image": "i", "dependsOn": depends_on }, second]))
    };
    let plain = json!({ "name": "b", "image": "i" });
    let back =
        json!({ "name": "b", "image": "i", "dependsOn": [{ "containerName": "a", "condition": "START" }] });
    check(vec![
        (depends("c", "START", plain.clone()), "Cannot depend on container + 'c' because it does not exist"),
        (
            depends("b", "SUCCESS", plain.clone()),
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
        (
            depends("b", "HEALTHY", plain),
            "A dependency container with HEALTHY condition must have health check configured",
        ),
        (depends("b", "START", back), "Container dependencies must not form a cycle"),
        (
            with_container(json!({ "restartPolicy": { "enabled": true, "restartAttemptPeriod": 59 } })),
            "the 'restartAttemptPeriod' setting for container 'app' must be between 60 and 1800",
        ),
        (
            with_container(json!({ "healthCheck": { "command": ["CMD", "true"], "interval": 301 } })),
            "the 'interval' setting for container 'app' must be between 5 and 300",
        ),
        (
            with_container(json!({ "ulimits": [{ "name": "nofile", "softLimit": 2, "hardLimit": 1 }] })),
            "Soft limit exceeds hard limit for ulimit nofile",
        ),
    ])
    .await;
}

#[tokio::test]
async fn volumes_and_proxies() {
    let efs =
        |value: Value| definition(json!({ "volumes": [{ "name": "v", "efsVolumeConfiguration": value }] }));
    let proxy = |value: Value| definition(json!({ "proxyConfiguration": value }));
    let mut bridge = proxy(json!({ "type": "APPMESH", "containerName": "app" }));
    bridge["networkMode"] = json!("bridge");
    bridge["requiresCompatibilities"] = json!(["EC2"]);
    check(vec![
        (
            with_container(json!({ "mountPoints": [{ "sourceVolume": "v", "containerPath": "/a" }] })),
            "Unknown volume 'v'.",
        ),
        (
            definition(json!({ "volumes": [{ "name": "v", "configuredAtLaunch": true }] })),
            "Volumes [v] are not referenced by any of the containers",
        ),
        (
            with_container(json!({ "volumesFrom": [{ "sourceContainer": "b" }] })),
            "Invalid 'volumesFrom' setting. Unknown container: 'b'",
        ),
        (
            efs(json!({ "fileSystemId": "fs-1", "authorizationConfig": { "iam": "ENABLED" } })),
            "EFS IAM authorization requires TransitEncryption to be enabled",
        ),
        (
            efs(json!({
                "fileSystemId": "fs-1", "rootDirectory": "/a", "transitEncryption": "ENABLED",
                "authorizationConfig": { "accessPointId": "fsap-1" },
            })),
            "When using an EFS access point, the root directory must either be set to \"/\" or be omitted",
        ),
        (
            efs(json!({ "fileSystemId": "fs-1", "transitEncryptionPort": 1 })),
            "TransitEncryptionPort requires that TransitEncryption is enabled",
        ),
        (bridge, "APPMESH proxy configuration is only supported in networkMode=awsvpc"),
        (proxy(json!({ "type": "APPMESH", "containerName": "b" })), "Proxy container [b] does not exist"),
        (proxy(json!({ "type": "APPMESH", "containerName": "app" })), "Ingress port not found"),
    ])
    .await;
}

#[tokio::test]
async fn what_is_allowed() {
    let log_options = json!({ "awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p" });
    accept(vec![
        definition(json!({ "cpu": ".25 vCPU", "memory": "0.5GB" })),
        definition(json!({ "cpu": "32 vCPU", "memory": "244 GB" })),
        definition(json!({ "pidMode": "task", "ephemeralStorage": { "sizeInGiB": 200 } })),
        definition(json!({ "runtimePlatform": { "cpuArchitecture": "ARM64" } })),
        definition(json!({ "volumes": [{ "name": "a" }, { "name": "b", "host": {} }] })),
        definition(json!({ "taskRoleArn": "app", "executionRoleArn": ROLE })),
        definition(json!({
            "executionRoleArn": ROLE,
            "containerDefinitions": [{
                "name": "app", "image": ECR_IMAGE, "stopTimeout": 120, "privileged": false, "links": [],
                "logConfiguration": { "logDriver": "awslogs", "options": log_options },
                "linuxParameters": { "capabilities": { "add": ["SYS_PTRACE"], "drop": ["ALL"] },
                "devices": [] },
                "portMappings": [{ "containerPort": 53, "protocol": "udp" }, { "containerPort": 53 }],
                "systemControls": [{ "namespace": "net.core.somaxconn", "value": "1024" }],
                "ulimits": [{ "name": "nofile", "softLimit": 1024, "hardLimit": -1 }],
            }],
        })),
        // Without Fargate its rules don't count.
        json!({ "family": "old", "containerDefinitions": [
            { "name": "a", "image": "i", "memory": 64, "links": ["b"], "hostname": "h", "privileged": true },
            { "name": "b", "image": "i", "memory": 64, "portMappings": [{ "containerPort": 80 }] },
        ] }),
    ])
    .await;
}
