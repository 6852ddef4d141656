"""What ECS and ECR tell on the default event bus: through a rule into a log group."""

import json
import time
import uuid

import pytest
from waiting import until


@pytest.fixture(scope="module")
def told(client):
    """Everything that the rules below carried, newest last."""
    events, logs = client("events"), client("logs")
    group = f"/aws/events/tests-{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    logs_policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
                       "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": f"{arn}:*"}],
    }
    try:
        logs.put_resource_policy(policyName="events", policyDocument=json.dumps(logs_policy))
    except Exception:  # Not every version serves policies of log groups.
        pass
    events.put_rule(Name="tests-ecs", EventPattern=json.dumps({"source": ["aws.ecs", "aws.ecr"]}))
    events.put_targets(Rule="tests-ecs", Targets=[{"Id": "logs", "Arn": arn}])

    def read() -> list[dict]:
        found, token = [], {}
        while True:
            answer = logs.filter_log_events(logGroupName=group, **token)
            found += [json.loads(event["message"]) for event in answer["events"]]
            if "nextToken" not in answer:
                return found
            token = {"nextToken": answer["nextToken"]}

    yield read
    events.remove_targets(Rule="tests-ecs", Ids=["logs"])
    events.delete_rule(Name="tests-ecs")


def of_task(told, arn: str) -> list[dict]:
    found = [one for one in told() if one["detail-type"] == "ECS Task State Change" and one["resources"] == [arn]]
    return sorted(found, key=lambda one: one["detail"]["version"])


def test_a_task_is_told_from_provisioning_to_stopped(lab, told):
    overrides = {"containerOverrides": [{"name": "app", "environment": [{"name": "A", "value": "b"}]}]}
    task = lab.start(lab.container("exit 3"), run={"startedBy": "me", "overrides": overrides})
    stopped = task.stopped()
    until(lambda: [one["detail"]["lastStatus"] for one in of_task(told, task.arn)][-1:] == ["STOPPED"], "the last event")
    found = of_task(told, task.arn)
    versions = [one["detail"]["version"] for one in found]
    assert versions == sorted(set(versions)) and versions[-1] == stopped["version"]
    assert found[0]["detail"]["lastStatus"] == "PROVISIONING"
    last = found[-1]
    assert (last["version"], last["source"], last["account"], last["region"]) == ("0", "aws.ecs", "000000000000", "us-east-1")
    detail = last["detail"]
    assert detail["stopCode"] == "EssentialContainerExited" and detail["desiredStatus"] == "STOPPED"
    assert detail["containers"][0]["exitCode"] == 3 and detail["containers"][0]["lastStatus"] == "STOPPED"
    assert detail["overrides"] == {"containerOverrides": [{"environment": [{"name": "A", "value": "b"}], "name": "app"}]}
    assert detail["startedBy"] == "me" and detail["cpu"] == "256" and detail["launchType"] == "FARGATE"
    for member in ["createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "stoppedAt", "executionStoppedAt", "updatedAt"]:
        assert len(detail[member]) == len("2026-01-01T00:00:00.000Z") and detail[member].endswith("Z"), member
    assert detail["attachments"][0]["type"] == "eni" and detail["attachments"][0]["status"] == "DELETED"
    assert "healthStatus" not in detail and "tags" not in detail


def test_a_service_tells_of_its_deployment_and_its_steadiness(services, told, client):
    service = services.service(services.plain_website(), count=1)
    service.stable()
    arn = client("ecs").describe_services(services=[service.name])["services"][0]["serviceArn"]

    def names(kind: str) -> list[str]:
        found = [one for one in told() if one["detail-type"] == kind and one["resources"] == [arn]]
        return [one["detail"]["eventName"] for one in sorted(found, key=lambda one: one["time"])]

    until(lambda: "SERVICE_STEADY_STATE" in names("ECS Service Action"), "the steady state")
    until(lambda: set(names("ECS Deployment State Change")) == {"SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED"},
          "the deployment")
    client("ecs").update_service(service=service.name, desiredCount=0)
    until(lambda: {"SERVICE_DESIRED_COUNT_UPDATED", "TASKS_STOPPED"} <= set(names("ECS Service Action")), "the new count")


def test_an_image_is_told_when_it_comes_and_goes(server, client, busybox_archive, told):
    from conftest import push

    name = f"told-{uuid.uuid4().hex[:8]}"
    push(server, client("ecr"), name, busybox_archive)
    client("ecr").batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "latest"}])

    def actions() -> list[tuple]:
        details = [one["detail"] for one in told() if one["detail-type"] == "ECR Image Action"]
        return [(one["action-type"], one["image-tag"], one["result"]) for one in details if one["repository-name"] == name]

    until(lambda: len(actions()) >= 2, "both events")
    time.sleep(0.2)
    assert sorted(actions()) == [("DELETE", "latest", "SUCCESS"), ("PUSH", "latest", "SUCCESS")]
