"""Services that scale: by schedules, by their bounds, and by alarms of step scaling and target tracking."""

import datetime
import uuid

import pytest
from test_autoscaling_api import named
from waiting import until


@pytest.fixture(scope="module")
def scaling(client):
    return client("application-autoscaling")


@pytest.fixture
def web(services, scaling):
    """Makes a service of so many tasks with a registered target: the service and its resource id."""

    def make(count: int = 1, **bounds):
        # It ends at once when it is asked to: these tests are about numbers.
        script = 'trap "exit 0" TERM; sleep 3600 & wait'
        definition = services.define(command=["/bin/busybox", "sh", "-c", script])
        service = services.service(definition, count=count)
        service.stable()
        resource = f"service/default/{service.name}"
        scaling.register_scalable_target(**named(resource), **{"MinCapacity": 0, "MaxCapacity": 10, **bounds})
        return service, resource

    return make


def activities(scaling, resource: str, **more) -> list[dict]:
    return scaling.describe_scaling_activities(ServiceNamespace="ecs", ResourceId=resource, **more)["ScalingActivities"]


def fulfilled(scaling, service, resource: str, count: int) -> dict:
    """Waits until the newest activity set this many, and they run."""

    def done():
        newest = (activities(scaling, resource) or [{}])[0]
        is_done = newest.get("StatusCode") == "Successful" and newest["Description"] == f"Setting desired count to {count}."
        return newest if is_done else None

    newest = until(done, f"{resource} at {count}", 30)
    found = service.describe()
    assert (found["desiredCount"], found["runningCount"]) == (count, count)
    return newest


def soon(seconds: float) -> str:
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return f"at({at:%Y-%m-%dT%H:%M:%S})"


def test_bounds_pull_at_once(scaling, web):
    service, resource = web(1)
    scaling.register_scalable_target(**named(resource), MinCapacity=2)
    newest = fulfilled(scaling, service, resource, 2)
    assert newest["Cause"] == "minimum capacity was set to 2"
    assert newest["StatusMessage"] == "Successfully set desired count to 2. Change successfully fulfilled by ecs."
    assert newest["EndTime"] >= newest["StartTime"]
    scaling.register_scalable_target(**named(resource), MinCapacity=0, MaxCapacity=1)
    assert fulfilled(scaling, service, resource, 1)["Cause"] == "maximum capacity was set to 1"
    # A user may set what is outside of the bounds.
    service.update(desiredCount=2)
    service.stable()
    assert service.describe()["desiredCount"] == 2
    assert len(activities(scaling, resource)) == 2
    pages = scaling.get_paginator("describe_scaling_activities").paginate(
        ServiceNamespace="ecs", ResourceId=resource, PaginationConfig={"PageSize": 1}
    )
    ids = [one["ActivityId"] for page in pages for one in page["ScalingActivities"]]
    assert ids == [one["ActivityId"] for one in activities(scaling, resource)]


def test_a_scheduled_action_brings_tasks(scaling, web):
    service, resource = web(1)
    scaling.put_scheduled_action(
        **named(resource), ScheduledActionName="rush", Schedule=soon(2),
        ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 4},
    )
    fulfilled(scaling, service, resource, 3)
    told = [(one["StatusCode"], one["Description"], one["Cause"]) for one in activities(scaling, resource)]
    assert told == [
        ("Successful", "Setting desired count to 3.", "minimum capacity was set to 3"),
        ("Successful", "Setting min capacity to 3 and max capacity to 4", "scheduled action name rush was triggered"),
    ]
    [target] = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 4)
    found = scaling.describe_scheduled_actions(ServiceNamespace="ecs", ResourceId=resource)
    assert found["ScheduledActions"] == []


def test_suspended_schedules_do_nothing(scaling, web):
    service, resource = web(1)
    scaling.register_scalable_target(**named(resource), SuspendedState={"ScheduledScalingSuspended": True})
    scaling.put_scheduled_action(
        **named(resource), ScheduledActionName="rush", Schedule=soon(2), ScalableTargetAction={"MinCapacity": 3}
    )
    gone = lambda: not scaling.describe_scheduled_actions(ServiceNamespace="ecs", ResourceId=resource)["ScheduledActions"]
    until(gone, "the action is over", 10)
    assert service.describe()["desiredCount"] == 1 and activities(scaling, resource) == []


def test_a_deleted_service_takes_its_target_along(scaling, web):
    service, resource = web(0)
    scaling.put_scaling_policy(
        **named(resource), PolicyName="cpu", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 50, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    )
    service.delete()
    gone = lambda: not scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]
    until(gone, "the target is gone")
    assert scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=resource)["ScalingPolicies"] == []


def test_a_time_that_the_server_missed_is_caught_up_on_once(make_server):
    server = make_server()
    ecs, scaling = server.client("ecs"), server.client("application-autoscaling")
    subnet = server.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    ecs.register_task_definition(
        family="none", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[{"name": "app", "image": "127.0.0.1:1/none"}],
    )
    ecs.create_service(
        serviceName="web", taskDefinition="none", desiredCount=2, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}},
    )
    resource = "service/default/web"
    scaling.register_scalable_target(**named(resource), MinCapacity=0, MaxCapacity=5)
    scaling.put_scheduled_action(
        **named(resource), ScheduledActionName="night", Schedule=soon(2), ScalableTargetAction={"MaxCapacity": 0}
    )
    server.kill()
    after = datetime.datetime.now() + datetime.timedelta(seconds=2.5)
    until(lambda: datetime.datetime.now() > after, "the time has passed", 5)
    server.up()
    desired = lambda: ecs.describe_services(services=["web"])["services"][0]["desiredCount"]
    until(lambda: desired() == 0, "the missed action", 10)
    server.kill()
    server.up()
    causes = [one["Cause"] for one in activities(scaling, resource)]
    assert causes == ["maximum capacity was set to 0", "scheduled action name night was triggered"]


class TestAlarms:
    """What alarms call for, by states that are set and metrics that are put."""

    @pytest.fixture
    def cloudwatch(self, client):
        return client("cloudwatch")

    @pytest.fixture
    def metric(self, cloudwatch):
        """A metric of the test's own, with its last minutes."""
        name = f"load-{uuid.uuid4().hex[:8]}"

        def put(value: float, minutes: int = 16):
            now = datetime.datetime.now(datetime.timezone.utc)
            points = [
                {"MetricName": name, "Timestamp": now - datetime.timedelta(minutes=ago), "Value": value}
                for ago in range(minutes + 1)
            ]
            cloudwatch.put_metric_data(Namespace="Tests", MetricData=points)

        put.name = name
        return put

    def call(self, cloudwatch, alarm: str, state: str = "ALARM"):
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="a test")

    def test_a_target_is_tracked(self, scaling, web, cloudwatch, metric):
        service, resource = web(1)
        made = scaling.put_scaling_policy(
            **named(resource), PolicyName="load", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 50, "ScaleInCooldown": 0, "ScaleOutCooldown": 0,
                "CustomizedMetricSpecification": {"MetricName": metric.name, "Namespace": "Tests", "Statistic": "Average"},
            },
        )
        high = made["Alarms"][0]["AlarmName"]
        found = cloudwatch.describe_alarms(AlarmNames=[high])["MetricAlarms"][0]
        assert (found["Threshold"], found["EvaluationPeriods"], found["Period"]) == (50, 3, 60)
        assert found["AlarmActions"][0].startswith(made["PolicyARN"] + ":createdBy/")
        assert found["AlarmDescription"] == f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {found['AlarmActions'][0]}."
        metric(120)
        self.call(cloudwatch, high)
        newest = fulfilled(scaling, service, resource, 3)
        assert newest["Cause"] == f"monitor alarm {high} in state ALARM triggered policy load"
        scaling.delete_scaling_policy(**named(resource), PolicyName="load")
        assert cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"] for alarm in made["Alarms"]])["MetricAlarms"] == []

    def test_steps_are_taken_by_an_alarm_of_the_user(self, scaling, web, cloudwatch, metric):
        service, resource = web(1, MaxCapacity=3)
        arn = scaling.put_scaling_policy(
            **named(resource), PolicyName="steps",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity", "Cooldown": 0,
                "StepAdjustments": [
                    {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 1},
                    {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 2},
                ],
            },
        )["PolicyARN"]
        name = f"steps-{uuid.uuid4().hex[:8]}"
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="Tests", MetricName=metric.name, Statistic="Average", Period=60, EvaluationPeriods=1,
            Threshold=50, ComparisonOperator="GreaterThanThreshold", AlarmActions=[arn],
        )
        try:
            [policy] = scaling.describe_scaling_policies(ServiceNamespace="ecs", PolicyNames=["steps"])["ScalingPolicies"]
            assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == [name]
            metric(75)
            self.call(cloudwatch, name)
            newest = fulfilled(scaling, service, resource, 3)
            assert newest["Cause"] == f"monitor alarm {name} in state ALARM triggered policy steps"
            self.call(cloudwatch, name, "OK")
            self.call(cloudwatch, name)
            told = lambda: [one for one in activities(scaling, resource, IncludeNotScaledActivities=True) if one.get("NotScaledReasons")]
            newest = until(told, "what isn't scaled is told", 10)[0]
            assert newest["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 3}]
            assert (newest["StatusCode"], newest["Description"]) == ("Failed", "Attempting to scale due to alarm triggered")
            assert all("NotScaledReasons" not in one for one in activities(scaling, resource))
        finally:
            cloudwatch.delete_alarms(AlarmNames=[name])

    def test_expressions_are_tracked(self, scaling, web, cloudwatch, metric):
        service, resource = web(1)
        stat = {"Metric": {"MetricName": metric.name, "Namespace": "Tests"}, "Stat": "Sum"}
        made = scaling.put_scaling_policy(
            **named(resource), PolicyName="half", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 10,
                "CustomizedMetricSpecification": {"Metrics": [
                    {"Id": "m", "MetricStat": stat, "ReturnData": False},
                    {"Id": "half", "Expression": "m / 2"},
                ]},
            },
        )
        metric(40)
        self.call(cloudwatch, made["Alarms"][0]["AlarmName"])
        fulfilled(scaling, service, resource, 2)


def test_the_commands_of_the_readme(server, services, client):
    service = services.service(services.define(), count=0)
    resource = f"service/default/{service.name}"

    def aws(*words: str) -> str:
        where = ("--service-namespace", "ecs", "--resource-id", resource, "--scalable-dimension", "ecs:service:DesiredCount")
        return server.aws("application-autoscaling", words[0], *where, *words[1:], "--output", "text").stdout

    assert "scalable-target/" in aws("register-scalable-target", "--min-capacity", "0", "--max-capacity", "10")
    metric = "{PredefinedMetricType=ECSServiceAverageCPUUtilizationHighResolution}"
    configuration = f"TargetValue=60,PredefinedMetricSpecification={metric},ScaleOutCooldown=10,ScaleInCooldown=60"
    put = aws(
        "put-scaling-policy", "--policy-name", "cpu60", "--policy-type", "TargetTrackingScaling",
        "--target-tracking-scaling-policy-configuration", configuration,
    )
    assert f"TargetTracking-{resource}-AlarmHigh-" in put and f"TargetTracking-{resource}-AlarmLow-" in put
    aws("register-scalable-target", "--max-capacity", "0")
    assert aws("describe-scaling-activities") == ""
