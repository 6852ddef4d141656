use serde_json::json;

use super::*;

fn target(id: &str, state: Value) -> Value {
    json!({
        "Target": { "Id": id, "Port": "80", "AvailabilityZone": "us-east-1a" },
        "HealthCheckPort": "80",
        "TargetHealth": state,
    })
}

/// A service in the middle of a rollout.
fn rolling() -> Summary {
    let service = json!({
        "serviceName": "web",
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/shop",
        "status": "ACTIVE", "desiredCount": 2, "runningCount": 3, "pendingCount": 1,
        "deployments": [
            {
                "id": "ecs-svc/2222222222222222222", "status": "PRIMARY", "desiredCount": 2, "runningCount": 1,
                "pendingCount": 1, "failedTasks": 0, "rolloutState": "IN_PROGRESS", "createdAt": 1000.5,
                "rolloutStateReason": "ECS deployment ecs-svc/2222222222222222222 in progress.",
                "taskDefinition": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:4",
            },
            {
                "id": "ecs-svc/1111111111111111111", "status": "ACTIVE", "desiredCount": 2, "runningCount": 2,
                "pendingCount": 0, "failedTasks": 0, "rolloutState": "COMPLETED", "createdAt": 100,
                "rolloutStateReason": "ECS deployment ecs-svc/1111111111111111111 completed.",
                "taskDefinition": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:3",
            },
        ],
        "events": [
            { "createdAt": 1002, "message": "(service web) has started 1 tasks: (task abc)." },
            { "createdAt": 130, "message": "(service web) has reached a steady state." },
        ],
    });
    let health = vec![
        target("172.31.0.9", json!({ "State": "healthy" })),
        target(
            "172.31.0.8",
            json!({ "State": "initial", "Reason": "Elb.InitialHealthChecking",
                                     "Description": "Initial health checks in progress" }),
        ),
    ];
    let targets = Targets { name: "web-tg".into(), container: "app:80".into(), health: Ok(health) };
    Summary { service, targets: vec![targets] }
}

#[test]
fn a_list_has_a_line_per_service() {
    let idle = Summary {
        service: json!({ "serviceName": "cron-jobs", "status": "ACTIVE", "desiredCount": 0,
                         "deployments": [{ "status": "PRIMARY", "rolloutState": "COMPLETED" }] }),
        targets: Vec::new(),
    };
    let mut gone = rolling();
    gone.targets[0].health = Err("TargetGroupNotFound: One or more target groups not found".into());
    let expected = "\
SERVICE    STATUS  DESIRED  RUNNING  PENDING  ROLLOUT                      TARGETS
cron-jobs  ACTIVE  0        0        0        COMPLETED                    -
web        ACTIVE  2        3        1        IN_PROGRESS (2 deployments)  1/2 healthy, 1 initial
web        ACTIVE  2        3        1        IN_PROGRESS (2 deployments)  unknown
";
    assert_eq!(list(&[idle, rolling(), gone]), expected);
}

#[test]
fn one_service_is_told_in_parts() {
    let task = json!({
        "taskArn": "arn:aws:ecs:us-east-1:000000000000:task/shop/0123456789abcdef0123456789abcdef",
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:4",
        "lastStatus": "RUNNING", "healthStatus": "HEALTHY", "createdAt": 1002.0,
        "attachments": [{ "details": [{ "name": "privateIPv4Address", "value": "172.31.0.9" }] }],
    });
    let shown = detail(&Detail { summary: rolling(), tasks: vec![task] }, Timestamp::from_secs(1030));
    let expected = "\
web in shop: ACTIVE, 2 desired, 3 running, 1 pending

DEPLOYMENT                   STATUS   DEFINITION  DESIRED  RUNNING  PENDING  FAILED  ROLLOUT      AGE  WHY
ecs-svc/2222222222222222222  PRIMARY  web:4       2        1        1        0       IN_PROGRESS  29s  ECS deployment \
ecs-svc/2222222222222222222 in progress.
ecs-svc/1111111111111111111  ACTIVE   web:3       2        2        0        0       COMPLETED    15m  ECS deployment \
ecs-svc/1111111111111111111 completed.

TASK                              DEFINITION  STATUS   HEALTH   ADDRESS     AGE  WHY
0123456789abcdef0123456789abcdef  web:4       RUNNING  HEALTHY  172.31.0.9  28s

TARGETS of web-tg (app:80): 1/2 healthy, 1 initial
TARGET         ZONE        STATE    WHY
172.31.0.9:80  us-east-1a  healthy
172.31.0.8:80  us-east-1a  initial  Elb.InitialHealthChecking: Initial health checks in progress

AGE  EVENT
28s  (service web) has started 1 tasks: (task abc).
15m  (service web) has reached a steady state.
";
    assert_eq!(shown, expected);
}

#[test]
fn what_is_not_there_takes_no_room() {
    let service = json!({ "serviceName": "old", "clusterArn": "arn:cluster/default", "status": "INACTIVE" });
    let gone = Targets {
        name: "tg".into(),
        container: "app:80".into(),
        health: Err("TargetGroupNotFound: gone".into()),
    };
    let mut found = Detail { summary: Summary { service, targets: Vec::new() }, tasks: Vec::new() };
    let headline = "old in default: INACTIVE, 0 desired, 0 running, 0 pending\n";
    assert_eq!(detail(&found, Timestamp::from_secs(0)), headline);
    found.summary.targets.push(gone);
    let expected = format!("{headline}\nTARGETS of tg (app:80): TargetGroupNotFound: gone\n");
    assert_eq!(detail(&found, Timestamp::from_secs(0)), expected);
}
