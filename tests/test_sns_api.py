"""SNS's API: topics, subscriptions, publishing, permissions and tags."""

import json
import urllib.error
import urllib.parse

import pytest

from refusals import refusal
from sns_lab import Endpoint, fetch, subscribed
from waiting import until


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
    arn = sns.create_topic(Name=f"t-{request.node.name[:200].replace('[', '-').replace(']', '')}")["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


def test_topics_are_made_once_and_read_back(sns):
    made = sns.create_topic(Name="alerts", Attributes={"DisplayName": "Alerts"}, Tags=[{"Key": "team", "Value": "ops"}])
    arn = made["TopicArn"]
    assert arn == "arn:aws:sns:us-east-1:000000000000:alerts"
    assert sns.create_topic(Name="alerts")["TopicArn"] == arn
    assert sns.create_topic(Name="alerts", Attributes={"DisplayName": "Alerts"})["TopicArn"] == arn
    code, message = refusal(sns.create_topic, Name="alerts", Attributes={"DisplayName": "Other"})
    assert (code, message) == (
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
    )
    assert "different tags" in refusal(sns.create_topic, Name="alerts", Tags=[{"Key": "team", "Value": "x"}])[1]

    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "Alerts" and attributes["Owner"] == "000000000000"
    assert attributes["SubscriptionsConfirmed"] == "0" and "SignatureVersion" not in attributes
    retry = json.loads(attributes["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]
    assert (retry["numRetries"], retry["minDelayTarget"], retry["maxDelayTarget"]) == (3, 20, 20)
    assert json.loads(attributes["Policy"])["Statement"][0]["Sid"] == "__default_statement_ID"
    assert arn in [one["TopicArn"] for one in sns.list_topics()["Topics"]]

    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    assert refusal(sns.get_topic_attributes, TopicArn=arn) == ("NotFound", "Topic does not exist")
    assert arn not in [one["TopicArn"] for one in sns.list_topics()["Topics"]]


def test_names_and_arns_are_checked(sns):
    assert refusal(sns.create_topic, Name="a b") == ("InvalidParameter", "Invalid parameter: Topic Name")
    assert refusal(sns.create_topic, Name="a.fifo")[1] == "Invalid parameter: Topic Name"
    assert "must end with .fifo" in refusal(sns.create_topic, Name="a", Attributes={"FifoTopic": "true"})[1]
    message = "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"
    assert refusal(sns.get_topic_attributes, TopicArn="alerts") == ("InvalidParameter", message)
    other = "arn:aws:sns:us-east-1:111111111111:alerts"
    assert refusal(sns.get_topic_attributes, TopicArn=other)[0] == "AuthorizationError"
    here = "arn:aws:sns:eu-west-1:000000000000:alerts"
    assert refusal(sns.publish, TopicArn=here, Message="m") == ("InvalidParameter", "Invalid parameter: TopicArn")


def test_attributes_are_set_or_refused(sns, topic):
    def set_to(name, value):
        sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)
        return sns.get_topic_attributes(TopicArn=topic)["Attributes"].get(name)

    assert set_to("DisplayName", "Größe") == "Größe"
    assert set_to("SignatureVersion", "2") == "2"
    assert set_to("TracingConfig", "PassThrough") == "PassThrough"
    assert set_to("MaximumMessageSize", "2048") == "2048"
    assert "too long" in refusal(sns.publish, TopicArn=topic, Message="x" * 2049)[1]
    policy = json.dumps({"http": {"defaultHealthyRetryPolicy": {"numRetries": 5, "minDelayTarget": 1, "maxDelayTarget": 2}}})
    assert set_to("DeliveryPolicy", policy) == policy
    for name, value in [
        ("KmsMasterKeyId", "alias/aws/sns"),
        ("TracingConfig", "Active"),
        ("SignatureVersion", "3"),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"numRetries": 500}}}'),
        ("Policy", "{}"),
        ("ContentBasedDeduplication", "true"),
        ("HTTPSuccessFeedbackRoleArn", "arn:aws:iam::000000000000:role/x"),
        ("ArchivePolicy", '{"MessageRetentionPeriod": 30}'),
        ("FifoTopic", "true"),
        ("Surprise", "x"),
    ]:
        code, message = refusal(sns.set_topic_attributes, TopicArn=topic, AttributeName=name, AttributeValue=value)
        assert code == "InvalidParameter", (name, message)


def test_policies_let_other_accounts_in(open_server):
    own, other = (open_server.client("sns", aws_access_key_id=key, aws_secret_access_key="x") for key in ("1" * 12, "2" * 12))
    arn = own.create_topic(Name="shared")["TopicArn"]
    assert refusal(other.publish, TopicArn=arn, Message="m")[0] == "AuthorizationError"
    own.add_permission(TopicArn=arn, Label="friends", AWSAccountId=["2" * 12], ActionName=["Publish"])
    assert other.publish(TopicArn=arn, Message="m")["MessageId"]
    assert refusal(other.delete_topic, TopicArn=arn)[0] == "AuthorizationError"
    statements = json.loads(own.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])["Statement"]
    assert statements[1]["Principal"] == {"AWS": f"arn:aws:iam::{'2' * 12}:root"} and statements[1]["Action"] == "SNS:Publish"
    assert "already exists" in refusal(own.add_permission, TopicArn=arn, Label="friends", AWSAccountId=["2" * 12], ActionName=["Publish"])[1]
    assert refusal(own.add_permission, TopicArn=arn, Label="x", AWSAccountId=["2" * 12], ActionName=["Fly"])[0] == "InvalidParameter"
    own.remove_permission(TopicArn=arn, Label="friends")
    assert refusal(other.publish, TopicArn=arn, Message="m")[0] == "AuthorizationError"
    deny = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": arn}]}
    own.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(deny))
    assert refusal(own.publish, TopicArn=arn, Message="m")[0] == "AuthorizationError"


def test_tags_come_and_go(sns, topic):
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["a", "nothing"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "b", "Value": "2"}]
    many = [{"Key": f"k{index}", "Value": ""} for index in range(50)]
    assert refusal(sns.tag_resource, ResourceArn=topic, Tags=many)[0] == "TagLimitExceeded"
    gone = "arn:aws:sns:us-east-1:000000000000:gone"
    assert refusal(sns.tag_resource, ResourceArn=gone, Tags=[])[0] == "ResourceNotFound"


def test_subscribers_confirm_by_token_or_by_the_link(sns, topic, endpoint):
    url = f"{endpoint.url}/in"
    assert sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)["SubscriptionArn"] == "pending confirmation"
    first = endpoint.await_kind("SubscriptionConfirmation")[0]
    assert first.headers["x-amz-sns-topic-arn"] == topic and first.body["TopicArn"] == topic
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [(one["SubscriptionArn"], one["Endpoint"]) for one in listed] == [("PendingConfirmation", url)]

    # Subscribing again asks again, for the same subscription.
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url, ReturnSubscriptionArn=True)["SubscriptionArn"]
    second = endpoint.await_kind("SubscriptionConfirmation", 2)[1].body
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "true"
    assert refusal(sns.confirm_subscription, TopicArn=topic, Token=first.body["Token"])[1] == "Invalid parameter: Token"
    answer = fetch(second["SubscribeURL"]).decode()
    assert f"<SubscriptionArn>{arn}</SubscriptionArn>" in answer

    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (attributes["PendingConfirmation"], attributes["ConfirmationWasAuthenticated"]) == ("false", "false")
    assert sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)["SubscriptionArn"] == arn
    assert "different attributes" in refusal(
        sns.subscribe, TopicArn=topic, Protocol="http", Endpoint=url, Attributes={"RawMessageDelivery": "true"}
    )[1]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"
    assert arn in [one["SubscriptionArn"] for one in sns.list_subscriptions()["Subscriptions"]]

    sns.unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    assert refusal(sns.get_subscription_attributes, SubscriptionArn=arn)[0] == "NotFound"


def test_the_link_to_unsubscribe_needs_no_signature_unless_asked_for(sns, topic, endpoint, server):
    free = subscribed(sns, topic, endpoint, "/free")
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{endpoint.url}/guarded")
    token = endpoint.await_kind("SubscriptionConfirmation", path="/guarded")[0].body["Token"]
    guarded = sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]

    def link(arn):
        return f"{server.endpoint}/?" + urllib.parse.urlencode({"Action": "Unsubscribe", "SubscriptionArn": arn})

    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(link(guarded))
    assert refused.value.code == 403 and b"AuthorizationError" in refused.value.read()
    fetch(link(free))
    listed = [one["SubscriptionArn"] for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]]
    assert listed == [guarded]
    # The endpoint is told, and can take it back.
    told = endpoint.await_kind("UnsubscribeConfirmation", path="/free")[0].body
    fetch(told["SubscribeURL"])
    assert sns.get_subscription_attributes(SubscriptionArn=free)["Attributes"]["PendingConfirmation"] == "false"
    for query in ["Action=ListTopics&Version=2010-03-31", f"Action=Publish&TopicArn={topic}&Message=m"]:
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(f"{server.endpoint}/?{query}")
        assert refused.value.code == 403


def test_what_cannot_be_subscribed_is_refused(sns, topic):
    for protocol in ["sqs", "lambda", "sms", "application", "firehose"]:
        code, message = refusal(sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint="x")
        assert code == "InvalidParameter" and f"the protocol {protocol} is not served" in message
    for protocol, endpoint in [("carrier-pigeon", "x"), ("http", "https://h/"), ("email", "nobody"), ("https", "https://")]:
        assert refusal(sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=endpoint)[0] == "InvalidParameter"
    fifo = sns.create_topic(Name="no-http.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    refused = refusal(sns.subscribe, TopicArn=fifo, Protocol="http", Endpoint="http://127.0.0.1/")
    assert refused == ("InvalidParameter", "Invalid parameter: Invalid protocol type: http")
    for attributes in [
        {"RedrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:q"}'},
        {"FilterPolicy": '{"a": "x"}'},
        {"FilterPolicy": '{"a": {"b": ["x"]}}'},
        {"FilterPolicyScope": "Elsewhere"},
        {"DeliveryPolicy": '{"healthyRetryPolicy": {"numRetries": -1}}'},
        {"SubscriptionRoleArn": "arn:aws:iam::000000000000:role/x"},
        {"ReplayPolicy": "{}"},
        {"Surprise": "x"},
    ]:
        refused = refusal(
            sns.subscribe, TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1:1/", Attributes=attributes
        )
        assert refused[0] == "InvalidParameter", attributes
    gone = "arn:aws:sns:us-east-1:000000000000:gone"
    assert refusal(sns.subscribe, TopicArn=gone, Protocol="http", Endpoint="http://h/")[0] == "NotFound"


def test_subscriptions_change_their_attributes(sns, topic, endpoint):
    arn = subscribed(sns, topic, endpoint)

    def set_to(name, value):
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
        return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"].get(name)

    assert set_to("RawMessageDelivery", "true") == "true"
    assert set_to("FilterPolicyScope", "MessageBody") is None
    nested = json.dumps({"order": {"price": [{"numeric": [">", 10]}]}})
    assert set_to("FilterPolicy", nested) == nested
    assert refusal(sns.set_subscription_attributes, SubscriptionArn=arn, AttributeName="FilterPolicyScope", AttributeValue="MessageAttributes")[0] == "InvalidParameter"
    policy = '{"healthyRetryPolicy": {"numRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 1}}'
    assert set_to("DeliveryPolicy", policy) == policy
    effective = json.loads(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["EffectiveDeliveryPolicy"])
    assert effective["healthyRetryPolicy"]["numRetries"] == 1
    assert set_to("FilterPolicy", "{}") is None
    gone = f"{topic}:6b0e71bd-7e97-4d97-80ce-4a0994e55286"
    refused = refusal(sns.set_subscription_attributes, SubscriptionArn=gone, AttributeName="RawMessageDelivery", AttributeValue="true")
    assert refused == ("NotFound", "Subscription does not exist")


def test_messages_are_checked(sns, topic):
    assert sns.publish(TopicArn=topic, Message="m", Subject="s")["MessageId"]
    assert sns.publish(TargetArn=topic, Message="m")["MessageId"]
    text = {"DataType": "String", "StringValue": "x"}
    for parameters, code in [
        ({"Message": ""}, "InvalidParameter"),
        ({"Message": "x" * 262_145}, "InvalidParameter"),
        ({"Message": "m", "Subject": "a\nb"}, "InvalidParameter"),
        ({"Message": "m", "Subject": "x" * 101}, "InvalidParameter"),
        ({"Message": "no json", "MessageStructure": "json"}, "InvalidParameter"),
        ({"Message": '{"http": "x"}', "MessageStructure": "json"}, "InvalidParameter"),
        ({"Message": "m", "MessageGroupId": "g"}, "InvalidParameter"),
        ({"Message": "m", "MessageAttributes": {"a": {"DataType": "Map", "StringValue": "x"}}}, "ParameterValueInvalid"),
        ({"Message": "m", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "x"}}}, "ParameterValueInvalid"),
        ({"Message": "m", "MessageAttributes": {"AWS.a": text}}, "ParameterValueInvalid"),
        ({"Message": "m", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}}, "ParameterValueInvalid"),
    ]:
        assert refusal(sns.publish, TopicArn=topic, **parameters)[0] == code, parameters
    assert refusal(sns.publish, PhoneNumber="+15550100", Message="m")[0] == "InvalidParameter"
    assert refusal(sns.publish, TopicArn=topic + "-gone", Message="m") == ("NotFound", "Topic does not exist")


def test_batches_are_accepted_entry_by_entry(sns, topic):
    answer = sns.publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[{"Id": "a", "Message": "1"}, {"Id": "b", "Message": "2", "Subject": "x" * 101}],
    )
    assert [one["Id"] for one in answer["Successful"]] == ["a"] and answer["Successful"][0]["MessageId"]
    assert [(one["Id"], one["Code"], one["SenderFault"]) for one in answer["Failed"]] == [("b", "InvalidParameter", True)]
    entry = {"Id": "a", "Message": "m"}
    for entries, code in [
        ([], "EmptyBatchRequest"),
        ([entry, entry], "BatchEntryIdsNotDistinct"),
        ([{**entry, "Id": "a b"}], "InvalidBatchEntryId"),
        ([{"Id": str(index), "Message": "m"} for index in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": str(index), "Message": "x" * 200_000} for index in range(2)], "BatchRequestTooLong"),
    ]:
        assert refusal(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)[0] == code


def test_fifo_topics_number_messages_and_know_repeated_ones(sns):
    arn = sns.create_topic(Name="orders.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (attributes["FifoTopic"], attributes["ContentBasedDeduplication"]) == ("true", "false")
    publish = lambda **parameters: sns.publish(TopicArn=arn, **{"Message": "m", "MessageGroupId": "g", **parameters})
    assert "MessageGroupId parameter is required" in refusal(sns.publish, TopicArn=arn, Message="m")[1]
    assert "ContentBasedDeduplication" in refusal(publish)[1]
    first, again, second = (publish(MessageDeduplicationId=one) for one in "aab")
    assert (first["MessageId"], first["SequenceNumber"]) == (again["MessageId"], again["SequenceNumber"])
    assert len(first["SequenceNumber"]) == 20 and int(second["SequenceNumber"]) > int(first["SequenceNumber"])
    sns.set_topic_attributes(TopicArn=arn, AttributeName="ContentBasedDeduplication", AttributeValue="true")
    assert publish()["SequenceNumber"] == publish()["SequenceNumber"]
    batch = [{"Id": one, "Message": text, "MessageGroupId": "g"} for one, text in [("x", "1"), ("y", "2"), ("z", "1")]]
    answer = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=batch)["Successful"]
    numbers = {one["Id"]: int(one["SequenceNumber"]) for one in answer}
    assert numbers["x"] == numbers["z"] < numbers["y"]
    sns.delete_topic(TopicArn=arn)


def test_lists_come_in_pages(client):
    sns = client("sns", "eu-central-1")
    arns = {sns.create_topic(Name=f"page-{index:03}")["TopicArn"] for index in range(101)}
    page = sns.list_topics()
    assert len(page["Topics"]) == 100
    rest = sns.list_topics(NextToken=page["NextToken"])
    assert {one["TopicArn"] for one in page["Topics"] + rest["Topics"]} == arns and "NextToken" not in rest
    for index in range(101):
        sns.subscribe(TopicArn=min(arns), Protocol="email", Endpoint=f"p{index}@example.com")
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=min(arns))
    assert [len(one["Subscriptions"]) for one in pages] == [100, 1]
    assert refusal(sns.list_topics, NextToken="!")[0] == "InvalidParameter"


def test_a_topic_made_again_has_nothing_of_the_former_one(sns, endpoint):
    arn = sns.create_topic(Name="again")["TopicArn"]
    subscribed(sns, arn, endpoint)
    sns.delete_topic(TopicArn=arn)
    until(lambda: not sns.list_subscriptions_by_topic(TopicArn=sns.create_topic(Name="again")["TopicArn"])["Subscriptions"], "no subscription")
    sns.delete_topic(TopicArn=arn)
