"""ECS task definitions as boto3 uses them."""

import uuid

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def ecs(client):
    return client("ecs")


@pytest.fixture
def family():
    """A family that no other test and no earlier run has."""
    return f"tests-{uuid.uuid4().hex[:8]}"


def definition(family: str, **changes) -> dict:
    """A definition that Fargate takes; None takes a field away."""
    base = {
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "nginx"}],
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def with_container(family: str, **changes) -> dict:
    return definition(family, containerDefinitions=[{"name": "app", "image": "nginx", **changes}])


def refused(ecs, **arguments) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        ecs.register_task_definition(**arguments)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def arn(name: str) -> str:
    return f"arn:aws:ecs:us-east-1:000000000000:task-definition/{name}"


def test_the_answer_carries_what_terraform_compares(ecs, family):
    given = with_container(family, portMappings=[{"containerPort": 80}], healthCheck={"command": ["CMD", "true"]})
    made = ecs.register_task_definition(**given)["taskDefinition"]
    assert made["taskDefinitionArn"] == arn(f"{family}:1")
    assert (made["revision"], made["status"]) == (1, "ACTIVE")
    assert (made["cpu"], made["memory"]) == ("256", "512")
    assert made["volumes"] == [] and made["placementConstraints"] == []
    assert sorted(made["compatibilities"]) == ["EC2", "FARGATE"]
    assert {"name": "ecs.capability.task-eni"} in made["requiresAttributes"]
    (container,) = made["containerDefinitions"]
    assert container == {
        "name": "app",
        "image": "nginx",
        "cpu": 0,
        "essential": True,
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
        "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
        "healthCheck": {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3},
    }
    shown = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
    assert shown == made


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"networkMode": None}, "Fargate only supports network mode ‘awsvpc’."),
        ({"cpu": None}, "Fargate requires that 'cpu' be defined at the task level."),
        ({"memory": None}, "Fargate requires that 'memory' be defined at the task level."),
        ({"cpu": "512"}, "No Fargate configuration exists for given values."),
        ({"ephemeralStorage": {"sizeInGiB": 20}}, "EphemeralStorage size should be at least 21"),
        ({"pidMode": "host"}, "Tasks using the Fargate launch type do not support pidMode 'host'"),
        ({"taskRoleArn": "not a role"}, "Role is not valid"),
        ({"containerDefinitions": []}, "Container list cannot be empty."),
    ],
)
def test_tasks_that_fargate_refuses(ecs, family, changes, message):
    assert refused(ecs, **definition(family, **changes)) == ("ClientException", message)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"essential": False}, "Task definition doesn't have any essential container"),
        ({"privileged": True}, "Fargate requires that the 'privileged' setting be 'false'."),
        (
            {"portMappings": [{"containerPort": 80, "hostPort": 81}]},
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        ({"links": ["other"]}, "Links are not supported when networkMode=awsvpc."),
        (
            {"linuxParameters": {"capabilities": {"add": ["NET_ADMIN"]}}},
            "NET_ADMIN is not allowed on Fargate.",
        ),
        (
            {"logConfiguration": {"logDriver": "syslog"}},
            "syslog is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]",
        ),
        (
            {"secrets": [{"name": "A", "valueFrom": "b"}]},
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ),
        (
            {"dependsOn": [{"containerName": "x", "condition": "START"}]},
            "Cannot depend on container + 'x' because it does not exist",
        ),
        ({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}, "Unknown volume 'v'."),
    ],
)
def test_containers_that_fargate_refuses(ecs, family, changes, message):
    assert refused(ecs, **with_container(family, **changes)) == ("ClientException", message)


def test_sizes_are_kept_as_numbers(ecs, family):
    made = ecs.register_task_definition(**definition(family, cpu=".5 vCPU", memory="1 GB"))["taskDefinition"]
    assert (made["cpu"], made["memory"]) == ("512", "1024")


def test_revisions_and_their_states(ecs, family):
    for number in (1, 2, 3):
        made = ecs.register_task_definition(**definition(family))["taskDefinition"]
        assert made["revision"] == number
    gone = ecs.deregister_task_definition(taskDefinition=f"{family}:3")["taskDefinition"]
    assert gone["status"] == "INACTIVE" and gone["deregisteredAt"]
    assert ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["revision"] == 2
    assert ecs.describe_task_definition(taskDefinition=f"{family}:3")["taskDefinition"]["status"] == "INACTIVE"
    answer = ecs.delete_task_definitions(taskDefinitions=[f"{family}:2", f"{family}:3"])
    assert [one["status"] for one in answer["taskDefinitions"]] == ["DELETE_IN_PROGRESS"]
    assert [one["arn"] for one in answer["failures"]] == [arn(f"{family}:2")]
    assert ecs.register_task_definition(**definition(family))["taskDefinition"]["revision"] == 4
    with pytest.raises(ClientError) as error:
        ecs.deregister_task_definition(taskDefinition=family)
    assert error.value.response["Error"]["Message"] == "Revision is missing."
    with pytest.raises(ClientError) as error:
        ecs.describe_task_definition(taskDefinition=f"{family}-none")
    assert error.value.response["Error"]["Message"] == "Unable to describe task definition."


def test_listings(ecs, family):
    for name in (family, family, f"{family}-b"):
        ecs.register_task_definition(**definition(name))
    ecs.deregister_task_definition(taskDefinition=f"{family}:1")

    def listed(**filters):
        return ecs.list_task_definitions(**filters)["taskDefinitionArns"]

    assert listed(familyPrefix=family) == [arn(f"{family}:2")]
    assert listed(familyPrefix=family, status="INACTIVE") == [arn(f"{family}:1")]
    both = [arn(f"{family}:2"), arn(f"{family}-b:1")]
    assert [one for one in listed() if family in one] == both
    assert [one for one in listed(sort="DESC") if family in one] == both[::-1]
    families = ecs.list_task_definition_families(familyPrefix=family)["families"]
    assert families == [family, f"{family}-b"]
    pages = ecs.get_paginator("list_task_definitions").paginate(PaginationConfig={"PageSize": 1})
    paged = [one for page in pages for one in page["taskDefinitionArns"] if family in one]
    assert paged == both


def test_tags(ecs, family):
    tags = [{"key": "team", "value": "a"}]
    made = ecs.register_task_definition(**definition(family, tags=tags))
    assert made["tags"] == tags
    assert "tags" not in ecs.describe_task_definition(taskDefinition=family)
    assert ecs.describe_task_definition(taskDefinition=family, include=["TAGS"])["tags"] == tags
    resource = made["taskDefinition"]["taskDefinitionArn"]
    assert ecs.list_tags_for_resource(resourceArn=resource)["tags"] == tags
