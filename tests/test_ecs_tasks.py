"""ECS tasks as boto3 uses them: asked for, seen running, stopped."""

import uuid

import pytest
from botocore.exceptions import ClientError

from waiting import task_status


@pytest.fixture
def ecs(client):
    return client("ecs")


@pytest.fixture(scope="session")
def sleeper(client, busybox, execution_role) -> str:
    """A definition whose task runs until it is stopped, and stops at once."""
    container = {
        "name": "app",
        "image": busybox,
        "command": ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"],
        "stopTimeout": 2,
    }
    answer = client("ecs").register_task_definition(
        family="tests-sleeper",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=execution_role,
        containerDefinitions=[container],
        tags=[{"key": "team", "value": "definition"}],
    )
    return answer["taskDefinition"]["taskDefinitionArn"]


@pytest.fixture
def run(ecs, sleeper, network):
    """Runs tasks, and stops them after the test."""
    started = []

    def start(**options) -> dict:
        arguments = {"launchType": "FARGATE", "networkConfiguration": network, "taskDefinition": sleeper, **options}
        answer = ecs.run_task(**{key: value for key, value in arguments.items() if value is not None})
        started.extend(task["taskArn"] for task in answer["tasks"])
        return answer

    yield start
    for task in started:
        ecs.stop_task(task=task)
    for task in started:
        task_status(ecs, task, "STOPPED")


def refused(call, **arguments) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def details(task: dict) -> dict:
    (attachment,) = task["attachments"]
    return {one["name"]: one["value"] for one in attachment["details"]}


def test_a_task_from_request_to_end(ecs, run, subnet):
    (task,) = run()["tasks"]
    assert (task["lastStatus"], task["desiredStatus"], task["version"]) == ("PROVISIONING", "RUNNING", 1)
    assert (task["launchType"], task["platformVersion"], task["platformFamily"]) == ("FARGATE", "1.4.0", "Linux")
    assert task["group"] == "family:tests-sleeper"
    assert details(task) == {"subnetId": subnet}
    assert task["containers"][0]["lastStatus"] == "PENDING"
    assert task["overrides"]["containerOverrides"] == [
        {"name": "app", "command": [], "environment": [], "environmentFiles": [], "resourceRequirements": []}
    ]

    running = task_status(ecs, task["taskArn"], "RUNNING")
    assert running["connectivity"] == "CONNECTED"
    assert running["attachments"][0]["status"] == "ATTACHED"
    names = [one["name"] for one in running["attachments"][0]["details"]]
    assert names == ["subnetId", "networkInterfaceId", "macAddress", "privateDnsName", "privateIPv4Address"]
    (container,) = running["containers"]
    address = details(running)["privateIPv4Address"]
    assert [one["privateIpv4Address"] for one in container["networkInterfaces"]] == [address]
    assert container["lastStatus"] == "RUNNING"
    assert container["runtimeId"].startswith(task["taskArn"].rsplit("/", 1)[1] + "-")
    assert running["createdAt"] <= running["pullStartedAt"] <= running["pullStoppedAt"] <= running["startedAt"]
    assert running["healthStatus"] == "UNKNOWN"
    assert running["version"] > 1

    stopping = ecs.stop_task(task=task["taskArn"], reason="enough")["task"]
    assert (stopping["desiredStatus"], stopping["stopCode"]) == ("STOPPED", "UserInitiated")
    stopped = task_status(ecs, task["taskArn"], "STOPPED")
    assert stopped["stoppedReason"] == "enough"
    assert stopped["containers"][0]["exitCode"] == 0
    assert stopped["attachments"][0]["status"] == "DELETED"
    assert stopped["stoppingAt"] <= stopped["executionStoppedAt"] <= stopped["stoppedAt"]


def test_the_waiters_of_boto3(ecs, run):
    (task,) = run()["tasks"]
    fast = {"Delay": 1, "MaxAttempts": 60}
    ecs.get_waiter("tasks_running").wait(cluster="default", tasks=[task["taskArn"]], WaiterConfig=fast)
    ecs.stop_task(task=task["taskArn"])
    ecs.get_waiter("tasks_stopped").wait(cluster="default", tasks=[task["taskArn"]], WaiterConfig=fast)


def test_an_essential_exit_ends_the_task(ecs, run):
    overrides = {"containerOverrides": [{"name": "app", "command": ["sh", "-c", "exit 3"]}]}
    (task,) = run(overrides=overrides)["tasks"]
    stopped = task_status(ecs, task["taskArn"], "STOPPED")
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert stopped["stoppedReason"] == "Essential container in task exited"
    assert stopped["containers"][0]["exitCode"] == 3
    assert stopped["overrides"]["containerOverrides"][0]["command"] == ["sh", "-c", "exit 3"]


def test_a_token_is_worth_one_run(ecs, run):
    token = uuid.uuid4().hex
    first = run(clientToken=token, count=2)["tasks"]
    second = run(clientToken=token, count=2)["tasks"]
    assert [one["taskArn"] for one in first] == [one["taskArn"] for one in second]
    with pytest.raises(ecs.exceptions.ConflictException) as error:
        run(clientToken=token, count=3)
    assert error.value.response["resourceIds"] == [one["taskArn"] for one in first]


def test_tasks_are_listed_by_filter(ecs, run):
    by = f"tests-{uuid.uuid4().hex[:8]}"
    arns = sorted(task["taskArn"] for task in run(count=3, startedBy=by)["tasks"])
    assert sorted(ecs.list_tasks(startedBy=by)["taskArns"]) == arns
    assert set(arns) <= set(ecs.list_tasks(family="tests-sleeper", launchType="FARGATE")["taskArns"])
    assert ecs.list_tasks(family="tests-none")["taskArns"] == []
    pages = ecs.get_paginator("list_tasks").paginate(startedBy=by, PaginationConfig={"PageSize": 2})
    assert [len(page["taskArns"]) for page in pages] == [2, 1]
    ecs.stop_task(task=arns[0])
    assert sorted(ecs.list_tasks(startedBy=by)["taskArns"]) == arns[1:]
    assert arns[0] in ecs.list_tasks(desiredStatus="STOPPED")["taskArns"]


def test_tags_of_tasks(ecs, run):
    tags = [{"key": "mine", "value": "1"}]
    (task,) = run(tags=tags, propagateTags="TASK_DEFINITION", enableECSManagedTags=True)["tasks"]
    shown = {one["key"]: one["value"] for one in task["tags"]}
    assert shown == {"mine": "1", "team": "definition", "aws:ecs:clusterName": "default"}
    (plain,) = ecs.describe_tasks(tasks=[task["taskArn"]])["tasks"]
    assert plain["tags"] == []


def test_requests_are_refused(ecs, run, network):
    invalid = "InvalidParameterException"
    assert refused(run, taskDefinition="tests-none") == ("ClientException", "TaskDefinition not found.")
    assert refused(run, cluster="none") == ("ClusterNotFoundException", "Cluster not found.")
    assert refused(run, launchType="EC2") == (invalid, "No Container Instances were found in your cluster.")
    assert refused(run, count=11)[0] == invalid
    assert refused(run, platformVersion="1.3.0")[0] == "PlatformUnknownException"
    assert refused(run, networkConfiguration=None) == (
        invalid, "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    )
    unknown = {"awsvpcConfiguration": {"subnets": ["subnet-none"]}}
    assert refused(run, networkConfiguration=unknown) == (
        invalid,
        "Error retrieving subnet information for [subnet-none]: The subnet ID 'subnet-none' does not exist "
        "(ErrorCode: InvalidSubnetID.NotFound)",
    )
    none = {"taskRoleArn": "arn:aws:iam::000000000000:role/tests-none"}
    code, message = refused(run, overrides=none)
    assert code == "ClientException" and message.startswith("ECS was unable to assume the role")


def test_unknown_tasks(ecs):
    missing = uuid.uuid4().hex
    answer = ecs.describe_tasks(tasks=[missing])
    arn = f"arn:aws:ecs:us-east-1:000000000000:task/default/{missing}"
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
    invalid = "InvalidParameterException"
    assert refused(ecs.stop_task, task=missing) == (invalid, "The referenced task was not found.")
    assert refused(ecs.stop_task, task="x") == (invalid, "taskId length should be one of [32,36]")
    assert refused(ecs.describe_tasks, tasks=[]) == (invalid, "Tasks cannot be empty.")


def test_standalone_tasks_are_not_protected(ecs, run):
    (task,) = run()["tasks"]
    answer = ecs.update_task_protection(cluster="default", tasks=[task["taskArn"]], protectionEnabled=True)
    assert answer["failures"] == [{"arn": task["taskArn"], "reason": "TASK_NOT_VALID"}]
    assert ecs.get_task_protection(cluster="default", tasks=[task["taskArn"]])["protectedTasks"] == []


def test_a_cluster_with_tasks_stays(ecs, sleeper, network):
    name = f"tests-{uuid.uuid4().hex[:8]}"
    ecs.create_cluster(clusterName=name)
    (task,) = ecs.run_task(
        cluster=name, launchType="FARGATE", taskDefinition=sleeper, networkConfiguration=network
    )["tasks"]
    with pytest.raises(ecs.exceptions.ClusterContainsTasksException):
        ecs.delete_cluster(cluster=name)
    ecs.stop_task(cluster=name, task=task["taskArn"])
    task_status(ecs, task["taskArn"], "STOPPED", cluster=name)
    assert ecs.delete_cluster(cluster=name)["cluster"]["status"] == "INACTIVE"


def test_standalone_tasks_on_spot(ecs, run):
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    (task,) = run(launchType=None, capacityProviderStrategy=strategy)["tasks"]
    assert (task["capacityProviderName"], task["launchType"]) == ("FARGATE_SPOT", "FARGATE")
