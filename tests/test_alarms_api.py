"""Alarms as the API makes, shows, changes and refuses them; what they do in time is test_alarms_life's."""

import datetime
import json
import uuid

import pytest

from refusals import refusal

TOPIC = "arn:aws:sns:us-east-1:000000000000:pager"
POLICY = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1:resource/ecs/service/default/web:policyName/p"
BASE = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:"


@pytest.fixture
def cloudwatch(client):
    return client("cloudwatch")


@pytest.fixture
def prefix(cloudwatch):
    """Names of one test's own, taken away after it."""
    prefix = f"t-{uuid.uuid4().hex[:8]}-"
    yield prefix
    composites = found(cloudwatch, AlarmNamePrefix=prefix, AlarmTypes=["CompositeAlarm"])
    # So that none depends on another any more.
    for name in composites:
        cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule="FALSE")
    for name in composites:
        cloudwatch.delete_alarms(AlarmNames=[name])
    if names := found(cloudwatch, AlarmNamePrefix=prefix):
        cloudwatch.delete_alarms(AlarmNames=names)


def found(cloudwatch, **filters) -> list[str]:
    answer = cloudwatch.describe_alarms(**filters)
    return [one["AlarmName"] for one in answer["MetricAlarms"] + answer["CompositeAlarms"]]


def metric_alarm(**given) -> dict:
    made = {
        "MetricName": "CPUUtilization", "Namespace": "AWS/ECS", "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 3, "Threshold": 70, "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{"Name": "ClusterName", "Value": "nowhere"}], **given,
    }
    return {name: value for name, value in made.items() if value is not None}


def test_a_metric_alarm_is_shown_as_it_was_made(cloudwatch, prefix):
    name = prefix + "high"
    cloudwatch.put_metric_alarm(
        AlarmName=name, **metric_alarm(), AlarmDescription="too busy", DatapointsToAlarm=2, AlarmActions=[TOPIC, POLICY],
        OKActions=[TOPIC], TreatMissingData="missing", Unit="Percent", Tags=[{"Key": "team", "Value": "web"}],
    )
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    times = [alarm.pop(f"{what}Timestamp") for what in
             ("AlarmConfigurationUpdated", "StateUpdated", "StateTransitioned")]
    assert all(isinstance(time, datetime.datetime) for time in times)
    assert alarm == {
        "AlarmName": name, "AlarmArn": BASE + name, "AlarmDescription": "too busy", "ActionsEnabled": True,
        "OKActions": [TOPIC], "AlarmActions": [TOPIC, POLICY], "InsufficientDataActions": [],
        "StateValue": "INSUFFICIENT_DATA", "StateReason": "Unchecked: Initial alarm creation",
        "MetricName": "CPUUtilization", "Namespace": "AWS/ECS", "Statistic": "Average", "Period": 60, "Unit": "Percent",
        "Dimensions": [{"Name": "ClusterName", "Value": "nowhere"}], "EvaluationPeriods": 3, "DatapointsToAlarm": 2,
        "Threshold": 70.0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "missing",
    }
    assert cloudwatch.list_tags_for_resource(ResourceARN=BASE + name)["Tags"] == [{"Key": "team", "Value": "web"}]


def test_an_update_replaces_all_but_state_and_tags(cloudwatch, prefix):
    name = prefix + "one"
    cloudwatch.put_metric_alarm(AlarmName=name, **metric_alarm(), AlarmDescription="first", Tags=[{"Key": "a", "Value": "1"}])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    cloudwatch.put_metric_alarm(
        AlarmName=name, **metric_alarm(Statistic=None, ExtendedStatistic="p99", Period=300),
        EvaluateLowSampleCountPercentile="ignore", ActionsEnabled=False, Tags=[{"Key": "b", "Value": "2"}],
    )
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert (alarm["ExtendedStatistic"], alarm["Period"], alarm["ActionsEnabled"]) == ("p99", 300, False)
    assert alarm["EvaluateLowSampleCountPercentile"] == "ignore"
    assert "AlarmDescription" not in alarm and "Statistic" not in alarm
    tags = cloudwatch.list_tags_for_resource(ResourceARN=BASE + name)["Tags"]
    assert tags == [{"Key": "a", "Value": "1"}]
    history = cloudwatch.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
    summaries = [item["HistorySummary"] for item in history]
    assert f'Alarm "{name}" created' in summaries and f'Alarm "{name}" updated' in summaries
    assert any("to ALARM" in summary for summary in summaries)


def test_an_alarm_of_one_query(cloudwatch, prefix):
    """Metrics[] without mathematics."""
    name = prefix + "query"
    queries = [{
        "Id": "m1", "ReturnData": True, "Label": "cpu",
        "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "m", "Dimensions": []}, "Period": 60, "Stat": "Sum"},
    }]
    cloudwatch.put_metric_alarm(
        AlarmName=name, Metrics=queries, EvaluationPeriods=1, Threshold=1, ComparisonOperator="LessThanOrEqualToThreshold")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["Metrics"] == queries
    assert "MetricName" not in alarm and "Period" not in alarm


QUERY = {"Id": "m1", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}}


@pytest.mark.parametrize("given, message", [
    ({"Period": 45}, "Period must be 10, 20, 30 or a multiple of 60"),
    ({"Period": None}, "Value null at 'period'"),
    ({"DatapointsToAlarm": 4}, "DatapointsToAlarm must be less than or equal to EvaluationPeriods"),
    ({"EvaluationPeriods": 1441}, "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)."),
    ({"EvaluationPeriods": 169, "Period": 3600}, "EvaluationPeriods * Period must be <= 604800"),
    ({"EvaluationPeriods": None}, "Value null at 'evaluationPeriods'"),
    ({"Threshold": None}, "Threshold must be specified"),
    ({"ComparisonOperator": "Equals"}, "Member must satisfy enum value set"),
    ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly detection"),
    ({"ThresholdMetricId": "ad1"}, "anomaly detection"),
    ({"TreatMissingData": "whatever"}, "Member must satisfy enum value set"),
    ({"Statistic": None}, "Exactly one of Statistic and ExtendedStatistic"),
    ({"ExtendedStatistic": "p99"}, "Exactly one of Statistic and ExtendedStatistic"),
    ({"Statistic": None, "ExtendedStatistic": "p101"}, "The value p101 for parameter ExtendedStatistic is not supported."),
    ({"Namespace": None}, "Either MetricName and Namespace or Metrics must be specified"),
    ({"Unit": "Parsec"}, "Member must satisfy enum value set"),
    ({"Dimensions": [{"Name": "a", "Value": "1"}] * 2}, "given more than once"),
    ({"EvaluateLowSampleCountPercentile": "ignore"}, "percentile"),
    ({"AlarmActions": ["pager"]}, "Invalid arn syntax: pager"),
    ({"AlarmActions": [TOPIC.replace("us-east-1", "eu-west-1")]}, "Invalid region eu-west-1 specified. Only us-east-1 is supported."),
    ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "not available here"),
    ({"AlarmActions": ["arn:aws:lambda:us-east-1:000000000000:function:f"]}, "not available here"),
    ({"AlarmActions": ["arn:aws:ssm:us-east-1:000000000000:opsitem:1"]}, "not available here"),
    ({"AlarmActions": [TOPIC] * 6}, "Member must have length less than or equal to 5"),
    ({"AlarmName": "bell\x07"}, "control characters"),
    ({"Metrics": [QUERY]}, "must not be specified together with Metrics"),
    ({"Tags": [{"Key": "aws:x", "Value": "y"}]}, "reserved"),
    ({"EvaluationWindow": {"WallClockWindow": {"Timezone": "UTC"}}}, "wall clock"),
])
def test_metric_alarms_that_are_refused(cloudwatch, prefix, given, message):
    given = {"AlarmName": prefix + "bad", **metric_alarm(**given)}
    code, text = refusal(cloudwatch.put_metric_alarm, **given)
    assert code == "ValidationError" and message in text, text
    assert found(cloudwatch, AlarmNamePrefix=prefix) == []


@pytest.mark.parametrize("queries, message", [
    ([QUERY, {**QUERY, "Id": "m2"}], "Exactly one element of the metrics list should return data."),
    ([QUERY, {**QUERY, "ReturnData": False}], "not unique"),
    ([{**QUERY, "Id": "M1"}], "not matching the expected pattern"),
    ([{**QUERY, "AccountId": "111111111111"}], "other accounts"),
    ([{**QUERY, "Expression": "m1"}], "Exactly one of MetricStat and Expression"),
    ([{"Id": "q1", "Expression": "SELECT AVG(m) FROM N", "Period": 60}], "Metrics Insights"),
    ([{"Id": "q1", "Expression": "SEARCH('{N} m', 'Sum')"}], "SEARCH is not supported on Metric Alarms."),
    ([{**QUERY, "ReturnData": False}, {"Id": "e1", "Expression": "ANOMALY_DETECTION_BAND(m1)"}], "Anomaly detection"),
    ([{"Id": "e1", "Expression": "nothing +"}], "e1"),
])
def test_queries_that_are_refused(cloudwatch, prefix, queries, message):
    code, text = refusal(
        cloudwatch.put_metric_alarm, AlarmName=prefix + "bad", Metrics=queries, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold")
    assert code == "ValidationError" and message in text, text


def test_alarms_are_found_by_what_they_are(cloudwatch, prefix):
    for name, given in {
        "a": {"AlarmActions": [TOPIC]}, "b": {"OKActions": [POLICY]}, "c": {"Period": 300},
    }.items():
        cloudwatch.put_metric_alarm(AlarmName=prefix + name, **metric_alarm(MetricName=prefix, TreatMissingData="ignore", **given))
    cloudwatch.put_composite_alarm(AlarmName=prefix + "d", AlarmRule=f'ALARM("{prefix}a") OR OK({BASE}{prefix}b)')
    cloudwatch.set_alarm_state(AlarmName=prefix + "c", StateValue="ALARM", StateReason="x")

    def names(**filters):
        return [name.removeprefix(prefix) for name in found(cloudwatch, **filters)]

    assert names(AlarmNamePrefix=prefix) == ["a", "b", "c"]
    assert names(AlarmNamePrefix=prefix, AlarmTypes=["CompositeAlarm"]) == ["d"]
    assert names(AlarmNamePrefix=prefix, AlarmTypes=["CompositeAlarm", "MetricAlarm"]) == ["a", "b", "c", "d"]
    assert names(AlarmNamePrefix=prefix, ActionPrefix=TOPIC[:30]) == ["a"]
    assert "c" in names(AlarmNamePrefix=prefix, StateValue="ALARM")
    assert names(AlarmNames=[prefix + "b", prefix + "nope"]) == ["b"]
    assert names(ParentsOfAlarmName=prefix + "a") == ["d"]
    assert names(ChildrenOfAlarmName=prefix + "d") == ["a", "b"]
    (child, _) = cloudwatch.describe_alarms(ChildrenOfAlarmName=prefix + "d")["MetricAlarms"]
    assert set(child) == {"AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp"}
    (parent_,) = cloudwatch.describe_alarms(ParentsOfAlarmName=prefix + "a")["CompositeAlarms"]
    assert set(parent_) == {"AlarmName", "AlarmArn"}

    def for_metric(**filters):
        answer = cloudwatch.describe_alarms_for_metric(
            Namespace="AWS/ECS", MetricName=prefix, **{"Dimensions": metric_alarm()["Dimensions"], **filters})
        return [one["AlarmName"].removeprefix(prefix) for one in answer["MetricAlarms"]]

    assert for_metric() == ["a", "b", "c"]
    assert for_metric(Period=300) == ["c"]
    assert for_metric(Statistic="Sum") == for_metric(Dimensions=[]) == for_metric(Unit="Count") == []
    pages = list(cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, PaginationConfig={"PageSize": 2}))
    assert [len(page["MetricAlarms"]) for page in pages] == [2, 1]
    token = pages[0]["NextToken"]
    assert refusal(cloudwatch.describe_alarms, NextToken=token)[0] == "InvalidNextToken"
    assert refusal(cloudwatch.describe_alarms, AlarmNamePrefix="x", AlarmNames=["x"])[0] == "ValidationError"
    assert refusal(cloudwatch.describe_alarms, ParentsOfAlarmName="x", StateValue="OK")[0] == "ValidationError"
    assert refusal(cloudwatch.describe_alarms, ParentsOfAlarmName="nope")[0] == "ResourceNotFound"
    assert refusal(cloudwatch.describe_alarms, ChildrenOfAlarmName=prefix + "a")[0] == "ValidationError"


def test_waiters_and_other_protocols(server, cloudwatch, prefix):
    """The CLI speaks the query protocol, boto3 another one."""
    name = prefix + "cli"
    server.aws(
        "cloudwatch", "put-metric-alarm", "--alarm-name", name, "--namespace", "N", "--metric-name", "m", "--statistic", "Sum",
        "--period", "60", "--evaluation-periods", "1", "--threshold", "5", "--comparison-operator", "GreaterThanThreshold")
    server.aws("cloudwatch", "wait", "alarm-exists", "--alarm-names", name)
    cloudwatch.get_waiter("alarm_exists").wait(AlarmNames=[name])
    cloudwatch.put_composite_alarm(AlarmName=prefix + "all", AlarmRule=f"ALARM({name})")
    waiter = cloudwatch.get_waiter("composite_alarm_exists")
    waiter.wait(AlarmNames=[prefix + "all"], AlarmTypes=["CompositeAlarm"])
    told = json.loads(server.aws("cloudwatch", "describe-alarms", "--alarm-names", name, "--output", "json").stdout)
    assert told["MetricAlarms"][0]["Threshold"] == 5.0


def test_a_composite_alarm_is_shown_as_it_was_made(cloudwatch, prefix):
    for name in ("child", "quiet"):
        cloudwatch.put_metric_alarm(AlarmName=prefix + name, **metric_alarm())
    cloudwatch.put_composite_alarm(
        AlarmName=prefix + "all", AlarmRule=f"ALARM({prefix}child)", AlarmActions=[TOPIC], AlarmDescription="all of it",
        ActionsSuppressor=prefix + "quiet", ActionsSuppressorWaitPeriod=5, ActionsSuppressorExtensionPeriod=6)
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[prefix + "all"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    for member, value in {
        "AlarmRule": f"ALARM({prefix}child)", "AlarmActions": [TOPIC], "ActionsSuppressor": prefix + "quiet",
        "ActionsSuppressorWaitPeriod": 5, "ActionsSuppressorExtensionPeriod": 6, "ActionsEnabled": True,
        "AlarmArn": BASE + prefix + "all", "AlarmDescription": "all of it",
    }.items():
        assert alarm[member] == value
    # Nobody can delete what it depends on, alone.
    code, text = refusal(cloudwatch.delete_alarms, AlarmNames=[prefix + "child"])
    assert code == "ValidationError" and "composite alarm(s) depending on it" in text
    cloudwatch.delete_alarms(AlarmNames=[prefix + "child", prefix + "all"])
    assert found(cloudwatch, AlarmNamePrefix=prefix, AlarmTypes=["CompositeAlarm", "MetricAlarm"]) == [prefix + "quiet"]


def test_composite_alarms_that_are_refused(cloudwatch, prefix):
    cloudwatch.put_metric_alarm(AlarmName=prefix + "m", **metric_alarm())
    for name, rule in {"a": f"ALARM({prefix}m)", "b": f"ALARM({prefix}a)"}.items():
        cloudwatch.put_composite_alarm(AlarmName=prefix + name, AlarmRule=rule)

    def put(name="x", rule="TRUE", **given):
        code, text = refusal(cloudwatch.put_composite_alarm, AlarmName=prefix + name, AlarmRule=rule, **given)
        assert code == "ValidationError"
        return text

    assert f"alarms [{prefix}nope] in the alarm rule do not exist" in put(rule=f"OK({prefix}nope)")
    assert "cycle" in put("a", f"ALARM({prefix}b)")
    assert "cycle" in put("a", f"ALARM({prefix}a)")
    assert "position 1" in put(rule="MAYBE(x)")
    assert "at most 100 alarms" in put(rule=" OR ".join(f"OK(a{n})" for n in range(101)))
    assert "AT_LEAST" in put(rule=f"AT_LEAST(2, OK, ({prefix}m))")
    assert "no alarm of this account" in put(rule="OK(arn:aws:cloudwatch:eu-west-1:000000000000:alarm:x)")
    assert "must be specified together" in put(ActionsSuppressor=prefix + "m")
    assert "can only be specified together" in put(ActionsSuppressorWaitPeriod=1)
    periods = {"ActionsSuppressorWaitPeriod": 1, "ActionsSuppressorExtensionPeriod": 1}
    assert "does not exist" in put(ActionsSuppressor=prefix + "nope", **periods)
    assert "cycle" in put("a", f"ALARM({prefix}m)", ActionsSuppressor=prefix + "b", **periods)
    assert "not supported for composite" in put(AlarmActions=[POLICY])
    assert "of another type" in put("m")
    code, text = refusal(cloudwatch.put_metric_alarm, AlarmName=prefix + "a", **metric_alarm())
    assert code == "ValidationError" and "of another type" in text
    code, text = refusal(cloudwatch.delete_alarms, AlarmNames=[prefix + "a", prefix + "b"])
    assert code == "ValidationError" and "at most one composite" in text


def test_actions_are_switched(cloudwatch, prefix):
    names = [prefix + str(number) for number in range(12)]
    for name in names:
        cloudwatch.put_metric_alarm(AlarmName=name, **metric_alarm())

    def switched():
        return {one["ActionsEnabled"] for one in cloudwatch.describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]}

    cloudwatch.disable_alarm_actions(AlarmNames=[*names, "nope"])
    assert switched() == {False}
    cloudwatch.enable_alarm_actions(AlarmNames=names)
    assert switched() == {True}
    cloudwatch.delete_alarms(AlarmNames=names)
    assert found(cloudwatch, AlarmNamePrefix=prefix) == []
    cloudwatch.delete_alarms(AlarmNames=names)


def test_tags(cloudwatch, prefix):
    name, arn = prefix + "tagged", BASE + prefix + "tagged"
    cloudwatch.put_metric_alarm(AlarmName=name, **metric_alarm())
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a", "c"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    for call, given in [
        (cloudwatch.tag_resource, {"Tags": []}), (cloudwatch.untag_resource, {"TagKeys": []}),
        (cloudwatch.list_tags_for_resource, {}),
    ]:
        assert refusal(call, ResourceARN=BASE + "nope", **given)[0] == "ResourceNotFoundException"
        assert refusal(call, ResourceARN="arn:aws:s3:::x", **given)[0] in ("InvalidParameterValue", "InvalidParameterValueException")
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    assert refusal(cloudwatch.tag_resource, ResourceARN=arn, Tags=many)[0] in ("InvalidParameterValue", "InvalidParameterValueException")


def test_history_is_found_by_what_it_tells(cloudwatch, prefix):
    names = [prefix + "1", prefix + "2"]
    for name in names:
        cloudwatch.put_metric_alarm(AlarmName=name, **metric_alarm(Period=3600, EvaluationPeriods=1))
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand", StateReasonData='{"a": 1}')
    cloudwatch.put_composite_alarm(AlarmName=prefix + "3", AlarmRule="FALSE")

    def items(**given):
        return cloudwatch.describe_alarm_history(**given)["AlarmHistoryItems"]

    configured = items(AlarmName=names[0], HistoryItemType="ConfigurationUpdate")
    assert [item["HistorySummary"] for item in configured] == [f'Alarm "{names[0]}" created']
    data = json.loads(configured[0]["HistoryData"])
    assert data["type"] == "Create" and data["createdAlarm"]["threshold"] == 70.0
    states = items(AlarmName=names[0], HistoryItemType="StateUpdate", ScanBy="TimestampAscending")
    told = json.loads(states[0]["HistoryData"])
    assert told["newState"]["stateReason"] == "by hand" and told["newState"]["stateReasonData"] == {"a": 1}
    assert states[0]["AlarmType"] == "MetricAlarm"
    assert items(AlarmName=prefix + "3") == []
    assert items(AlarmName=prefix + "3", AlarmTypes=["CompositeAlarm"])[-1]["HistorySummary"].endswith("created")
    at = configured[0]["Timestamp"]
    second = datetime.timedelta(seconds=1)
    assert items(AlarmName=names[0], EndDate=at - second) == []
    assert items(AlarmName=names[0], StartDate=at - second, EndDate=at + 3600 * second)
    everything = items(MaxRecords=100)
    ours = [item for item in everything if item["AlarmName"].startswith(prefix)]
    assert ours == sorted(ours, key=lambda item: item["Timestamp"], reverse=True)
    pages = list(cloudwatch.get_paginator("describe_alarm_history").paginate(
        AlarmName=names[1], ScanBy="TimestampAscending", PaginationConfig={"PageSize": 1}))
    assert len(pages) >= 2 and all(len(page["AlarmHistoryItems"]) == 1 for page in pages)
    flat = [page["AlarmHistoryItems"][0]["Timestamp"] for page in pages]
    assert flat == sorted(flat)
    cloudwatch.delete_alarms(AlarmNames=[names[0]])
    # It outlives its alarm.
    assert items(AlarmName=names[0])[0]["HistorySummary"] == f'Alarm "{names[0]}" deleted'
    assert refusal(cloudwatch.describe_alarm_history, NextToken="x")[0] == "InvalidNextToken"
    assert refusal(cloudwatch.describe_alarm_history, AlarmContributorId="x")[0] == "ValidationError"
    assert refusal(cloudwatch.describe_alarm_history, ScanBy="x")[0] == "ValidationError"


def test_states_that_are_refused(cloudwatch, prefix):
    given = {"StateValue": "ALARM", "StateReason": "x"}
    assert refusal(cloudwatch.set_alarm_state, AlarmName=prefix + "nope", **given)[0] == "ResourceNotFound"
    cloudwatch.put_metric_alarm(AlarmName=prefix + "one", **metric_alarm())
    given["AlarmName"] = prefix + "one"
    assert refusal(cloudwatch.set_alarm_state, **{**given, "StateValue": "FINE"})[0] == "ValidationError"
    assert refusal(cloudwatch.set_alarm_state, **given, StateReasonData="{")[0] in ("InvalidFormat", "InvalidFormatFault")


def test_the_number_of_alarms_is_bounded_per_call(cloudwatch):
    names = [f"n{number}" for number in range(101)]
    for call in (cloudwatch.delete_alarms, cloudwatch.enable_alarm_actions, cloudwatch.disable_alarm_actions):
        assert refusal(call, AlarmNames=names)[0] == "ValidationError"
    assert refusal(cloudwatch.describe_alarms, MaxRecords=101)[0] == "ValidationError"
