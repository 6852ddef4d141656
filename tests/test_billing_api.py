"""What tasks used, to the second, and what it costs: Cost Explorer."""

import datetime
import math
import uuid
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError
from waiting import until

HOUR = Decimal(3600)
VCPU, GB = Decimal("0.04048"), Decimal("0.004445")
STORAGE_GB = Decimal("0.000111")
CPU_TYPE, MEMORY_TYPE = "USE1-Fargate-vCPU-Hours:perCPU", "USE1-Fargate-GB-Hours"
STORAGE_TYPE = "USE1-Fargate-EphemeralStorage-GB-Hours"


@pytest.fixture(scope="module")
def ce(client):
    return client("ce")


@pytest.fixture
def mark(ce):
    """A tag of this test alone; what it marks is told apart after `activate`."""
    return f"mark-{uuid.uuid4().hex[:8]}"


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def period(days_back: int = 1, days_ahead: int = 1) -> dict:
    # A test that runs at midnight still finds its tasks.
    start, end = today() - datetime.timedelta(days=days_back), today() + datetime.timedelta(days=days_ahead)
    first_of_next = (today().replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
    return {"Start": start.isoformat(), "End": min(end, first_of_next).isoformat()}


def activate(ce, key: str, status: str = "Active") -> None:
    until(lambda: ce.list_cost_allocation_tags(TagKeys=[key])["CostAllocationTags"], f"the tag {key} in use")
    entry = {"TagKey": key, "Status": status}
    assert ce.update_cost_allocation_tags_status(CostAllocationTagsStatus=[entry])["Errors"] == []


def tagged(key: str, value: str = "yes", **match) -> dict:
    return {"Tags": {"Key": key, "Values": [value], **match}}


def groups(ce, filter_: dict, *by: tuple[str, str], metric: str = "UsageQuantity", **options) -> dict:
    """The amounts of all days together, by the groups' keys."""
    answer = ce.get_cost_and_usage(
        **{"TimePeriod": period(), "Granularity": "DAILY", **options}, Metrics=[metric], Filter=filter_,
        GroupBy=[{"Type": kind, "Key": key} for kind, key in by],
    )
    found: dict = {}
    for result in answer["ResultsByTime"]:
        assert result["Total"] == {}
        for group in result["Groups"]:
            keys = tuple(group["Keys"]) if len(by) > 1 else group["Keys"][0]
            found[keys] = found.get(keys, 0) + Decimal(group["Metrics"][metric]["Amount"])
    return found


def billed_seconds(task: dict) -> int:
    run = (task["stoppedAt"] - task["pullStartedAt"]).total_seconds()
    return max(60, math.ceil(run))


def shown(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("1e-10"), rounding="ROUND_HALF_UP")


def test_a_short_task_is_billed_for_a_minute_and_once(lab, ce, mark):
    run = {"tags": [{"key": mark, "value": "yes"}]}
    task = lab.start(lab.container("sleep 1"), run=run, cpu="512", memory="2048", ephemeralStorage={"sizeInGiB": 30})
    stopped = task.stopped()
    assert billed_seconds(stopped) == 60
    activate(ce, mark)
    by_type = ("DIMENSION", "USAGE_TYPE")
    seconds = Decimal(60)
    cpu, memory, storage = [amount * seconds / HOUR for amount in (Decimal("0.5"), Decimal(2), Decimal(10))]
    expected = {CPU_TYPE: shown(cpu), MEMORY_TYPE: shown(memory), STORAGE_TYPE: shown(storage)}
    for _ in range(2):
        assert groups(ce, tagged(mark), by_type) == expected
    expected = {CPU_TYPE: shown(cpu * VCPU), MEMORY_TYPE: shown(memory * GB), STORAGE_TYPE: shown(storage * STORAGE_GB)}
    assert groups(ce, tagged(mark), by_type, metric="UnblendedCost") == expected
    hours = {"Granularity": "HOURLY", "TimePeriod": {side: f"{day}T00:00:00Z" for side, day in period().items()}}
    hourly = groups(ce, tagged(mark), by_type, **hours)
    assert sum(hourly.values()).quantize(Decimal("1e-8")) == (cpu + memory + storage).quantize(Decimal("1e-8"))
    assert groups(ce, tagged(mark), by_type, Granularity="MONTHLY")[CPU_TYPE] == shown(cpu)


def test_a_running_task_is_counted_until_now_and_ends_at_its_second(lab, ce, mark):
    run = {"tags": [{"key": mark, "value": "yes"}]}
    task = lab.start(lab.container("trap exit TERM; sleep 600 & wait"), run=run)
    task.running()
    activate(ce, mark)
    quantity = groups(ce, tagged(mark), ("DIMENSION", "USAGE_TYPE"))[CPU_TYPE]
    assert quantity == shown(Decimal("0.25") * 60 / HOUR), "a minute is billed from the start"
    task.stop()
    task.stopped()
    assert groups(ce, tagged(mark), ("DIMENSION", "USAGE_TYPE"))[CPU_TYPE] == quantity


def test_usage_survives_a_kill_and_is_told_once(make_server, tmp_path):
    from conftest import execution_role_of, open_network_of, pusher
    from task_lab import Lab

    server = make_server()
    lab = Lab(server.client, open_network_of(server.client), execution_role_of(server.client),
              pusher(server, server.client), tmp_path)
    tasks = [lab.start(lab.container(f"sleep {1 + index % 2}")) for index in range(4)]
    for task in tasks:
        task.running()
    server.kill()
    server.up()
    lab.ecs = server.client("ecs")
    for task in tasks:
        task.stopped()
    server.kill()
    server.up()
    ce = server.client("ce")
    cluster = {"Tags": {"Key": "aws:ecs:clusterName", "Values": ["default"]}}
    expected = shown(sum(Decimal("0.25") * billed_seconds(task.describe()) for task in tasks) / HOUR)
    assert groups(ce, cluster, ("DIMENSION", "USAGE_TYPE"))[CPU_TYPE] == expected


def test_groups_filters_and_metrics(services, ce, lab, mark):
    service = services.service(services.define(command=["sleep", "600"]), count=1, tags=[{"key": mark, "value": "web"}],
                               propagateTags="SERVICE")
    service.stable()
    spot = lab.start(
        lab.container("sleep 0"), runtimePlatform={"cpuArchitecture": "X86_64"}, run={"tags": [{"key": mark, "value": "job"}]}
    )
    spot.stopped()
    activate(ce, mark)
    both = {"Or": [tagged(mark, "web"), tagged(mark, "job")]}
    cpu = {"And": [both, {"Dimensions": {"Key": "USAGE_TYPE", "Values": [CPU_TYPE]}}]}
    minute = shown(Decimal("0.25") * 60 / HOUR)
    of_service = ("TAG", "aws:ecs:serviceName")
    assert groups(ce, cpu, ("TAG", mark)) == {f"{mark}$web": minute, f"{mark}$job": minute}
    assert groups(ce, cpu, of_service) == {f"aws:ecs:serviceName${service.name}": minute, "aws:ecs:serviceName$": minute}
    assert groups(ce, cpu, ("DIMENSION", "REGION"), ("TAG", mark)) == {
        ("us-east-1", f"{mark}$web"): minute, ("us-east-1", f"{mark}$job"): minute}
    for dimension, value in {
        "SERVICE": "Amazon Elastic Container Service", "SERVICE_CODE": "AmazonECS", "REGION": "us-east-1",
        "LINKED_ACCOUNT": "000000000000", "OPERATION": "FargateTask", "RECORD_TYPE": "Usage",
        "PURCHASE_TYPE": "On Demand Instances", "USAGE_TYPE": CPU_TYPE,
    }.items():
        assert list(groups(ce, cpu, ("DIMENSION", dimension))) == [value]
        only = {"And": [cpu, {"Dimensions": {"Key": dimension, "Values": [value]}}]}
        assert groups(ce, only, ("DIMENSION", dimension)) == groups(ce, cpu, ("DIMENSION", dimension))
        none = {"And": [cpu, {"Not": {"Dimensions": {"Key": dimension, "Values": [value]}}}]}
        assert groups(ce, none, ("DIMENSION", dimension)) == {}
    account = ce.get_cost_and_usage(TimePeriod=period(), Granularity="DAILY", Metrics=["BlendedCost"],
                                    GroupBy=[{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}])
    assert account["DimensionValueAttributes"] == [{"Value": "000000000000", "Attributes": {"description": "000000000000"}}]
    assert account["GroupDefinitions"] == [{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}]
    for expression, expected in [
        (tagged(mark, "we", MatchOptions=["STARTS_WITH"]), {f"{mark}$web"}),
        (tagged(mark, "OB", MatchOptions=["ENDS_WITH", "CASE_INSENSITIVE"]), {f"{mark}$job"}),
        (tagged(mark, "OB", MatchOptions=["ENDS_WITH"]), set()),
        (tagged(mark, "o", MatchOptions=["CONTAINS"]), {f"{mark}$job"}),
        ({"And": [both, {"Tags": {"Key": "aws:ecs:serviceName", "MatchOptions": ["ABSENT"]}}]}, {f"{mark}$job"}),
    ]:
        assert set(groups(ce, expression, ("TAG", mark))) == expected, expression
    metrics = ["UnblendedCost", "BlendedCost", "AmortizedCost", "NetUnblendedCost", "NetAmortizedCost", "UsageQuantity",
               "NormalizedUsageAmount"]
    answer = ce.get_cost_and_usage(TimePeriod=period(0), Granularity="DAILY", Metrics=metrics, Filter=both)
    total = answer["ResultsByTime"][-1]["Total"]
    assert len({total[name]["Amount"] for name in metrics[:5]}) == 1
    assert total["UnblendedCost"]["Unit"] == "USD" and Decimal(total["UnblendedCost"]["Amount"]) > 0
    assert total["UsageQuantity"]["Unit"] == "N/A", "vCPU-hours and GB-hours don't add up"
    assert total["NormalizedUsageAmount"] == {"Amount": "0", "Unit": "N/A"}
    assert answer["ResultsByTime"][-1]["Estimated"] is True and answer["ResultsByTime"][-1]["Groups"] == []
    one_unit = ce.get_cost_and_usage(TimePeriod=period(0), Granularity="DAILY", Metrics=["UsageQuantity"], Filter=cpu)
    assert one_unit["ResultsByTime"][0]["Total"]["UsageQuantity"]["Unit"] == "vCPU-Hours"


def test_spot_and_arm_have_types_and_prices_of_their_own(lab, ce, mark):
    spot = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
    lab.ecs.put_cluster_capacity_providers(
        cluster="default", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[])
    definition = lab.define(lab.container("true"))
    answer = lab.ecs.run_task(taskDefinition=definition, networkConfiguration=lab.network,
                              tags=[{"key": mark, "value": "yes"}], **spot)
    lab.follow(answer).stopped()
    activate(ce, mark)
    costs = groups(ce, tagged(mark), ("DIMENSION", "USAGE_TYPE"), metric="NetUnblendedCost")
    minute = Decimal(60) / HOUR
    assert costs == {
        "USE1-SpotUsage-Fargate-vCPU-Hours:perCPU": shown(Decimal("0.25") * minute * Decimal("0.012144")),
        "USE1-SpotUsage-Fargate-GB-Hours": shown(Decimal("0.5") * minute * Decimal("0.0013335")),
    }
    assert list(groups(ce, tagged(mark), ("DIMENSION", "PURCHASE_TYPE"))) == ["Spot Instances"]


def test_tags_are_told_apart_once_they_are_active(lab, ce, mark):
    run = {"tags": [{"key": mark, "value": "yes"}]}
    lab.start(lab.container("true"), run=run).stopped()
    (tag,) = ce.list_cost_allocation_tags(TagKeys=[mark])["CostAllocationTags"]
    assert (tag["Status"], tag["Type"]) == ("Inactive", "UserDefined")
    assert tag["LastUsedDate"].startswith(today().isoformat()[:7])
    assert groups(ce, tagged(mark), ("TAG", mark)) == {}
    assert mark not in ce.get_tags(TimePeriod=period())["Tags"]
    activate(ce, mark)
    assert list(groups(ce, tagged(mark), ("TAG", mark))) == [f"{mark}$yes"]
    assert mark in ce.get_tags(TimePeriod=period())["Tags"]
    values = ce.get_tags(TimePeriod=period(), TagKey=mark, Filter=tagged(mark))
    assert (values["Tags"], values["ReturnSize"], values["TotalSize"]) == (["yes"], 1, 1)
    assert ce.get_tags(TimePeriod=period(), SearchString=mark[3:])["Tags"] == [mark]
    (tag,) = ce.list_cost_allocation_tags(Status="Active", Type="UserDefined", TagKeys=[mark])["CostAllocationTags"]
    assert tag["LastUpdatedDate"]
    activate(ce, mark, "Inactive")
    assert groups(ce, tagged(mark), ("TAG", mark)) == {}
    generated = ce.list_cost_allocation_tags(Type="AWSGenerated", Status="Active")["CostAllocationTags"]
    assert "aws:ecs:clusterName" in [tag["TagKey"] for tag in generated]
    entry = {"TagKey": "nobody-has-it", "Status": "Active"}
    (error,) = ce.update_cost_allocation_tags_status(CostAllocationTagsStatus=[entry])["Errors"]
    assert (error["TagKey"], error["Code"]) == ("nobody-has-it", "TagKeysNotFound")
    page = ce.list_cost_allocation_tags(MaxResults=1)
    assert len(page["CostAllocationTags"]) == 1 and page["NextToken"]
    rest = ce.list_cost_allocation_tags(MaxResults=1, NextToken=page["NextToken"])
    assert rest["CostAllocationTags"][0]["TagKey"] > page["CostAllocationTags"][0]["TagKey"]


def test_dimension_values(lab, ce, mark):
    lab.start(lab.container("true"), run={"tags": [{"key": mark, "value": "yes"}]}).stopped()
    values = ce.get_dimension_values(TimePeriod=period(), Dimension="USAGE_TYPE", SearchString="vcpu")
    assert CPU_TYPE in [one["Value"] for one in values["DimensionValues"]]
    assert values["TotalSize"] == values["ReturnSize"]
    accounts = ce.get_dimension_values(TimePeriod=period(), Dimension="LINKED_ACCOUNT", Context="COST_AND_USAGE")
    assert accounts["DimensionValues"] == [{"Value": "000000000000", "Attributes": {"description": "000000000000"}}]
    activate(ce, mark)
    sort = [{"Key": "UnblendedCost", "SortOrder": "DESCENDING"}]
    first = ce.get_dimension_values(
        TimePeriod=period(), Dimension="USAGE_TYPE", Filter=tagged(mark), MaxResults=1, SortBy=sort)
    assert [one["Value"] for one in first["DimensionValues"]] == [CPU_TYPE], "the dearest first"
    assert (first["ReturnSize"], first["TotalSize"]) == (1, 2)
    second = ce.get_dimension_values(
        TimePeriod=period(), Dimension="USAGE_TYPE", Filter=tagged(mark), MaxResults=1, SortBy=sort,
        NextPageToken=first["NextPageToken"])
    assert [one["Value"] for one in second["DimensionValues"]] == [MEMORY_TYPE] and "NextPageToken" not in second


def test_long_answers_come_in_pages(ce):
    start = (today().replace(day=1) - datetime.timedelta(days=410)).isoformat()
    request = {"TimePeriod": {"Start": start, "End": today().isoformat()}, "Granularity": "DAILY", "Metrics": ["UnblendedCost"]}
    first = ce.get_cost_and_usage(**request)
    assert len(first["ResultsByTime"]) == 400 and first["ResultsByTime"][0]["Estimated"] is False
    assert first["ResultsByTime"][0]["Total"] == {"UnblendedCost": {"Amount": "0", "Unit": "USD"}}
    second = ce.get_cost_and_usage(**request, NextPageToken=first["NextPageToken"])
    days = [one["TimePeriod"]["Start"] for one in first["ResultsByTime"] + second["ResultsByTime"]]
    assert days == sorted(set(days)) and days[0] == start and "NextPageToken" not in second
    with pytest.raises(ClientError, match="RequestChangedException"):
        ce.get_cost_and_usage(**{**request, "Metrics": ["BlendedCost"]}, NextPageToken=first["NextPageToken"])
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        ce.get_cost_and_usage(**request, NextPageToken="nonsense")
    months = ce.get_cost_and_usage(**{**request, "Granularity": "MONTHLY"})["ResultsByTime"]
    assert months[0]["TimePeriod"]["Start"] == start and months[1]["TimePeriod"]["Start"].endswith("-01")


@pytest.mark.parametrize(("change", "message"), [
    ({"TimePeriod": {"Start": "2020-01-01", "End": "2020-02-01"}}, "historical data beyond 14 months"),
    ({"TimePeriod": {"Start": today().isoformat(), "End": today().isoformat()}}, "should be before end date"),
    ({"TimePeriod": {"Start": today().isoformat(), "End": "2099-01-01"}}, "end date past the beginning of next month"),
    ({"TimePeriod": {"Start": "today", "End": "tomorrow"}}, "Valid format is: yyyy-MM-dd"),
    ({"Granularity": "HOURLY"}, "Valid format is: yyyy-MM-ddThh"),
    ({"Granularity": "WEEKLY"}, "Granularity WEEKLY is invalid"),
    ({"Metrics": ["Money"]}, "Metric Money is invalid"),
    ({"GroupBy": [{"Type": "TAG", "Key": key} for key in "abc"]}, "At most 2 groups"),
    ({"GroupBy": [{"Type": "COST_CATEGORY", "Key": "a"}]}, "not supported here"),
    ({"GroupBy": [{"Type": "DIMENSION", "Key": "AZ"}]}, "Dimension AZ is not supported here"),
    ({"Filter": {}}, "exactly one of"),
    ({"Filter": {**tagged("a"), "Dimensions": {"Key": "REGION", "Values": ["x"]}}}, "exactly one of"),
    ({"Filter": {"CostCategories": {"Key": "a", "Values": ["b"]}}}, "Cost categories are not supported"),
    ({"Filter": {"Dimensions": {"Key": "REGION", "Values": ["1"], "MatchOptions": ["GREATER_THAN_OR_EQUAL"]}}}, "GREATER_THAN_OR_EQUAL"),
    ({"Filter": {"Dimensions": {"Key": "REGION", "Values": []}}}, "values"),
])
def test_bad_requests_are_refused(ce, change, message):
    request = {"TimePeriod": period(), "Granularity": "DAILY", "Metrics": ["UnblendedCost"], **change}
    with pytest.raises(ClientError, match=message) as refusal:
        ce.get_cost_and_usage(**request)
    assert refusal.value.response["Error"]["Code"] == "ValidationException"


def test_what_is_not_served_is_said(ce):
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        ce.get_cost_and_usage(TimePeriod=period(), Granularity="DAILY", Metrics=["UnblendedCost"],
                              BillingViewArn="arn:aws:billing::000000000000:billingview/other")
    with pytest.raises(ClientError, match="Context RESERVATIONS is not supported"):
        ce.get_dimension_values(TimePeriod=period(), Dimension="REGION", Context="RESERVATIONS")
    with pytest.raises(ClientError, match="Filter and SortBy need a TagKey"):
        ce.get_tags(TimePeriod=period(), Filter=tagged("a"))
    with pytest.raises(ClientError, match="given twice"):
        entry = {"TagKey": "a", "Status": "Active"}
        ce.update_cost_allocation_tags_status(CostAllocationTagsStatus=[entry, entry])
    with pytest.raises(ClientError):
        ce.get_cost_forecast(TimePeriod=period(), Granularity="DAILY", Metric="UNBLENDED_COST")
