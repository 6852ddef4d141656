"""What SNS brings to its subscribers, and what it does when they don't take it."""

import datetime
import email
import email.policy
import json
import threading
import time

import pytest

from sns_lab import Endpoint, check_signature, subscribed
from waiting import until

FAST = '{"healthyRetryPolicy": {"numRetries": 3, "numNoDelayRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 1}}'


@pytest.fixture
def sns(client):
    return client("sns")


@pytest.fixture
def endpoint():
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture
def topic(sns, request):
    arn = sns.create_topic(Name=request.node.name[:200])["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


def test_notifications_are_signed_documents(sns, topic, endpoint):
    arn = subscribed(sns, topic, endpoint, "/in")
    check_signature(endpoint.of_kind("SubscriptionConfirmation")[0].body)
    attributes = {"kind": {"DataType": "String", "StringValue": "hot"}, "raw": {"DataType": "Binary", "BinaryValue": b"\x01"}}
    sent = sns.publish(TopicArn=topic, Message="50 °C\n\"so\"", Subject="Heat", MessageAttributes=attributes)
    got = endpoint.await_kind("Notification")[0]
    body = got.body
    check_signature(body)
    assert (body["Message"], body["Subject"], body["TopicArn"]) == ("50 °C\n\"so\"", "Heat", topic)
    assert body["MessageId"] == sent["MessageId"] == got.headers["x-amz-sns-message-id"]
    assert body["MessageAttributes"]["kind"] == {"Type": "String", "Value": "hot"}
    assert body["MessageAttributes"]["raw"] == {"Type": "Binary", "Value": "AQ=="}
    assert body["UnsubscribeURL"].endswith(f"SubscriptionArn={arn}")
    assert got.headers["x-amz-sns-subscription-arn"] == arn and got.path == "/in"
    assert got.headers["content-type"] == "text/plain; charset=UTF-8"
    assert got.headers["user-agent"] == "Amazon Simple Notification Service Agent"

    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    sns.publish(TopicArn=topic, Message="without a subject")
    second = endpoint.await_kind("Notification", 2)[1].body
    assert second["SignatureVersion"] == "2" and "Subject" not in second
    check_signature(second)


def test_raw_and_structured_messages(sns, topic, endpoint):
    subscribed(sns, topic, endpoint, "/raw", RawMessageDelivery="true")
    subscribed(sns, topic, endpoint, "/plain")
    texts = {"default": "for all", "http": "for http"}
    sns.publish(TopicArn=topic, Message=json.dumps(texts), MessageStructure="json")
    raw = endpoint.await_kind("Notification", path="/raw")[0]
    assert raw.text == "for http" and raw.headers["x-amz-sns-rawdelivery"] == "true"
    assert endpoint.await_kind("Notification", path="/plain")[0].body["Message"] == "for http"


def test_filters_choose_by_attributes_or_by_the_message(sns, topic, endpoint):
    subscribed(sns, topic, endpoint, "/hot", FilterPolicy='{"kind": ["hot"], "degrees": [{"numeric": [">", 40]}]}')
    policy = '{"order": {"price": [{"numeric": [">=", 100]}]}}'
    subscribed(sns, topic, endpoint, "/dear", FilterPolicyScope="MessageBody", FilterPolicy=policy)
    subscribed(sns, topic, endpoint, "/all")

    def publish(message, **attributes):
        given = {name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()}
        sns.publish(TopicArn=topic, Message=message, MessageAttributes=given)

    publish("1", kind=("String", "hot"), degrees=("Number", "50"))
    publish("2", kind=("String", "hot"), degrees=("Number", "30"))
    publish("3", kind=("String", "cold"), degrees=("Number", "50"))
    publish('{"order": {"price": 120}}')
    publish('{"order": {"price": 20}}')
    publish("last", kind=("String.Array", '["hot", "wet"]'), degrees=("Number", "41"))
    endpoint.await_kind("Notification", 6, "/all")
    until(lambda: sorted(endpoint.messages("/hot")) == ["1", "last"], "two hot ones")
    assert endpoint.messages("/dear") == ['{"order": {"price": 120}}']


def test_retries_follow_the_policy_and_end(sns, topic, endpoint):
    subscribed(sns, topic, endpoint, "/", DeliveryPolicy=FAST)
    endpoint.answers = [500, 503, 429]
    sns.publish(TopicArn=topic, Message="again")
    tries = endpoint.await_kind("Notification", 4)
    gaps = [after.at - before.at for before, after in zip(tries, tries[1:])]
    assert gaps[0] < 0.7 and all(0.9 < gap < 2.5 for gap in gaps[1:]), gaps
    assert len({one.text for one in tries}) == 1
    # A refusal is final, and so are four failures; what comes after arrives.
    endpoint.answers = [404]
    sns.publish(TopicArn=topic, Message="refused")
    endpoint.await_kind("Notification", 5)
    endpoint.answers = [500] * 4
    sns.publish(TopicArn=topic, Message="given up")
    endpoint.await_kind("Notification", 9)
    sns.publish(TopicArn=topic, Message="after")
    until(lambda: endpoint.messages()[-1] == "after", "the next message")
    assert endpoint.messages() == ["again"] * 4 + ["refused"] + ["given up"] * 4 + ["after"]


def test_a_subscriber_that_is_down_or_hangs_holds_up_no_other(sns, topic, endpoint):
    down, hanging = Endpoint(), Endpoint()
    subscribed(sns, topic, down, "/down", DeliveryPolicy=FAST)
    for index in range(3):
        subscribed(sns, topic, hanging, f"/hang{index}", DeliveryPolicy=FAST)
    hanging.gate = threading.Event()
    down.close()
    subscribed(sns, topic, endpoint, "/up")
    started = time.monotonic()
    for index in range(30):
        sns.publish(TopicArn=topic, Message=str(index))
    endpoint.await_kind("Notification", 30)
    assert time.monotonic() - started < 6
    assert sorted(endpoint.messages(), key=int) == [str(index) for index in range(30)]
    hanging.close()


def test_mails_go_to_the_outbox(sns, topic, server):
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Ops Team")
    outbox = server.data_dir / "outbox"

    def mails(to):
        read = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in sorted(outbox.glob("*.eml"))]
        return [one for one in read if one["to"] == to]

    for protocol, address in [("email", "a@example.com"), ("email-json", "j@example.com")]:
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=address)
    asked = until(lambda: mails("a@example.com"), "a mail")[0]
    assert asked["subject"] == "AWS Notification - Subscription Confirmation" and "Ops Team" in asked["from"]
    token = asked.get_content().split("Token=")[1].split()[0]
    sns.confirm_subscription(TopicArn=topic, Token=token)
    asked = json.loads(until(lambda: mails("j@example.com"), "a mail")[0].get_content())
    sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])
    sns.publish(TopicArn=topic, Message="Größe 50", Subject="Heat")
    told = until(lambda: mails("a@example.com")[1:], "the notification")[0]
    assert told["subject"] == "Heat" and told.get_content().startswith("Größe 50")
    told = until(lambda: mails("j@example.com")[1:], "the notification")[0]
    body = json.loads(told.get_content())
    assert body["Message"] == "Größe 50"
    check_signature(body)


def test_cloudwatch_counts_messages_and_deliveries(sns, topic, endpoint, client):
    subscribed(sns, topic, endpoint, "/", DeliveryPolicy=FAST)
    sns.publish(TopicArn=topic, Message="1")
    endpoint.await_kind("Notification")
    endpoint.answers = [400]
    sns.publish(TopicArn=topic, Message="2")
    endpoint.await_kind("Notification", 2)
    now = datetime.datetime.now(datetime.UTC)
    cloudwatch = client("cloudwatch")

    def total(metric):
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SNS",
            MetricName=metric,
            Dimensions=[{"Name": "TopicName", "Value": topic.rsplit(":", 1)[1]}],
            StartTime=now - datetime.timedelta(minutes=5),
            EndTime=now + datetime.timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    until(lambda: total("NumberOfMessagesPublished") == 2, "two messages")
    until(lambda: total("NumberOfNotificationsDelivered") == 1, "one delivery")
    until(lambda: total("NumberOfNotificationsFailed") == 1, "one failure")


def test_a_killed_server_loses_nothing(make_server):
    server = make_server()
    sns = server.client("sns")
    endpoint = Endpoint()
    topic = sns.create_topic(Name="survivor")["TopicArn"]
    subscribed(sns, topic, endpoint, "/", DeliveryPolicy=FAST)
    # Nothing gets an answer until the server is gone.
    endpoint.gate = threading.Event()
    accepted = [sns.publish(TopicArn=topic, Message=str(index))["MessageId"] for index in range(40)]
    server.kill()
    endpoint.gate.set()
    endpoint.gate = None
    server.up()
    until(lambda: set(accepted) <= {one.body["MessageId"] for one in endpoint.of_kind("Notification")}, "every message", 15)
    # What arrived is forgotten: another start brings nothing again.
    time.sleep(0.5)
    seen = len(endpoint.received)
    server.terminate()
    server.up()
    sns.publish(TopicArn=topic, Message="last")
    until(lambda: endpoint.messages()[-1] == "last", "the last one")
    assert len(endpoint.received) == seen + 1
    check_signature(endpoint.of_kind("Notification")[-1].body)
    endpoint.close()
