//! Deployments and revisions: as the services loop writes their progress, and as users list and stop them.

use std::time::Duration;

use serde_json::{Value, json};
use state_model::ecs::new_task::{NewServiceTask, new_service_task};
use state_model::ecs::service::Service;
use state_model::ecs::service_deployment::{
    DeploymentRollback, DeploymentStatus, FailureCounts, ServiceDeploymentProgress,
};
use state_model::ecs::service_event::ServiceEvent;
use state_model::ecs::task::{ObservedContainer, Phase, StopCode, StopRequest, TaskIntent, TaskObservation};
use state_tables::limits::SERVICE_DEPLOYMENTS_KEPT;
use state_tables::{Row, ecs_leftovers, service_history, task_columns};

use super::harness::{Harness, definition};
use super::service_lab::{create, service};

/// A service `web` of two tasks, and what its loop would do.
struct Lab {
    harness: Harness,
}

impl Lab {
    async fn new(changes: Value) -> Self {
        let harness = Harness::new().await;
        harness
            .ok(
                "RegisterTaskDefinition",
                definition(json!({ "tags": [{ "key": "of", "value": "definition" }] })),
            )
            .await;
        harness.ok("CreateService", create(changes)).await;
        Self { harness }
    }

    fn service(&self) -> Row<Service> {
        let key = self.harness.scope.key("default/web");
        self.harness.state.view().services.get(&key).expect("the service is there").clone()
    }

    async fn update(&self, changes: Value) -> Value {
        self.harness.advance(Duration::from_secs(1));
        let mut input = changes;
        input["service"] = json!("web");
        self.harness.ok("UpdateService", input).await["service"].clone()
    }

    /// Writes the progress of the newest deployment.
    async fn progress(&self, change: impl FnOnce(&mut ServiceDeploymentProgress)) {
        let view = self.harness.state.view();
        let deployment = service_history::deployment(&view, &self.service(), &self.service().deployment);
        let row = deployment.and_then(|row| service_history::progress(&view, row)).expect("it has begun");
        let mut progress = ServiceDeploymentProgress::clone(row);
        progress.updated_at = self.harness.now();
        change(&mut progress);
        self.harness.write(|transaction| transaction.update(row, &progress)).await;
    }

    async fn ends_as(&self, status: DeploymentStatus) {
        let now = self.harness.now();
        self.progress(|progress| {
            progress.status = status;
            progress.finished_at = Some(now);
        })
        .await;
    }

    /// Starts a task of the newest deployment.
    async fn task(&self) -> TaskIntent {
        let view = self.harness.state.view();
        let service = self.service();
        let deployment =
            service_history::deployment(&view, &service, &service.deployment).expect("there is one");
        let revision = service_history::revision(&view, &service, &deployment.target_revision)
            .expect("a deployment has its target");
        let definition = view.task_definitions.iter().map(|(_, row)| row);
        let definition = definition.last().expect("there is one");
        let subnet = view.subnets.get(&self.harness.scope.key("subnet-1")).expect("there is one");
        let groups = [String::from("sg-1")];
        let task = NewServiceTask {
            service: &service,
            revision,
            definition,
            capacity_provider: None,
            subnet,
            security_groups: &groups,
            now: self.harness.now(),
        };
        let intent = new_service_task(&task, &stdx::random::SystemRandom);
        self.harness.write(|transaction| task_columns::create_intent(transaction, &intent)).await;
        intent
    }

    async fn observe(&self, task: &TaskIntent, phase: Phase) {
        let view = self.harness.state.view();
        let former = view.task_observations.get(&state_model::Record::key(task));
        let container = ObservedContainer {
            name: "app".into(),
            image_digest: Some("sha256:abc".into()),
            ..Default::default()
        };
        let observation = TaskObservation {
            scope: task.scope.clone(),
            cluster: task.cluster.clone(),
            id: task.id.clone(),
            generation: 1,
            phase,
            containers: vec![container],
            times: Default::default(),
            stop: None,
            changes: 0,
        };
        self.harness
            .write(|transaction| task_columns::write_observation(transaction, former, &observation))
            .await;
    }

    async fn stop(&self, task: &TaskIntent) {
        let view = self.harness.state.view();
        let row = view.task_intents.get(&state_model::Record::key(task)).expect("it is there");
        let mut intent = TaskIntent::clone(row);
        intent.stop = Some(StopRequest {
            code: StopCode::ServiceSchedulerInitiated,
            reason: "Scaling activity initiated by (deployment ecs-svc/1)".into(),
            at: self.harness.now(),
        });
        self.harness.write(|transaction| task_columns::update_intent(transaction, row, &intent)).await;
    }

    async fn describe_newest(&self) -> Value {
        let arn = service(&self.harness, "web").await["currentServiceDeployment"].clone();
        let input = json!({ "serviceDeploymentArns": [arn] });
        self.harness.ok("DescribeServiceDeployments", input).await["serviceDeployments"][0].clone()
    }
}

fn counts(deployment: &Value) -> Vec<&Value> {
    ["desiredCount", "pendingCount", "runningCount"].iter().map(|name| &deployment[name]).collect()
}

#[tokio::test]
async fn a_rollout_is_told_by_its_tasks() {
    let lab = Lab::new(json!({})).await;
    let old = lab.task().await;
    lab.observe(&old, Phase::Running).await;
    lab.ends_as(DeploymentStatus::Successful).await;
    let before = service(&lab.harness, "web").await;
    assert_eq!(counts(&before), [2, 0, 1]);
    assert_eq!(before["deployments"][0]["rolloutState"], "COMPLETED");
    let updated = lab.update(json!({ "forceNewDeployment": true })).await;
    let (new, old_deployment) = (&updated["deployments"][0], &updated["deployments"][1]);
    assert_eq!((&new["status"], &new["rolloutState"]), (&json!("PRIMARY"), &json!("IN_PROGRESS")));
    assert_eq!(old_deployment["status"], "ACTIVE");
    assert_eq!(old_deployment["id"], before["deployments"][0]["id"]);
    assert_eq!(old_deployment["rolloutState"], "COMPLETED");
    let reason = format!("ECS deployment {} completed.", old_deployment["id"].as_str().unwrap_or_default());
    assert_eq!(old_deployment["rolloutStateReason"], json!(reason));
    assert_eq!(
        (counts(new), counts(old_deployment)),
        (vec![&json!(2), &json!(0), &json!(0)], vec![&json!(1), &json!(0), &json!(1)])
    );
    lab.task().await;
    let described = lab.describe_newest().await;
    assert_eq!(described["targetServiceRevision"]["requestedTaskCount"], 2);
    assert_eq!(described["targetServiceRevision"]["pendingTaskCount"], 1);
    assert_eq!(described["sourceServiceRevisions"][0]["runningTaskCount"], 1);
    let current = service(&lab.harness, "web").await;
    assert_eq!(counts(&current), [2, 1, 1]);
    lab.stop(&old).await;
    lab.observe(&old, Phase::Stopped).await;
    let after = service(&lab.harness, "web").await;
    assert_eq!(after["deployments"].as_array().map(Vec::len), Some(1));
    assert_eq!(after["currentServiceRevisions"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_rollback_is_told_on_both_sides() {
    let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } });
    let lab = Lab::new(json!({ "deploymentConfiguration": breaker })).await;
    lab.ends_as(DeploymentStatus::Successful).await;
    let good = service(&lab.harness, "web").await["deployments"][0]["id"].clone();
    lab.harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    lab.update(json!({ "taskDefinition": "web:2" })).await;
    let bad = service(&lab.harness, "web").await["deployments"][0]["id"].clone();
    lab.task().await;
    let back = good.as_str().and_then(|id| id.strip_prefix("ecs-svc/")).unwrap_or_default().to_owned();
    let started_at = lab.harness.now();
    lab.progress(|progress| {
        progress.status = DeploymentStatus::RollbackInProgress;
        progress.breaker_triggered = true;
        progress.counts.failure_count = 3;
        progress.counts.failed_tasks = 3;
        progress.rollback = Some(DeploymentRollback {
            reason: "because".into(),
            started_at,
            revision: back.clone(),
            counts: FailureCounts::default(),
        });
    })
    .await;
    let rolling = service(&lab.harness, "web").await;
    assert_eq!(rolling["taskDefinition"], "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1");
    let [primary, failed] = [&rolling["deployments"][0], &rolling["deployments"][1]];
    let good_id = good.as_str().unwrap_or_default();
    assert_eq!((&primary["id"], &primary["rolloutState"]), (&good, &json!("IN_PROGRESS")));
    let reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {good_id}.");
    assert_eq!(primary["rolloutStateReason"], json!(reason));
    assert_eq!((&failed["id"], &failed["rolloutState"]), (&bad, &json!("FAILED")));
    assert_eq!(failed["rolloutStateReason"], "ECS deployment circuit breaker: task failed to start.");
    assert_eq!(failed["failedTasks"], 3);
    let described = lab.describe_newest().await;
    assert_eq!(described["status"], "ROLLBACK_IN_PROGRESS");
    let breaker = json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 });
    assert_eq!(described["deploymentCircuitBreaker"], breaker);
    let arn = format!("arn:aws:ecs:us-east-1:000000000000:service-revision/default/web/{back}");
    assert_eq!(described["rollback"]["serviceRevisionArn"], json!(arn));
    lab.ends_as(DeploymentStatus::RollbackSuccessful).await;
    let over = service(&lab.harness, "web").await;
    assert_eq!(over["deployments"][0]["rolloutState"], "COMPLETED");
    let next = lab.update(json!({ "desiredCount": 3, "forceNewDeployment": true })).await;
    assert_eq!(next["taskDefinition"], over["taskDefinition"], "an update builds on what it went back to");
}

#[tokio::test]
async fn a_rollback_that_fails_is_told() {
    let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } });
    let lab = Lab::new(json!({ "deploymentConfiguration": breaker })).await;
    lab.ends_as(DeploymentStatus::Successful).await;
    let good = service(&lab.harness, "web").await["deployments"][0]["id"].clone();
    lab.harness.ok("RegisterTaskDefinition", definition(json!({}))).await;
    lab.update(json!({ "taskDefinition": "web:2" })).await;
    let back = good.as_str().and_then(|id| id.strip_prefix("ecs-svc/")).unwrap_or_default().to_owned();
    let started_at = lab.harness.now();
    // Somebody asked for the rollback: the breaker saw the failures of the rollback alone.
    lab.progress(|progress| {
        progress.status = DeploymentStatus::RollbackInProgress;
        progress.rollback = Some(DeploymentRollback {
            reason: "because".into(),
            started_at,
            revision: back,
            counts: FailureCounts { failure_count: 2, failed_tasks: 2, ..FailureCounts::default() },
        });
    })
    .await;
    let described = lab.describe_newest().await;
    let breaker = json!({ "status": "MONITORING", "failureCount": 2, "threshold": 3 });
    assert_eq!(described["deploymentCircuitBreaker"], breaker);
    let rolling = service(&lab.harness, "web").await;
    assert_eq!(
        (&rolling["deployments"][0]["id"], &rolling["deployments"][0]["failedTasks"]),
        (&good, &json!(2))
    );
    lab.progress(|progress| {
        progress.status = DeploymentStatus::RollbackFailed;
        progress.status_reason = Some("it failed".into());
        progress.finished_at = Some(started_at);
        progress.wanted_counts_mut().failure_count = 3;
        progress.wanted_counts_mut().failed_tasks = 3;
    })
    .await;
    let described = lab.describe_newest().await;
    assert_eq!(
        (&described["status"], &described["statusReason"]),
        (&json!("ROLLBACK_FAILED"), &json!("it failed"))
    );
    let breaker = json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 });
    assert_eq!(described["deploymentCircuitBreaker"], breaker);
    assert!(described["finishedAt"].is_number());
    let stalled = service(&lab.harness, "web").await;
    let [primary] = stalled["deployments"].as_array().expect("deployments").as_slice() else {
        panic!("the target has no tasks: {stalled}")
    };
    assert_eq!((&primary["id"], &primary["rolloutState"]), (&good, &json!("FAILED")));
    assert_eq!(primary["rolloutStateReason"], "ECS deployment circuit breaker: task failed to start.");
    assert_eq!(primary["failedTasks"], 3);
    let listed = lab
        .harness
        .ok("ListServiceDeployments", json!({ "service": "web", "status": ["ROLLBACK_FAILED"] }))
        .await;
    assert_eq!(listed["serviceDeployments"].as_array().map(Vec::len), Some(1));
    let arn = described["serviceDeploymentArn"].clone();
    let refused = lab.harness.refused("StopServiceDeployment", json!({ "serviceDeploymentArn": arn })).await;
    assert_eq!(refused.0, "ConflictException");
    let next = lab.update(json!({ "taskDefinition": "web:2" })).await;
    assert_eq!(next["deployments"][0]["rolloutState"], "IN_PROGRESS");
}

#[tokio::test]
async fn a_deployment_is_stopped_while_it_goes() {
    let lab = Lab::new(json!({})).await;
    let arn = lab.describe_newest().await["serviceDeploymentArn"].clone();
    let stop = |arn: &Value, kind: &str| json!({ "serviceDeploymentArn": arn, "stopType": kind });
    let refused = lab.harness.refused("StopServiceDeployment", stop(&arn, "ROLLBACK")).await;
    assert_eq!(refused.0, "InvalidParameterException", "nothing to go back to");
    lab.ends_as(DeploymentStatus::Successful).await;
    let refused = lab.harness.refused("StopServiceDeployment", stop(&arn, "ROLLBACK")).await;
    assert_eq!(refused.0, "ConflictException");
    lab.update(json!({ "forceNewDeployment": true })).await;
    let arn = lab.describe_newest().await["serviceDeploymentArn"].clone();
    for _ in 0..2 {
        let output = lab.harness.ok("StopServiceDeployment", json!({ "serviceDeploymentArn": arn })).await;
        assert_eq!(output["serviceDeploymentArn"], arn);
        assert_eq!(lab.describe_newest().await["status"], "ROLLBACK_REQUESTED");
    }
    assert_eq!(
        lab.harness.refused("StopServiceDeployment", stop(&arn, "ABORT")).await.0,
        "ConflictException"
    );
    lab.update(json!({ "forceNewDeployment": true })).await;
    let arn = lab.describe_newest().await["serviceDeploymentArn"].clone();
    lab.harness.ok("StopServiceDeployment", stop(&arn, "ABORT")).await;
    assert_eq!(lab.describe_newest().await["status"], "STOP_REQUESTED");
    lab.ends_as(DeploymentStatus::Stopped).await;
    let stopped = lab.describe_newest().await;
    assert_eq!((&stopped["status"], &stopped["finishedAt"]), (&json!("STOPPED"), &Value::Null));
    assert!(stopped["stoppedAt"].is_number());
    assert_eq!(service(&lab.harness, "web").await["deployments"][0]["rolloutState"], "FAILED");
}

#[tokio::test]
async fn deployments_are_listed_newest_first() {
    let lab = Lab::new(json!({})).await;
    lab.ends_as(DeploymentStatus::Successful).await;
    let mut arns = vec![lab.describe_newest().await["serviceDeploymentArn"].clone()];
    for _ in 0..3 {
        lab.update(json!({ "forceNewDeployment": true })).await;
        arns.insert(0, lab.describe_newest().await["serviceDeploymentArn"].clone());
    }
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let input = json!({ "service": "web", "maxResults": 3, "nextToken": token });
        let output = lab.harness.ok("ListServiceDeployments", input).await;
        let page = output["serviceDeployments"].as_array().expect("a list");
        seen.extend(page.iter().map(|item| item["serviceDeploymentArn"].clone()));
        token = output["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, arns);
    let first = 1_767_225_600;
    for (filter, expect) in [
        (json!({ "status": ["SUCCESSFUL"] }), 1),
        (json!({ "status": ["PENDING", "SUCCESSFUL"] }), 4),
        (json!({ "status": ["STOPPED"] }), 0),
        (json!({ "createdAt": { "after": first + 2 } }), 2),
        (json!({ "createdAt": { "before": first } }), 1),
    ] {
        let mut input = filter.clone();
        input["service"] = json!("web");
        let output = lab.harness.ok("ListServiceDeployments", input).await;
        assert_eq!(output["serviceDeployments"].as_array().map(Vec::len), Some(expect), "{filter}");
    }
}

#[tokio::test]
async fn a_revision_is_a_snapshot() {
    let lab = Lab::new(json!({})).await;
    let task = lab.task().await;
    lab.observe(&task, Phase::Running).await;
    let arn = service(&lab.harness, "web").await["currentServiceRevisions"][0]["arn"].clone();
    lab.update(json!({ "platformVersion": "1.4.0" })).await;
    let input = json!({ "serviceRevisionArns": [arn] });
    let output = lab.harness.ok("DescribeServiceRevisions", input).await;
    let expect = json!({
        "serviceRevisionArn": arn,
        "serviceArn": "arn:aws:ecs:us-east-1:000000000000:service/default/web",
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/default",
        "taskDefinition": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1",
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "loadBalancers": [],
        "serviceRegistries": [],
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": ["subnet-1"], "securityGroups": [], "assignPublicIp": "DISABLED",
        } },
        "containerImages": [{ "containerName": "app", "image": "nginx", "imageDigest": "sha256:abc" }],
        "guardDutyEnabled": false,
        "createdAt": output["serviceRevisions"][0]["createdAt"],
    });
    assert_eq!(output["serviceRevisions"], json!([expect]));
}

#[tokio::test]
async fn tasks_of_a_service_are_known_by_it() {
    let tags = json!({
        "tags": [{ "key": "of", "value": "service" }], "propagateTags": "SERVICE", "enableECSManagedTags": true,
    });
    let lab = Lab::new(tags).await;
    let first = lab.task().await;
    let described =
        lab.harness.ok("DescribeTasks", json!({ "tasks": [first.id], "include": ["TAGS"] })).await;
    let task = &described["tasks"][0];
    assert_eq!(task["group"], "service:web");
    assert_eq!(task["startedBy"], service(&lab.harness, "web").await["deployments"][0]["id"]);
    let expect = json!([
        { "key": "aws:ecs:clusterName", "value": "default" },
        { "key": "aws:ecs:serviceName", "value": "web" },
        { "key": "of", "value": "service" },
    ]);
    assert_eq!(task["tags"], expect);
    lab.update(json!({ "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": false })).await;
    let second = lab.task().await;
    let described =
        lab.harness.ok("DescribeTasks", json!({ "tasks": [second.id], "include": ["TAGS"] })).await;
    assert_eq!(described["tasks"][0]["tags"], json!([{ "key": "of", "value": "definition" }]));
    lab.harness.ok("RunTask", super::harness::run(json!({}))).await;
    for (filter, expect) in [
        (json!({ "serviceName": "web" }), 2),
        (json!({ "serviceName": lab.service().arn() }), 2),
        (json!({ "serviceName": "web", "family": "web" }), 2),
        (json!({ "serviceName": "web", "family": "api" }), 0),
        (json!({ "serviceName": "web", "desiredStatus": "STOPPED" }), 0),
        (json!({}), 3),
    ] {
        let listed = lab.harness.ok("ListTasks", filter.clone()).await;
        assert_eq!(listed["taskArns"].as_array().map(Vec::len), Some(expect), "{filter}");
    }
}

#[tokio::test]
async fn a_deleted_service_drains_while_it_has_tasks() {
    let lab = Lab::new(json!({})).await;
    let task = lab.task().await;
    lab.harness.ok("DeleteService", json!({ "service": "web", "force": true })).await;
    let draining = service(&lab.harness, "web").await;
    assert_eq!((&draining["status"], &draining["desiredCount"]), (&json!("DRAINING"), &json!(0)));
    let message = "Unable to Start a service that is still Draining.";
    let refused = lab.harness.refused("CreateService", create(json!({}))).await;
    assert_eq!(refused, ("InvalidParameterException".into(), message.into()));
    lab.harness.ok("DeleteService", json!({ "service": "web" })).await;
    lab.stop(&task).await;
    assert_eq!(service(&lab.harness, "web").await["status"], "INACTIVE");
}

#[tokio::test]
async fn events_are_told_newest_first() {
    let lab = Lab::new(json!({})).await;
    let service_uid = lab.service().uid.clone();
    let scope = lab.harness.scope.clone();
    let event = |index: u32| ServiceEvent {
        scope: scope.clone(),
        service_uid: service_uid.clone(),
        id: format!("id-{index}"),
        created_at: lab.harness.now().plus(Duration::from_secs(u64::from(index / 2))),
        sequence: index,
        message: format!("(service web) event {index}"),
    };
    let events: Vec<_> = (0..110).map(event).collect();
    lab.harness.write(|transaction| events.iter().for_each(|event| transaction.insert(event))).await;
    let told = service(&lab.harness, "web").await["events"].clone();
    assert_eq!(told.as_array().map(Vec::len), Some(100));
    assert_eq!(told[0]["message"], "(service web) event 109");
    assert_eq!(told[99]["message"], "(service web) event 10");
}

#[tokio::test]
async fn a_long_history_is_forgotten() {
    let lab = Lab::new(json!({})).await;
    let first = service(&lab.harness, "web").await["currentServiceRevisions"][0]["arn"].clone();
    for _ in 0..SERVICE_DEPLOYMENTS_KEPT + 5 {
        lab.ends_as(DeploymentStatus::Successful).await;
        lab.update(json!({ "forceNewDeployment": true })).await;
    }
    let view = lab.harness.state.view();
    // The one that is made is not among those that it counts.
    assert_eq!(view.service_deployments.len(), SERVICE_DEPLOYMENTS_KEPT + 1);
    assert_eq!(view.service_deployment_progress.len(), SERVICE_DEPLOYMENTS_KEPT + 1);
    assert!(view.service_revisions.len() <= SERVICE_DEPLOYMENTS_KEPT + 2);
    let output = lab.harness.ok("DescribeServiceRevisions", json!({ "serviceRevisionArns": [first] })).await;
    assert_eq!(output["failures"][0]["reason"], "MISSING");
    lab.harness.ok("DeleteService", json!({ "service": "web", "force": true })).await;
    lab.harness.advance(Duration::from_secs(3600));
    for _ in 0..10 {
        let view = lab.harness.state.view();
        let leftovers = ecs_leftovers::find(&view, lab.harness.now(), 50);
        lab.harness.write(|transaction| leftovers.delete(&view, transaction)).await;
    }
    let view = lab.harness.state.view();
    let left = view.services.len()
        + view.service_deployments.len()
        + view.service_deployment_progress.len()
        + view.service_revisions.len();
    assert_eq!(left, 0);
    let described = lab.harness.ok("DescribeServices", json!({ "services": ["web"] })).await;
    assert_eq!(described["failures"][0]["reason"], "MISSING");
}
