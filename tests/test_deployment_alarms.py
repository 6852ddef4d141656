"""Alarms that watch the deployments of a service."""

import uuid

import pytest
from botocore.exceptions import ClientError

from waiting import until


@pytest.fixture
def alarm(client):
    """An alarm without data: it is in the state that the test sets."""
    cloudwatch, name = client("cloudwatch"), f"deploy-{uuid.uuid4().hex[:8]}"
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="t", MetricName="none", Statistic="Sum", Period=10, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore")

    def set_(value):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=value, StateReason="by hand")

    set_("OK")
    yield name, set_
    cloudwatch.delete_alarms(AlarmNames=[name])


def watched(name: str, rollback: bool = True, **given) -> dict:
    return {"alarms": {"alarmNames": [name], "enable": True, "rollback": rollback}, **given}


def plain(services, version: str) -> str:
    return services.define(version, command=["/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"])


def deployment(services, service) -> dict:
    found = services.ecs.list_service_deployments(service=service.arn)["serviceDeployments"]
    newest = max(found, key=lambda one: one["createdAt"])["serviceDeploymentArn"]
    return services.ecs.describe_service_deployments(serviceDeploymentArns=[newest])["serviceDeployments"][0]


def reaches(services, service, status: str, seconds: float = 30) -> dict:
    until(lambda: deployment(services, service)["status"] == status, f"the deployment is {status}", seconds)
    return deployment(services, service)


def begun(services, service) -> None:
    until(lambda: deployment(services, service)["status"] == "IN_PROGRESS", "the deployment has begun")


def test_an_alarm_rolls_a_deployment_back(services, alarm):
    name, set_ = alarm
    service = services.service(plain(services, "1"), count=1, deploymentConfiguration=watched(name, bakeTimeInMinutes=0))
    done = reaches(services, service, "SUCCESSFUL")
    assert done["alarms"] == {"status": "MONITORING_COMPLETE", "alarmNames": [name], "triggeredAlarmNames": []}
    assert done["deploymentConfiguration"]["alarms"] == watched(name)["alarms"]
    service.update(taskDefinition=plain(services, "2"), deploymentConfiguration={"bakeTimeInMinutes": 5})
    begun(services, service)
    assert deployment(services, service)["alarms"]["status"] == "MONITORING"
    set_("ALARM")
    failed = reaches(services, service, "ROLLBACK_IN_PROGRESS")
    assert failed["alarms"] == {"status": "TRIGGERED", "alarmNames": [name], "triggeredAlarmNames": [name]}
    assert "alarm" in failed["rollback"]["reason"] and "alarm" in failed["statusReason"]
    told = services.ecs.describe_services(services=[service.arn])["services"][0]
    assert told["deploymentConfiguration"]["alarms"] == watched(name)["alarms"]
    messages = [event["message"] for event in told["events"]]
    assert any("deployment failed: alarm detected." in message for message in messages)
    assert any("rolling back to deployment" in message for message in messages)


def test_a_deployment_fails_without_a_way_back(services, alarm):
    name, set_ = alarm
    service = services.service(
        plain(services, "1"), count=1, deploymentConfiguration=watched(name, rollback=False, bakeTimeInMinutes=5))
    begun(services, service)
    set_("ALARM")
    failed = reaches(services, service, "STOPPED")
    assert failed["alarms"]["status"] == "TRIGGERED" and "rollback" not in failed
    (told,) = services.ecs.describe_services(services=[service.arn])["services"][0]["deployments"]
    assert (told["rolloutState"], told["rolloutStateReason"]) == ("FAILED", "ECS deployment failed: alarm detected.")


def test_what_was_in_alarm_before_is_not_watched(services, alarm):
    name, set_ = alarm
    set_("ALARM")
    service = services.service(plain(services, "1"), count=1, deploymentConfiguration=watched(name, bakeTimeInMinutes=0))
    done = reaches(services, service, "SUCCESSFUL")
    assert done["alarms"]["status"] == "DISABLED"


@pytest.mark.slow
def test_the_bake_time_is_what_the_alarms_need(services, alarm):
    """Nobody said how long: one period of ten seconds."""
    name, _ = alarm
    service = services.service(plain(services, "1"), count=1, deploymentConfiguration=watched(name))
    done = reaches(services, service, "SUCCESSFUL")
    assert (done["finishedAt"] - done["startedAt"]).total_seconds() >= 10


@pytest.mark.parametrize("alarms, message", [
    ({"alarmNames": [], "enable": True, "rollback": True}, "alarmNames should not be null or empty"),
    ({"alarmNames": ["x"] * 101, "enable": True, "rollback": True}, "at most 100"),
    ({"alarmNames": ["x" * 256], "enable": True, "rollback": True}, "no alarm's name"),
])
def test_alarms_that_are_refused(services, alarms, message):
    with pytest.raises(ClientError) as caught:
        services.service(plain(services, "1"), count=0, deploymentConfiguration={"alarms": alarms})
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidParameterException" and message in error["Message"]
