"""SNS, played: topics here, subscriptions and what is published in `sns_subscriptions.py`. Source: SNS API reference."""

import json
import re

from ..policy import decide, listed
from ..wire.errors import AwsError
from .sns_subscriptions import Subscriptions
from .strict import Strict, page, parsed_policy, tag_list, tags_of

_ATTRIBUTES = {
    "DeliveryPolicy", "DisplayName", "FifoTopic", "Policy", "SignatureVersion", "TracingConfig", "KmsMasterKeyId",
    "ArchivePolicy", "ContentBasedDeduplication", "FifoThroughputScope",
}
_FEEDBACK = re.compile(r"(HTTP|Firehose|Lambda|Application|SQS)(SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)")
_ACTIONS = (
    "Publish", "Subscribe", "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission",
    "DeleteTopic", "ListSubscriptionsByTopic", "Receive",
)
_KEY = re.compile(r"alias/[\w/-]+|[0-9a-f-]{36}|mrk-[0-9a-f]{32}|arn:aws:kms:[a-z0-9-]+:\d{12}:(key|alias)/[\w/-]+")


def invalid(text):
    """The refusal of a parameter."""
    return AwsError("InvalidParameter", f"Invalid parameter: {text}", 400)


class Topic:
    """One topic; `attributes` holds what was set."""

    def __init__(self, name, region, arn, attributes, tags):
        self.name, self.region, self.arn, self.attributes, self.tags = name, region, arn, attributes, tags


class Sns(Subscriptions, Strict):
    """The service; `topics` by ARN, `subscriptions` by ARN, `published` everything that was published."""

    INVALID = "InvalidParameter"

    def __init__(self, account):
        self.account, self.topics, self.subscriptions, self.published = account, {}, {}, []

    def topic(self, call, arn):
        """A topic of the call's region."""
        found = re.fullmatch(r"arn:aws:sns:([a-z0-9-]+):(\d{12}):([\w-]{1,256}(?:\.fifo)?)", arn)
        if not found:
            raise invalid(f"TopicArn Reason: An ARN must have at least 6 elements, not {len(arn.split(':'))}")
        if found.group(1) != call.region:
            raise invalid("TopicArn")
        if arn not in self.topics:
            raise AwsError("NotFound", "Topic does not exist", 404)
        return self.topics[arn]

    def CreateTopic(self, call, p):
        name, attributes = p["Name"], dict(p.get("Attributes") or {})
        fifo = attributes.get("FifoTopic") == "true"
        if not re.fullmatch(r"[\w-]{1,251}\.fifo" if fifo else r"[\w-]{1,256}", name, re.ASCII):
            raise invalid("Topic Name")
        arn = f"arn:aws:sns:{call.region}:{self.account.id}:{name}"
        for key, value in attributes.items():
            self._check_attribute(arn, key, value)
        tags = tags_of(p.get("Tags"), "InvalidParameter")
        old = self.topics.get(arn)
        if old is None:
            self.topics[arn] = Topic(name, call.region, arn, attributes, tags)
        elif any(self._attributes(old).get(key) != value for key, value in attributes.items()):
            raise invalid("Attributes Reason: Topic already exists with different attributes")
        elif any(old.tags.get(key) != value for key, value in tags.items()):
            raise invalid("Tags Reason: Topic already exists with different tags")
        return {"TopicArn": arn}

    def _check_attribute(self, arn, name, value):
        if name not in _ATTRIBUTES and not _FEEDBACK.fullmatch(name):
            raise invalid("AttributeName")
        if name == "Policy" and value:
            self._check_policy(arn, value)
        if name == "DisplayName" and (len(value) > 100 or "\n" in value):
            raise invalid("DisplayName")
        if name == "KmsMasterKeyId" and value and not _KEY.fullmatch(value):
            raise invalid("KmsMasterKeyId")
        if name in ("DeliveryPolicy", "ArchivePolicy") and value and not _is_object(value):
            raise invalid(f"{name}: not a JSON object")
        if name == "TracingConfig" and value not in ("PassThrough", "Active"):
            raise invalid("TracingConfig")
        if name == "SignatureVersion" and value not in ("1", "2"):
            raise invalid("SignatureVersion")

    def _check_policy(self, arn, text):
        document = parsed_policy(text, lambda reason: invalid(f"Policy Error: {reason}"), self.account, limit=30720)
        for statement in listed(document["Statement"]):
            for action in listed(statement.get("Action", statement.get("NotAction"))):
                service, _, name = action.partition(":")
                if service.lower() != "sns" or name.lower() not in [a.lower() for a in _ACTIONS]:
                    raise invalid("Policy statement action out of service scope!")
            for resource in listed(statement.get("Resource")):
                if resource not in (arn, "*"):
                    raise invalid("Policy statement resource must be the topic's ARN")

    def _default_policy(self, topic):
        statement = {
            "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"},
            "Action": [f"SNS:{name}" for name in _ACTIONS if name != "Receive"], "Resource": topic.arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": self.account.id}},
        }
        return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})

    def _attributes(self, topic):
        mine = [s for s in self.subscriptions.values() if s.topic == topic.arn]
        return {
            "TopicArn": topic.arn, "Owner": self.account.id, "DisplayName": "", "SubscriptionsDeleted": "0",
            "SubscriptionsPending": str(sum(s.pending for s in mine)),
            "SubscriptionsConfirmed": str(sum(not s.pending for s in mine)),
            "EffectiveDeliveryPolicy": '{"http":{"defaultHealthyRetryPolicy":{"numRetries":3}}}',
            "Policy": self._default_policy(topic), **topic.attributes,
        }

    def GetTopicAttributes(self, call, p):
        return {"Attributes": self._attributes(self.topic(call, p["TopicArn"]))}

    def SetTopicAttributes(self, call, p):
        topic, name, value = self.topic(call, p["TopicArn"]), p["AttributeName"], p.get("AttributeValue") or ""
        self._check_attribute(topic.arn, name, value)
        if name == "FifoTopic":
            raise invalid("AttributeName")
        if value:
            topic.attributes[name] = value
        else:
            topic.attributes.pop(name, None)
        return {}

    def DeleteTopic(self, call, p):
        # Repeatable: a topic that is gone is deleted. Source: API reference, DeleteTopic.
        try:
            topic = self.topic(call, p["TopicArn"])
        except AwsError as error:
            if error.code != "NotFound":
                raise
            return {}
        del self.topics[topic.arn]
        self.subscriptions = {arn: s for arn, s in self.subscriptions.items() if s.topic != topic.arn}
        return {}

    def ListTopics(self, call, p):
        found = sorted(t.arn for t in self.topics.values() if t.region == call.region)
        shown, more = page(found, p, 100, code="InvalidParameter")
        return {"Topics": [{"TopicArn": arn} for arn in shown], "NextToken": more}

    def allows(self, topic, service, source):
        """Whether a service of AWS may publish on behalf of `source`: by the policy that was set, or by the default."""
        text = topic.attributes.get("Policy")
        if not text:
            # The default lets services act for this account only where they name the owner: alarms do.
            return service == "cloudwatch.amazonaws.com"
        context = {"aws:SourceArn": source, "aws:SourceAccount": self.account.id, "aws:SourceOwner": self.account.id}
        return decide(json.loads(text), {"Service": service}, "SNS:Publish", topic.arn, context) == "Allow"

    # -- tags --------------------------------------------------------------------------------------------------

    def _tagged(self, arn):
        if arn not in self.topics:
            raise AwsError("ResourceNotFound", "Resource does not exist", 404)
        return self.topics[arn].tags

    def TagResource(self, call, p):
        tags = self._tagged(p["ResourceArn"])
        given = tags_of(p["Tags"], "InvalidParameter")
        if len({**tags, **given}) > 50:
            raise AwsError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded", 400)
        tags.update(given)
        return {}

    def UntagResource(self, call, p):
        tags = self._tagged(p["ResourceArn"])
        for key in p["TagKeys"]:
            tags.pop(key, None)
        return {}

    def ListTagsForResource(self, call, p):
        return {"Tags": tag_list(self._tagged(p["ResourceArn"]))}

    def name(self, names):
        """The ends of the subscriptions' ARNs are made up."""
        for found in sorted(self.subscriptions.values(), key=lambda s: (s.topic, s.protocol, s.endpoint)):
            names.add(found.arn.rsplit(":", 1)[-1], "subscription")

    def shown(self):
        """Topics with their subscriptions, for the snapshot."""
        out = {}
        for topic in self.topics.values():
            mine = sorted((s for s in self.subscriptions.values() if s.topic == topic.arn), key=lambda s: (s.protocol, s.endpoint))
            out[f"{topic.region}/{topic.name}"] = {
                "attributes": topic.attributes, "tags": topic.tags,
                "subscriptions": [
                    {"protocol": s.protocol, "endpoint": s.endpoint, "pending": s.pending, "attributes": s.attributes} for s in mine
                ],
            }
        return out


def _is_object(text):
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
