"""Services from outside: tasks that are kept alive, registered, drained and replaced, with the texts that ECS tells."""

import re
import subprocess
import time

import botocore.exceptions
import pytest

from load import Load
from service_lab import address, container_processes, kill
from waiting import until


@pytest.mark.slow
def test_the_sequence_of_the_readme(server, services):
    """create-cluster to delete-service with the stock CLI, each command as a user types it."""

    def aws(*words: str) -> str:
        return server.aws(*words, "--output", "text", timeout=180).stdout.strip()

    definition = services.define()
    subnets, group = services.subnets, services.open_group
    aws("ecs", "create-cluster", "--cluster-name", "shop")
    balancer = aws("elbv2", "create-load-balancer", "--name", "shop", "--security-groups", group, "--subnets", *subnets,
                   "--query", "LoadBalancers[0].LoadBalancerArn")
    services.balancers.append(balancer)
    targets = aws("elbv2", "create-target-group", "--name", "shop", "--protocol", "HTTP", "--port", "80", "--vpc-id",
                  services.vpc, "--target-type", "ip", "--health-check-path", "/health",
                  "--query", "TargetGroups[0].TargetGroupArn")
    services.target_groups.append(targets)
    aws("elbv2", "modify-target-group-attributes", "--target-group-arn", targets, "--attributes",
        "Key=deregistration_delay.timeout_seconds,Value=1")
    aws("elbv2", "create-listener", "--load-balancer-arn", balancer, "--protocol", "HTTP", "--port", "80",
        "--default-actions", f"Type=forward,TargetGroupArn={targets}")
    aws("elbv2", "wait", "load-balancer-available", "--load-balancer-arns", balancer)
    network = f"awsvpcConfiguration={{subnets=[{','.join(subnets)}],securityGroups=[{group}],assignPublicIp=ENABLED}}"
    aws("ecs", "create-service", "--cluster", "shop", "--service-name", "web", "--task-definition", definition,
        "--desired-count", "2", "--launch-type", "FARGATE", "--network-configuration", network,
        "--load-balancers", f"targetGroupArn={targets},containerName=web,containerPort=80")
    aws("ecs", "wait", "services-stable", "--cluster", "shop", "--services", "web")
    aws("elbv2", "wait", "target-in-service", "--target-group-arn", targets)
    host = aws("elbv2", "describe-load-balancers", "--load-balancer-arns", balancer, "--query", "LoadBalancers[0].DNSName")
    headers = server_curl("-I", f"http://{host}/")
    assert headers.startswith("HTTP/1.1 200"), headers
    newer = services.define("2")
    aws("ecs", "update-service", "--cluster", "shop", "--service", "web", "--task-definition", newer)
    aws("ecs", "wait", "services-stable", "--cluster", "shop", "--services", "web")
    assert "version 2" in server_curl(f"http://{host}/")
    aws("ecs", "update-service", "--cluster", "shop", "--service", "web", "--desired-count", "0")
    aws("ecs", "delete-service", "--cluster", "shop", "--service", "web")
    aws("ecs", "wait", "services-inactive", "--cluster", "shop", "--services", "web")
    aws("ecs", "delete-cluster", "--cluster", "shop")


def server_curl(*options: str) -> str:
    return subprocess.run(["curl", "-sS", "--fail", *options], capture_output=True, text=True, timeout=20, check=True).stdout


def test_a_service_keeps_its_tasks_and_tells_what_it_does(services):
    service, balancer, target_group = services.website(count=2)
    found = service.describe()
    assert (found["status"], found["desiredCount"], found["runningCount"], found["pendingCount"]) == ("ACTIVE", 2, 2, 0)
    (deployment,) = found["deployments"]
    assert (deployment["status"], deployment["rolloutState"], deployment["failedTasks"]) == ("PRIMARY", "COMPLETED", 0)
    assert deployment["rolloutStateReason"] == f"ECS deployment {deployment['id']} completed."
    assert re.fullmatch(r"ecs-svc/\d{19}", deployment["id"])
    tasks = service.tasks()
    assert {task["startedBy"] for task in tasks} == {deployment["id"]}
    assert {task["group"] for task in tasks} == {f"service:{service.name}"}
    # Spread over zones, and each of them behind the load balancer.
    assert len({task["availabilityZone"] for task in tasks}) == 2
    assert services.health(target_group) == {address(task): "healthy" for task in tasks}
    pages = {balancer.get("/") for _ in range(10)}
    assert len(pages) == 2, pages
    name = f"(service {service.name})"
    messages = service.events()
    assert messages[0] == f"{name} has reached a steady state."
    assert f"{name} (deployment {deployment['id']}) deployment completed." in messages
    assert any(re.fullmatch(rf"\(service {service.name}\) has started \d tasks: \(task [0-9a-f]+\).*\.", one) for one in messages)
    registered = [one for one in messages if "registered" in one]
    assert sum(int(re.search(r"registered (\d+) targets", one).group(1)) for one in registered) == 2
    assert all(one.endswith(f"targets in (target-group {target_group})") for one in registered)


def test_a_killed_task_is_replaced_at_once(services):
    service, balancer, target_group = services.website(count=2)
    victim = service.tasks()[0]
    kill(container_processes(victim))
    arn = victim["taskArn"]

    def replaced() -> bool:
        tasks = service.tasks()
        return len(tasks) == 2 and arn not in {task["taskArn"] for task in tasks} and all(
            task["lastStatus"] == "RUNNING" for task in tasks)

    until(replaced, "two running tasks without the killed one", 10)
    services.healthy(target_group, 2)
    assert address(victim) not in services.health(target_group) or len(services.health(target_group)) == 2
    stopped = services.ecs.describe_tasks(tasks=[arn])["tasks"][0]
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert service.stable()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_scaling_out_and_in_drains_before_it_stops(services):
    service, balancer, target_group = services.website(count=1)
    service.update(desiredCount=3)
    services.healthy(target_group, 3)
    service.stable()
    assert len({task["availabilityZone"] for task in service.tasks()}) == 3
    services.elb.modify_target_group_attributes(
        TargetGroupArn=target_group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "3"}])
    service.update(desiredCount=1)
    leaving = until(lambda: [one for one in service.tasks("STOPPED") if one["lastStatus"] == "DEACTIVATING"], "one drains")
    draining = services.health(target_group)
    assert draining[address(leaving[0])] == "draining"
    until(lambda: len(services.health(target_group)) == 1, "the drained targets are gone")
    service.stable()
    (deployment,) = service.describe()["deployments"]
    stopped = services.ecs.describe_tasks(tasks=[leaving[0]["taskArn"]])["tasks"][0]
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert stopped["stoppedReason"] == f"Scaling activity initiated by (deployment {deployment['id']})"
    service.event("has begun draining connections on")
    service.event("deregistered")
    service.event("has stopped")


@pytest.mark.slow
def test_a_task_that_the_balancer_finds_unhealthy_is_replaced(services):
    service, balancer, target_group = services.website(count=2)
    victim = service.tasks()[0]
    broken = f"http://{address(victim)}/break?code=503"
    server_curl(broken)
    message = service.event("is unhealthy in")
    task_id = victim["taskArn"].rsplit("/", 1)[1]
    assert message == (
        f"(service {service.name}) (task {task_id}) (port 80) is unhealthy in (target-group {target_group}) due to "
        "(reason Health checks failed with these codes: [503])."
    )
    stopped = until(
        lambda: next((one for one in services.ecs.describe_tasks(tasks=[victim["taskArn"]])["tasks"]
                      if one["lastStatus"] == "STOPPED"), None), "the victim stops", 60)
    assert stopped["stoppedReason"] == f"Task failed ELB health checks in (target-group {target_group})"
    services.healthy(target_group, 2)
    service.stable()


@pytest.mark.slow
def test_the_grace_period_forgives_a_slow_start(services):
    balancer, target_group = services.balancer(), services.target_group()
    balancer.listener(target_group)
    definition = services.define(environment={"START_DELAY": "16"})
    service = services.service(definition, target_group, count=1, healthCheckGracePeriodSeconds=60)
    services.healthy(target_group, 1)
    service.stable()
    assert len(service.tasks()) == 1 and service.tasks("STOPPED") == []


def test_a_crashing_image_trips_the_breaker_and_rolls_back(services):
    service, balancer, target_group = services.website(count=2, deploymentConfiguration={
        "deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    before = service.describe()["deployments"][0]["id"]
    with Load(balancer.host, rate=20) as load:
        service.update(taskDefinition=services.define("2", environment={"CRASH": "3"}))
        failed = service.describe()["deployments"][0]["id"]
        service.event(f"(deployment {failed}) deployment failed: tasks failed to start.")
        service.event(f"rolling back to deployment {before}.")
        service.stable()
    assert load.failures == []
    assert "version 1" in balancer.get("/")
    assert service.describe()["deployments"][0]["id"] == before
    (newest, *_) = services.ecs.list_service_deployments(service=service.arn)["serviceDeployments"]
    assert newest["status"] == "ROLLBACK_SUCCESSFUL"
    (told,) = services.ecs.describe_service_deployments(serviceDeploymentArns=[newest["serviceDeploymentArn"]])["serviceDeployments"]
    # Two that crash at once are counted at once.
    assert told["deploymentCircuitBreaker"].pop("failureCount") in (3, 4)
    assert told["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "threshold": 3}
    assert told["statusReason"] == "Service deployment rolled back because the circuit breaker threshold was exceeded."


def test_a_rollback_that_fails_as_well_is_told_and_ends(services):
    """The old revision can't be started any more: its log group is gone. The new one crashes."""
    group = services.name("/tests/gone")
    services.logs.create_log_group(logGroupName=group)
    options = {"awslogs-group": group, "awslogs-region": services.region, "awslogs-stream-prefix": "web"}
    first = services.define("1", logConfiguration={"logDriver": "awslogs", "options": options})
    service = services.service(first, count=1, deploymentConfiguration={
        "minimumHealthyPercent": 0, "maximumPercent": 100,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    service.stable()
    before = service.describe()["deployments"][0]["id"]
    services.logs.delete_log_group(logGroupName=group)
    service.update(taskDefinition=services.define("2", environment={"CRASH": "1"}))
    arn = service.describe()["currentServiceDeployment"]

    def told() -> dict:
        return services.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]

    service.event(f"rolling back to deployment {before}.")
    service.event(f"(deployment {before}) deployment failed: tasks failed to start.")
    until(lambda: told()["status"] == "ROLLBACK_FAILED", "the rollback fails", 60)
    done = told()
    assert "rollback failed" in done["statusReason"] and done["finishedAt"] >= done["rollback"]["startedAt"]
    assert done["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    listed = services.ecs.list_service_deployments(service=service.arn, status=["ROLLBACK_FAILED"])["serviceDeployments"]
    assert [one["serviceDeploymentArn"] for one in listed] == [arn]
    until(lambda: service.describe()["pendingCount"] + service.describe()["runningCount"] == 0, "nothing is left")
    (deployment,) = service.describe()["deployments"]
    assert (deployment["id"], deployment["rolloutState"], deployment["failedTasks"]) == (before, "FAILED", 3)
    assert deployment["rolloutStateReason"] == "ECS deployment circuit breaker: task failed to start."

    def made() -> set[str]:
        """Of the old revision, since it was first started."""
        return {task["taskArn"] for task in service.tasks("STOPPED") if task["taskDefinitionArn"] == first}

    # Nothing more is launched, also when the service is looked at again.
    tasks = made()
    service.update(desiredCount=2)
    with pytest.raises(botocore.exceptions.ClientError, match="ConflictException"):
        services.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    # The next deployment begins as any other.
    service.update(taskDefinition=services.define("3"))
    service.stable()
    assert told()["status"] == "ROLLBACK_FAILED" and made() == tasks


@pytest.mark.slow
def test_a_breaker_without_a_way_back_stalls(services):
    service = services.service(services.define(environment={"CRASH": "1"}), count=1, deploymentConfiguration={
        "deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    until(lambda: service.describe()["deployments"][0]["rolloutState"] == "FAILED", "the first deployment fails")
    found = service.describe()
    assert (found["runningCount"], found["pendingCount"]) == (0, 0)
    assert found["deployments"][0]["rolloutStateReason"] == "ECS deployment circuit breaker: task failed to start."
    # A newer definition ends the stall.
    service.update(taskDefinition=services.define("2"))
    service.stable()


def test_stop_first_when_the_percentages_say_so(services):
    """minimum 50, maximum 100: one of two goes before its successor comes; never more than two, never less than one."""
    service, balancer, target_group = services.website(
        count=2, deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 100})
    counts = set()
    service.update(taskDefinition=services.define("2"))

    def done() -> bool:
        live = [task for task in service.tasks() if task["lastStatus"] in ("PROVISIONING", "PENDING", "RUNNING")]
        counts.add(len(live))
        return service.is_stable()

    until(done, "the update is done", 60)
    assert max(counts) <= 2 and min(counts) >= 1, counts
    assert "version 2" in balancer.get("/")


def test_percentages_that_block_are_told(services):
    service, _, _ = services.website(count=2)
    service.update(deploymentConfiguration={"minimumHealthyPercent": 75, "maximumPercent": 100})
    service.update(taskDefinition=services.define("2"))
    service.event("was unable to stop or start tasks during a deployment because of the service deployment configuration")
    assert service.describe()["runningCount"] == 2
    service.update(deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150})
    service.stable()


def test_forcing_a_deployment_replaces_every_task(services):
    service = services.service(services.define(), count=2)
    service.stable()
    before = {task["taskArn"] for task in service.tasks()}
    first = service.describe()["deployments"][0]["id"]
    service.update(forceNewDeployment=True)
    service.stable()
    assert before.isdisjoint(task["taskArn"] for task in service.tasks())
    assert service.describe()["deployments"][0]["id"] != first


def test_a_deployment_can_be_stopped_and_goes_back(services):
    service, balancer, target_group = services.website(count=1)
    # Never healthy: the deployment would wait for ever.
    service.update(taskDefinition=services.define("2", environment={"START_DELAY": "3600"}), healthCheckGracePeriodSeconds=3600)
    until(lambda: len(service.tasks()) == 2, "the new task is there")
    arn = service.describe()["currentServiceDeployment"]
    assert services.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")["serviceDeploymentArn"] == arn
    service.stable()
    assert "version 1" in balancer.get("/")
    (told,) = services.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    assert told["status"] == "ROLLBACK_SUCCESSFUL"
    with pytest.raises(botocore.exceptions.ClientError, match="ConflictException"):
        services.ecs.stop_service_deployment(serviceDeploymentArn=arn)


def test_two_target_groups_and_tags_for_the_tasks(services):
    balancer = services.balancer()
    groups = [services.target_group(), services.target_group()]
    balancer.listener(groups[0])
    balancer.listener(groups[1], port=8080)
    service = services.service(services.define(), *groups, count=1, propagateTags="SERVICE", enableECSManagedTags=True,
                               tags=[{"key": "team", "value": "web"}])
    service.stable()
    for group in groups:
        services.healthy(group, 1)
    assert balancer.get("/") == balancer.get("/", port=8080)
    (task,) = services.ecs.describe_tasks(tasks=[service.tasks()[0]["taskArn"]], include=["TAGS"])["tasks"]
    tags = {tag["key"]: tag["value"] for tag in task["tags"]}
    assert tags == {"team": "web", "aws:ecs:serviceName": service.name, "aws:ecs:clusterName": "default"}


def test_capacity_providers_share_the_tasks(services):
    strategy = [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 3}]
    services.ecs.put_cluster_capacity_providers(
        cluster="default", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[])
    service = services.service(services.define(), count=5, capacityProviderStrategy=strategy)
    service.stable()
    providers = sorted(task["capacityProviderName"] for task in service.tasks())
    assert providers == ["FARGATE"] * 2 + ["FARGATE_SPOT"] * 3
    assert service.describe()["capacityProviderStrategy"] == [
        {"capacityProvider": "FARGATE", "weight": 1, "base": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0}]


def test_a_deleted_service_drains_and_is_gone(services):
    service, balancer, target_group = services.website(count=2)
    with pytest.raises(botocore.exceptions.ClientError, match="The service cannot be stopped while it is scaled above 0."):
        services.ecs.delete_service(service=service.arn)
    answer = services.ecs.delete_service(service=service.arn, force=True)
    assert answer["service"]["status"] == "DRAINING"
    assert service.arn not in services.ecs.list_services()["serviceArns"]
    service.inactive()
    assert services.health(target_group) == {}
    assert balancer.status("/") == 503
    # The name is free again.
    again = services.service(services.define("2"), target_group, count=1, serviceName=service.name)
    again.stable()
    assert services.ecs.describe_services(services=[service.name])["services"][0]["status"] == "ACTIVE"


def test_an_image_that_can_not_be_pulled_is_tried_less_and_less(services):
    service = services.service(services.define(image=f"{services.image.rsplit(':', 1)[0]}:missing"), count=1)
    service.event("is unable to consistently start tasks successfully.")
    first = len(service.tasks("STOPPED"))
    time.sleep(3)
    assert len(service.tasks("STOPPED")) - first <= 3, "the pauses grow"
    assert service.describe()["deployments"][0]["failedTasks"] >= 3
