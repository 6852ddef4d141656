"""EventBridge's own records: buses, rules, targets, archives, replays, connections, API destinations, tags."""

import json
import uuid

import pytest

from refusals import refused

ACCOUNT = "000000000000"
HERE = f"arn:aws:events:us-east-1:{ACCOUNT}"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:tests-topic"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/tests-events"
PATTERN = json.dumps({"source": ["tests"]})


@pytest.fixture(scope="module")
def events(client):
    return client("events")


def fresh(prefix: str = "tests") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def bus(events) -> str:
    name = fresh()
    events.create_event_bus(Name=name)
    yield name
    for rule in events.list_rules(EventBusName=name)["Rules"]:
        if "ManagedBy" in rule:
            events.delete_archive(ArchiveName=rule["Name"].removeprefix("Events-Archive-"))
            continue
        targets = [one["Id"] for one in events.list_targets_by_rule(Rule=rule["Name"], EventBusName=name)["Targets"]]
        if targets:
            events.remove_targets(Rule=rule["Name"], EventBusName=name, Ids=targets)
        events.delete_rule(Name=rule["Name"], EventBusName=name)
    events.delete_event_bus(Name=name)


def test_buses(events, client):
    default = events.describe_event_bus()
    assert (default["Name"], default["Arn"]) == ("default", f"{HERE}:event-bus/default")
    name = fresh()
    made = events.create_event_bus(Name=name, Description="d", Tags=[{"Key": "k", "Value": "v"}])
    assert made["EventBusArn"] == f"{HERE}:event-bus/{name}"
    assert events.describe_event_bus(Name=made["EventBusArn"])["Description"] == "d"
    assert events.list_tags_for_resource(ResourceARN=made["EventBusArn"])["Tags"] == [{"Key": "k", "Value": "v"}]
    refused(events.create_event_bus, "ResourceAlreadyExistsException", f"Event bus {name} already exists.", Name=name)
    refused(events.create_event_bus, "ResourceAlreadyExistsException", Name="default")
    assert events.update_event_bus(Name=name, Description="e")["Description"] == "e"
    assert {one["Name"] for one in events.list_event_buses()["EventBuses"]} >= {"default", name}
    assert [one["Name"] for one in events.list_event_buses(NamePrefix=name)["EventBuses"]] == [name]
    elsewhere = client("events", "eu-west-1")
    assert [one["Name"] for one in elsewhere.list_event_buses()["EventBuses"]] == ["default"]
    events.put_rule(Name="r", EventBusName=name, EventPattern=PATTERN)
    refused(events.delete_event_bus, "ValidationException", "since it has rules", Name=name)
    events.delete_rule(Name="r", EventBusName=name)
    events.delete_event_bus(Name=name)
    events.delete_event_bus(Name=name)
    refused(events.describe_event_bus, "ResourceNotFoundException", f"Event bus {name} does not exist.", Name=name)
    refused(events.delete_event_bus, "ValidationException", "Cannot delete event bus default.", Name="default")
    refused(events.create_event_bus, "ValidationException", "partner", Name="x", EventSourceName="aws.partner/a/b")
    refused(events.create_event_bus, "ValidationException", "KmsKeyIdentifier", Name="x", KmsKeyIdentifier="k")
    refused(events.create_event_bus, "ValidationException", "SQS", Name="x", DeadLetterConfig={"Arn": "arn:aws:sqs:a"})
    refused(events.create_event_bus, "ValidationException", "LogConfig", Name="x", LogConfig={"Level": "INFO"})


def test_permissions(events, bus):
    arn = f"{HERE}:event-bus/{bus}"
    events.put_permission(EventBusName=bus, Action="events:PutEvents", Principal="111111111111", StatementId="one")
    events.put_permission(EventBusName=bus, Action="events:PutEvents", Principal="*", StatementId="two",
                          Condition={"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"})
    policy = json.loads(events.describe_event_bus(Name=bus)["Policy"])
    assert policy["Statement"][0] == {
        "Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "events:PutEvents", "Resource": arn,
    }
    assert policy["Statement"][1]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    events.remove_permission(EventBusName=bus, StatementId="one")
    refused(events.remove_permission, "ResourceNotFoundException", EventBusName=bus, StatementId="one")
    events.remove_permission(EventBusName=bus, RemoveAllPermissions=True)
    assert "Policy" not in events.describe_event_bus(Name=bus)
    refused(events.remove_permission, "ResourceNotFoundException", "does not have a policy", EventBusName=bus,
            RemoveAllPermissions=True)
    whole = {"Version": "2012-10-17", "Statement": [
        {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": arn}]}
    events.put_permission(EventBusName=bus, Policy=json.dumps(whole))
    assert json.loads(events.describe_event_bus(Name=bus)["Policy"]) == whole
    refused(events.put_permission, "ValidationException", EventBusName=bus, Policy="{}")
    refused(events.put_permission, "ValidationException", EventBusName=bus, Policy="{}", StatementId="x")
    refused(events.put_permission, "ValidationException", EventBusName=bus, Action="events:PutRule", Principal="*",
            StatementId="x")
    long = whole | {"Statement": whole["Statement"] * 100}
    refused(events.put_permission, "PolicyLengthExceededException", EventBusName=bus, Policy=json.dumps(long))
    refused(events.put_permission, "ResourceNotFoundException", EventBusName="no-such", Action="events:PutEvents",
            Principal="*", StatementId="x")


def test_rules(events, bus):
    made = events.put_rule(Name="r", EventBusName=bus, EventPattern=PATTERN, Description="d",
                           Tags=[{"Key": "k", "Value": "v"}])
    assert made["RuleArn"] == f"{HERE}:rule/{bus}/r"
    rule = events.describe_rule(Name="r", EventBusName=bus)
    assert (rule["State"], rule["EventPattern"], rule["EventBusName"]) == ("ENABLED", PATTERN, bus)
    assert rule["CreatedBy"] == ACCOUNT
    events.disable_rule(Name="r", EventBusName=bus)
    assert events.describe_rule(Name="r", EventBusName=bus)["State"] == "DISABLED"
    events.enable_rule(Name="r", EventBusName=bus)
    assert events.describe_rule(Name="r", EventBusName=bus)["State"] == "ENABLED"
    events.tag_resource(ResourceARN=made["RuleArn"], Tags=[{"Key": "l", "Value": "w"}])
    events.untag_resource(ResourceARN=made["RuleArn"], TagKeys=["k"])
    assert events.list_tags_for_resource(ResourceARN=made["RuleArn"])["Tags"] == [{"Key": "l", "Value": "w"}]
    for number in range(5):
        events.put_rule(Name=f"page-{number}", EventBusName=bus, EventPattern=PATTERN, State="DISABLED")
    first = events.list_rules(EventBusName=bus, NamePrefix="page-", Limit=3)
    rest = events.list_rules(EventBusName=bus, NamePrefix="page-", Limit=3, NextToken=first["NextToken"])
    names = [one["Name"] for one in first["Rules"] + rest["Rules"]]
    assert names == [f"page-{number}" for number in range(5)] and "NextToken" not in rest
    refused(events.list_rules, "ValidationException", EventBusName=bus, NextToken="x")
    events.delete_rule(Name="no-such", EventBusName=bus)
    refused(events.describe_rule, "ResourceNotFoundException", f"Rule no-such does not exist on EventBus {bus}.",
            Name="no-such", EventBusName=bus)
    refused(events.put_rule, "ResourceNotFoundException", Name="r", EventBusName="no-such", EventPattern=PATTERN)
    refused(events.put_rule, "ValidationException", "EventPattern or ScheduleExpression", Name="r")
    refused(events.put_rule, "ValidationException", "pattern: [\\.\\-_A-Za-z0-9]+", Name="a b", EventPattern=PATTERN)
    refused(events.put_rule, "ValidationException", "only on the default event bus", Name="r", EventBusName=bus,
            ScheduleExpression="rate(1 hour)")
    refused(events.put_rule, "ValidationException", "CloudTrail", Name="r", EventPattern=PATTERN,
            State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    for bad in ("rate(1 hours)", "rate(2 hour)", "cron(* * * * * *)", "at(2030-01-01T00:00:00)", "x"):
        refused(events.put_rule, "ValidationException", "Parameter ScheduleExpression is not valid.", Name="r",
                ScheduleExpression=bad)
    refused(events.tag_resource, "ResourceNotFoundException", ResourceARN=f"{HERE}:rule/{bus}/no", Tags=[])
    refused(events.untag_resource, "ValidationException", ResourceARN="arn:aws:x", TagKeys=[])
    refused(events.enable_rule, "ResourceNotFoundException", Name="no", EventBusName=bus)
    refused(events.disable_rule, "ResourceNotFoundException", Name="no", EventBusName=bus)


def test_targets(events, bus):
    events.put_rule(Name="r", EventBusName=bus, EventPattern=PATTERN)
    cluster = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/default"
    ecs = {
        "TaskDefinitionArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/t:1", "TaskCount": 2,
        "LaunchType": "FARGATE", "PlatformVersion": "LATEST", "Group": "g", "EnableECSManagedTags": True,
        "EnableExecuteCommand": False, "PropagateTags": "TASK_DEFINITION", "ReferenceId": "ref",
        "NetworkConfiguration": {"awsvpcConfiguration": {
            "Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "ENABLED"}},
        "PlacementConstraints": [{"type": "distinctInstance"}],
        "PlacementStrategy": [{"type": "spread", "field": "instanceId"}],
        "Tags": [{"Key": "k", "Value": "v"}],
    }
    targets = [
        {"Id": "ecs", "Arn": cluster, "RoleArn": ROLE, "EcsParameters": ecs, "Input": '{"containerOverrides": []}',
         "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60}},
        {"Id": "topic", "Arn": TOPIC, "InputPath": "$.detail"},
        {"Id": "logs", "Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/tests/x", "InputTransformer": {
            "InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '"<a> of <aws.events.rule-name>"'}},
        {"Id": "bus", "Arn": f"{HERE}:event-bus/default"},
    ]
    assert events.put_targets(Rule="r", EventBusName=bus, Targets=targets)["FailedEntryCount"] == 0
    assert events.list_targets_by_rule(Rule="r", EventBusName=bus)["Targets"] == targets
    page = events.list_targets_by_rule(Rule="r", EventBusName=bus, Limit=3)
    rest = events.list_targets_by_rule(Rule="r", EventBusName=bus, Limit=3, NextToken=page["NextToken"])
    assert page["Targets"] + rest["Targets"] == targets
    assert events.list_rule_names_by_target(TargetArn=TOPIC, EventBusName=bus)["RuleNames"] == ["r"]
    assert events.list_rule_names_by_target(TargetArn=TOPIC + "x", EventBusName=bus)["RuleNames"] == []
    refused(events.delete_rule, "ValidationException", "Rule can't be deleted since it has targets.", Name="r",
            EventBusName=bus)

    def bad(part: str, code: str = "ValidationException", **target):
        target = {"Id": "x", "Arn": TOPIC} | target
        refused(events.put_targets, code, part, Rule="r", EventBusName=bus, Targets=[target])

    bad("not in correct format", Arn="x")
    for unserved in ("lambda:us-east-1:000000000000:function:f", "sqs:us-east-1:000000000000:q",
                     "states:us-east-1:000000000000:stateMachine:s", "kinesis:us-east-1:000000000000:stream/s"):
        bad("not supported here", Arn=f"arn:aws:{unserved}")
    bad("EcsParameters is required", Arn=cluster, RoleArn=ROLE)
    bad("RoleArn is required", Arn=cluster, EcsParameters=ecs)
    bad("less than or equal to 10", Arn=cluster, RoleArn=ROLE, EcsParameters=ecs | {"TaskCount": 11})
    bad("EcsParameters is not valid", EcsParameters=ecs)
    bad("SQS", DeadLetterConfig={"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"})
    bad("Only one of Input, InputPath, or InputTransformer", Input="{}", InputPath="$")
    bad("JSON syntax error in input", Input="{")
    bad("Invalid InputPath", InputPath="detail")
    bad("Invalid InputPath", InputTransformer={"InputPathsMap": {"a": "x"}, "InputTemplate": "<a>"})
    bad("is reserved", InputTransformer={"InputPathsMap": {"AWSx": "$"}, "InputTemplate": "x"})
    bad("its own rules", Arn=f"{HERE}:event-bus/{bus}")
    bad("account and region", Arn=f"arn:aws:sns:eu-west-1:{ACCOUNT}:t")
    bad("KinesisParameters", KinesisParameters={"PartitionKeyPath": "$.id"})
    bad("less than or equal to 86400", RetryPolicy={"MaximumEventAgeInSeconds": 86401})
    bad("does not exist", Arn=f"{HERE}:api-destination/no/{uuid.uuid4()}", RoleArn=ROLE)
    more = [{"Id": f"more-{number}", "Arn": TOPIC} for number in range(2)]
    refused(events.put_targets, "LimitExceededException", Rule="r", EventBusName=bus, Targets=more)
    refused(events.put_targets, "ResourceNotFoundException", Rule="no", EventBusName=bus, Targets=more)
    removed = events.remove_targets(Rule="r", EventBusName=bus, Ids=["ecs", "logs", "no-such"])
    assert removed["FailedEntryCount"] == 1
    assert removed["FailedEntries"][0]["ErrorCode"] == "ResourceNotFoundException"
    left = events.list_targets_by_rule(Rule="r", EventBusName=bus)["Targets"]
    assert [one["Id"] for one in left] == ["topic", "bus"]
    refused(events.remove_targets, "ResourceNotFoundException", Rule="no", EventBusName=bus, Ids=["x"])
    refused(events.list_targets_by_rule, "ResourceNotFoundException", Rule="no", EventBusName=bus)


def test_put_events_says_what_it_does_not_take(events, bus):
    good = {"Source": "tests", "DetailType": "t", "Detail": "{}"}
    cases = [
        (good, None, None),
        (good | {"EventBusName": bus}, None, None),
        (good | {"Source": ""}, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        ({"Source": "tests", "Detail": "{}"}, "InvalidArgument",
         "Parameter DetailType is not valid. Reason: DetailType is a required argument."),
        ({"Source": "tests", "DetailType": "t"}, "InvalidArgument",
         "Parameter Detail is not valid. Reason: Detail is a required argument."),
        (good | {"Detail": "x"}, "MalformedDetail", "Detail is malformed."),
        (good | {"Detail": "[]"}, "MalformedDetail", "Detail is malformed."),
        (good | {"Source": "aws.ecs"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
        (good | {"EventBusName": "no-such"}, "InvalidArgument", "Event bus no-such does not exist."),
        (good | {"EventBusName": f"arn:aws:events:us-east-1:111111111111:event-bus/default"}, "AccessDeniedException", None),
    ]
    answer = events.put_events(Entries=[entry for entry, _, _ in cases])
    assert answer["FailedEntryCount"] == 8
    for (entry, code, message), result in zip(cases, answer["Entries"]):
        assert result.get("ErrorCode") == code, (entry, result)
        assert message is None or result["ErrorMessage"] == message
        assert ("EventId" in result) == (code is None)
    refused(events.put_events, "ValidationException", "'entries'", Entries=[good] * 11)
    large = good | {"Detail": json.dumps({"x": "y" * 140_000})}
    refused(events.put_events, "ValidationException", "Total size of the entries in the request is over the limit.",
            Entries=[large] * 2)


def test_global_endpoints_are_refused(events):
    """boto3 itself wants another library for them, so the member is put into the request."""

    def add_endpoint(params, **_):
        params["body"] = json.dumps(json.loads(params["body"]) | {"EndpointId": "a.b"}).encode()

    hook = "before-call.eventbridge.PutEvents"
    events.meta.events.register(hook, add_endpoint)
    try:
        refused(events.put_events, "ValidationException", "EndpointId",
                Entries=[{"Source": "tests", "DetailType": "t", "Detail": "{}"}])
    finally:
        events.meta.events.unregister(hook, add_endpoint)


def test_archives_and_their_rules(events, bus):
    name = fresh()
    arn = f"{HERE}:event-bus/{bus}"
    made = events.create_archive(ArchiveName=name, EventSourceArn=arn, EventPattern=PATTERN, RetentionDays=2)
    assert (made["ArchiveArn"], made["State"]) == (f"{HERE}:archive/{name}", "ENABLED")
    archive = events.describe_archive(ArchiveName=name)
    assert (archive["RetentionDays"], archive["EventPattern"], archive["EventCount"]) == (2, PATTERN, 0)
    managed = f"Events-Archive-{name}"
    rule = events.describe_rule(Name=managed, EventBusName=bus)
    assert json.loads(rule["EventPattern"]) == {"source": ["tests"], "replay-name": [{"exists": False}]}
    for call, arguments in (
        (events.delete_rule, {"Name": managed, "EventBusName": bus}),
        (events.disable_rule, {"Name": managed, "EventBusName": bus}),
        (events.enable_rule, {"Name": managed, "EventBusName": bus}),
        (events.put_rule, {"Name": managed, "EventBusName": bus, "EventPattern": PATTERN}),
        (events.put_targets, {"Rule": managed, "EventBusName": bus, "Targets": [{"Id": "x", "Arn": TOPIC}]}),
        (events.remove_targets, {"Rule": managed, "EventBusName": bus, "Ids": ["x"]}),
        (events.tag_resource, {"ResourceARN": rule["Arn"], "Tags": []}),
    ):
        refused(call, "ManagedRuleException", **arguments)
    events.update_archive(ArchiveName=name, Description="d", RetentionDays=0, EventPattern='{"source": ["y"]}')
    assert events.describe_archive(ArchiveName=name)["Description"] == "d"
    assert "y" in events.describe_rule(Name=managed, EventBusName=bus)["EventPattern"]
    assert [one["ArchiveName"] for one in events.list_archives(EventSourceArn=arn)["Archives"]] == [name]
    assert [one["ArchiveName"] for one in events.list_archives(NamePrefix=name)["Archives"]] == [name]
    refused(events.list_archives, "ValidationException", NamePrefix=name, State="ENABLED")
    refused(events.create_archive, "ResourceAlreadyExistsException", ArchiveName=name, EventSourceArn=arn)
    refused(events.create_archive, "InvalidEventPatternException", ArchiveName="x", EventSourceArn=arn, EventPattern="{}")
    refused(events.create_archive, "ResourceNotFoundException", ArchiveName="x", EventSourceArn=arn + "x")
    refused(events.create_archive, "ValidationException", ArchiveName="x", EventSourceArn="arn:aws:x:y:z:a/b")
    refused(events.create_archive, "ValidationException", "KmsKey", ArchiveName="x", EventSourceArn=arn, KmsKeyIdentifier="k")
    times = {"EventStartTime": 0, "EventEndTime": 10}
    replay = {"ReplayName": fresh(), "EventSourceArn": made["ArchiveArn"], "Destination": {"Arn": arn}}
    refused(events.start_replay, "ValidationException", "EventEndTime", **replay, EventStartTime=10, EventEndTime=10)
    refused(events.start_replay, "ValidationException", "Cross event bus", **times,
            **replay | {"Destination": {"Arn": f"{HERE}:event-bus/default"}})
    refused(events.start_replay, "ResourceNotFoundException", "no-such", **times,
            **replay | {"EventSourceArn": f"{HERE}:archive/no-such"})
    refused(events.start_replay, "ResourceNotFoundException", "Rule", **times,
            **replay | {"Destination": {"Arn": arn, "FilterArns": [f"{HERE}:rule/{bus}/no"]}})
    refused(events.describe_replay, "ResourceNotFoundException", ReplayName="no-such")
    refused(events.cancel_replay, "ResourceNotFoundException", ReplayName="no-such")
    events.delete_archive(ArchiveName=name)
    refused(events.describe_archive, "ResourceNotFoundException", ArchiveName=name)
    refused(events.update_archive, "ResourceNotFoundException", ArchiveName=name)
    refused(events.delete_archive, "ResourceNotFoundException", ArchiveName=name)
    refused(events.describe_rule, "ResourceNotFoundException", Name=managed, EventBusName=bus)


def test_connections_never_show_their_secrets(events, server):
    name = fresh()
    made = events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "hush-key"},
        "InvocationHttpParameters": {"HeaderParameters": [
            {"Key": "a", "Value": "shown", "IsValueSecret": False}, {"Key": "b", "Value": "hush-b", "IsValueSecret": True}]},
    })
    assert made["ConnectionState"] == "AUTHORIZED"
    assert made["ConnectionArn"].startswith(f"{HERE}:connection/{name}/")
    shown = events.describe_connection(Name=name)
    assert shown["AuthParameters"] == {
        "ApiKeyAuthParameters": {"ApiKeyName": "X-Key"},
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "a", "Value": "shown", "IsValueSecret": False}, {"Key": "b", "IsValueSecret": True}],
            "QueryStringParameters": [], "BodyParameters": []},
    }
    assert shown["SecretArn"].startswith(f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:events!connection/{name}/")
    stored = b"".join(path.read_bytes() for path in (server.data_dir / "state").rglob("*") if path.is_file())
    assert b"shown" in stored and b"hush" not in stored
    events.update_connection(Name=name, Description="d", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "Y-Key"}})
    shown = events.describe_connection(Name=name)
    assert shown["AuthParameters"]["ApiKeyAuthParameters"] == {"ApiKeyName": "Y-Key"}
    refused(events.update_connection, "ValidationException", "BASIC", Name=name, AuthorizationType="BASIC",
            AuthParameters={"BasicAuthParameters": {"Username": "u"}})
    events.update_connection(Name=name, AuthorizationType="BASIC",
                             AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "hush"}})
    assert events.describe_connection(Name=name)["AuthorizationType"] == "BASIC"
    oauth = {"ClientParameters": {"ClientID": "c", "ClientSecret": "hush"}, "HttpMethod": "POST",
             "AuthorizationEndpoint": "https://tokens.example/token"}
    events.update_connection(Name=name, AuthorizationType="OAUTH_CLIENT_CREDENTIALS",
                             AuthParameters={"OAuthParameters": oauth})
    shown = events.describe_connection(Name=name)["AuthParameters"]["OAuthParameters"]
    assert shown["ClientParameters"] == {"ClientID": "c"} and shown["HttpMethod"] == "POST"
    assert events.list_connections(NamePrefix=name)["Connections"][0]["ConnectionState"] == "AUTHORIZED"
    assert events.deauthorize_connection(Name=name)["ConnectionState"] == "DEAUTHORIZED"
    assert events.list_connections(NamePrefix=name, ConnectionState="AUTHORIZED")["Connections"] == []
    refused(events.create_connection, "ResourceAlreadyExistsException", Name=name, AuthorizationType="API_KEY",
            AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}})
    refused(events.create_connection, "ValidationException", "API_KEY needs", Name="x", AuthorizationType="API_KEY",
            AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"}})
    assert events.delete_connection(Name=name)["ConnectionState"] == "DELETING"
    for call in (events.delete_connection, events.describe_connection, events.deauthorize_connection,
                 events.update_connection):
        refused(call, "ResourceNotFoundException", name, Name=name)


def test_api_destinations(events, bus):
    name = fresh()
    connection = events.create_connection(Name=name, AuthorizationType="BASIC", AuthParameters={
        "BasicAuthParameters": {"Username": "u", "Password": "p"}})["ConnectionArn"]
    arguments = {"Name": name, "ConnectionArn": connection, "HttpMethod": "POST",
                 "InvocationEndpoint": "https://api.example/*/x", "InvocationRateLimitPerSecond": 5}
    made = events.create_api_destination(**arguments)
    assert made["ApiDestinationState"] == "ACTIVE"
    assert made["ApiDestinationArn"].startswith(f"{HERE}:api-destination/{name}/")
    shown = events.describe_api_destination(Name=name)
    assert {key: shown[key] for key in arguments} == arguments
    refused(events.create_api_destination, "ResourceAlreadyExistsException", **arguments)
    refused(events.create_api_destination, "ResourceNotFoundException", **arguments | {
        "Name": "x", "ConnectionArn": f"{HERE}:connection/no/{uuid.uuid4()}"})
    refused(events.create_api_destination, "ValidationException", "endpoint", **arguments | {
        "Name": "x", "InvocationEndpoint": "ftp://x"})
    refused(events.create_api_destination, "ValidationException", "enum", **arguments | {"Name": "x", "HttpMethod": "TRACE"})
    events.update_api_destination(Name=name, HttpMethod="PUT", InvocationRateLimitPerSecond=7)
    listed = events.list_api_destinations(ConnectionArn=connection)["ApiDestinations"]
    assert [(one["HttpMethod"], one["InvocationRateLimitPerSecond"]) for one in listed] == [("PUT", 7)]
    events.put_rule(Name="r", EventBusName=bus, EventPattern=PATTERN)
    target = {"Id": "api", "Arn": made["ApiDestinationArn"], "RoleArn": ROLE, "HttpParameters": {
        "PathParameterValues": ["a"], "HeaderParameters": {"h": "v"}, "QueryStringParameters": {"q": "w"}}}
    events.put_targets(Rule="r", EventBusName=bus, Targets=[target])
    assert events.list_targets_by_rule(Rule="r", EventBusName=bus)["Targets"] == [target]
    events.deauthorize_connection(Name=name)
    assert events.describe_api_destination(Name=name)["ApiDestinationState"] == "INACTIVE"
    events.delete_api_destination(Name=name)
    for call in (events.delete_api_destination, events.describe_api_destination, events.update_api_destination):
        refused(call, "ResourceNotFoundException", name, Name=name)
    events.delete_connection(Name=name)
