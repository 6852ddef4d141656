//! What services are refused, in which words.

use serde_json::{Value, json};
use state_model::elbv2::TargetGroup;
use state_model::elbv2::target_group::TargetType;

use super::harness::{Harness, definition, with_container};
use super::service_lab::{create, load_balancer, new_target_group, target_group, target_group_arn};

const INVALID: &str = "InvalidParameterException";
const UNSUPPORTED: &str = "UnsupportedFeatureException";

async fn harness() -> Harness {
    let harness = Harness::new().await;
    let ports = json!([{ "containerPort": 80 }, { "containerPortRange": "9000-9010" }]);
    harness.ok("RegisterTaskDefinition", with_container(json!({ "portMappings": ports }))).await;
    harness
}

async fn check(harness: &Harness, operation: &str, input: Value, code: &str, message: &str) {
    let refused = harness.refused(operation, input.clone()).await;
    assert_eq!(refused, (code.to_owned(), message.to_owned()), "{operation} {input}");
}

#[tokio::test]
async fn requests_that_contradict_themselves() {
    let harness = harness().await;
    harness.ok("RegisterTaskDefinition", definition(json!({ "family": "old" }))).await;
    harness.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "old:1" })).await;
    harness.ok("CreateCluster", json!({ "clusterName": "bare" })).await;
    let both = "Specifying both a launch type and capacity provider strategy is not supported. Remove one and \
                try again.";
    let strategy = json!([{ "capacityProvider": "FARGATE", "weight": 1 }]);
    let not_associated = "The specified capacity provider strategy cannot contain a capacity provider that is \
                          not associated with the cluster. Associate the capacity provider FARGATE with the \
                          cluster and try again.";
    let blocking = json!({ "maximumPercent": 100, "minimumHealthyPercent": 100 });
    let blocks =
        "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.";
    let daemon = json!({ "schedulingStrategy": "DAEMON", "desiredCount": null });
    let daemon_counted = "The daemon scheduling strategy does not support a desired count for services. Remove \
                          the desired count value and try again.";
    let no_daemon = "The DAEMON scheduling strategy is not supported for Fargate tasks, and there are no \
                     container instances here.";
    let no_network = "Network Configuration must be provided when networkMode 'awsvpc' is specified.";
    let role = "IAM roles are only valid for services configured to use load balancers.";
    for (changes, code, message) in [
        (json!({ "serviceName": "" }), INVALID, "Service name should not be null or empty."),
        (json!({ "serviceName": "a b" }), INVALID, "Invalid characters in service name."),
        (json!({ "cluster": "no" }), "ClusterNotFoundException", "Cluster not found."),
        (json!({ "taskDefinition": null }), INVALID, "TaskDefinition should not be null or empty."),
        (json!({ "taskDefinition": "no" }), "ClientException", "TaskDefinition not found."),
        (json!({ "taskDefinition": "old:1" }), "ClientException", "TaskDefinition is inactive"),
        (json!({ "desiredCount": -1 }), INVALID, "desiredCount should be between 0 and 5000."),
        (json!({ "capacityProviderStrategy": strategy }), INVALID, both),
        (
            json!({ "cluster": "bare", "capacityProviderStrategy": strategy, "launchType": null }),
            INVALID,
            not_associated,
        ),
        (json!({ "deploymentConfiguration": blocking }), INVALID, blocks),
        (json!({ "schedulingStrategy": "DAEMON" }), INVALID, daemon_counted),
        (daemon, INVALID, no_daemon),
        (json!({ "networkConfiguration": null }), INVALID, no_network),
        (json!({ "role": "ecsServiceRole" }), INVALID, role),
        (
            json!({ "platformVersion": "1.0.0" }),
            "PlatformUnknownException",
            "The specified platform does not exist.",
        ),
        (json!({ "serviceRegistries": [{}, {}] }), INVALID, "service registries can have at most 1 items."),
    ] {
        check(&harness, "CreateService", create(changes), code, message).await;
    }
}

/// By the name of the member, and on update as on creation.
#[tokio::test]
async fn members_that_nothing_here_does() {
    let harness = harness().await;
    harness.ok("CreateService", create(json!({}))).await;
    for (member, value) in [
        ("deploymentController", json!({ "type": "CODE_DEPLOY" })),
        ("deploymentController", json!({ "type": "EXTERNAL" })),
        ("deploymentConfiguration", json!({ "strategy": "BLUE_GREEN" })),
        ("deploymentConfiguration", json!({ "strategy": "LINEAR" })),
        ("deploymentConfiguration", json!({ "strategy": "CANARY" })),
        ("deploymentConfiguration", json!({ "lifecycleHooks": [{}] })),
        ("deploymentConfiguration", json!({ "earlySuccessCriteria": { "enable": true } })),
        ("serviceRegistries", json!([{ "registryArn": "a" }])),
        ("serviceConnectConfiguration", json!({ "enabled": true })),
        ("volumeConfigurations", json!([{ "name": "a" }])),
        ("vpcLatticeConfigurations", json!([{ "roleArn": "a", "targetGroupArn": "b", "portName": "c" }])),
        ("enableExecuteCommand", json!(true)),
    ] {
        for (operation, mut input) in [
            ("CreateService", create(json!({ "serviceName": "other" }))),
            ("UpdateService", json!({ "service": "web" })),
        ] {
            input[member] = value.clone();
            let (code, message) = harness.refused(operation, input).await;
            assert_eq!(code, UNSUPPORTED, "{operation} {member}");
            assert!(message.starts_with(member), "{operation}: {message}");
        }
    }
    for launch_type in [json!("EC2"), json!("EXTERNAL"), Value::Null] {
        let input = create(json!({ "serviceName": "other", "launchType": launch_type }));
        let (code, message) = harness.refused("CreateService", input).await;
        assert_eq!(code, UNSUPPORTED);
        assert!(message.starts_with("launchType"), "{message}");
    }
    for (member, value) in [
        ("deploymentController", json!({ "type": "ECS" })),
        (
            "deploymentConfiguration",
            json!({ "alarms": { "enable": false, "rollback": false, "alarmNames": [] } }),
        ),
        ("serviceConnectConfiguration", json!({ "enabled": false })),
        ("enableExecuteCommand", json!(false)),
    ] {
        let mut input = json!({ "service": "web" });
        input[member] = value;
        harness.ok("UpdateService", input).await;
    }
}

#[tokio::test]
async fn target_groups_that_could_not_reach_the_tasks() {
    let harness = harness().await;
    target_group(&harness, "web").await;
    let unattached = new_target_group(&harness, "unattached");
    let instances =
        TargetGroup { target_type: TargetType::Instance, ..new_target_group(&harness, "instances") };
    harness
        .write(|transaction| {
            transaction.insert(&unattached);
            transaction.insert(&instances);
        })
        .await;
    for (name, before, after) in [
        ("unattached", "The target group with targetGroupArn", "does not have an associated load balancer."),
        ("no", "The target group with targetGroupArn", "does not exist."),
        (
            "instances",
            "The provided target group",
            "has target type instance, which is incompatible with the awsvpc network mode specified in the task \
             definition.",
        ),
    ] {
        let message = format!("{before} {} {after}", target_group_arn(name));
        let input = create(json!({ "loadBalancers": [load_balancer(name, "app", 80)] }));
        check(&harness, "CreateService", input, INVALID, &message).await;
    }
    let elsewhere = json!({ "awsvpcConfiguration": { "subnets": ["subnet-3"] } });
    let good = load_balancer("web", "app", 80);
    let input = create(json!({ "loadBalancers": [good], "networkConfiguration": elsewhere }));
    let arn = target_group_arn("web");
    let message =
        format!("The target group with targetGroupArn {arn} is in vpc-1, while the subnets are in vpc-2.");
    check(&harness, "CreateService", input, INVALID, &message).await;
}

#[tokio::test]
async fn load_balancers_that_name_no_port_of_a_container() {
    let harness = harness().await;
    target_group(&harness, "web").await;
    let good = load_balancer("web", "app", 80);
    let classic = json!({ "loadBalancerName": "classic", "containerName": "app", "containerPort": 80 });
    let with = |member: &str, value: Value| {
        let mut balancer = good.clone();
        balancer[member] = value;
        json!([balancer])
    };
    let both = "loadBalancerName and targetGroupArn cannot both be specified. You must specify either a \
                loadBalancerName or a targetGroupArn.";
    let advanced = "loadBalancers.advancedConfiguration: deployments that shift traffic between target groups \
                    are not available here.";
    let no_port = "The container app did not have a container port 81 defined.";
    let duplicate = format!("Duplicate targetGroupArn found: {}", target_group_arn("web"));
    for (balancers, code, message) in [
        (
            with("containerName", json!("no")),
            INVALID,
            "The container no does not exist in the task definition.",
        ),
        (with("containerPort", json!(81)), INVALID, no_port),
        (json!([good, good]), INVALID, &duplicate),
        (json!([good, good, good, good, good, good]), INVALID, "load balancers can have at most 5 items."),
        (with("loadBalancerName", json!("classic")), INVALID, both),
        (json!([classic]), INVALID, "Classic Load Balancers are not supported with Fargate."),
        (with("advancedConfiguration", json!({})), UNSUPPORTED, advanced),
    ] {
        check(&harness, "CreateService", create(json!({ "loadBalancers": balancers })), code, message).await;
    }
    let role = json!({ "loadBalancers": [good], "role": "ecsServiceRole" });
    let message = "You cannot specify an IAM role for services that require a service linked role.";
    check(&harness, "CreateService", create(role), INVALID, message).await;
    let both = json!([good, load_balancer("web", "app", 9005)]);
    harness.ok("CreateService", create(json!({ "loadBalancers": both }))).await;
}

#[tokio::test]
async fn services_that_are_not_there() {
    let harness = harness().await;
    let not_found = ("ServiceNotFoundException", "Service not found.");
    for operation in ["UpdateService", "DeleteService", "ListServiceDeployments"] {
        check(&harness, operation, json!({ "service": "no" }), not_found.0, not_found.1).await;
    }
    check(&harness, "ListTasks", json!({ "serviceName": "no" }), not_found.0, not_found.1).await;
    let of_elsewhere = "arn:aws:ecs:us-east-1:000000000000:service/other/web";
    let message = "Invalid identifier: Identifier is for cluster other. Your cluster is default";
    check(&harness, "UpdateService", json!({ "service": of_elsewhere }), INVALID, message).await;
    let arn = "arn:aws:ecs:us-east-1:000000000000:service-deployment/default/web/a";
    let refused = harness.refused("StopServiceDeployment", json!({ "serviceDeploymentArn": arn })).await;
    assert_eq!(refused.0, "ServiceDeploymentNotFoundException");
    for (operation, member, kind, found) in [
        ("DescribeServiceDeployments", "serviceDeploymentArns", "service-deployment", "serviceDeployments"),
        ("DescribeServiceRevisions", "serviceRevisionArns", "service-revision", "serviceRevisions"),
    ] {
        let arn = format!("arn:aws:ecs:us-east-1:000000000000:{kind}/default/web/a");
        let output = harness.ok(operation, json!({ member: [arn] })).await;
        assert_eq!(output, json!({ found: [], "failures": [{ "arn": arn, "reason": "MISSING" }] }));
        assert_eq!(harness.refused(operation, json!({ member: [] })).await.0, INVALID);
        let too_many = vec![arn; 21];
        assert_eq!(harness.refused(operation, json!({ member: too_many })).await.0, INVALID);
    }
}
