"""EventBridge Scheduler: schedules, groups, tags, and what is refused."""

import datetime
import uuid

import pytest

from refusals import refused
from waiting import until

ACCOUNT = "000000000000"
HERE = f"arn:aws:scheduler:us-east-1:{ACCOUNT}"
OFF = {"Mode": "OFF"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/tests-schedules"
TOPIC = {"Arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:tests", "RoleArn": ROLE, "Input": "hello"}
CLUSTER = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/default"


@pytest.fixture(scope="module")
def scheduler(client):
    return client("scheduler")


def fresh() -> str:
    return f"tests-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def group(scheduler) -> str:
    name = fresh()
    scheduler.create_schedule_group(Name=name)
    yield name
    scheduler.delete_schedule_group(Name=name)


def test_schedules(scheduler, group):
    start = datetime.datetime(2037, 1, 1, tzinfo=datetime.timezone.utc)
    arguments = {
        "Name": "one", "GroupName": group, "ScheduleExpression": "cron(0 9 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "Europe/Berlin", "StartDate": start, "EndDate": start + datetime.timedelta(days=9),
        "Description": "d", "State": "DISABLED", "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": CLUSTER, "RoleArn": ROLE, "Input": '{"containerOverrides": []}',
                   "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0},
                   "EcsParameters": {
                       "TaskDefinitionArn": "arn:aws:ecs:x", "TaskCount": 3, "LaunchType": "FARGATE",
                       "EnableECSManagedTags": True, "EnableExecuteCommand": False, "Group": "g",
                       "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["s"], "AssignPublicIp": "DISABLED"}},
                       "Tags": [{"key": "k", "value": "v"}]}},
    }
    made = scheduler.create_schedule(**arguments)
    assert made["ScheduleArn"] == f"{HERE}:schedule/{group}/one"
    shown = scheduler.get_schedule(Name="one", GroupName=group)
    assert {key: shown[key] for key in arguments} == arguments
    refused(scheduler.create_schedule, "ConflictException", "Schedule one already exists.", **arguments)
    scheduler.update_schedule(Name="one", GroupName=group, ScheduleExpression="rate(5 minutes)", Target=TOPIC,
                              FlexibleTimeWindow=OFF, State="DISABLED")
    shown = scheduler.get_schedule(Name="one", GroupName=group)
    assert shown["ScheduleExpressionTimezone"] == "UTC" and "Description" not in shown and "StartDate" not in shown
    assert shown["Target"] == TOPIC | {"RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}}
    assert shown["LastModificationDate"] >= shown["CreationDate"]
    (listed,) = scheduler.list_schedules(GroupName=group)["Schedules"]
    assert (listed["Name"], listed["State"], listed["Target"]) == ("one", "DISABLED", {"Arn": TOPIC["Arn"]})
    assert scheduler.list_schedules(GroupName=group, State="ENABLED")["Schedules"] == []
    scheduler.delete_schedule(Name="one", GroupName=group)
    refused(scheduler.get_schedule, "ResourceNotFoundException", "Schedule one does not exist.", Name="one", GroupName=group)
    refused(scheduler.delete_schedule, "ResourceNotFoundException", Name="one", GroupName=group)
    refused(scheduler.update_schedule, "ResourceNotFoundException", **arguments)


def test_a_token_makes_a_creation_repeatable(scheduler, group):
    arguments = {"Name": "one", "GroupName": group, "ScheduleExpression": "rate(1 day)", "State": "DISABLED",
                 "Target": TOPIC, "FlexibleTimeWindow": OFF, "ClientToken": "token"}
    assert scheduler.create_schedule(**arguments) ["ScheduleArn"] == scheduler.create_schedule(**arguments)["ScheduleArn"]
    refused(scheduler.create_schedule, "ConflictException", **arguments | {"ScheduleExpression": "rate(2 days)"})


def test_pages(scheduler, group):
    for number in range(5):
        scheduler.create_schedule(Name=f"s{number}", GroupName=group, ScheduleExpression="rate(1 day)", State="DISABLED",
                                  Target=TOPIC, FlexibleTimeWindow=OFF)
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=group, NamePrefix="s", PaginationConfig={"PageSize": 2})
    assert [one["Name"] for page in pages for one in page["Schedules"]] == [f"s{number}" for number in range(5)]
    refused(scheduler.list_schedules, "ValidationException", GroupName=group, NextToken="x")
    refused(scheduler.list_schedules, "ResourceNotFoundException", GroupName="no-such")


def test_groups_and_their_tags(scheduler):
    name = fresh()
    arn = scheduler.create_schedule_group(Name=name, Tags=[{"Key": "k", "Value": "v"}], ClientToken="t")["ScheduleGroupArn"]
    assert arn == f"{HERE}:schedule-group/{name}"
    scheduler.create_schedule_group(Name=name, Tags=[{"Key": "k", "Value": "v"}], ClientToken="t")
    refused(scheduler.create_schedule_group, "ConflictException", f"Schedule group {name} already exists.", Name=name)
    refused(scheduler.create_schedule_group, "ConflictException", Name="default")
    assert scheduler.get_schedule_group(Name=name)["State"] == "ACTIVE"
    assert scheduler.get_schedule_group(Name="default")["Arn"] == f"{HERE}:schedule-group/default"
    assert {"default", name} <= {one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]}
    assert [one["Name"] for one in scheduler.list_schedule_groups(NamePrefix=name)["ScheduleGroups"]] == [name]
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "l", "Value": "w"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["k"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
    refused(scheduler.tag_resource, "ResourceNotFoundException", ResourceArn=f"{HERE}:schedule-group/no-such", Tags=[])
    refused(scheduler.tag_resource, "ValidationException", ResourceArn="arn:aws:x", Tags=[])
    for number in range(3):
        scheduler.create_schedule(Name=f"s{number}", GroupName=name, ScheduleExpression="rate(1 day)", State="DISABLED",
                                  Target=TOPIC, FlexibleTimeWindow=OFF)
    scheduler.delete_schedule_group(Name=name)

    def is_gone() -> bool:
        return name not in [one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]]

    until(is_gone, "the group's end")
    refused(scheduler.get_schedule, "ResourceNotFoundException", Name="s0", GroupName=name)
    refused(scheduler.get_schedule_group, "ResourceNotFoundException", Name=name)
    refused(scheduler.delete_schedule_group, "ResourceNotFoundException", Name=name)
    refused(scheduler.delete_schedule_group, "ValidationException", "default", Name="default")


def test_what_is_refused(scheduler, group):
    good = {"Name": "x", "GroupName": group, "ScheduleExpression": "rate(1 day)", "Target": TOPIC, "FlexibleTimeWindow": OFF}

    def bad(part: str, code: str = "ValidationException", **more) -> None:
        refused(scheduler.create_schedule, code, part, **good | more)

    for expression in ("x", "rate(0 minutes)", "rate(1 second)", "cron(* * * * *)", "cron(0 0 * * * *)", "at(tomorrow)"):
        bad(f"Invalid Schedule Expression {expression}.", ScheduleExpression=expression)
    bad("Invalid ScheduleExpressionTimezone Mars/Olympus.", ScheduleExpressionTimezone="Mars/Olympus")
    bad("MaximumWindowInMinutes is required", FlexibleTimeWindow={"Mode": "FLEXIBLE"})
    bad("must not be given", FlexibleTimeWindow={"Mode": "OFF", "MaximumWindowInMinutes": 5})
    bad("less than or equal to 1440", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1441})
    bad("EndDate you specify must be in the future", EndDate=datetime.datetime(2020, 1, 1))
    bad("StartDate must come before", StartDate=datetime.datetime(2036, 2, 1), EndDate=datetime.datetime(2036, 1, 1))
    bad("does not exist", "ResourceNotFoundException", GroupName="no-such")
    bad("KmsKeyArn", KmsKeyArn=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/x")
    bad("'name'", Name="a b")
    for target, part in (
        ({"Arn": "arn:aws:scheduler:::aws-sdk:ecs:updateService"}, "universal targets are not"),
        ({"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"}, "not supported here"),
        ({"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}, "not supported here"),
        ({"Arn": "x"}, "not in correct format"),
        ({"Arn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:t"}, "account and region"),
        ({"Arn": CLUSTER}, "EcsParameters is required"),
        ({"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"}, "EventBridgeParameters is required"),
        ({"EcsParameters": {"TaskDefinitionArn": "x"}}, "don't fit"),
        ({"DeadLetterConfig": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}}, "SQS"),
        ({"SqsParameters": {"MessageGroupId": "g"}}, "SqsParameters"),
        ({"KinesisParameters": {"PartitionKey": "k"}}, "KinesisParameters"),
        ({"RoleArn": "arn:aws:iam::000000000000:user/x"}, "RoleArn"),
        ({"RetryPolicy": {"MaximumEventAgeInSeconds": 86401}}, "less than or equal to 86400"),
        ({"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default", "Input": "text",
          "EventBridgeParameters": {"DetailType": "d", "Source": "s"}}, "JSON object"),
        ({"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default", "Input": "{}",
          "EventBridgeParameters": {"DetailType": "d", "Source": "aws.s"}}, "aws."),
    ):
        bad(part, Target=TOPIC | target)
