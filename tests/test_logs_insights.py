"""Logs Insights: queries over what is stored, and what is kept of them."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from refusals import refusal
from waiting import until

GROUP = "/insights/web"
HOUR = 3600


@pytest.fixture(scope="module")
def logs(client):
    return client("logs")


@pytest.fixture(scope="module")
def base() -> int:
    """Seconds: the beginning of an hour that has passed."""
    return int(time.time()) // HOUR * HOUR - HOUR


@pytest.fixture(scope="module", autouse=True)
def events(logs, base):
    for group in (GROUP, "/insights/other"):
        logs.create_log_group(logGroupName=group)
    for name in ("a", "b"):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=name)
    logs.create_log_stream(logGroupName="/insights/other", logStreamName="o")

    def event(index: int) -> dict:
        level = "ERROR" if index % 10 == 0 else "INFO"
        message = {"level": level, "ms": index, "user": {"name": f"u{index % 3}"}, "n": index}
        return {"timestamp": (base + index) * 1000, "message": json.dumps(message)}

    for name, numbers in (("a", range(0, 100, 2)), ("b", range(1, 100, 2))):
        logs.put_log_events(logGroupName=GROUP, logStreamName=name, logEvents=[event(index) for index in numbers])
    line = {"timestamp": (base + 200) * 1000, "message": "user=carl took 42ms"}
    logs.put_log_events(logGroupName="/insights/other", logStreamName="o", logEvents=[line])


def ended(logs, identity: str) -> dict:
    def look():
        found = logs.get_query_results(queryId=identity)
        return found if found["status"] not in ("Scheduled", "Running") else None

    return until(look, "the query has ended", 10)


def ask(logs, base: int, text: str, groups=(GROUP,), **more) -> dict:
    query = logs.start_query(logGroupNames=list(groups), startTime=base, endTime=base + HOUR - 1, queryString=text, **more)
    return ended(logs, query["queryId"])


def rows(found: dict) -> list[dict]:
    assert found["status"] == "Complete", found["status"]
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in found["results"]]


def test_events_are_found(logs, base):
    found = ask(logs, base, "fields @timestamp, @message | sort @timestamp desc | limit 3")
    shown = rows(found)
    assert [json.loads(row["@message"])["n"] for row in shown] == [99, 98, 97]
    assert shown[0]["@timestamp"] == time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime(base + 99))
    statistics = found["statistics"]
    assert (statistics["recordsScanned"], statistics["recordsMatched"]) == (100, 100) and statistics["bytesScanned"] > 1000
    errors = rows(ask(logs, base, "fields n, user.name, @logStream | filter level = 'ERROR' and ms > 50"))
    assert errors == [{"n": str(n), "user.name": f"u{n % 3}", "@logStream": "a"} for n in (90, 80, 70, 60)]
    assert len(rows(ask(logs, base, "filter @message like /ERROR/", limit=4))) == 4
    assert set(rows(ask(logs, base, "filter n = 7"))[0]) == {"@timestamp", "@message"}


def test_statistics(logs, base):
    found = rows(ask(logs, base, "stats count(*) as n, avg(ms) as mean, max(ms) as most by level | sort n desc"))
    assert found == [
        {"level": "INFO", "n": "90", "mean": "50", "most": "99"},
        {"level": "ERROR", "n": "10", "mean": "45", "most": "90"},
    ]
    bins = rows(ask(logs, base, "stats count(*) by bin(1m)"))
    assert [row["count(*)"] for row in bins] == ["40", "60"]
    assert bins[1]["bin(1m)"] == time.strftime("%Y-%m-%d %H:%M:00.000", time.gmtime(base))
    distinct = rows(ask(logs, base, "stats count_distinct(user.name) as users, pct(ms, 90) as p90, stddev(ms) as d"))
    assert distinct == [{"users": "3", "p90": "89", "d": "28.8661"}]
    edges = rows(ask(logs, base, "stats earliest(n) as first, latest(n) as last, sum(ms) as s, min(ms) as low"))
    assert edges == [{"first": "0", "last": "99", "s": "4950", "low": "0"}]


def test_several_groups_parse_and_dedup(logs, base):
    both = (GROUP, "/insights/other")
    parsed = rows(
        ask(logs, base, "parse @message 'user=* took *ms' as who, took | filter ispresent(who) | display who, took, @log", groups=both)
    )
    assert parsed == [{"who": "carl", "took": "42", "@log": "000000000000:/insights/other"}]
    newest = rows(ask(logs, base, "fields n, user.name | dedup user.name", groups=both))
    assert [row.get("n") for row in newest] == [None, "99", "98", "97"]
    by_arn = logs.describe_log_groups(logGroupNamePrefix="/insights/other")["logGroups"][0]["logGroupArn"]
    query = logs.start_query(logGroupIdentifiers=[by_arn], startTime=base, endTime=base + HOUR, queryString="stats count(*) as n")
    assert rows(ended(logs, query["queryId"])) == [{"n": "1"}]


def test_a_record_is_found_by_its_pointer(logs, base):
    found = ask(logs, base, "fields n | filter n = 42")
    pointer = next(cell["value"] for cell in found["results"][0] if cell["field"] == "@ptr")
    record = logs.get_log_record(logRecordPointer=pointer)["logRecord"]
    assert record["n"] == "42" and record["user.name"] == "u0" and record["@logStream"] == "a"
    assert record["@timestamp"] == str((base + 42) * 1000) and record["@log"] == f"000000000000:{GROUP}"
    assert refusal(logs.get_log_record, logRecordPointer="bm9uZQ")[0] == "InvalidParameterException"


def test_fields_of_a_group(logs, base):
    found = logs.get_log_group_fields(logGroupName=GROUP, time=base + 60)["logGroupFields"]
    percents = {field["name"]: field["percent"] for field in found}
    assert percents["@message"] == 100 and percents["user.name"] == 100 and percents["level"] == 100


def test_pages_of_results(logs, base):
    query = logs.start_query(logGroupName=GROUP, startTime=base, endTime=base + HOUR, queryString="fields n")["queryId"]
    ended(logs, query)
    first = logs.get_query_results(queryId=query, maxItems=60)
    rest = logs.get_query_results(queryId=query, maxItems=60, nextToken=first["nextToken"])
    assert (len(first["results"]), len(rest["results"])) == (60, 40) and "nextToken" not in rest


def test_queries_are_described_and_stopped(logs, base):
    text = "fields n | limit 1"
    query = logs.start_query(logGroupName=GROUP, startTime=base, endTime=base + HOUR, queryString=text)["queryId"]
    ended(logs, query)
    found = logs.describe_queries(logGroupName=GROUP, status="Complete")["queries"]
    mine = next(one for one in found if one["queryId"] == query)
    assert mine["queryString"] == text and mine["logGroupName"] == GROUP and mine["createTime"] > 0
    assert logs.describe_queries(logGroupName=GROUP, maxResults=1)["nextToken"]
    assert refusal(logs.stop_query, queryId=query)[0] == "InvalidParameterException"
    assert refusal(logs.stop_query, queryId="none") == ("ResourceNotFoundException", "The specified query does not exist.")
    assert refusal(logs.get_query_results, queryId="none")[0] == "ResourceNotFoundException"


def test_a_query_can_be_stopped(make_server):
    """With more queries than run at once, the last ones wait: one of them is stopped."""
    server = make_server()
    logs = server.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now = int(time.time() * 1000)
    for _ in range(8):
        events = [{"timestamp": now, "message": f'{{"n": {index}, "text": "{"x" * 60}"}}'} for index in range(9000)]
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)
    heavy = {"logGroupName": "g", "startTime": 0, "endTime": now // 1000 + 60, "queryString": "stats pct(n, 99), count_distinct(text) by n"}
    queries = [logs.start_query(**heavy)["queryId"] for _ in range(12)]
    assert logs.stop_query(queryId=queries[-1])["success"] is True
    assert logs.get_query_results(queryId=queries[-1])["status"] == "Cancelled"
    for query in queries:
        if logs.get_query_results(queryId=query)["status"] in ("Scheduled", "Running"):
            logs.stop_query(queryId=query)
    server.kill()
    server.up()
    assert refusal(server.client("logs").get_query_results, queryId=queries[0])[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fields @message | pattern @message", "'pattern' is not supported"),
        ("frob", "unexpected symbol"),
        ("filter (a", "unexpected symbol"),
        ("", "no command"),
    ],
)
def test_malformed_queries(logs, base, text, message):
    with pytest.raises(ClientError) as caught:
        logs.start_query(logGroupName=GROUP, startTime=base, endTime=base + HOUR, queryString=text)
    error = caught.value.response
    assert error["Error"]["Code"] == "MalformedQueryException" and message in error["Error"]["Message"]
    assert error["queryCompileError"]["location"]["startCharOffset"] >= 0


def test_what_cannot_be_asked(logs, base):
    good = {"logGroupName": GROUP, "startTime": base, "endTime": base + HOUR, "queryString": "fields n"}
    start = logs.start_query
    for language in ("SQL", "PPL"):
        assert refusal(start, **good, queryLanguage=language)[0] == "MalformedQueryException"
    assert refusal(start, **good | {"logGroupName": "/none"})[0] == "ResourceNotFoundException"
    assert refusal(start, **good | {"startTime": base + 2 * HOUR}) == ("InvalidParameterException", "End time should not be before start time")
    assert refusal(start, **good, limit=100_001)[0] == "InvalidParameterException"
    assert refusal(start, **good | {"queryString": "x" * 10_001})[0] == "InvalidParameterException"
    many = [f"g{index}" for index in range(51)]
    without = {key: value for key, value in good.items() if key != "logGroupName"}
    assert "At most 50" in refusal(start, **without, logGroupNames=many)[1]
    assert refusal(start, **without)[0] == "InvalidParameterException"
    assert refusal(start, **good, logGroupNames=[GROUP])[0] == "InvalidParameterException"


def test_query_definitions(logs):
    made = logs.put_query_definition(name="team/errors", queryString="filter level = 'ERROR'", logGroupNames=[GROUP])["queryDefinitionId"]
    logs.put_query_definition(name="other", queryString="fields n")
    found = logs.describe_query_definitions(queryDefinitionNamePrefix="team/")["queryDefinitions"]
    assert [(one["queryDefinitionId"], one["name"], one["logGroupNames"]) for one in found] == [(made, "team/errors", [GROUP])]
    logs.put_query_definition(name="team/all", queryString="fields n", queryDefinitionId=made)
    changed = logs.describe_query_definitions(queryDefinitionNamePrefix="team/")["queryDefinitions"]
    assert [(one["name"], one["queryString"]) for one in changed] == [("team/all", "fields n")]
    assert logs.delete_query_definition(queryDefinitionId=made)["success"] is True
    assert refusal(logs.delete_query_definition, queryDefinitionId=made)[0] == "ResourceNotFoundException"
    unknown = refusal(logs.put_query_definition, name="x", queryString="fields n", queryDefinitionId="none")
    assert unknown[0] == "ResourceNotFoundException"
    page = logs.describe_query_definitions(maxResults=1)
    assert len(page["queryDefinitions"]) == 1
