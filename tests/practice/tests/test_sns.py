"""SNS, played: topics, subscriptions, mail."""

import json

import pytest

ARN = "arn:aws:sns:us-east-1:123456789012:alerts"


@pytest.fixture
def client(practice):
    return practice.client("sns")


def test_the_same_topic_twice_is_the_same_topic_and_another_one_is_refused(client, refused):
    wanted = {"Name": "alerts", "Attributes": {"DisplayName": "x"}, "Tags": [{"Key": "k", "Value": "v"}]}
    assert client.create_topic(**wanted)["TopicArn"] == client.create_topic(**wanted)["TopicArn"] == ARN
    assert refused(client.create_topic, Name="alerts", Attributes={"DisplayName": "y"}) == "InvalidParameter"
    assert refused(client.create_topic, Name="alerts", Tags=[{"Key": "k", "Value": "w"}]) == "InvalidParameter"
    assert refused(client.create_topic, Name="no spaces") == "InvalidParameter"
    assert client.list_topics()["Topics"] == [{"TopicArn": ARN}]


def test_topics_are_regional_and_deleting_one_is_repeatable(practice, client, refused):
    client.create_topic(Name="alerts")
    elsewhere = practice.client("sns", region="eu-west-1")
    assert elsewhere.list_topics()["Topics"] == []
    assert refused(elsewhere.get_topic_attributes, TopicArn=ARN) == "InvalidParameter"
    client.delete_topic(TopicArn=ARN)
    client.delete_topic(TopicArn=ARN)
    assert refused(client.get_topic_attributes, TopicArn=ARN) == "NotFound"
    assert refused(client.list_tags_for_resource, ResourceArn=ARN) == "ResourceNotFound"


def test_policies_and_attributes_are_judged(client, refused):
    client.create_topic(Name="alerts")

    def put(name, value):
        return client.set_topic_attributes(TopicArn=ARN, AttributeName=name, AttributeValue=value)

    def policy(**more):
        statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": ARN, **more}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    put("Policy", policy())
    assert json.loads(client.get_topic_attributes(TopicArn=ARN)["Attributes"]["Policy"])["Statement"][0]["Action"] == "sns:Publish"
    wrong = [("Policy", "{"), ("Policy", policy(Action="s3:GetObject")), ("Policy", policy(Resource="arn:aws:sns:us-east-1:123456789012:other"))]
    wrong += [("Policy", policy(Principal={"AWS": "arn:aws:iam::123456789012:role/none"})), ("KmsMasterKeyId", "a b"), ("Nothing", "x")]
    for name, value in wrong:
        with pytest.raises(client.exceptions.InvalidParameterException):
            put(name, value)
    put("KmsMasterKeyId", "alias/aws/sns")
    assert client.get_topic_attributes(TopicArn=ARN)["Attributes"]["KmsMasterKeyId"] == "alias/aws/sns"


def test_a_mail_subscription_waits_for_the_person(practice, client, refused):
    client.create_topic(Name="alerts")
    wanted = {"TopicArn": ARN, "Protocol": "email", "Endpoint": "a@example.com"}
    assert client.subscribe(**wanted)["SubscriptionArn"] == "pending confirmation"
    ident = client.subscribe(**wanted, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert [s["SubscriptionArn"] for s in client.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"]] == ["PendingConfirmation"]
    assert refused(client.unsubscribe, SubscriptionArn="PendingConfirmation") == "InvalidParameter"
    assert refused(client.unsubscribe, SubscriptionArn=ident) == "InvalidParameter"
    assert refused(client.subscribe, TopicArn=ARN, Protocol="email", Endpoint="nobody") == "InvalidParameter"
    assert refused(client.subscribe, TopicArn=ARN, Protocol="pigeon", Endpoint="x") == "InvalidParameter"
    client.publish(TopicArn=ARN, Message="too early")
    assert practice.door("POST", "confirm", {"topic": ARN, "endpoint": "a@example.com"}) == {"subscription": ident}
    assert client.get_subscription_attributes(SubscriptionArn=ident)["Attributes"]["PendingConfirmation"] == "false"
    client.publish(TopicArn=ARN, Subject="hello", Message="text")
    assert practice.door("GET", "mail") == [{"to": "a@example.com", "topic": ARN, "subject": "hello", "message": "text"}]
    assert client.subscribe(**wanted)["SubscriptionArn"] == ident
    counts = client.get_topic_attributes(TopicArn=ARN)["Attributes"]
    assert (counts["SubscriptionsConfirmed"], counts["SubscriptionsPending"]) == ("1", "0")
    client.unsubscribe(SubscriptionArn=ident)
    assert client.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"] == []


def test_tags_and_the_snapshot(practice, client):
    client.create_topic(Name="alerts", Tags=[{"Key": "a", "Value": "1"}])
    client.tag_resource(ResourceArn=ARN, Tags=[{"Key": "b", "Value": "2"}])
    client.untag_resource(ResourceArn=ARN, TagKeys=["a"])
    assert client.list_tags_for_resource(ResourceArn=ARN)["Tags"] == [{"Key": "b", "Value": "2"}]
    client.subscribe(TopicArn=ARN, Protocol="email", Endpoint="a@example.com")
    shown = practice.door("GET", "account")["topics"]["us-east-1/alerts"]
    assert shown["tags"] == {"b": "2"} and shown["subscriptions"][0]["pending"]
