"""Application Auto Scaling as boto3 uses it: what the API takes, refuses and answers."""

import datetime
import re
import uuid

import pytest
from botocore.exceptions import ClientError

from refusals import refused

DIMENSION = "ecs:service:DesiredCount"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def scaling(client):
    return client("application-autoscaling")


@pytest.fixture(scope="module")
def cluster(client):
    ecs, name = client("ecs"), f"scaling-{uuid.uuid4().hex[:8]}"
    ecs.create_cluster(clusterName=name)
    yield name
    for arn in ecs.list_services(cluster=name, maxResults=100)["serviceArns"]:
        ecs.delete_service(cluster=name, service=arn, force=True)


@pytest.fixture
def service(client, cluster):
    """A service of no tasks: its resource id."""
    ecs, name = client("ecs"), f"web-{uuid.uuid4().hex[:8]}"
    container = {"name": "app", "image": "busybox", "command": ["sleep", "1"]}
    ecs.register_task_definition(
        family="scaling", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[container],
    )
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    ecs.create_service(
        cluster=cluster, serviceName=name, taskDefinition="scaling", desiredCount=0, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}},
    )
    return f"service/{cluster}/{name}"


def named(resource: str) -> dict:
    return {"ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": DIMENSION}


@pytest.fixture
def target(scaling, service):
    """A registered target: its resource id."""
    scaling.register_scalable_target(**named(service), MinCapacity=0, MaxCapacity=10)
    return service


def tracking(value: float = 70, metric: str = "ECSServiceAverageCPUUtilization", **more) -> dict:
    predefined = {"PredefinedMetricType": metric}
    return {"TargetValue": value, "PredefinedMetricSpecification": predefined, **more}


def track(scaling, resource: str, name: str = "cpu", configuration: dict | None = None):
    return scaling.put_scaling_policy(
        **named(resource), PolicyName=name, PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration or tracking(),
    )


def step(*steps: dict, **more) -> dict:
    return {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": list(steps), **more}


def policies(scaling, resource: str) -> list[dict]:
    return scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=resource)["ScalingPolicies"]


def targets(scaling, resource: str) -> list[dict]:
    return scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]


class TestTargets:
    def test_one_is_registered_and_described(self, scaling, service, client):
        arn = scaling.register_scalable_target(
            **named(service), MinCapacity=1, MaxCapacity=4, Tags={"team": "web"},
            RoleARN="arn:aws:iam::000000000000:role/ignored-for-services",
        )["ScalableTargetARN"]
        assert re.fullmatch(r"arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target/[0-9a-f]{36}", arn)
        [found] = targets(scaling, service)
        assert isinstance(found.pop("CreationTime"), datetime.datetime)
        role = "aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
        assert found == {
            **named(service), "ScalableTargetARN": arn, "MinCapacity": 1, "MaxCapacity": 4,
            "RoleARN": f"arn:aws:iam::000000000000:role/{role}",
            "SuspendedState": {
                "DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": False,
            },
        }
        assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"team": "web"}
        made = client("iam").get_role(RoleName="AWSServiceRoleForApplicationAutoScaling_ECSService")["Role"]
        assert made["Arn"] == found["RoleARN"]

    def test_an_update_changes_what_it_gives(self, scaling, target):
        before = targets(scaling, target)[0]
        scaling.register_scalable_target(**named(target), MaxCapacity=20)
        scaling.register_scalable_target(**named(target), SuspendedState={"DynamicScalingInSuspended": True})
        scaling.register_scalable_target(**named(target), SuspendedState={"ScheduledScalingSuspended": True})
        after = targets(scaling, target)[0]
        assert (after["MinCapacity"], after["MaxCapacity"]) == (0, 20)
        assert after["ScalableTargetARN"] == before["ScalableTargetARN"]
        assert after["SuspendedState"] == {
            "DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": True,
        }

    def test_what_is_refused(self, scaling, service, cluster):
        call, bounds = scaling.register_scalable_target, {"MinCapacity": 1, "MaxCapacity": 2}
        gone = f"service/{cluster}/missing"
        refused(call, "ValidationException", f"ECS service doesn't exist: {gone}", **named(gone), **bounds)
        for changes in (
            {"ServiceNamespace": "dynamodb", "ScalableDimension": "dynamodb:table:ReadCapacityUnits", "ResourceId": "table/t"},
            {"ScalableDimension": "dynamodb:table:ReadCapacityUnits"},
            {"ResourceId": "service/only"},
        ):
            text = "Unsupported service namespace, resource type or scalable dimension"
            refused(call, "ValidationException", text, **{**named(service), **changes}, **bounds)
        text = "'serviceNamespace' failed to satisfy constraint: Member must satisfy enum value set"
        refused(call, "ValidationException", text, **{**named(service), "ServiceNamespace": "moon"}, **bounds)
        text = "'scalableDimension' failed to satisfy constraint: Member must satisfy enum value set"
        refused(call, "ValidationException", text, **{**named(service), "ScalableDimension": "ecs:moon"}, **bounds)
        refused(call, "ValidationException", "MinCapacity and MaxCapacity must be specified", **named(service), MinCapacity=1)
        refused(call, "ValidationException", "Minimum capacity cannot be greater", **named(service), MinCapacity=3, MaxCapacity=2)
        refused(call, "ValidationException", "'minCapacity' failed", **named(service), MinCapacity=-1, MaxCapacity=2)
        assert targets(scaling, service) == []

    def test_an_inactive_service_is_refused(self, scaling, service, client):
        cluster, name = service.split("/")[1:]
        client("ecs").delete_service(cluster=cluster, service=name)
        text = f"ECS service doesn't exist: {service}"
        refused(scaling.register_scalable_target, "ValidationException", text, **named(service), MinCapacity=0, MaxCapacity=1)

    def test_deregistering_takes_everything_along(self, scaling, target):
        track(scaling, target)
        scaling.put_scheduled_action(
            **named(target), ScheduledActionName="night", Schedule="cron(0 22 * * ? *)",
            ScalableTargetAction={"MinCapacity": 0},
        )
        scaling.deregister_scalable_target(**named(target))
        assert targets(scaling, target) == []
        assert policies(scaling, target) == []
        found = scaling.describe_scheduled_actions(ServiceNamespace="ecs", ResourceId=target)
        assert found["ScheduledActions"] == []
        text = (
            f"No scalable target found for service namespace: ecs, resource ID: {target}, "
            f"scalable dimension: {DIMENSION}"
        )
        refused(scaling.deregister_scalable_target, "ObjectNotFoundException", text, **named(target))

    def test_pages_and_other_namespaces(self, scaling, client, cluster, target):
        ids = {target}
        paginator = scaling.get_paginator("describe_scalable_targets")
        pages = list(paginator.paginate(ServiceNamespace="ecs", PaginationConfig={"PageSize": 1}))
        found = [one["ResourceId"] for page in pages for one in page["ScalableTargets"]]
        assert ids <= set(found) and len(found) == len(set(found)) and all(len(page["ScalableTargets"]) <= 1 for page in pages)
        assert scaling.describe_scalable_targets(ServiceNamespace="lambda")["ScalableTargets"] == []
        call = scaling.describe_scalable_targets
        refused(call, "InvalidNextTokenException", "", ServiceNamespace="ecs", NextToken="nonsense")
        refused(call, "ValidationException", "'maxResults'", ServiceNamespace="ecs", MaxResults=51)

    def test_tags(self, scaling, target):
        arn = targets(scaling, target)[0]["ScalableTargetARN"]
        scaling.tag_resource(ResourceARN=arn, Tags={"a": "1", "b": "2"})
        scaling.tag_resource(ResourceARN=arn, Tags={"b": "3"})
        scaling.untag_resource(ResourceARN=arn, TagKeys=["a", "unknown"])
        assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "3"}
        many = {str(number): "" for number in range(51)}
        refused(scaling.tag_resource, "TooManyTagsException", "at most 50", ResourceARN=arn, Tags=many)
        refused(scaling.tag_resource, "ValidationException", "reserved", ResourceARN=arn, Tags={"aws:x": "1"})
        unknown = f"{arn[:-4]}0000"
        for call, more in ((scaling.tag_resource, {"Tags": {}}), (scaling.untag_resource, {"TagKeys": []}), (scaling.list_tags_for_resource, {})):
            refused(call, "ResourceNotFoundException", unknown, ResourceARN=unknown, **more)
        call = scaling.register_scalable_target
        refused(call, "ValidationException", "Use TagResource", **named(target), Tags={"c": "4"})


class TestTargetTracking:
    def test_it_brings_its_alarms(self, scaling, target):
        made = track(scaling, target, configuration=tracking(ScaleOutCooldown=60))
        arn = made["PolicyARN"]
        form = rf"arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:{UUID}:resource/ecs/{target}:policyName/cpu"
        assert re.fullmatch(form, arn)
        names = [alarm["AlarmName"] for alarm in made["Alarms"]]
        assert re.fullmatch(rf"TargetTracking-{target}-AlarmHigh-{UUID}", names[0])
        assert re.fullmatch(rf"TargetTracking-{target}-AlarmLow-{UUID}", names[1])
        assert made["Alarms"][0]["AlarmARN"] == f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{names[0]}"
        [found] = policies(scaling, target)
        assert isinstance(found.pop("CreationTime"), datetime.datetime)
        assert found == {
            **named(target), "PolicyARN": arn, "PolicyName": "cpu", "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": tracking(ScaleOutCooldown=60), "Alarms": made["Alarms"],
        }

    def test_an_update_keeps_the_alarms(self, scaling, target):
        made = track(scaling, target)
        changed = track(scaling, target, configuration=tracking(50, DisableScaleIn=True))
        assert changed["PolicyARN"] == made["PolicyARN"]
        assert changed["Alarms"] == made["Alarms"][:1]
        assert track(scaling, target)["Alarms"] == made["Alarms"]

    def test_metrics_of_high_resolution_and_of_users(self, scaling, target):
        track(scaling, target, "fast", tracking(metric="ECSServiceAverageCPUUtilizationHighResolution"))
        track(scaling, target, "memory", tracking(metric="ECSServiceAverageMemoryUtilization"))
        track(scaling, target, "faster", tracking(metric="ECSServiceAverageMemoryUtilizationHighResolution"))
        custom = {
            "MetricName": "Backlog", "Namespace": "Shop", "Statistic": "Maximum", "Unit": "Count",
            "Dimensions": [{"Name": "Queue", "Value": "orders"}],
        }
        configuration = {"TargetValue": 5.5, "CustomizedMetricSpecification": custom}
        assert len(track(scaling, target, "backlog", configuration)["Alarms"]) == 2
        [found] = [one for one in policies(scaling, target) if one["PolicyName"] == "backlog"]
        assert found["TargetTrackingScalingPolicyConfiguration"] == configuration

    def test_requests_per_target_need_what_exists(self, scaling, target, client):
        elb, ec2 = client("elbv2"), client("ec2")
        subnets = sorted(ec2.describe_subnets()["Subnets"], key=lambda one: one["AvailabilityZone"])
        name = f"scaling-{uuid.uuid4().hex[:8]}"
        balancer = elb.create_load_balancer(Name=name, Subnets=[one["SubnetId"] for one in subnets])["LoadBalancers"][0]
        group = elb.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"], TargetType="ip"
        )["TargetGroups"][0]
        try:
            path = balancer["LoadBalancerArn"].split("loadbalancer/")[1]
            group_path = group["TargetGroupArn"].split(":")[-1]

            def put(label: str | None):
                predefined = {"PredefinedMetricType": "ALBRequestCountPerTarget"} | ({"ResourceLabel": label} if label else {})
                return track(scaling, target, "requests", {"TargetValue": 1000, "PredefinedMetricSpecification": predefined})

            assert len(put(f"{path}/{group_path}")["Alarms"]) == 2
            refused(put, "ValidationException", "ResourceLabel must be specified", label=None)
            refused(put, "ValidationException", "Invalid resource label", label="app/web/targetgroup/x")
            refused(put, "ValidationException", "load balancer app/no/0123456789abcdef", label=f"app/no/0123456789abcdef/{group_path}")
            refused(put, "ValidationException", "target group no/", label=f"{path}/targetgroup/no/0123456789abcdef")
        finally:
            elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
            elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])

    def test_what_is_refused(self, scaling, target, service):
        def put(configuration, **more):
            given = {**named(target), "PolicyName": "p", "PolicyType": "TargetTrackingScaling", **more}
            if configuration is not None:
                given["TargetTrackingScalingPolicyConfiguration"] = configuration
            return scaling.put_scaling_policy(**given)

        track(scaling, target, "first")
        custom = {"MetricName": "m", "Namespace": "n", "Statistic": "Average"}
        for configuration, text in (
            (tracking(), "Only one TargetTrackingScaling policy for a given metric specification is allowed."),
            ({"TargetValue": 1.0}, "Exactly one of PredefinedMetricSpecification"),
            (tracking() | {"CustomizedMetricSpecification": custom}, "Exactly one of PredefinedMetricSpecification"),
            (tracking(0), "TargetValue must be a number greater than 0"),
            (tracking(metric="RDSReaderAverageCPUUtilization"), "not supported for service namespace ecs"),
            (tracking(metric="Moon"), "Member must satisfy enum value set"),
            (tracking(ScaleInCooldown=-1), "scaleInCooldown"),
            ({"TargetValue": 1.0, "CustomizedMetricSpecification": custom | {"Statistic": "Median"}}, "enum value set"),
            ({"TargetValue": 1.0, "CustomizedMetricSpecification": custom | {"Unit": "Furlong"}}, "not a unit"),
            ({"TargetValue": 1.0, "CustomizedMetricSpecification": {"Namespace": "n", "Statistic": "Sum"}}, "metricName"),
            ({"TargetValue": 1.0, "CustomizedMetricSpecification": custom | {"Metrics": []}}, "either Metrics or"),
            ({"TargetValue": 1.0, "CustomizedMetricSpecification": {"Metrics": []}}, "1 to 10 queries"),
            (None, "TargetTrackingScalingPolicyConfiguration must be specified"),
        ):
            refused(put, "ValidationException", text, configuration=configuration)
        refused(put, "ValidationException", "PredictiveScaling is not served", configuration=None, PolicyType="PredictiveScaling")
        refused(put, "ValidationException", "enum value set", configuration=None, PolicyType="Moon")
        refused(put, "ValidationException", "not one of policy type", configuration=tracking(), PolicyType="StepScaling")
        elsewhere = f"{service}x"
        text = (
            f"No scalable target registered for service namespace: ecs, resource ID: {elsewhere}, "
            f"scalable dimension: {DIMENSION}"
        )
        refused(put, "ObjectNotFoundException", text, configuration=tracking(), ResourceId=elsewhere)

    def test_queries_that_are_refused(self, scaling, target):
        stat = {"Metric": {"MetricName": "m", "Namespace": "n"}, "Stat": "Sum"}

        def put(*queries):
            custom = {"CustomizedMetricSpecification": {"Metrics": list(queries)}}
            return track(scaling, target, "math", {"TargetValue": 1.0, **custom})

        one = {"Id": "a", "MetricStat": stat, "ReturnData": False}
        for queries, text in (
            ((one,), "Exactly one query of Metrics must return data"),
            ((one, one | {"ReturnData": True}), "an id of its own"),
            (({"Id": "A", "MetricStat": stat},), "not an id of a query"),
            (({"Id": "a"},), "either an Expression or a MetricStat"),
            (({"Id": "a", "MetricStat": stat, "Expression": "b"},), "either an Expression or a MetricStat"),
            (({"Id": "a", "MetricStat": stat | {"Stat": "q50"}},), "not a statistic"),
            (({"Id": "a", "MetricStat": stat | {"Unit": "q"}},), "not a unit"),
            ((one, {"Id": "b", "Expression": "a +"}), "Error in expression 'b'"),
        ):
            with pytest.raises(ClientError, match=re.escape(text)):
                put(*queries)
        assert len(put({"Id": "a", "MetricStat": stat})["Alarms"]) == 2


class TestStepScaling:
    def put(self, scaling, target, configuration, name="steps", **more):
        return scaling.put_scaling_policy(
            **named(target), PolicyName=name, StepScalingPolicyConfiguration=configuration, **more
        )

    def test_one_is_made_and_replaced(self, scaling, target):
        first = step({"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}, Cooldown=30, MetricAggregationType="Maximum")
        made = self.put(scaling, target, first, PolicyType="StepScaling")
        assert made["Alarms"] == []
        second = {
            "AdjustmentType": "PercentChangeInCapacity", "MinAdjustmentMagnitude": 2,
            "StepAdjustments": [
                {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 10},
                {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 30},
            ],
        }
        assert self.put(scaling, target, second)["PolicyARN"] == made["PolicyARN"]
        [found] = policies(scaling, target)
        assert found["PolicyType"] == "StepScaling" and found["Alarms"] == []
        assert found["StepScalingPolicyConfiguration"] == second

    def test_a_policy_may_become_another_kind(self, scaling, target):
        arn = self.put(scaling, target, step({"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}))["PolicyARN"]
        assert track(scaling, target, "steps")["PolicyARN"] == arn
        self.put(scaling, target, step({"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1}))
        [found] = policies(scaling, target)
        assert found["Alarms"] == [] and "TargetTrackingScalingPolicyConfiguration" not in found

    def test_what_is_refused(self, scaling, target):
        low, high = "MetricIntervalLowerBound", "MetricIntervalUpperBound"
        one = {"ScalingAdjustment": 1}
        for configuration, text in (
            (step(one | {low: 0.0, high: 10.0}, one | {low: 5.0}), "StepAdjustment intervals cannot overlap"),
            (step(one | {low: 0.0, high: 10.0}, one | {low: 15.0}), "StepAdjustment intervals cannot have gaps between them"),
            (step(one | {high: 0.0}, one), "At most one StepAdjustment may have an unspecified lower bound"),
            (step(one | {low: 0.0}, one | {low: 5.0}), "At most one StepAdjustment may have an unspecified upper bound"),
            (step(one | {low: -10.0, high: 0.0}), "There must be a StepAdjustment with an unspecified lower bound"),
            (step(one | {low: 0.0, high: 10.0}), "There must be a StepAdjustment with an unspecified upper bound"),
            (step(), "At least one StepAdjustment"),
            (step(*[one | {low: float(n), high: float(n + 1)} for n in range(20)], one | {low: 20.0}), "at most 20"),
            (step(one, MinAdjustmentMagnitude=2), "MinAdjustmentMagnitude is only allowed"),
            (step({"ScalingAdjustment": -1}, AdjustmentType="ExactCapacity"), "must not be negative"),
            (step(one, AdjustmentType="Moon"), "enum value set"),
            (step(one, MetricAggregationType="Sum"), "enum value set"),
            (step(one, Cooldown=-1), "cooldown"),
            ({"StepAdjustments": [one]}, "adjustmentType"),
        ):
            with pytest.raises(ClientError, match=re.escape(text)) as error:
                self.put(scaling, target, configuration)
            assert error.value.response["Error"]["Code"] == "ValidationException"
        with pytest.raises(ClientError, match="StepScalingPolicyConfiguration must be specified"):
            scaling.put_scaling_policy(**named(target), PolicyName="p")
        with pytest.raises(ClientError, match="less than or equal to 256"):
            self.put(scaling, target, step(one), name="n" * 257)

    def test_a_target_has_so_many_policies(self, scaling, target):
        configuration = step({"ScalingAdjustment": 1})
        for number in range(50):
            self.put(scaling, target, configuration, name=f"p{number:02}")
        with pytest.raises(ClientError, match="LimitExceededException"):
            self.put(scaling, target, configuration, name="more")
        call = scaling.describe_scaling_policies
        page = call(ServiceNamespace="ecs", ResourceId=target, MaxResults=30)
        rest = call(ServiceNamespace="ecs", ResourceId=target, MaxResults=30, NextToken=page["NextToken"])
        names = [one["PolicyName"] for one in page["ScalingPolicies"] + rest["ScalingPolicies"]]
        assert names == [f"p{number:02}" for number in range(50)] and "NextToken" not in rest
        some = call(ServiceNamespace="ecs", ResourceId=target, PolicyNames=["p07", "unknown"])["ScalingPolicies"]
        assert [one["PolicyName"] for one in some] == ["p07"]
        refused(call, "InvalidNextTokenException", "", ServiceNamespace="ecs", NextToken=page["NextToken"])
        scaling.delete_scaling_policy(**named(target), PolicyName="p07")
        text = f"No scaling policy found for service namespace: ecs, resource ID: {target}"
        refused(scaling.delete_scaling_policy, "ObjectNotFoundException", text, **named(target), PolicyName="p07")
        scaling.deregister_scalable_target(**named(target))
        assert policies(scaling, target) == []


class TestScheduledActions:
    def put(self, scaling, target, name="night", **given):
        return scaling.put_scheduled_action(**named(target), ScheduledActionName=name, **given)

    def described(self, scaling, target, **more):
        return scaling.describe_scheduled_actions(ServiceNamespace="ecs", ResourceId=target, **more)["ScheduledActions"]

    def test_one_is_made_changed_and_deleted(self, scaling, target):
        start = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
        self.put(
            scaling, target, Schedule="cron(0 22 * * ? *)", Timezone="Europe/Berlin", StartTime=start,
            ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 2},
        )
        [made] = self.described(scaling, target)
        arn = made.pop("ScheduledActionARN")
        form = rf"arn:aws:autoscaling:us-east-1:000000000000:scheduledAction:{UUID}:resource/ecs/{target}:scheduledActionName/night"
        assert re.fullmatch(form, arn)
        created = made.pop("CreationTime")
        assert made == {
            **named(target), "ScheduledActionName": "night", "Schedule": "cron(0 22 * * ? *)", "Timezone": "Europe/Berlin",
            "StartTime": start, "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 2},
        }
        # What isn't given stays, but for the start and end.
        self.put(scaling, target, ScalableTargetAction={"MaxCapacity": 3})
        [changed] = self.described(scaling, target, ScheduledActionNames=["night"])
        assert changed["ScheduledActionARN"] == arn and changed["CreationTime"] == created
        assert changed["Schedule"] == "cron(0 22 * * ? *)" and changed["Timezone"] == "Europe/Berlin"
        assert changed["ScalableTargetAction"] == {"MaxCapacity": 3} and "StartTime" not in changed
        assert self.described(scaling, target, ScheduledActionNames=["day"]) == []
        scaling.delete_scheduled_action(**named(target), ScheduledActionName="night")
        assert self.described(scaling, target) == []
        text = f"No scheduled action found for service namespace: ecs, resource ID: {target}"
        refused(scaling.delete_scheduled_action, "ObjectNotFoundException", text, **named(target), ScheduledActionName="night")

    def test_pages(self, scaling, target):
        for number in range(3):
            self.put(scaling, target, f"a{number}", Schedule="rate(1 day)", ScalableTargetAction={"MinCapacity": 0})
        paginator = scaling.get_paginator("describe_scheduled_actions")
        pages = paginator.paginate(ServiceNamespace="ecs", ResourceId=target, PaginationConfig={"PageSize": 2})
        assert [len(page["ScheduledActions"]) for page in pages] == [2, 1]

    def test_what_is_refused(self, scaling, target):
        good = {"Schedule": "rate(1 hour)", "ScalableTargetAction": {"MinCapacity": 1}}
        past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        for changes, text in (
            ({"Schedule": "hourly"}, "Invalid schedule expression: hourly"),
            ({"Schedule": "cron(0 22 * * *)"}, "six fields"),
            ({"Schedule": "rate(1 hours)"}, "Invalid schedule expression"),
            ({"Schedule": "at(2020-01-01T00:00:00)"}, "no time in the future"),
            ({"EndTime": past}, "no time in the future"),
            ({"StartTime": past, "EndTime": past}, "end time must be after"),
            ({"Timezone": "Middle/Earth"}, "Invalid timezone: Middle/Earth"),
            ({"ScalableTargetAction": {}}, "At least one of minimum capacity and maximum capacity should be provided"),
            ({"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}}, "Minimum capacity cannot be greater"),
        ):
            with pytest.raises(ClientError, match=re.escape(text)) as error:
                self.put(scaling, target, **{**good, **changes})
            assert error.value.response["Error"]["Code"] == "ValidationException"
        for missing in ("Schedule", "ScalableTargetAction"):
            with pytest.raises(ClientError, match="Member must not be null"):
                self.put(scaling, target, **{name: value for name, value in good.items() if name != missing})
        with pytest.raises(ClientError, match="without : / |"):
            self.put(scaling, target, "a/b", **good)
        text = f"No scalable target registered for service namespace: ecs, resource ID: {target}x"
        with pytest.raises(ClientError, match=text):
            self.put(scaling, f"{target}x", **good)


def test_activities_of_what_never_scaled(scaling, target):
    call = scaling.describe_scaling_activities
    assert call(ServiceNamespace="ecs", ResourceId=target, IncludeNotScaledActivities=True)["ScalingActivities"] == []
    assert call(ServiceNamespace="rds")["ScalingActivities"] == []
    refused(call, "InvalidNextTokenException", "", ServiceNamespace="ecs", NextToken="x")


def test_the_role_comes_back(scaling, target, service, client):
    iam, name = client("iam"), "AWSServiceRoleForApplicationAutoScaling_ECSService"
    iam.delete_service_linked_role(RoleName=name)
    scaling.deregister_scalable_target(**named(target))
    scaling.register_scalable_target(**named(service), MinCapacity=0, MaxCapacity=1)
    assert iam.get_role(RoleName=name)["Role"]["RoleName"] == name


def test_predictive_forecasts_are_not_served(scaling, target):
    with pytest.raises(ClientError) as error:
        scaling.get_predictive_scaling_forecast(
            **named(target), PolicyName="p", StartTime=datetime.datetime(2030, 1, 1), EndTime=datetime.datetime(2030, 1, 2)
        )
    assert "GetPredictiveScalingForecast" in error.value.response["Error"]["Message"]
