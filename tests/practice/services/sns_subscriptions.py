"""SNS's subscriptions, and what is published. Source: SNS API reference, Subscribe, Unsubscribe, Publish."""

import json
import re

from .. import ids
from ..wire.errors import AwsError
from .strict import page

_ENDPOINTS = {
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "email-json": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "http": r"http://.+",
    "https": r"https://.+",
    "sms": r"\+?[0-9 ()-]{5,20}",
    "sqs": r"arn:aws:sqs:[a-z0-9-]+:\d{12}:[\w.-]+",
    "lambda": r"arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?",
    "firehose": r"arn:aws:firehose:[a-z0-9-]+:\d{12}:deliverystream/.+",
    "application": r"arn:aws:sns:[a-z0-9-]+:\d{12}:endpoint/.+",
}
# Nobody has to confirm these. Source: SNS developer guide, subscribing.
_CONFIRMED = ("sqs", "lambda", "firehose", "application", "sms")
_ATTRIBUTES = {
    "DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "SubscriptionRoleArn",
    "ReplayPolicy",
}


def _invalid(text):
    return AwsError("InvalidParameter", f"Invalid parameter: {text}", 400)


class Subscription:
    """One subscription of a topic."""

    def __init__(self, topic, protocol, endpoint, attributes, pending):
        self.topic, self.protocol, self.endpoint, self.attributes, self.pending = topic, protocol, endpoint, attributes, pending
        self.arn = f"{topic}:{ids.unique()}"


class Subscriptions:
    """Mixed into `Sns`."""

    def Subscribe(self, call, p):
        topic, protocol, endpoint = self.topic(call, p["TopicArn"]), p["Protocol"], p.get("Endpoint") or ""
        if protocol not in _ENDPOINTS:
            raise _invalid(f"Amazon SNS does not support this protocol string: {protocol}")
        if not re.fullmatch(_ENDPOINTS[protocol], endpoint):
            raise _invalid("Email address" if protocol.startswith("email") else "Endpoint")
        attributes = dict(p.get("Attributes") or {})
        for name, value in attributes.items():
            _check_attribute(name, value)
        found = next(
            (s for s in self.subscriptions.values() if (s.topic, s.protocol, s.endpoint) == (topic.arn, protocol, endpoint)), None
        )
        if found and attributes and found.attributes != attributes:
            raise _invalid("Attributes Reason: Subscription already exists with different attributes")
        if found is None:
            found = Subscription(topic.arn, protocol, endpoint, attributes, protocol not in _CONFIRMED)
            self.subscriptions[found.arn] = found
        if found.pending and not p.get("ReturnSubscriptionArn"):
            return {"SubscriptionArn": "pending confirmation"}
        return {"SubscriptionArn": found.arn}

    def _shown(self, found):
        return {
            "SubscriptionArn": "PendingConfirmation" if found.pending else found.arn, "Owner": self.account.id,
            "Protocol": found.protocol, "Endpoint": found.endpoint, "TopicArn": found.topic,
        }

    def ListSubscriptionsByTopic(self, call, p):
        topic = self.topic(call, p["TopicArn"])
        found = [self._shown(s) for s in self.subscriptions.values() if s.topic == topic.arn]
        shown, more = page(found, p, 100, code="InvalidParameter")
        return {"Subscriptions": shown, "NextToken": more}

    def ListSubscriptions(self, call, p):
        found = [self._shown(s) for s in self.subscriptions.values() if s.topic.split(":")[3] == call.region]
        shown, more = page(found, p, 100, code="InvalidParameter")
        return {"Subscriptions": shown, "NextToken": more}

    def _subscription(self, arn):
        parts = arn.split(":")
        if len(parts) < 6:
            raise _invalid(f"SubscriptionArn Reason: An ARN must have at least 6 elements, not {len(parts)}")
        if arn not in self.subscriptions:
            raise AwsError("NotFound", "Subscription does not exist", 404)
        return self.subscriptions[arn]

    def Unsubscribe(self, call, p):
        try:
            found = self._subscription(p["SubscriptionArn"])
        except AwsError as error:
            if error.code != "NotFound":
                raise
            # Repeatable: one that is gone is unsubscribed.
            return {}
        if found.pending:
            # It goes by itself, after two days. Source: API reference, Unsubscribe.
            raise _invalid("SubscriptionArn Reason: the subscription is pending confirmation")
        del self.subscriptions[found.arn]
        return {}

    def GetSubscriptionAttributes(self, call, p):
        found = self._subscription(p["SubscriptionArn"])
        out = {
            **self._shown(found), "SubscriptionArn": found.arn, "RawMessageDelivery": "false",
            "PendingConfirmation": str(found.pending).lower(), "ConfirmationWasAuthenticated": str(not found.pending).lower(),
            **found.attributes,
        }
        return {"Attributes": out}

    def SetSubscriptionAttributes(self, call, p):
        found, name, value = self._subscription(p["SubscriptionArn"]), p["AttributeName"], p.get("AttributeValue") or ""
        _check_attribute(name, value)
        found.attributes[name] = value
        return {}

    def confirm(self, topic, endpoint):
        """The person at the other end says yes; None when nobody asked. `topic` is an ARN or a name."""
        for found in self.subscriptions.values():
            if topic in (found.topic, found.topic.rsplit(":", 1)[-1]) and found.endpoint == endpoint:
                found.pending = False
                return found.arn
        return None

    # -- publishing --------------------------------------------------------------------------------------------

    def Publish(self, call, p):
        arn = p.get("TopicArn") or p.get("TargetArn")
        if not arn:
            raise _invalid("TopicArn or TargetArn Reason: no value for required parameter")
        topic, message, subject = self.topic(call, arn), p["Message"], p.get("Subject")
        if not message:
            raise _invalid("Empty message")
        if len(message.encode()) > 262144:
            raise _invalid("Message too long")
        if subject is not None and not re.fullmatch(r"[\x21-\x7e][\x20-\x7e]{0,99}", subject):
            raise _invalid("Subject")
        if p.get("MessageStructure") == "json":
            message = _structured(message)
        return {"MessageId": self._publish(topic, subject, message)}

    def _publish(self, topic, subject, message):
        to = [s.endpoint for s in self.subscriptions.values() if s.topic == topic.arn and s.protocol == "email" and not s.pending]
        ident = ids.unique()
        self.published.append({"id": ident, "topic": topic.arn, "subject": subject, "message": message, "mail_to": to})
        return ident

    def deliver(self, arn, service, source, subject, message):
        """A service of AWS publishes; False when the topic is gone or its policy does not let it."""
        topic = self.topics.get(arn)
        if topic is None or not self.allows(topic, service, source):
            self.account.edge.note("sns", f"{source}: no topic {arn}, or no permission for {service}")
            return False
        self._publish(topic, subject, message)
        return True

    def mail(self):
        """What confirmed mail subscriptions got, oldest first."""
        return [
            {"to": to, "topic": each["topic"], "subject": each["subject"], "message": each["message"]}
            for each in self.published for to in each["mail_to"]
        ]


def _check_attribute(name, value):
    if name not in _ATTRIBUTES:
        raise _invalid("AttributeName")
    if name in ("FilterPolicy", "RedrivePolicy", "DeliveryPolicy") and value:
        try:
            json.loads(value)
        except ValueError as error:
            raise _invalid(f"{name}: failed to parse JSON.") from error
    if name == "RawMessageDelivery" and value.lower() not in ("true", "false"):
        raise _invalid("Attributes Reason: RawMessageDelivery: Invalid value. Must be true or false.")


def _structured(message):
    """The text for mail in a message that has one for each protocol."""
    try:
        texts = json.loads(message)
    except ValueError as error:
        raise _invalid("Message Structure - JSON message body failed to parse") from error
    if not isinstance(texts, dict) or "default" not in texts:
        raise _invalid("Message Structure - No default entry in JSON message body")
    return texts.get("email", texts["default"])
