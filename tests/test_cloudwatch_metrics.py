"""CloudWatch's metrics: what is put can be listed and computed, by each of the three protocols."""

import datetime
import gzip
import json
import urllib.parse

import pytest
from botocore.awsrequest import AWSRequest

from refusals import refusal
from test_wire import root, send, signed  # noqa: F401

MINUTE = datetime.timedelta(minutes=1)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def this_minute() -> datetime.datetime:
    return now().replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def cloudwatch(client):
    return client("cloudwatch")


def query(identity: str, namespace: str, name: str, stat: str, dimensions=(), period: int = 60, **more) -> dict:
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions]}
    return {"Id": identity, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **more}


def test_what_is_put_is_computed(cloudwatch):
    at = this_minute() - 5 * MINUTE
    data = [
        {"MetricName": "Latency", "Timestamp": at, "Value": 10, "Unit": "Milliseconds"},
        {"MetricName": "Latency", "Timestamp": at, "Values": [20, 30], "Counts": [1, 2], "Unit": "Milliseconds"},
        {
            "MetricName": "Latency",
            "Timestamp": at + MINUTE,
            "StatisticValues": {"SampleCount": 4, "Sum": 100, "Minimum": 5, "Maximum": 50},
            "Unit": "Milliseconds",
        },
    ]
    cloudwatch.put_metric_data(Namespace="Tests/Computed", MetricData=data)
    found = cloudwatch.get_metric_statistics(
        Namespace="Tests/Computed",
        MetricName="Latency",
        StartTime=at,
        EndTime=at + 2 * MINUTE,
        Period=60,
        Statistics=["Average", "Sum", "Minimum", "Maximum", "SampleCount"],
    )
    assert found["Label"] == "Latency"
    points = sorted(found["Datapoints"], key=lambda point: point["Timestamp"])
    assert [point["Timestamp"] for point in points] == [at, at + MINUTE]
    assert points[0] | {"Timestamp": 0} == {
        "Timestamp": 0,
        "Average": 22.5,
        "Sum": 90.0,
        "Minimum": 10.0,
        "Maximum": 30.0,
        "SampleCount": 4.0,
        "Unit": "Milliseconds",
    }
    assert (points[1]["Sum"], points[1]["SampleCount"]) == (100, 4)
    extended = cloudwatch.get_metric_statistics(
        Namespace="Tests/Computed",
        MetricName="Latency",
        StartTime=at,
        EndTime=at + MINUTE,
        Period=60,
        ExtendedStatistics=["p50", "p100"],
        Unit="Milliseconds",
    )
    values = extended["Datapoints"][0]["ExtendedStatistics"]
    assert values["p100"] == pytest.approx(30, rel=0.05) and 20 <= values["p50"] <= 30.5
    other_unit = cloudwatch.get_metric_statistics(
        Namespace="Tests/Computed", MetricName="Latency", StartTime=at, EndTime=at + MINUTE, Period=60, Statistics=["Sum"], Unit="Bytes"
    )
    assert other_unit["Datapoints"] == []


def test_queries_come_in_order_and_pages(cloudwatch):
    at = this_minute() - 10 * MINUTE
    data = [{"MetricName": "N", "Timestamp": at + index * MINUTE, "Value": index} for index in range(6)]
    cloudwatch.put_metric_data(Namespace="Tests/Paged", MetricData=data)
    request = {
        "MetricDataQueries": [
            query("sum", "Tests/Paged", "N", "Sum"),
            query("max", "Tests/Paged", "N", "Maximum", Label="${MAX} at ${MAX_TIME}"),
            query("hidden", "Tests/Paged", "N", "Minimum", ReturnData=False),
        ],
        "StartTime": at,
        "EndTime": at + 6 * MINUTE,
    }
    whole = cloudwatch.get_metric_data(**request, LabelOptions={"Timezone": "+0130"})
    assert [result["Id"] for result in whole["MetricDataResults"]] == ["sum", "max"]
    first = whole["MetricDataResults"][0]
    assert first["Values"] == [5, 4, 3, 2, 1, 0] and first["StatusCode"] == "Complete" and first["Label"] == "N"
    assert first["Timestamps"][0] == at + 5 * MINUTE
    moved = (at + 5 * MINUTE + datetime.timedelta(minutes=90)).strftime("%Y-%m-%d %H:%M:%S")
    assert whole["MetricDataResults"][1]["Label"] == f"5 at {moved}"
    rising = cloudwatch.get_metric_data(**request, ScanBy="TimestampAscending")
    assert rising["MetricDataResults"][0]["Values"] == [0, 1, 2, 3, 4, 5]
    collected: dict[str, list] = {"sum": [], "max": []}
    token, pages, statuses = None, 0, []
    while True:
        more = {"NextToken": token} if token else {}
        page = cloudwatch.get_metric_data(**request, MaxDatapoints=4, **more)
        pages += 1
        for result in page["MetricDataResults"]:
            collected[result["Id"]] += result["Values"]
            statuses.append(result["StatusCode"])
        token = page.get("NextToken")
        if not token:
            break
    assert pages == 3 and collected == {"sum": [5, 4, 3, 2, 1, 0], "max": [5, 4, 3, 2, 1, 0]}
    assert statuses[0] == "PartialData" and statuses[-1] == "Complete"
    code, _ = refusal(cloudwatch.get_metric_data, **request, NextToken="bm9uZQ")
    assert code == "InvalidNextToken"


def test_starts_are_rounded_down_to_the_minute(cloudwatch):
    at = this_minute() - 8 * MINUTE
    cloudwatch.put_metric_data(Namespace="Tests/Rounded", MetricData=[{"MetricName": "R", "Timestamp": at, "Value": 1}])
    found = cloudwatch.get_metric_data(
        MetricDataQueries=[query("r", "Tests/Rounded", "R", "Sum")],
        StartTime=at + datetime.timedelta(seconds=42),
        EndTime=at + 2 * MINUTE,
    )
    assert found["MetricDataResults"][0]["Timestamps"] == [at]


def test_high_resolution(cloudwatch):
    at = now().replace(microsecond=0) - datetime.timedelta(seconds=50)
    at -= datetime.timedelta(seconds=at.second % 10)
    seconds = [at + datetime.timedelta(seconds=index) for index in range(20)]
    data = [{"MetricName": "Fine", "Timestamp": second, "Value": 1, "StorageResolution": 1} for second in seconds]
    cloudwatch.put_metric_data(Namespace="Tests/Fine", MetricData=data)
    found = cloudwatch.get_metric_data(
        MetricDataQueries=[query("f", "Tests/Fine", "Fine", "Sum", period=10)],
        StartTime=at,
        EndTime=at + datetime.timedelta(seconds=20),
    )
    assert found["MetricDataResults"][0]["Values"] == [10, 10]


def test_metrics_are_listed(cloudwatch):
    def put(count: int, name: str) -> list[dict]:
        return [
            {"MetricName": name, "Dimensions": [{"Name": "Host", "Value": f"h{index:04}"}, {"Name": "Zone", "Value": "a"}], "Value": 1}
            for index in range(count)
        ]

    cloudwatch.put_metric_data(Namespace="Tests/Listed", MetricData=put(700, "Load"))
    old = {"MetricName": "Old", "Value": 1, "Timestamp": now() - datetime.timedelta(hours=5)}
    cloudwatch.put_metric_data(Namespace="Tests/Listed", MetricData=[old])
    first = cloudwatch.list_metrics(Namespace="Tests/Listed", MetricName="Load")
    assert len(first["Metrics"]) == 500
    rest = cloudwatch.list_metrics(Namespace="Tests/Listed", MetricName="Load", NextToken=first["NextToken"])
    assert len(rest["Metrics"]) == 200 and "NextToken" not in rest
    hosts = {one["Dimensions"][0]["Value"] for one in first["Metrics"] + rest["Metrics"]}
    assert len(hosts) == 700
    one = cloudwatch.list_metrics(Namespace="Tests/Listed", Dimensions=[{"Name": "Host", "Value": "h0007"}, {"Name": "Zone"}])
    assert one["Metrics"] == [
        {
            "Namespace": "Tests/Listed",
            "MetricName": "Load",
            "Dimensions": [{"Name": "Host", "Value": "h0007"}, {"Name": "Zone", "Value": "a"}],
        }
    ]
    names = {one["MetricName"] for one in cloudwatch.list_metrics(Namespace="Tests/Listed", Dimensions=[])["Metrics"]}
    assert "Load" in names
    assert len(cloudwatch.list_metrics(Namespace="Tests/Listed", MetricName="Old")["Metrics"]) == 1
    assert cloudwatch.list_metrics(Namespace="Tests/Listed", MetricName="Old", RecentlyActive="PT3H")["Metrics"] == []
    assert refusal(cloudwatch.list_metrics, Namespace="Tests/Listed", NextToken="x")[0] == "InvalidNextToken"


@pytest.mark.parametrize(
    ("namespace", "datum", "code", "message"),
    [
        ("AWS/ECS", {"Value": 1}, "InvalidParameterValue", "The value AWS/ECS for parameter Namespace is invalid."),
        (":x", {"Value": 1}, "InvalidParameterValue", "The value :x for parameter Namespace is invalid."),
        ("T", {}, "MissingParameter", "The parameter MetricData.member.1.Value is required."),
        ("T", {"Value": float("nan")}, "InvalidParameterValue", "The value NaN for parameter MetricData.member.1.Value is invalid."),
        ("T", {"Value": 1e200}, "InvalidParameterValue", "for parameter MetricData.member.1.Value is invalid."),
        ("T", {"Value": 1, "Values": [1]}, "InvalidParameterCombination", "are mutually exclusive and you have specified both."),
        ("T", {"Values": [1, 2], "Counts": [1]}, "InvalidParameterValue", "must be of the same size."),
        ("T", {"Values": [1] * 151}, "InvalidParameterValue", "must not have a size greater than 150."),
        ("T", {"Value": 1, "StorageResolution": 5}, "InvalidParameterValue", "StorageResolution must be 1 or 60"),
        ("T", {"Value": 1, "Unit": "Furlongs"}, "InvalidParameterValue", "The value Furlongs for parameter MetricData.member.1.Unit"),
        ("T", {"Value": 1, "Timestamp": now() - datetime.timedelta(days=15)}, "InvalidParameterValue", "within the past two weeks"),
        ("T", {"Value": 1, "Timestamp": now() + datetime.timedelta(hours=3)}, "InvalidParameterValue", "two hours in the future"),
        (
            "T",
            {"Value": 1, "Dimensions": [{"Name": f"d{index}", "Value": "v"} for index in range(31)]},
            "InvalidParameterValue",
            "The collection MetricData.member.1.Dimensions must not have a size greater than 30.",
        ),
    ],
)
def test_what_cannot_be_put(cloudwatch, namespace, datum, code, message):
    found = refusal(cloudwatch.put_metric_data, Namespace=namespace, MetricData=[{"MetricName": "m", **datum}])
    assert found[0] == code and message in found[1], found


def test_a_put_has_at_most_1000_metrics(cloudwatch):
    data = [{"MetricName": "m", "Value": 1}] * 1001
    assert "must not have a size greater than 1000" in refusal(cloudwatch.put_metric_data, Namespace="T", MetricData=data)[1]


def test_what_cannot_be_asked(cloudwatch):
    end = this_minute()
    base = {"Namespace": "T", "MetricName": "m", "StartTime": end - 60 * MINUTE, "EndTime": end, "Period": 60}
    statistics = cloudwatch.get_metric_statistics
    assert refusal(statistics, **base) == ("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
    assert refusal(statistics, **base | {"Period": 61}, Statistics=["Sum"])[0] == "InvalidParameterValue"
    assert "less than the parameter EndTime" in refusal(statistics, **base | {"EndTime": base["StartTime"]}, Statistics=["Sum"])[1]
    code, message = refusal(statistics, **base | {"StartTime": end - 2880 * MINUTE}, Statistics=["Sum"])
    assert code == "InvalidParameterCombination" and message.startswith(
        "You have requested up to 2,880 datapoints, which exceeds the limit of 1,440."
    )
    assert refusal(statistics, **base, ExtendedStatistics=["p101"])[0] == "InvalidParameterValue"
    times = {"StartTime": base["StartTime"], "EndTime": end}
    data = cloudwatch.get_metric_data
    assert refusal(data, MetricDataQueries=[query("Upper", "T", "m", "Sum")], **times)[0] == "InvalidParameterValue"
    twice = [query("a", "T", "m", "Sum"), query("a", "T", "m", "Sum")]
    assert "not unique" in refusal(data, MetricDataQueries=twice, **times)[1]
    assert refusal(data, MetricDataQueries=[{"Id": "a"}], **times)[0] == "InvalidParameterCombination"
    many = [query(f"q{index}", "T", "m", "Sum") for index in range(501)]
    assert "size greater than 500" in refusal(data, MetricDataQueries=many, **times)[1]
    assert refusal(data, MetricDataQueries=[query("a", "T", "m", "Bad")], **times)[0] == "InvalidParameterValue"
    assert refusal(data, MetricDataQueries=[query("a", "T", "m", "Sum")], MaxDatapoints=100_801, **times)[0] == "InvalidParameterValue"
    bad_zone = refusal(data, MetricDataQueries=[query("a", "T", "m", "Sum")], LabelOptions={"Timezone": "x"}, **times)
    assert bad_zone[0] == "InvalidParameterValue"


def test_data_points_outlive_a_kill(make_server):
    server = make_server()
    server.client("cloudwatch").put_metric_data(Namespace="Kept", MetricData=[{"MetricName": "m", "Value": 7}])
    server.kill()
    server.up()
    assert server.client("cloudwatch").list_metrics(Namespace="Kept")["Metrics"][0]["MetricName"] == "m"


def raw(server, root, content_type: str, body: bytes, **headers: str) -> tuple[int, bytes]:  # noqa: F811
    headers = {"Content-Type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest("POST", f"{server.endpoint}/", data=body, headers=headers)
    status, _, answer = send(server, signed(request, root, "monitoring"))
    return status, answer


def query_put(namespace: str, name: str) -> bytes:
    return urllib.parse.urlencode(
        {
            "Action": "PutMetricData",
            "Version": "2010-08-01",
            "Namespace": namespace,
            "MetricData.member.1.MetricName": name,
            "MetricData.member.1.Value": "3",
            "MetricData.member.1.Dimensions.member.1.Name": "Host",
            "MetricData.member.1.Dimensions.member.1.Value": "a",
        }
    ).encode()


def test_three_protocols_say_the_same(server, root, cloudwatch):  # noqa: F811
    form, by_json = "application/x-www-form-urlencoded; charset=utf-8", "application/x-amz-json-1.0"
    target = "GraniteServiceVersion20100801"
    assert raw(server, root, form, query_put("Tests/Three", "query"))[0] == 200
    datum = {"MetricName": "json", "Value": 4, "Timestamp": now().timestamp()}
    body = json.dumps({"Namespace": "Tests/Three", "MetricData": [datum]}).encode()
    assert raw(server, root, by_json, body, X_Amz_Target=f"{target}.PutMetricData")[0] == 200
    cloudwatch.put_metric_data(Namespace="Tests/Three", MetricData=[{"MetricName": "cbor", "Value": 5}])
    names = {one["MetricName"] for one in cloudwatch.list_metrics(Namespace="Tests/Three")["Metrics"]}
    assert names == {"query", "json", "cbor"}
    status, answer = raw(server, root, by_json, b'{"Namespace": "Tests/Three"}', X_Amz_Target=f"{target}.ListMetrics")
    assert status == 200 and {one["MetricName"] for one in json.loads(answer)["Metrics"]} == names
    status, answer = raw(server, root, form, b"Action=ListMetrics&Version=2010-08-01&Namespace=Tests%2FThree")
    assert status == 200 and all(f"<MetricName>{name}</MetricName>".encode() in answer for name in names), answer
    status, answer = raw(server, root, form, query_put("AWS/X", "query"))
    assert status == 400 and b"<Code>InvalidParameterValue</Code>" in answer
    status, answer = raw(server, root, by_json, b'{"Namespace": "AWS/X", "MetricData": []}', X_Amz_Target=f"{target}.PutMetricData")
    assert status == 400 and json.loads(answer)["__type"].endswith("InvalidParameterValueException")


def test_compressed_requests(server, root, cloudwatch):  # noqa: F811
    form = "application/x-www-form-urlencoded; charset=utf-8"
    body = gzip.compress(query_put("Tests/Gzip", "packed"))
    assert raw(server, root, form, body, Content_Encoding="gzip")[0] == 200
    # boto3 compresses what is larger than ten kilobytes.
    data = [{"MetricName": f"m{index}", "Value": 1, "Unit": "Count"} for index in range(900)]
    cloudwatch.put_metric_data(Namespace="Tests/Gzip", MetricData=data)
    first = cloudwatch.list_metrics(Namespace="Tests/Gzip")
    rest = cloudwatch.list_metrics(Namespace="Tests/Gzip", NextToken=first["NextToken"])
    assert len(first["Metrics"]) + len(rest["Metrics"]) == 901
    assert raw(server, root, form, b"no gzip", Content_Encoding="gzip")[0] == 400
    assert raw(server, root, form, gzip.compress(b"x" * (9 << 20)), Content_Encoding="gzip")[0] == 413


def test_the_cli(server):
    server.aws("cloudwatch", "put-metric-data", "--namespace", "Tests/Cli", "--metric-name", "m", "--value", "2", "--unit", "Count")
    listed = json.loads(server.aws("cloudwatch", "list-metrics", "--namespace", "Tests/Cli", "--output", "json").stdout)
    assert listed["Metrics"] == [{"Namespace": "Tests/Cli", "MetricName": "m", "Dimensions": []}]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("list_metric_streams", {}),
        ("describe_anomaly_detectors", {}),
        ("describe_insight_rules", {}),
    ],
)
def test_what_is_not_served_says_so(cloudwatch, operation, parameters):
    _, message = refusal(getattr(cloudwatch, operation), **parameters)
    assert "not implemented" in message.lower() or "not supported" in message.lower() or "not served" in message.lower(), message
