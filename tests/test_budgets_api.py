"""Budgets: limits on cost and usage, and who is told."""

import datetime
import uuid
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError
from waiting import until

ACCOUNT = "000000000000"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:costs"
OVER = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0, "ThresholdType": "PERCENTAGE"}
MAIL = {"SubscriptionType": "EMAIL", "Address": "ops@example.com"}
CPU_TYPE = "USE1-Fargate-vCPU-Hours:perCPU"


@pytest.fixture(scope="module")
def budgets(client):
    return client("budgets")


@pytest.fixture
def name(budgets):
    made = f"budget-{uuid.uuid4().hex[:8]}"
    yield made
    try:
        budgets.delete_budget(AccountId=ACCOUNT, BudgetName=made)
    except budgets.exceptions.NotFoundException:
        pass


def budget(name: str, amount: str = "10", **options) -> dict:
    made = {"BudgetName": name, "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": amount, "Unit": "USD"}}
    return {key: value for key, value in {**made, **options}.items() if value is not None}


def create(budgets, made: dict, *notifications: dict, **options) -> None:
    told = [{"Notification": one, "Subscribers": [MAIL]} for one in notifications]
    budgets.create_budget(AccountId=ACCOUNT, Budget=made, NotificationsWithSubscribers=told, **options)


def read(budgets, name: str, **options) -> dict:
    return budgets.describe_budget(AccountId=ACCOUNT, BudgetName=name, **options)["Budget"]


def states(budgets, name: str) -> list[str]:
    found = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName=name)["Notifications"]
    return [one["NotificationState"] for one in found]


def test_a_budget_with_its_defaults_from_creation_to_deletion(budgets, name):
    create(budgets, budget(name))
    made = read(budgets, name)
    first = datetime.datetime.now(datetime.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert made["TimePeriod"]["Start"] == first
    assert made["TimePeriod"]["End"] == datetime.datetime(2087, 6, 15, tzinfo=datetime.UTC)
    assert made["CostFilters"] == {} and made["BudgetLimit"] == {"Amount": "10", "Unit": "USD"}
    types = made["CostTypes"]
    assert not types.pop("UseBlended") and not types.pop("UseAmortized") and all(types.values()) and len(types) == 9
    assert made["CalculatedSpend"]["ActualSpend"]["Unit"] == "USD" and made["HealthStatus"]["Status"] == "HEALTHY"
    assert "FilterExpression" not in made
    with pytest.raises(budgets.exceptions.DuplicateRecordException, match="already exists"):
        create(budgets, budget(name))
    budgets.update_budget(AccountId=ACCOUNT, NewBudget=budget(name, "25.5", TimeUnit="ANNUALLY"))
    changed = read(budgets, name)
    assert (changed["BudgetLimit"]["Amount"], changed["TimeUnit"]) == ("25.5", "ANNUALLY")
    listed = budgets.describe_budgets(AccountId=ACCOUNT, MaxResults=1000)["Budgets"]
    assert name in [one["BudgetName"] for one in listed]
    budgets.delete_budget(AccountId=ACCOUNT, BudgetName=name)
    for call in [
        lambda: read(budgets, name),
        lambda: budgets.delete_budget(AccountId=ACCOUNT, BudgetName=name),
        lambda: budgets.update_budget(AccountId=ACCOUNT, NewBudget=budget(name)),
        lambda: states(budgets, name),
    ]:
        with pytest.raises(budgets.exceptions.NotFoundException, match="the budget doesn't exist"):
            call()


def test_lists_come_in_pages(budgets, name):
    create(budgets, budget(name))
    other = f"{name}-b"
    create(budgets, budget(other))
    first = budgets.describe_budgets(AccountId=ACCOUNT, MaxResults=1)
    second = budgets.describe_budgets(AccountId=ACCOUNT, MaxResults=1, NextToken=first["NextToken"])
    assert first["Budgets"][0]["BudgetName"] < second["Budgets"][0]["BudgetName"]
    with pytest.raises(budgets.exceptions.InvalidNextTokenException):
        budgets.describe_budgets(AccountId=ACCOUNT, NextToken="nonsense")
    budgets.delete_budget(AccountId=ACCOUNT, BudgetName=other)


def test_spend_is_counted_when_asked_and_thresholds_are_told(lab, client, budgets, name):
    ce = client("ce")
    tags = [{"key": name, "value": "yes"}]
    lab.start(lab.container("true"), run={"tags": tags}).stopped()
    ce.update_cost_allocation_tags_status(CostAllocationTagsStatus=[{"TagKey": name, "Status": "Active"}])
    # A minute of a quarter vCPU and half a GB.
    spent = Decimal("0.0002057083")
    filters = {"TagKeyValue": [f"user:{name}$yes"], "Service": ["Amazon Elastic Container Service"], "Region": ["us-east-1"],
               "LinkedAccount": [ACCOUNT], "Operation": ["FargateTask"], "PurchaseType": ["On Demand Instances"]}
    below = {**OVER, "ComparisonOperator": "LESS_THAN", "ThresholdType": "ABSOLUTE_VALUE", "Threshold": 0.0001}
    forecast = {**OVER, "NotificationType": "FORECASTED", "ThresholdType": "ABSOLUTE_VALUE", "Threshold": 0.0002}
    create(budgets, budget(name, "0.0002", TimeUnit="DAILY", CostFilters=filters), OVER, below, forecast)
    made = read(budgets, name)
    assert made["CostFilters"] == filters
    assert Decimal(made["CalculatedSpend"]["ActualSpend"]["Amount"]) == spent
    assert Decimal(made["CalculatedSpend"]["ForecastedSpend"]["Amount"]) >= spent
    until(lambda: states(budgets, name) == ["ALARM", "OK", "ALARM"], "the notifications' states")
    budgets.update_budget(AccountId=ACCOUNT, NewBudget=budget(name, "5", TimeUnit="DAILY", CostFilters=filters))
    until(lambda: states(budgets, name)[0] == "OK", "the state after a raised limit")
    tag = {"Tags": {"Key": name, "Values": ["YES"], "MatchOptions": ["EQUALS", "CASE_INSENSITIVE"]}}
    usage = {"And": [tag, {"Dimensions": {"Key": "USAGE_TYPE", "Values": [CPU_TYPE]}}]}
    other = f"{name}-usage"
    limit = {"Amount": "1", "Unit": "vCPU-Hours"}
    create(budgets, budget(other, BudgetType="USAGE", BudgetLimit=limit, FilterExpression=usage, Metrics=["UsageQuantity"]))
    used = read(budgets, other, ShowFilterExpression=True)
    assert used["CalculatedSpend"]["ActualSpend"] == {"Amount": "0.0041666667", "Unit": "vCPU-Hours"}
    assert used["Metrics"] == ["UsageQuantity"] and "CostTypes" not in used
    assert used["FilterExpression"]["And"][1] == usage["And"][1]
    assert used["FilterExpression"]["And"][0]["Tags"]["MatchOptions"] == ["CASE_INSENSITIVE"]
    history = budgets.describe_budget_performance_history(AccountId=ACCOUNT, BudgetName=other)["BudgetPerformanceHistory"]
    assert (history["BudgetName"], history["BudgetType"], history["TimeUnit"]) == (other, "USAGE", "MONTHLY")
    (month,) = history["BudgetedAndActualAmountsList"]
    assert month["ActualAmount"] == {"Amount": "0.0041666667", "Unit": "vCPU-Hours"} and month["BudgetedAmount"] == limit
    budgets.delete_budget(AccountId=ACCOUNT, BudgetName=other)


def test_history_has_every_period(budgets, name):
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=400)
    create(budgets, budget(name, TimeUnit="MONTHLY", TimePeriod={"Start": start}))
    history = budgets.describe_budget_performance_history(AccountId=ACCOUNT, BudgetName=name)["BudgetPerformanceHistory"]
    amounts = history["BudgetedAndActualAmountsList"]
    assert len(amounts) == 13 and all(one["BudgetedAmount"]["Amount"] == "10" for one in amounts)
    wanted = {"Start": amounts[3]["TimePeriod"]["Start"], "End": amounts[5]["TimePeriod"]["End"]}
    some = budgets.describe_budget_performance_history(AccountId=ACCOUNT, BudgetName=name, TimePeriod=wanted, MaxResults=2)
    assert some["BudgetPerformanceHistory"]["BudgetedAndActualAmountsList"] == amounts[3:5] and some["NextToken"]


def test_planned_limits(budgets, name):
    first = datetime.datetime.now(datetime.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    starts = [(first.replace(year=first.year + (first.month - 1 + ahead) // 12, month=(first.month - 1 + ahead) % 12 + 1))
              for ahead in range(12)]
    planned = {str(int(start.timestamp())): {"Amount": str(index + 1), "Unit": "USD"} for index, start in enumerate(starts)}
    create(budgets, budget(name, BudgetLimit=None, PlannedBudgetLimits=planned))
    made = read(budgets, name)
    assert made["PlannedBudgetLimits"] == planned and made["BudgetLimit"] == {"Amount": "1", "Unit": "USD"}
    with pytest.raises(ClientError, match="must have 12 limits"):
        create(budgets, budget("x", BudgetLimit=None, PlannedBudgetLimits=dict(list(planned.items())[:3])))


def test_notifications_and_subscribers(budgets, name):
    create(budgets, budget(name))
    key = {"AccountId": ACCOUNT, "BudgetName": name}
    budgets.create_notification(**key, Notification=OVER, Subscribers=[MAIL])
    with pytest.raises(budgets.exceptions.DuplicateRecordException):
        budgets.create_notification(**key, Notification=OVER, Subscribers=[MAIL])
    higher = {**OVER, "Threshold": 90.0}
    budgets.update_notification(**key, OldNotification=OVER, NewNotification=higher)
    (shown,) = budgets.describe_notifications_for_budget(**key)["Notifications"]
    assert shown == {**higher, "NotificationState": "OK"}
    account = budgets.describe_budget_notifications_for_account(AccountId=ACCOUNT)["BudgetNotificationsForAccount"]
    assert {"BudgetName": name, "Notifications": [shown]} in account
    topic = {"SubscriptionType": "SNS", "Address": TOPIC}
    budgets.create_subscriber(**key, Notification=higher, Subscriber=topic)
    with pytest.raises(budgets.exceptions.DuplicateRecordException):
        budgets.create_subscriber(**key, Notification=higher, Subscriber=topic)
    with pytest.raises(budgets.exceptions.CreationLimitExceededException):
        budgets.create_subscriber(**key, Notification=higher, Subscriber={**topic, "Address": f"{TOPIC}2"})
    other = {**MAIL, "Address": "dev@example.com"}
    budgets.update_subscriber(**key, Notification=higher, OldSubscriber=MAIL, NewSubscriber=other)
    listed = budgets.describe_subscribers_for_notification(**key, Notification=higher)["Subscribers"]
    assert listed == [other, topic]
    budgets.delete_subscriber(**key, Notification=higher, Subscriber=other)
    with pytest.raises(budgets.exceptions.NotFoundException, match="subscriber"):
        budgets.delete_subscriber(**key, Notification=higher, Subscriber=other)
    budgets.delete_notification(**key, Notification=higher)
    for call in [
        lambda: budgets.delete_notification(**key, Notification=higher),
        lambda: budgets.update_notification(**key, OldNotification=higher, NewNotification=OVER),
        lambda: budgets.describe_subscribers_for_notification(**key, Notification=higher),
    ]:
        with pytest.raises(budgets.exceptions.NotFoundException, match="the notification doesn't exist"):
            call()


def test_tags(budgets, name):
    create(budgets, budget(name), ResourceTags=[{"Key": "team", "Value": "red"}])
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/{name}"
    budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "stage", "Value": "test"}])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["team"])
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "stage", "Value": "test"}]
    with pytest.raises(budgets.exceptions.NotFoundException):
        budgets.list_tags_for_resource(ResourceARN=f"{arn}x")
    with pytest.raises(budgets.exceptions.InvalidParameterException, match="aws:"):
        budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "aws:x", "Value": "y"}])


@pytest.mark.parametrize(("change", "message"), [
    ({"BudgetName": "a:b"}, "BudgetName must have"),
    ({"BudgetType": "RI_COVERAGE"}, "not supported here"),
    ({"TimeUnit": "CUSTOM"}, "TimeUnit CUSTOM"),
    ({"BudgetLimit": None}, "must be given"),
    ({"BudgetLimit": {"Amount": "-1", "Unit": "USD"}}, "decimal number"),
    ({"BudgetLimit": {"Amount": "1", "Unit": "EUR"}}, "must be USD"),
    ({"AutoAdjustData": {"AutoAdjustType": "FORECAST"}}, "AutoAdjustData is not supported"),
    ({"BudgetType": "USAGE"}, "filter by usage type"),
    ({"CostFilters": {"AZ": ["us-east-1a"]}}, "AZ is not supported"),
    ({"CostFilters": {"TagKeyValue": ["team=red"]}}, "user:Key"),
    ({"CostFilters": {"Region": ["a"]}, "FilterExpression": {"Tags": {"Key": "a", "Values": ["b"]}}}, "can't be given together"),
    ({"FilterExpression": {"CostCategories": {"Key": "a", "Values": ["b"]}}}, "Cost categories are not supported"),
    ({"CostTypes": {"UseBlended": True, "UseAmortized": True}}, "can't both be true"),
    ({"TimePeriod": {"Start": datetime.datetime(2026, 2, 1), "End": datetime.datetime(2026, 1, 1)}}, "start should be before end"),
])
def test_bad_budgets_are_refused(budgets, change, message):
    with pytest.raises(budgets.exceptions.InvalidParameterException, match=message):
        create(budgets, budget("refused", **change))


def test_bad_notifications_and_accounts_are_refused(budgets, name):
    create(budgets, budget(name))
    key = {"AccountId": ACCOUNT, "BudgetName": name, "Notification": OVER}
    for subscriber, message in [
        ({"SubscriptionType": "SNS", "Address": "costs"}, "valid SNS topic ARN"),
        ({"SubscriptionType": "EMAIL", "Address": "somebody"}, "valid email address"),
    ]:
        with pytest.raises(budgets.exceptions.InvalidParameterException, match=message):
            budgets.create_notification(**key, Subscribers=[subscriber])
    with pytest.raises(budgets.exceptions.InvalidParameterException, match="Threshold"):
        budgets.create_notification(**{**key, "Notification": {**OVER, "Threshold": 1e30}}, Subscribers=[MAIL])
    with pytest.raises(budgets.exceptions.AccessDeniedException):
        budgets.describe_budgets(AccountId="111111111111")
    with pytest.raises(ClientError):
        budgets.describe_budget_actions_for_account(AccountId=ACCOUNT)
