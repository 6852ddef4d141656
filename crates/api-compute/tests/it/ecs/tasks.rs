//! Tasks after they were asked for: as nodes report them, as users stop, find and protect them.

use serde_json::{Value, json};
use state_model::ecs::task::{
    ContainerStatus, Health, ObservedContainer, ObservedStop, ObservedTimes, Phase, Placed, PlacementOutcome,
    TaskIntent, TaskObservation, TaskPlacement,
};
use state_tables::task_columns;
use stdx::clock::Timestamp;

use super::harness::{Harness, definition, run, with_container};

struct Started {
    harness: Harness,
    arn: String,
}

impl Started {
    async fn new(container: Value) -> Self {
        let harness = Harness::new().await;
        harness.ok("RegisterTaskDefinition", with_container(container)).await;
        let output = harness.ok("RunTask", run(json!({}))).await;
        let arn = output["tasks"][0]["taskArn"].as_str().expect("an ARN").to_owned();
        Self { harness, arn }
    }

    fn intent(&self) -> TaskIntent {
        let view = self.harness.state.view();
        let row = view.task_intents.by("arn", &self.arn).next().expect("the task exists");
        TaskIntent::clone(row)
    }

    async fn place(&self) {
        let TaskIntent { scope, cluster, id, .. } = self.intent();
        let placed = Placed {
            node: "node".into(),
            generation: 1,
            eni_id: "eni-1".into(),
            vpc_id: "vpc-1".into(),
            address: [172, 31, 1, 5].into(),
            ipv6_address: Some("fd00::5".parse().unwrap()),
            mac_address: "0a:00:00:00:00:01".into(),
            private_dns_name: "ip-172-31-1-5.ec2.internal".into(),
        };
        let outcome = PlacementOutcome::Placed(placed);
        let placement = TaskPlacement { scope, cluster, id, outcome, at: self.harness.now() };
        self.harness.write(|transaction| task_columns::create_placement(transaction, &placement)).await;
    }

    async fn observe(&self, phase: Phase, change: impl FnOnce(&mut TaskObservation)) {
        let TaskIntent { scope, cluster, id, .. } = self.intent();
        let view = self.harness.state.view();
        let key = state_model::ecs::task::task_key(&scope, &cluster, &id);
        let former = view.task_observations.get(&key);
        let mut observation = former.map(|row| TaskObservation::clone(row)).unwrap_or(TaskObservation {
            scope,
            cluster,
            id,
            generation: 1,
            phase,
            containers: Vec::new(),
            times: ObservedTimes::default(),
            stop: None,
            changes: 0,
        });
        observation.phase = phase;
        observation.changes += 1;
        change(&mut observation);
        self.harness
            .write(|transaction| task_columns::write_observation(transaction, former, &observation))
            .await;
    }

    async fn described(&self) -> Value {
        let output = self.harness.ok("DescribeTasks", json!({ "tasks": [self.arn] })).await;
        output["tasks"][0].clone()
    }
}

fn running(name: &str) -> ObservedContainer {
    ObservedContainer {
        name: name.into(),
        status: ContainerStatus::Running,
        image_digest: Some("sha256:0".into()),
        health: Health::Healthy,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_task_is_shown_as_it_goes() {
    let started = Started::new(json!({ "healthCheck": { "command": ["CMD", "true"] } })).await;
    started.place().await;
    let task = started.described().await;
    assert_eq!(task["lastStatus"], "PROVISIONING");
    assert_eq!(task["attachments"][0]["status"], "PRECREATED");
    assert_eq!(task["attachments"][0]["details"].as_array().map(Vec::len), Some(1));

    started
        .observe(Phase::Running, |observation| {
            observation.containers = vec![running("app")];
            observation.times.connectivity_at = Some(Timestamp::from_secs(1));
            observation.times.started_at = Some(Timestamp::from_secs(2));
        })
        .await;
    let task = started.described().await;
    assert_eq!((&task["lastStatus"], &task["desiredStatus"]), (&json!("RUNNING"), &json!("RUNNING")));
    assert_eq!((&task["healthStatus"], &task["connectivity"]), (&json!("HEALTHY"), &json!("CONNECTED")));
    assert_eq!(task["startedAt"].as_f64(), Some(2.0));
    assert_eq!(task["version"], 2);
    let attachment = &task["attachments"][0];
    assert_eq!(attachment["status"], "ATTACHED");
    let details = json!([
        { "name": "subnetId", "value": "subnet-1" },
        { "name": "networkInterfaceId", "value": "eni-1" },
        { "name": "macAddress", "value": "0a:00:00:00:00:01" },
        { "name": "privateDnsName", "value": "ip-172-31-1-5.ec2.internal" },
        { "name": "privateIPv4Address", "value": "172.31.1.5" },
        { "name": "ipv6Address", "value": "fd00::5" },
    ]);
    assert_eq!(attachment["details"], details);
    let container = &task["containers"][0];
    assert_eq!(
        (&container["lastStatus"], &container["healthStatus"]),
        (&json!("RUNNING"), &json!("HEALTHY"))
    );
    assert_eq!(container["imageDigest"], "sha256:0");
    assert!(container["runtimeId"].as_str().is_some_and(|id| id.len() == 43));
    let addresses = ("172.31.1.5", "fd00::5");
    let interface = json!([{
        "attachmentId": attachment["id"],
        "privateIpv4Address": addresses.0,
        "ipv6Address": addresses.1,
    }]);
    assert_eq!(container["networkInterfaces"], interface);

    started
        .observe(Phase::Stopped, |observation| {
            observation.stop = Some(ObservedStop::EssentialContainerExited);
            observation.containers[0].status = ContainerStatus::Stopped;
            observation.containers[0].exit_code = Some(1);
            observation.times.stopped_at = Some(Timestamp::from_secs(9));
        })
        .await;
    let task = started.described().await;
    assert_eq!((&task["lastStatus"], &task["desiredStatus"]), (&json!("STOPPED"), &json!("STOPPED")));
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    assert_eq!(task["stoppedAt"].as_f64(), Some(9.0));
    assert_eq!(task["containers"][0]["exitCode"], 1);
    assert_eq!(task["attachments"][0]["status"], "DELETED");
    assert_eq!(task["attachments"][0]["details"], details);
}

#[tokio::test]
async fn a_task_is_stopped_by_its_user() {
    let started = Started::new(json!({})).await;
    let Started { harness, arn } = &started;
    started.place().await;
    started.observe(Phase::Running, |observation| observation.containers = vec![running("app")]).await;
    harness.ok("TagResource", json!({ "resourceArn": arn, "tags": [{ "key": "a", "value": "b" }] })).await;
    let output = harness.ok("StopTask", json!({ "task": arn, "reason": "enough" })).await;
    let task = &output["task"];
    assert_eq!((&task["lastStatus"], &task["desiredStatus"]), (&json!("RUNNING"), &json!("STOPPED")));
    assert_eq!((&task["stopCode"], &task["stoppedReason"]), (&json!("UserInitiated"), &json!("enough")));
    assert!(task["stoppingAt"].is_number());
    assert_eq!(harness.ok("ListTagsForResource", json!({ "resourceArn": arn })).await["tags"], json!([]));
    let again = harness.ok("StopTask", json!({ "task": arn, "reason": "again" })).await;
    assert_eq!(again["task"]["stoppedReason"], "enough");
    let other = harness.ok("RunTask", run(json!({}))).await;
    let id = other["tasks"][0]["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next()).expect("an id");
    let stopped = harness.ok("StopTask", json!({ "task": id })).await;
    assert_eq!(stopped["task"]["stoppedReason"], "Task stopped by user");
    assert_eq!(stopped["task"]["lastStatus"], "STOPPED", "no node has heard of it");
}

#[tokio::test]
async fn tasks_are_named_wrongly_in_several_ways() {
    let harness = Harness::new().await;
    let id = "0".repeat(32);
    let cases = [
        ("StopTask", json!({ "task": id }), "The referenced task was not found."),
        ("StopTask", json!({ "task": "1" }), "taskId length should be one of [32,36]"),
        ("DescribeTasks", json!({ "tasks": ["1"] }), "taskId length should be one of [32,36]"),
        ("DescribeTasks", json!({ "tasks": [] }), "Tasks cannot be empty."),
        (
            "DescribeTasks",
            json!({ "tasks": [format!("arn:aws:ecs:us-east-1:000000000000:task/web/{id}")] }),
            "Invalid identifier: Identifier is for cluster web. Your cluster is default",
        ),
    ];
    for (operation, input, message) in cases {
        let refused = harness.refused(operation, input).await;
        assert_eq!(refused, ("InvalidParameterException".into(), message.into()));
    }
    let output = harness.ok("DescribeTasks", json!({ "tasks": [id] })).await;
    let arn = format!("arn:aws:ecs:us-east-1:000000000000:task/default/{id}");
    assert_eq!(output, json!({ "tasks": [], "failures": [{ "arn": arn, "reason": "MISSING" }] }));
    let refused = harness.refused("DescribeTasks", json!({ "cluster": "no", "tasks": [id] })).await;
    assert_eq!(refused.0, "ClusterNotFoundException");
}

#[tokio::test]
async fn tasks_are_listed_by_every_filter() {
    let harness = Harness::new().await;
    for family in ["web", "api"] {
        harness.ok("RegisterTaskDefinition", definition(json!({ "family": family }))).await;
    }
    let mut arns = Vec::new();
    for (family, by) in [("web", "a"), ("web", "b"), ("api", "a"), ("api", "b")] {
        let output = harness.ok("RunTask", run(json!({ "taskDefinition": family, "startedBy": by }))).await;
        arns.push(output["tasks"][0]["taskArn"].as_str().expect("an ARN").to_owned());
    }
    harness.ok("StopTask", json!({ "task": arns[3] })).await;
    let cases = [
        (json!({}), vec![0, 1, 2]),
        (json!({ "family": "web" }), vec![0, 1]),
        (json!({ "family": "api" }), vec![2]),
        (json!({ "startedBy": "a" }), vec![0, 2]),
        (json!({ "startedBy": "no" }), vec![]),
        (json!({ "launchType": "FARGATE" }), vec![0, 1, 2]),
        (json!({ "launchType": "EC2" }), vec![]),
        (json!({ "desiredStatus": "STOPPED" }), vec![3]),
        (json!({ "desiredStatus": "STOPPED", "family": "web" }), vec![]),
        (json!({ "desiredStatus": "PENDING" }), vec![]),
    ];
    for (input, expect) in cases {
        let output = harness.ok("ListTasks", input.clone()).await;
        let mut expect: Vec<&String> = expect.iter().map(|index: &usize| &arns[*index]).collect();
        expect.sort();
        assert_eq!(output["taskArns"], json!(expect), "{input}");
    }
    for input in [json!({ "startedBy": "a", "family": "web" }), json!({ "containerInstance": "x" })] {
        assert_eq!(harness.refused("ListTasks", input).await.0, "InvalidParameterException");
    }
    for filter in [json!({}), json!({ "desiredStatus": "RUNNING" })] {
        let (mut count, mut token) = (0, Value::Null);
        loop {
            let mut input = filter.clone();
            input["maxResults"] = json!(1);
            input["nextToken"] = token;
            let output = harness.ok("ListTasks", input).await;
            count += output["taskArns"].as_array().map_or(0, Vec::len);
            token = output["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!(count, 3);
    }
}

#[tokio::test]
async fn standalone_tasks_are_not_protected() {
    let started = Started::new(json!({})).await;
    let Started { harness, arn } = &started;
    let input = json!({ "cluster": "default", "tasks": [arn], "protectionEnabled": true });
    let output = harness.ok("UpdateTaskProtection", input).await;
    let failures = json!([{ "arn": arn, "reason": "TASK_NOT_VALID" }]);
    assert_eq!(output, json!({ "protectedTasks": [], "failures": failures }));
    let missing = "0".repeat(32);
    let output = harness.ok("GetTaskProtection", json!({ "cluster": "default", "tasks": [missing] })).await;
    assert_eq!(output["failures"][0]["reason"], "MISSING");
    let input =
        json!({ "cluster": "default", "tasks": [arn], "protectionEnabled": true, "expiresInMinutes": 0 });
    assert_eq!(harness.refused("UpdateTaskProtection", input).await.0, "InvalidParameterException");
}

#[tokio::test]
async fn tasks_of_services_are_protected_for_a_while() {
    let started = Started::new(json!({})).await;
    let Started { harness, arn } = &started;
    let mut intent = started.intent();
    intent.group = "service:web".into();
    intent.id = "1".repeat(32);
    harness.write(|transaction| task_columns::create_intent(transaction, &intent)).await;
    let of_service = intent.arn();
    let input = json!({
        "cluster": "default", "tasks": [of_service, arn], "protectionEnabled": true, "expiresInMinutes": 60,
    });
    let output = harness.ok("UpdateTaskProtection", input).await;
    let protected = &output["protectedTasks"][0];
    assert_eq!((&protected["taskArn"], &protected["protectionEnabled"]), (&json!(of_service), &json!(true)));
    assert_eq!(protected["expirationDate"].as_f64(), Some(1_767_225_600.0 + 3600.0));
    let get = json!({ "cluster": "default", "tasks": [of_service] });
    assert_eq!(harness.ok("GetTaskProtection", get.clone()).await["protectedTasks"][0], *protected);
    harness.advance(std::time::Duration::from_secs(3600));
    let expired = harness.ok("GetTaskProtection", get).await;
    assert_eq!(expired["protectedTasks"][0], json!({ "taskArn": of_service, "protectionEnabled": false }));
}
