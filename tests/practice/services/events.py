"""EventBridge's rules on the default bus, played. Source: EventBridge API reference. Targets: `event_targets.py`."""

import re

from ..wire.errors import AwsError
from .event_patterns import parse
from .event_targets import Targets
from .expressions import is_cron, is_rate
from .strict import Strict, assumable, page, tag_list, tags_of

_MOST_RULES = 300


class Rule:
    """One rule: what DescribeRule shows, its tags, its targets by id."""

    def __init__(self, region, shown, tags):
        self.region, self.shown, self.tags, self.targets = region, shown, tags, {}

    @property
    def arn(self):
        """The rule's ARN."""
        return self.shown["Arn"]


def invalid(text):
    """The refusal of a parameter."""
    return AwsError("ValidationException", text, 400)


class Events(Targets, Strict):
    """The service; `rules` by `(region, name)`, `kept` every event that was put, `tasks` deliveries under way."""

    def __init__(self, account):
        self.account, self.rules, self.kept, self.tasks, self.delivered = account, {}, [], set(), []

    def _bus(self, call, p):
        given = p.get("EventBusName") or "default"
        if given not in ("default", f"arn:aws:events:{call.region}:{self.account.id}:event-bus/default"):
            raise AwsError("ResourceNotFoundException", f"Event bus {given.rsplit('/', 1)[-1]} does not exist.", 400)

    def rule(self, call, p, name="Name"):
        """A rule of the call's region."""
        self._bus(call, p)
        found = self.rules.get((call.region, p[name]))
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Rule {p[name]} does not exist on EventBus default.", 400)
        return found

    def PutRule(self, call, p):
        self._bus(call, p)
        pattern, schedule = p.get("EventPattern"), p.get("ScheduleExpression")
        if not pattern and not schedule:
            raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        if pattern:
            try:
                parse(pattern)
            except ValueError as error:
                raise AwsError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}", 400) from error
        if schedule and not (is_rate(schedule, strict=True) or is_cron(schedule)):
            raise invalid("Parameter ScheduleExpression is not valid.")
        if p.get("RoleArn") and not assumable(self.account, p["RoleArn"], "events.amazonaws.com"):
            raise invalid(f"Provided role '{p['RoleArn']}' cannot be assumed by principal 'events.amazonaws.com'.")
        key = (call.region, p["Name"])
        old = self.rules.get(key)
        if old is None and sum(where == call.region for where, _ in self.rules) >= _MOST_RULES:
            raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.", 400)
        # A rule that is there is replaced whole, but for its tags and targets. Source: API reference, PutRule.
        tags = old.tags if old else tags_of(p.get("Tags"), "ValidationException")
        shown = {k: p[k] for k in ("Name", "EventPattern", "ScheduleExpression", "Description", "RoleArn") if p.get(k)}
        shown.update(
            Arn=f"arn:aws:events:{call.region}:{self.account.id}:rule/{p['Name']}", State=p.get("State") or "ENABLED",
            EventBusName="default",
        )
        made = self.rules[key] = Rule(call.region, shown, tags)
        made.targets = old.targets if old else {}
        return {"RuleArn": made.arn}

    def DescribeRule(self, call, p):
        return {**self.rule(call, p).shown, "CreatedBy": self.account.id}

    def ListRules(self, call, p):
        self._bus(call, p)
        prefix = p.get("NamePrefix") or ""
        found = [r.shown for (where, name), r in sorted(self.rules.items()) if where == call.region and name.startswith(prefix)]
        shown, more = page(found, p, 100, limit="Limit", code="ValidationException")
        return {"Rules": shown, "NextToken": more}

    def DeleteRule(self, call, p):
        self._bus(call, p)
        found = self.rules.get((call.region, p["Name"]))
        if found and found.targets:
            raise invalid("Rule can't be deleted since it has targets.")
        # Repeatable: a rule that is gone is deleted.
        self.rules.pop((call.region, p["Name"]), None)
        return {}

    def EnableRule(self, call, p):
        self.rule(call, p).shown["State"] = "ENABLED"
        return {}

    def DisableRule(self, call, p):
        self.rule(call, p).shown["State"] = "DISABLED"
        return {}

    # -- buses: every region has one, and no other can be made here -------------------------------------------

    def ListEventBuses(self, call, p):
        arn = f"arn:aws:events:{call.region}:{self.account.id}:event-bus/default"
        buses = [{"Name": "default", "Arn": arn}]
        return {"EventBuses": [b for b in buses if b["Name"].startswith(p.get("NamePrefix") or "")]}

    def DescribeEventBus(self, call, p):
        name = (p.get("Name") or "default").rsplit("/", 1)[-1]
        if name != "default":
            raise AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.", 400)
        return self.ListEventBuses(call, {})["EventBuses"][0]

    def ListEndpoints(self, call, p):
        return {"Endpoints": []}

    # -- tags --------------------------------------------------------------------------------------------------

    def _tags(self, call, arn):
        found = re.fullmatch(rf"arn:aws:events:{call.region}:{self.account.id}:rule/(?:default/)?([\w.-]+)", arn)
        if not found:
            raise invalid(f"Parameter ResourceARN is not valid: {arn}")
        if (call.region, found.group(1)) not in self.rules:
            raise AwsError("ResourceNotFoundException", f"Rule {found.group(1)} does not exist on EventBus default.", 400)
        return self.rules[(call.region, found.group(1))].tags

    def TagResource(self, call, p):
        self._tags(call, p["ResourceARN"]).update(tags_of(p["Tags"], "ValidationException"))
        return {}

    def UntagResource(self, call, p):
        tags = self._tags(call, p["ResourceARN"])
        for key in p["TagKeys"]:
            tags.pop(key, None)
        return {}

    def ListTagsForResource(self, call, p):
        return {"Tags": tag_list(self._tags(call, p["ResourceARN"]))}

    def shown(self):
        """Rules, for the snapshot."""
        return {
            f"{region}/{name}": {
                "rule": rule.shown, "tags": rule.tags, "targets": sorted(rule.targets.values(), key=lambda t: t["Id"]),
            }
            for (region, name), rule in self.rules.items()
        }
