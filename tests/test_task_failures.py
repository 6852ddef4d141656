"""Why tasks don't start: the reasons that ECS gives, in its own words."""

import pytest

from task_lab import GROUP

MIB = 1 << 20


def failed(task) -> str:
    stopped = task.stopped()
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["containers"][0].get("exitCode") is None
    assert stopped["executionStoppedAt"] <= stopped["stoppedAt"]
    assert "startedAt" not in stopped
    return stopped["stoppedReason"]


def test_images_that_are_not_there(lab):
    """In the built-in registry: a repository, a tag and a digest that nobody made; and names that are none."""
    repository = lab.image.rsplit(":", 1)[0]
    host = repository.split("/", 1)[0]
    for image in (f"{host}/tests-nothing:1", f"{repository}:nothing", f"{repository}@sha256:{'0' * 64}"):
        reason = failed(lab.start(lab.container(image=image)))
        assert reason.startswith("CannotPullContainerError: ") and reason.endswith(
            f"failed to resolve ref {image}: {image}: not found"
        )
    reason = failed(lab.start(lab.container(image="127.0.0.1:1/closed:1")))
    assert reason.startswith("CannotPullContainerError: ")
    reason = failed(lab.start(lab.container(image=f"{host}/UPPER:1")))
    assert reason.startswith("CannotPullContainerError: ")


def test_any_registry(lab, any_registry):
    """Images come from wherever their name says, without credentials."""
    image = any_registry.push("elsewhere", lab.folder / "lab.tar")
    task = lab.start(lab.container("echo from elsewhere", image=image))
    task.stopped()
    assert task.lines() == ["from elsewhere"]
    missing = image.rsplit(":", 1)[0] + ":nothing"
    reason = failed(lab.start(lab.container(image=missing)))
    assert reason.startswith("CannotPullContainerError: ") and reason.endswith(
        f"failed to resolve ref {missing}: {missing}: not found"
    )


def test_a_digest_runs_the_same_image(lab):
    task = lab.start(lab.container("echo tagged"))
    digest = task.stopped()["containers"][0]["imageDigest"]
    name = lab.image.rsplit(":", 1)[0]
    other = lab.start(lab.container("echo pinned", image=f"{name}@{digest}"))
    assert other.stopped()["containers"][0]["imageDigest"] == digest
    assert other.lines() == ["pinned"]


def test_a_log_group_that_is_not_there(lab):
    reason = failed(lab.start(lab.container("true", log={"awslogs-group": "/none"})))
    assert reason == (
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to "
        "create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.: exit status 1"
    )


def test_a_log_group_is_made_when_asked(lab):
    group = "/tests/made"
    task = lab.start(lab.container("echo hi", log={"awslogs-group": group, "awslogs-create-group": "true"}))
    task.stopped()
    events = lab.logs.get_log_events(logGroupName=group, logStreamName=f"lab/app/{task.id}")["events"]
    assert [event["message"] for event in events] == ["hi"]


@pytest.mark.parametrize(
    ("container", "fields", "reason"),
    [
        ({"secrets": [{"name": "A", "valueFrom": "parameter"}]}, {},
         "ResourceInitializationError: unable to pull secrets or registry auth: "),
        ({"repositoryCredentials": {"credentialsParameter": "arn:aws:secretsmanager:us-east-1:000000000000:secret:x"}},
         {}, "ResourceInitializationError: unable to pull secrets or registry auth: "),
        ({}, {"runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}},
         "Capacity is unavailable at this time. "),
    ],
)
def test_what_is_not_provided_ends_the_task(lab, container, fields, reason):
    """Never accepted and ignored: the definition is good, and the task says what is missing here."""
    said = failed(lab.start(lab.container("true", **container), **fields))
    assert said.startswith(reason) and "this installation" in said


@pytest.mark.parametrize(
    ("container", "fields", "message"),
    [
        ({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]},
         {"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-12345678"}}]},
         "Tasks with EFS, S3 Files or EBS volumes can't be run here."),
        ({"logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "x", "splunk-token": "y"}}}, {},
         "Tasks with the log driver splunk can't be run here."),
    ],
)
def test_what_is_not_provided_is_refused(lab, container, fields, message):
    definition = lab.define(lab.container("true", **container), **fields)
    with pytest.raises(lab.ecs.exceptions.UnsupportedFeatureException) as error:
        lab.launch(definition)
    assert error.value.response["Error"]["Message"] == message


def test_a_role_that_is_gone(lab, client):
    """A role can be deleted between registration and run."""
    from conftest import make_role

    iam = client("iam")
    role = make_role(iam, "tests-short-lived")
    definition = lab.define(lab.container("true"), taskRoleArn=role)
    iam.delete_role(RoleName="tests-short-lived")
    with pytest.raises(lab.ecs.exceptions.ClientException) as error:
        lab.launch(definition)
    assert error.value.response["Error"]["Message"] == (
        f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role being "
        "passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this "
        "role."
    )


def test_users_and_folders_that_are_not_there(lab):
    reason = failed(lab.start(lab.container("true", user="nobody-knows")))
    assert reason.startswith("CannotStartContainerError: ") and "nobody-knows" in reason
    assert lab.logs.describe_log_streams(logGroupName=GROUP, limit=1)["logStreams"]
