"""From load to tasks and back: real requests, metrics measured from them, alarms, policies, and tasks that come and go.

The scenarios take minutes by their nature (CloudWatch's minutes, mostly), so all of them run at once, and each test waits for its own.
"""

import concurrent.futures
import http.server
import json
import threading
import time

import pytest

from load import Load
from waiting import until

pytestmark = pytest.mark.slow

# A quarter of a vCPU does 25 requests a second of these at the very most.
BURN_MS = 10
CPU_PATH = f"/burn?ms={BURN_MS}"
QUIET_RATE = 2
SCENARIO_SECONDS = 400


class Scaled:
    """A website of one task, and the scalable target that it is."""

    def __init__(self, lab, maximum: int = 4):
        self.lab, self.scaling, self.cloudwatch = lab, lab.client("application-autoscaling"), lab.client("cloudwatch")
        self.service, self.balancer, self.target_group = lab.website(count=1)
        self.names = {
            "ServiceNamespace": "ecs", "ResourceId": f"service/default/{self.service.name}", "ScalableDimension": "ecs:service:DesiredCount",
        }
        self.dimensions = [{"Name": "ClusterName", "Value": "default"}, {"Name": "ServiceName", "Value": self.service.name}]
        self.scaling.register_scalable_target(**self.names, MinCapacity=1, MaxCapacity=maximum)

    def policy(self, kind: str, configuration: dict) -> dict:
        key = {"TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration", "StepScaling": "StepScalingPolicyConfiguration"}[kind]
        name = self.lab.name("policy")
        return self.scaling.put_scaling_policy(**self.names, PolicyName=name, PolicyType=kind, **{key: configuration})

    def desired(self) -> int:
        return self.service.describe()["desiredCount"]

    def load(self, rate: float, path: str = "/") -> Load:
        return Load(self.balancer.host, rate=rate, path=path, clients=2)

    def activities(self) -> list[dict]:
        """Oldest first."""
        found = self.scaling.describe_scaling_activities(ServiceNamespace="ecs", ResourceId=self.names["ResourceId"])
        return found["ScalingActivities"][::-1]

    def states(self, alarm: str) -> list[str]:
        """The states that the alarm went to, oldest first."""
        pages = self.cloudwatch.get_paginator("describe_alarm_history").paginate(AlarmName=alarm, HistoryItemType="StateUpdate")
        items = [json.loads(item["HistoryData"]) for page in pages for item in page["AlarmHistoryItems"]]
        return [item["newState"]["stateValue"] for item in items][::-1]

    def grows(self, load: Load, at_least: int, seconds: float) -> float:
        """Until that many tasks serve, and the seconds until they were asked for."""
        began = time.monotonic()
        until(lambda: self.desired() >= at_least, f"{self.service.name} is to have {at_least} tasks", seconds)
        took = time.monotonic() - began
        self.lab.healthy(self.target_group, self.desired())
        seen = set(load.answers)
        before = dict(load.answers)
        until(lambda: len(set(load.answers)) >= at_least, f"{at_least} tasks answer, not only {seen}")
        until(lambda: sum(load.answers.values()) - sum(before.values()) >= 100, "a hundred requests more")
        shares = [count - before.get(answer, 0) for answer, count in load.answers.items()]
        busy = [share for share in shares if share]
        assert len(busy) >= at_least and min(busy) * 5 > sum(busy) / len(busy), f"the load isn't spread: {shares}"
        return took

    def shrinks(self, seconds: float) -> None:
        until(lambda: self.desired() == 1, f"{self.service.name} is to have one task again", seconds)
        until(lambda: len(self.lab.health(self.target_group)) == 1, "only one target is left")
        self.service.stable()


def track_cpu(lab) -> None:
    """Target tracking on CPU, measured each second."""
    scaled = Scaled(lab)
    made = scaled.policy("TargetTrackingScaling", {
        "TargetValue": 50.0, "ScaleOutCooldown": 30, "ScaleInCooldown": 5,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilizationHighResolution"},
    })
    high, low = sorted((alarm["AlarmName"] for alarm in made["Alarms"]), key=lambda name: "AlarmLow" in name)
    with scaled.load(18, CPU_PATH) as load:
        took = scaled.grows(load, at_least=2, seconds=45)
    print(f"a load step was acted on after {took:.1f} s")
    assert load.failures == []
    assert "ALARM" in scaled.states(high)
    first = scaled.activities()[0]
    assert first["Cause"] == f"monitor alarm {high} in state ALARM triggered policy {policy_name(made)}"
    with scaled.load(QUIET_RATE) as quiet:
        scaled.shrinks(seconds=240)
    assert quiet.failures == []
    last = scaled.activities()[-1]
    assert last["Description"] == "Setting desired count to 1." and low in last["Cause"], last


def policy_name(made: dict) -> str:
    return made["PolicyARN"].rsplit("policyName/", 1)[1]


def step_by_step(lab) -> None:
    """Step scaling by alarms that the user made, of ten seconds each."""
    scaled = Scaled(lab)
    steps = lambda adjustments, kind="ChangeInCapacity": {  # noqa: E731
        "AdjustmentType": kind, "Cooldown": 20, "MetricAggregationType": "Average", "StepAdjustments": adjustments}
    out = scaled.policy("StepScaling", steps([
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 2},
    ]))
    back = scaled.policy("StepScaling", steps([{"MetricIntervalUpperBound": 0, "ScalingAdjustment": 1}], "ExactCapacity"))
    busy, idle = scaled.lab.name("busy"), scaled.lab.name("idle")
    alarm = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Statistic": "Average", "Dimensions": scaled.dimensions, "Period": 10}
    scaled.cloudwatch.put_metric_alarm(
        AlarmName=busy, ComparisonOperator="GreaterThanThreshold", Threshold=30, EvaluationPeriods=1, AlarmActions=[out["PolicyARN"]], **alarm)
    with scaled.load(18, CPU_PATH) as load:
        # 70 % and more are over the threshold by more than 20: two tasks are added.
        scaled.grows(load, at_least=3, seconds=60)
    assert load.failures == []
    scaled.cloudwatch.put_metric_alarm(
        AlarmName=idle, ComparisonOperator="LessThanThreshold", Threshold=10, EvaluationPeriods=2, AlarmActions=[back["PolicyARN"]], **alarm)
    with scaled.load(QUIET_RATE) as quiet:
        scaled.shrinks(seconds=180)
    assert quiet.failures == []
    # Two at once where the processor was there to be used; on a busy machine the first step may have been the small one.
    *out_to, in_to = [one["Description"] for one in scaled.activities()]
    assert out_to in [[f"Setting desired count to {count}." for count in counts] for counts in ([3], [3, 4], [2, 3], [2, 4])]
    assert in_to == "Setting desired count to 1."
    scaled.cloudwatch.delete_alarms(AlarmNames=[busy, idle])


def track_requests(lab) -> None:
    """Target tracking on the requests that each target gets in a minute: three of CloudWatch's minutes."""
    scaled = Scaled(lab)
    label = f"{scaled.balancer.arn.split('loadbalancer/')[1]}/{scaled.target_group.rsplit(':', 1)[1]}"
    scaled.policy("TargetTrackingScaling", {
        "TargetValue": 200.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label},
    })
    with scaled.load(9) as load:
        scaled.grows(load, at_least=2, seconds=300)
    assert load.failures == []
    # 540 requests a minute are more than 200 for each of two; a partly measured first minute doesn't count.
    assert scaled.desired() == 3


def run_on_schedule(lab) -> None:
    """A rule of one minute runs a task."""
    events, iam = lab.client("events"), lab.client("iam")
    name = lab.name("rule")
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "events.amazonaws.com"}}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    rights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ecs:RunTask", "iam:PassRole"], "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="run", PolicyDocument=json.dumps(rights))
    cluster = lab.ecs.describe_clusters(clusters=["default"])["clusters"][0]["clusterArn"]
    definition = lab.define(command=["/bin/busybox", "sh", "-c", 'test "$SAYS" = hello'])
    events.put_rule(Name=name, ScheduleExpression="rate(1 minute)")
    overrides = {"containerOverrides": [{"name": "web", "environment": [{"name": "SAYS", "value": "hello"}]}]}
    failed = events.put_targets(Rule=name, Targets=[{
        "Id": "run", "Arn": cluster, "RoleArn": role, "Input": json.dumps(overrides), "EcsParameters": {
            "TaskDefinitionArn": definition, "LaunchType": "FARGATE", "NetworkConfiguration": {"awsvpcConfiguration": {
                "Subnets": lab.subnets, "SecurityGroups": [lab.open_group], "AssignPublicIp": "ENABLED"}}}}])
    assert failed["FailedEntryCount"] == 0, failed
    started_by = f"events-rule/{name}"[:36]

    def ended() -> dict | None:
        arns = [arn for status in ("RUNNING", "STOPPED") for arn in lab.ecs.list_tasks(startedBy=started_by, desiredStatus=status)["taskArns"]]
        tasks = lab.ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
        return next((task for task in tasks if task["lastStatus"] == "STOPPED"), None)

    task = until(ended, "a task of the rule ends", seconds=130)
    assert task["containers"][0]["exitCode"] == 0 and task["startedBy"] == started_by, task
    events.remove_targets(Rule=name, Ids=["run"])
    events.delete_rule(Name=name)


class Subscriber:
    """An HTTP server that confirms its subscription and keeps what it is told."""

    def __init__(self):
        self.messages: list[dict] = []
        subscriber = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 http.server's name
                subscriber.messages.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def first(self, kind: str, part: str = "") -> dict | None:
        return next((one for one in list(self.messages) if one["Type"] == kind and part in one["Message"]), None)


def tell_of_a_stopped_task(lab) -> None:
    """A task's end reaches an HTTP subscriber, by EventBridge and SNS."""
    events, sns = lab.client("events"), lab.client("sns")
    name, subscriber = lab.name("told"), Subscriber()
    topic = sns.create_topic(Name=name)["TopicArn"]
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
    asked = until(lambda: subscriber.first("SubscriptionConfirmation"), "the subscriber is asked to confirm")
    sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])
    cluster = lab.ecs.describe_clusters(clusters=["default"])["clusters"][0]["clusterArn"]
    pattern = {"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"], "detail": {"lastStatus": ["STOPPED"], "clusterArn": [cluster]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    assert events.put_targets(Rule=name, Targets=[{"Id": "topic", "Arn": topic}])["FailedEntryCount"] == 0
    definition = lab.define(command=["/bin/busybox", "sh", "-c", "exit 7"])
    (task,) = lab.ecs.run_task(taskDefinition=definition, launchType="FARGATE", networkConfiguration=lab.network())["tasks"]
    told = until(lambda: subscriber.first("Notification", task["taskArn"]), "the subscriber is told of the task's end", seconds=60)
    event = json.loads(told["Message"])
    detail = event["detail"]
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.ecs", "ECS Task State Change", [task["taskArn"]])
    assert (detail["lastStatus"], detail["containers"][0]["exitCode"], detail["stopCode"]) == ("STOPPED", 7, "EssentialContainerExited")
    events.remove_targets(Rule=name, Ids=["topic"])
    events.delete_rule(Name=name)
    sns.delete_topic(TopicArn=topic)


SCENARIOS = [track_requests, track_cpu, step_by_step, run_on_schedule, tell_of_a_stopped_task]


@pytest.fixture(scope="module")
def running(shared_service_lab):
    # Clients are made one by one: making them isn't safe in threads, using them is.
    for service in ("application-autoscaling", "cloudwatch", "events", "sns", "iam"):
        shared_service_lab.client(service)
    with concurrent.futures.ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {scenario: pool.submit(scenario, shared_service_lab) for scenario in SCENARIOS}
    shared_service_lab.clean()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_scenario(running, scenario):
    running[scenario].result(timeout=SCENARIO_SECONDS)
