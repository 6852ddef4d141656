"""Events on their way: from PutEvents by rules to what their targets got; archives and replays; and what a kill leaves.

Archives are what shows here that an event came by: they count what their bus carried.
"""

import datetime
import http.server
import json
import threading
import time
import uuid

import pytest

from waiting import until

ACCOUNT = "000000000000"
HERE = f"arn:aws:events:us-east-1:{ACCOUNT}"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": ["events.amazonaws.com", "scheduler.amazonaws.com"]}}]})


class Buses:
    """Buses with an archive each, and what goes on between them."""

    def __init__(self, events):
        self.events = events
        self.made = []

    def new(self) -> str:
        name = f"tests-{uuid.uuid4().hex[:10]}"
        self.events.create_event_bus(Name=name)
        self.events.create_archive(ArchiveName=name, EventSourceArn=self.arn(name))
        self.made.append(name)
        return name

    @staticmethod
    def arn(name: str) -> str:
        return f"{HERE}:event-bus/{name}"

    def rule(self, bus: str, pattern: dict, target: dict, name: str = "r") -> str:
        arn = self.events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))["RuleArn"]
        self.events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "t"} | target])
        return arn

    def send(self, bus: str, count: int = 1, source: str = "tests", **more) -> None:
        entry = {"EventBusName": bus, "Source": source, "DetailType": "Made", "Detail": '{"a": 1}'} | more
        for start in range(0, count, 10):
            answer = self.events.put_events(Entries=[entry] * min(10, count - start))
            assert answer["FailedEntryCount"] == 0, answer

    def count(self, bus: str) -> int:
        return self.events.describe_archive(ArchiveName=bus)["EventCount"]

    def came(self, bus: str, count: int) -> None:
        until(lambda: self.count(bus) >= count, f"{count} events on {bus}, not {self.count(bus)}")
        assert self.count(bus) == count

    def clean(self) -> None:
        for bus in self.made:
            self.events.delete_archive(ArchiveName=bus)
            for rule in self.events.list_rules(EventBusName=bus)["Rules"]:
                name = rule["Name"]
                targets = self.events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
                if targets:
                    self.events.remove_targets(Rule=name, EventBusName=bus, Ids=[one["Id"] for one in targets])
                self.events.delete_rule(Name=name, EventBusName=bus)
            self.events.delete_event_bus(Name=bus)


@pytest.fixture
def buses(client):
    buses = Buses(client("events"))
    yield buses
    buses.clean()


@pytest.fixture(scope="module")
def role(client) -> str:
    iam = client("iam")
    name = f"tests-{uuid.uuid4().hex[:10]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
    return arn


def test_events_go_on_to_the_bus_that_a_rule_names(buses):
    here, there = buses.new(), buses.new()
    buses.rule(here, {"detail": {"a": [1]}, "source": ["tests"]}, {"Arn": buses.arn(there)})
    buses.send(here, 3)
    buses.send(here, source="others")
    buses.came(here, 4)
    buses.came(there, 3)
    buses.events.disable_rule(Name="r", EventBusName=here)
    buses.send(here)
    buses.came(here, 5)
    buses.came(there, 3)


def test_events_that_go_round_come_to_rest(buses):
    one, other = buses.new(), buses.new()
    buses.rule(one, {"source": ["tests"]}, {"Arn": buses.arn(other)})
    buses.rule(other, {"source": ["tests"]}, {"Arn": buses.arn(one)})
    buses.send(one)
    until(lambda: buses.count(one) == 3 and buses.count(other) == 3, "five hops")
    time.sleep(0.5)
    assert (buses.count(one), buses.count(other)) == (3, 3)


def test_one_event_for_more_targets_than_fit_in_a_commit(buses):
    here = buses.new()
    there = [buses.new() for _ in range(3)]
    for number in range(50):
        name = f"r{number:02}"
        buses.events.put_rule(Name=name, EventBusName=here, EventPattern='{"source": ["tests"]}')
        targets = [{"Id": str(index), "Arn": buses.arn(bus)} for index, bus in enumerate(there)]
        buses.events.put_targets(Rule=name, EventBusName=here, Targets=targets)
    buses.send(here)
    for bus in there:
        buses.came(bus, 50)
    buses.came(here, 1)


def test_large_events_for_several_targets(buses):
    """Together they are more than a commit takes, and so is their replay."""
    here = buses.new()
    there = [buses.new() for _ in range(5)]
    buses.events.put_rule(Name="r", EventBusName=here, EventPattern='{"source": ["tests"]}')
    buses.events.put_targets(Rule="r", EventBusName=here, Targets=[
        {"Id": str(index), "Arn": buses.arn(bus)} for index, bus in enumerate(there)])
    for _ in range(4):
        buses.events.put_events(Entries=[{
            "EventBusName": here, "Source": "tests", "DetailType": "t", "Detail": json.dumps({"x": '"' * 60_000})}])
    for bus in there:
        until(lambda: buses.count(bus) == 4, "four events")
    buses.events.start_replay(ReplayName=here, EventSourceArn=f"{HERE}:archive/{here}", EventStartTime=0,
                              EventEndTime=time.time() + 60, Destination={"Arn": buses.arn(here)})
    for bus in there:
        until(lambda: buses.count(bus) == 8, "eight events")


def test_archives_keep_what_fits_and_replays_send_it_again(buses):
    events = buses.events
    here, there, third = buses.new(), buses.new(), buses.new()
    rule = buses.rule(here, {"source": ["tests"]}, {"Arn": buses.arn(there)})
    buses.rule(here, {"replay-name": [{"exists": True}]}, {"Arn": buses.arn(third)}, name="again")
    now = datetime.datetime.now(datetime.timezone.utc)
    for minutes in (30, 20, 10):
        buses.send(here, 2, Time=now - datetime.timedelta(minutes=minutes))
    buses.came(here, 6)
    buses.came(there, 6)

    def replay(**more) -> dict:
        name = f"tests-{uuid.uuid4().hex[:10]}"
        started = events.start_replay(
            ReplayName=name, EventSourceArn=f"{HERE}:archive/{here}", EventStartTime=now - datetime.timedelta(minutes=25),
            EventEndTime=now, **{"Destination": {"Arn": buses.arn(here)}} | more)
        assert started["State"] == "STARTING"
        return until(lambda: (done := events.describe_replay(ReplayName=name))["State"] == "COMPLETED" and done, "a replay")

    done = replay()
    assert abs(done["EventLastReplayedTime"] - (now - datetime.timedelta(minutes=10))) < datetime.timedelta(seconds=1)
    buses.came(there, 10)
    buses.came(third, 4)
    # What is sent again isn't archived again.
    assert buses.count(here) == 6
    only = replay(Destination={"Arn": buses.arn(here), "FilterArns": [rule]})
    assert only["Destination"]["FilterArns"] == [rule]
    buses.came(there, 14)
    assert buses.count(third) == 4
    names = [one["ReplayName"] for one in events.list_replays(EventSourceArn=f"{HERE}:archive/{here}")["Replays"]]
    assert {done["ReplayName"], only["ReplayName"]} == set(names)
    assert events.list_replays(NamePrefix=done["ReplayName"], State="RUNNING")["Replays"] == []
    with pytest.raises(events.exceptions.IllegalStatusException):
        events.cancel_replay(ReplayName=done["ReplayName"])
    with pytest.raises(events.exceptions.ResourceAlreadyExistsException):
        events.start_replay(ReplayName=done["ReplayName"], EventSourceArn=f"{HERE}:archive/{here}", EventStartTime=0,
                            EventEndTime=now, Destination={"Arn": buses.arn(here)})


def test_a_replay_can_be_cancelled(buses):
    here, there = buses.new(), buses.new()
    buses.send(here, 400)
    buses.came(here, 400)
    buses.rule(here, {"source": ["tests"]}, {"Arn": buses.arn(there)})
    name = f"tests-{uuid.uuid4().hex[:10]}"
    buses.events.start_replay(ReplayName=name, EventSourceArn=f"{HERE}:archive/{here}", EventStartTime=0,
                              EventEndTime=time.time() + 60, Destination={"Arn": buses.arn(here)})
    try:
        buses.events.cancel_replay(ReplayName=name)
    except buses.events.exceptions.IllegalStatusException:
        pytest.skip("the replay was faster")
    until(lambda: buses.events.describe_replay(ReplayName=name)["State"] == "CANCELLED", "the cancelled replay")
    assert buses.count(there) < 400


def test_a_schedule_sends_events(buses, client, role):
    """EventBridge Scheduler to a bus: no minute has to pass, as a rate begins at once."""
    here = buses.new()
    scheduler = client("scheduler")
    name = f"tests-{uuid.uuid4().hex[:10]}"
    target = {"Arn": buses.arn(here), "RoleArn": role, "Input": '{"at": "<aws.scheduler.scheduled-time>"}',
              "EventBridgeParameters": {"DetailType": "Tick", "Source": "tests.clock"}}
    scheduler.create_schedule(Name=name, ScheduleExpression="rate(1 hour)", Target=target,
                              FlexibleTimeWindow={"Mode": "OFF"})
    buses.came(here, 1)
    scheduler.delete_schedule(Name=name)
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    scheduler.create_schedule(Name=name, ScheduleExpression=f"at({soon})", Target=target,
                              FlexibleTimeWindow={"Mode": "OFF"}, ActionAfterCompletion="DELETE")
    assert scheduler.get_schedule(Name=name)["ActionAfterCompletion"] == "DELETE"
    buses.came(here, 2)
    until(lambda: name not in [one["Name"] for one in scheduler.list_schedules()["Schedules"]], "its deletion")


@pytest.mark.slow
def test_a_scheduled_rule_sends_events(buses):
    """A rule's rate begins a minute after it was made."""
    here = buses.new()
    events = buses.events
    events.put_rule(Name=here, ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule=here, Targets=[{"Id": "t", "Arn": buses.arn(here)}])
    try:
        until(lambda: buses.count(here) == 1, "the first time", seconds=75)
    finally:
        events.remove_targets(Rule=here, Ids=["t"])
        events.delete_rule(Name=here)


def test_a_kill_loses_no_event(make_server):
    """Events that were acknowledged are matched after the restart; what was fired isn't fired again."""
    server = make_server()
    buses = Buses(server.client("events"))
    iam = server.client("iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    here, there, ticks = buses.new(), buses.new(), buses.new()
    buses.rule(here, {"source": ["tests"]}, {"Arn": buses.arn(there)})
    target = {"Arn": buses.arn(ticks), "RoleArn": role, "EventBridgeParameters": {"DetailType": "t", "Source": "s"}}
    server.client("scheduler").create_schedule(Name="s", ScheduleExpression="rate(1 day)", Target=target,
                                               FlexibleTimeWindow={"Mode": "OFF"})
    buses.came(ticks, 1)
    sent = 0
    for _ in range(3):
        buses.send(here, 200)
        sent += 200
        server.kill()
        server.up()
        buses.events = server.client("events")
    # An event that was archived just before a kill may lie there twice: what reads the archive leaves out the second.
    until(lambda: buses.count(there) >= sent, f"{sent} events")
    until(lambda: buses.count(here) >= sent, f"{sent} events")
    time.sleep(0.5)
    assert sent <= buses.count(there) <= sent + 120
    buses.rule(there, {"replay-name": [{"exists": True}]}, {"Arn": buses.arn(ticks)})
    buses.events.start_replay(ReplayName="exact", EventSourceArn=f"{HERE}:archive/{there}", EventStartTime=0,
                              EventEndTime=time.time() + 60, Destination={"Arn": buses.arn(there)})
    until(lambda: buses.events.describe_replay(ReplayName="exact")["State"] == "COMPLETED", "the replay")
    buses.came(ticks, 1 + sent)


# What the deliveries engine brings to targets.


def messages(logs, group: str) -> list[str]:
    return [one["message"] for one in logs.filter_log_events(logGroupName=group)["events"]]


def test_a_log_group_gets_events(buses, client):
    logs = client("logs")
    group = f"/tests/events-{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    here = buses.new()
    buses.rule(here, {"source": ["tests"]}, {"Arn": arn})
    buses.rule(here, {"source": ["tests"]}, {"Arn": arn, "InputTransformer": {
        "InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '{"a": <a>, "rule": "<aws.events.rule-name>"}'}}, name="short")
    buses.send(here, Resources=["arn:aws:x"], Time=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc))
    found = until(lambda: len(texts := messages(logs, group)) == 2 and [json.loads(text) for text in texts], "two messages")
    event = next(one for one in found if "version" in one)
    assert {"a": 1, "rule": "short"} in found
    assert event | {"id": ""} == {
        "version": "0", "id": "", "detail-type": "Made", "source": "tests", "account": ACCOUNT, "region": "us-east-1",
        "time": "2026-01-01T00:00:00Z", "resources": ["arn:aws:x"], "detail": {"a": 1}}
    logs.delete_log_group(logGroupName=group)


@pytest.mark.slow
def test_a_scheduled_rule_runs_a_task(lab, client, role, network):
    """A rule's rate begins a minute after it was made."""
    events, ecs = client("events"), client("ecs")
    definition = lab.define(lab.container("sleep 1000"))
    name = f"tests-{uuid.uuid4().hex[:10]}"
    events.put_rule(Name=name, ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule=name, Targets=[{
        "Id": "t", "Arn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/default", "RoleArn": role,
        "Input": json.dumps({"containerOverrides": [{"name": "app", "command": ["sh", "-c", "sleep 500"]}]}),
        "EcsParameters": {"TaskDefinitionArn": definition, "LaunchType": "FARGATE", "NetworkConfiguration": {
            "awsvpcConfiguration": {"Subnets": network["awsvpcConfiguration"]["subnets"], "AssignPublicIp": "ENABLED"}}}}])
    started = f"events-rule/{name}"[:36]
    try:
        (task,) = until(lambda: ecs.list_tasks(startedBy=started)["taskArns"], "a task of the rule", seconds=75)
    finally:
        events.remove_targets(Rule=name, Ids=["t"])
        events.delete_rule(Name=name)
    shown = ecs.describe_tasks(tasks=[task])["tasks"][0]
    assert shown["startedBy"] == started
    assert shown["overrides"]["containerOverrides"][0]["command"] == ["sh", "-c", "sleep 500"]
    ecs.stop_task(task=task)


def test_an_api_destination_is_called_as_its_connection_says(client, buses, role):
    """The key goes with it, the input template is what arrives, and what is deauthorised isn't called any more."""
    events = client("events")
    got: list[tuple[str, dict, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:  # noqa: N802 http.server's name
            got.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["content-length"])).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = f"tests-{uuid.uuid4().hex[:10]}"
    connection = events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "x-secret", "ApiKeyValue": "open sesame"},
        "InvocationHttpParameters": {"HeaderParameters": [{"Key": "x-plain", "Value": "yes", "IsValueSecret": False}]}})
    destination = events.create_api_destination(
        Name=name, ConnectionArn=connection["ConnectionArn"], HttpMethod="PUT", InvocationRateLimitPerSecond=50,
        InvocationEndpoint=f"http://127.0.0.1:{server.server_port}/hook/*")["ApiDestinationArn"]
    bus = buses.new()
    buses.rule(bus, {"source": ["tests"]}, {
        "Arn": destination, "RoleArn": role, "HttpParameters": {"PathParameterValues": ["made"]},
        "InputTransformer": {"InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '{"value": <a>}'}})
    buses.send(bus)
    path, headers, body = until(lambda: got and got[0], "the endpoint is called")
    headers = {key.lower(): value for key, value in headers.items()}
    assert (path, json.loads(body)) == ("/hook/made", {"value": 1})
    assert (headers["x-secret"], headers["x-plain"]) == ("open sesame", "yes")
    events.delete_api_destination(Name=name)
    events.delete_connection(Name=name)
    server.shutdown()
