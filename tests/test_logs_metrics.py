"""What log events say as metrics: metric filters, the embedded metric format, counters of what comes in."""

import datetime
import json
import time

import pytest

from refusals import refusal
from waiting import until


@pytest.fixture(scope="module")
def logs(client):
    return client("logs")


@pytest.fixture(scope="module")
def cloudwatch(client):
    return client("cloudwatch")


def group_of(logs, name: str) -> str:
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    return name


def put(logs, group: str, *messages: str, at: int | None = None) -> None:
    at = at or int(time.time() * 1000)
    events = [{"timestamp": at, "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def total(cloudwatch, namespace: str, name: str, stat: str = "Sum", **dimensions: str) -> float | None:
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=2)
    found = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=end - datetime.timedelta(minutes=20),
        EndTime=end,
        Period=3600,
        Statistics=[stat],
    )
    return found["Datapoints"][0][stat] if found["Datapoints"] else None


def metric_filter(logs, group: str, name: str, pattern: str, value: str = "1", **more) -> None:
    transformation = {"metricName": name, "metricNamespace": "Logged", "metricValue": value, **more}
    logs.put_metric_filter(logGroupName=group, filterName=name, filterPattern=pattern, metricTransformations=[transformation])


def test_filters_count_matching_events(logs, cloudwatch):
    group = group_of(logs, "/metrics/count")
    put(logs, group, "ERROR before the filter was there")
    metric_filter(logs, group, "Errors", "ERROR", unit="Count")
    metric_filter(logs, group, "Latency", "{ $.ms > 100 }", "$.ms", unit="Milliseconds")
    metric_filter(logs, group, "ByPath", "{ $.ms = * }", "$.ms", dimensions={"Path": "$.path"})
    metric_filter(logs, group, "Bytes", "[ip, bytes > 10]", "$bytes")
    put(logs, group, "ERROR one", "fine", "ERROR two", "ERRORS are another word")
    put(logs, group, json.dumps({"ms": 150, "path": "/a"}), json.dumps({"ms": 250, "path": "/b"}), json.dumps({"ms": 50, "path": "/a"}))
    put(logs, group, "10.0.0.1 2000", "10.0.0.1 5")
    assert total(cloudwatch, "Logged", "Errors") == 2
    assert total(cloudwatch, "Logged", "Latency", "Maximum") == 250
    assert total(cloudwatch, "Logged", "Latency") == 400
    assert total(cloudwatch, "Logged", "ByPath", Path="/a") == 200
    assert total(cloudwatch, "Logged", "Bytes") == 2000
    described = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert described["metricFilterCount"] == 4


def test_filters_are_described_changed_and_deleted(logs, cloudwatch):
    group = group_of(logs, "/metrics/described")
    metric_filter(logs, group, "One", "A", defaultValue=0)
    metric_filter(logs, group, "Two", "B")
    found = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert [one["filterName"] for one in found] == ["One", "Two"]
    first = found[0]
    assert first["filterPattern"] == "A" and first["logGroupName"] == group and first["creationTime"] > 0
    assert first["metricTransformations"] == [
        {"metricName": "One", "metricNamespace": "Logged", "metricValue": "1", "defaultValue": 0.0}
    ]
    page = logs.describe_metric_filters(logGroupName=group, limit=1)
    rest = logs.describe_metric_filters(logGroupName=group, limit=1, nextToken=page["nextToken"])
    assert rest["metricFilters"][0]["filterName"] == "Two" and "nextToken" not in rest
    assert len(logs.describe_metric_filters(logGroupName=group, filterNamePrefix="T")["metricFilters"]) == 1
    by_metric = logs.describe_metric_filters(metricName="Two", metricNamespace="Logged")["metricFilters"]
    assert [one["logGroupName"] for one in by_metric] == [group]
    metric_filter(logs, group, "Two", "C", "5")
    put(logs, group, "B", "C")
    assert total(cloudwatch, "Logged", "Two") == 5
    logs.delete_metric_filter(logGroupName=group, filterName="Two")
    put(logs, group, "C")
    assert total(cloudwatch, "Logged", "Two") == 5
    code, message = refusal(logs.delete_metric_filter, logGroupName=group, filterName="Two")
    assert (code, message) == ("ResourceNotFoundException", "The specified metric filter does not exist.")
    logs.delete_log_group(logGroupName=group)
    group_of(logs, group)
    assert logs.describe_metric_filters(logGroupName=group)["metricFilters"] == []


@pytest.mark.parametrize(
    ("pattern", "transformation", "message"),
    [
        ("{ $.a", {}, "must end with '}'"),
        ("A", {"metricValue": "many"}, ""),
        ("A", {"dimensions": {"D": "$.d"}, "defaultValue": 0}, "mutually exclusive"),
        ("A", {"dimensions": {f"D{index}": "$.d" for index in range(4)}}, "at most 3 dimensions"),
        ("A", {"metricNamespace": "AWS/Mine"}, "AWS/"),
        ("A", {"metricName": "a*b"}, "metricName"),
        ("A", {"unit": "Furlongs"}, "unit"),
    ],
)
def test_what_is_no_filter(logs, pattern, transformation, message):
    try:
        group_of(logs, "/metrics/refused")
    except logs.exceptions.ResourceAlreadyExistsException:
        pass
    given = {"metricName": "m", "metricNamespace": "N", "metricValue": "1"} | transformation
    found = refusal(
        logs.put_metric_filter, logGroupName="/metrics/refused", filterName="f", filterPattern=pattern, metricTransformations=[given]
    )
    assert found[0] == "InvalidParameterException" and message in found[1], found


def test_filters_need_their_group(logs):
    given = {"metricName": "m", "metricNamespace": "N", "metricValue": "1"}
    for name in ("a:b", ""):
        with pytest.raises(Exception):  # noqa: B017
            logs.put_metric_filter(logGroupName="/none", filterName=name, filterPattern="", metricTransformations=[given])
    found = refusal(logs.put_metric_filter, logGroupName="/none", filterName="f", filterPattern="", metricTransformations=[given])
    assert found == ("ResourceNotFoundException", "The specified log group does not exist.")
    assert refusal(logs.describe_metric_filters, logGroupName="/none")[0] == "ResourceNotFoundException"
    unserved = refusal(
        logs.put_metric_filter,
        logGroupName="/none",
        filterName="f",
        filterPattern="",
        metricTransformations=[given],
        applyOnTransformedLogs=True,
    )
    assert "not supported" in unserved[1]


def test_embedded_metrics(logs, cloudwatch):
    group = group_of(logs, "/metrics/embedded")
    now = int(time.time() * 1000)

    def event(**members) -> str:
        directive = {
            "Namespace": "Embedded",
            "Dimensions": [["Service"], ["Service", "Zone"]],
            "Metrics": [{"Name": "ms", "Unit": "Milliseconds"}, {"Name": "sizes", "StorageResolution": 1}],
        }
        return json.dumps({"_aws": {"Timestamp": now, "CloudWatchMetrics": [directive]}, **members})

    put(logs, group, event(Service="web", Zone="a", ms=12, sizes=[1, 2, 3]), event(Service="web", Zone="b", ms=30), event(Service="db", ms=1))
    assert total(cloudwatch, "Embedded", "ms", Service="web") == 42
    assert total(cloudwatch, "Embedded", "ms", Service="web", Zone="b") == 30
    assert total(cloudwatch, "Embedded", "sizes", "SampleCount", Service="web") == 3
    assert total(cloudwatch, "Embedded", "ms", Service="db") == 1
    # The event is stored like any other.
    assert len(logs.get_log_events(logGroupName=group, logStreamName="s")["events"]) == 3


def test_what_comes_in_is_counted(logs, cloudwatch):
    group = group_of(logs, "/metrics/incoming")
    put(logs, group, "a" * 74, "b" * 74)
    name = {"LogGroupName": group}
    until(lambda: total(cloudwatch, "AWS/Logs", "IncomingLogEvents", **name) == 2, "the counter", 10)
    until(lambda: total(cloudwatch, "AWS/Logs", "IncomingBytes", **name) == 200, "the counter", 10)


def test_subscription_filters_are_refused(logs):
    group = group_of(logs, "/metrics/subscribed")
    code, message = refusal(
        logs.put_subscription_filter,
        logGroupName=group,
        filterName="f",
        filterPattern="",
        destinationArn="arn:aws:lambda:us-east-1:000000000000:function:f",
    )
    assert "not implemented" in message.lower() or "not supported" in message.lower() or "not served" in message.lower(), message


@pytest.mark.slow
def test_default_values_of_silent_minutes(logs, cloudwatch):
    group = group_of(logs, "/metrics/silent")
    metric_filter(logs, group, "Silent", "ERROR", defaultValue=0)
    put(logs, group, "fine")
    until(lambda: total(cloudwatch, "Logged", "Silent", "SampleCount") == 1, "the counter", 70)
    assert total(cloudwatch, "Logged", "Silent") == 0
