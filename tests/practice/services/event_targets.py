"""EventBridge's targets, and what happens to an event. Source: EventBridge API reference, PutTargets, PutEvents."""

import asyncio
import json
import re

from .. import ids
from ..wire.errors import AwsError
from . import event_patterns
from .strict import function_of, now, page, run_function

_MOST_TARGETS = 5
_ARN = re.compile(r"arn:aws[\w-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12})?:.+")
# Kinds of targets that are reached with a role. Source: EventBridge user guide, targets.
_WITH_ROLE = ("kinesis", "ecs", "states", "firehose", "batch", "codepipeline", "codebuild", "ssm")


def _invalid(text):
    return AwsError("ValidationException", text, 400)


def _check_target(target):
    arn, ident = target["Arn"], target["Id"]
    if not _ARN.fullmatch(arn):
        raise _invalid(f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.")
    given = [name for name in ("Input", "InputPath", "InputTransformer") if target.get(name) is not None]
    if len(given) > 1:
        raise _invalid(f"Only one of Input, InputPath, or InputTransformer must be provided for target {ident}.")
    if target.get("Input") is not None:
        try:
            json.loads(target["Input"])
        except ValueError as error:
            raise _invalid(f"JSON syntax error in input for target {ident}") from error
    service = arn.split(":")[2]
    if service in _WITH_ROLE and not target.get("RoleArn"):
        raise _invalid(f"RoleArn is required for target {arn}.")


class Targets:
    """Mixed into `Events`."""

    def PutTargets(self, call, p):
        rule, failed = self.rule(call, p, "Rule"), []
        for target in p["Targets"]:
            _check_target(target)
        if len({*rule.targets, *(t["Id"] for t in p["Targets"])}) > _MOST_TARGETS:
            raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.", 400)
        for target in p["Targets"]:
            region, service = target["Arn"].split(":")[3], target["Arn"].split(":")[2]
            if region and region != call.region and service != "events":
                # Not the call fails, but this entry of it: the answer is 200. Source: PutTargets, FailedEntries.
                text = f"Target {target['Id']} is in a different region than the rule."
                failed.append({"TargetId": target["Id"], "ErrorCode": "ValidationException", "ErrorMessage": text})
            else:
                rule.targets[target["Id"]] = target
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    def ListTargetsByRule(self, call, p):
        rule = self.rule(call, p, "Rule")
        found = sorted(rule.targets.values(), key=lambda t: t["Id"])
        shown, more = page(found, p, 100, limit="Limit", code="ValidationException")
        return {"Targets": shown, "NextToken": more}

    def ListRuleNamesByTarget(self, call, p):
        self._bus(call, p)
        found = sorted(
            name for (where, name), r in self.rules.items()
            if where == call.region and any(t["Arn"] == p["TargetArn"] for t in r.targets.values())
        )
        shown, more = page(found, p, 100, limit="Limit", code="ValidationException")
        return {"RuleNames": shown, "NextToken": more}

    def RemoveTargets(self, call, p):
        rule = self.rule(call, p, "Rule")
        for ident in p["Ids"]:
            rule.targets.pop(ident, None)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def TestEventPattern(self, call, p):
        try:
            pattern = event_patterns.parse(p["EventPattern"])
        except ValueError as error:
            raise AwsError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}", 400) from error
        return {"Result": event_patterns.matches(pattern, json.loads(p["Event"]))}

    # -- events ------------------------------------------------------------------------------------------------

    def PutEvents(self, call, p):
        entries, wrong = [], 0
        for entry in p["Entries"]:
            trouble = _trouble(entry)
            if trouble:
                wrong += 1
                entries.append({"ErrorCode": trouble[0], "ErrorMessage": trouble[1]})
                continue
            event = {
                "version": "0", "id": ids.unique(), "detail-type": entry["DetailType"], "source": entry["Source"],
                "account": self.account.id, "time": now().strftime("%Y-%m-%dT%H:%M:%SZ"), "region": call.region,
                "resources": entry.get("Resources") or [], "detail": json.loads(entry["Detail"]),
            }
            self.kept.append(event)
            entries.append({"EventId": event["id"]})
            self._route(event, call.region)
        return {"FailedEntryCount": wrong, "Entries": entries}

    def _route(self, event, region):
        for (where, _), rule in self.rules.items():
            pattern = rule.shown.get("EventPattern")
            if where != region or rule.shown["State"] == "DISABLED" or not pattern:
                continue
            if event_patterns.matches(json.loads(pattern), event):
                for target in rule.targets.values():
                    self._deliver(rule, target, event)

    def _deliver(self, rule, target, event):
        payload = _payload(target, event)
        if target["Arn"].startswith("arn:aws:sns:"):
            self.account.topics.deliver(target["Arn"], "events.amazonaws.com", rule.arn, None, payload)
            return
        function, qualifier = function_of(self.account, target["Arn"])
        if function is None or not self.account.functions.allows(function, qualifier, "events.amazonaws.com", rule.arn):
            self.account.edge.note("events", f"{rule.arn}: no function or no permission for target {target['Id']}")
            return
        task = asyncio.get_running_loop().create_task(self._run(rule, target, function, qualifier, payload))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, rule, target, function, qualifier, payload):
        try:
            done = await run_function(self.account, function, qualifier, payload.encode())
        except AwsError as error:
            self.account.edge.note("events", f"{rule.arn}: target {target['Id']}: {error}")
            return
        self.delivered.append({"rule": rule.shown["Name"], "target": target["Id"], "error": done.error})


def _trouble(entry):
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
    if entry["Source"].startswith("aws."):
        return "NotAuthorizedForSourceException", "Not authorized for the source."
    if entry.get("EventBusName", "default").rsplit("/", 1)[-1] != "default":
        return "InvalidArgument", "Parameter EventBusName is not valid. Reason: the event bus does not exist."
    try:
        fine = isinstance(json.loads(entry["Detail"]), dict)
    except ValueError:
        fine = False
    return None if fine else ("MalformedDetail", "Detail is malformed.")


def _payload(target, event):
    """What the target gets: its own text, a part of the event, a text with values of the event, or the event."""
    if target.get("Input") is not None:
        return target["Input"]
    if target.get("InputPath"):
        return json.dumps(_at(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if not transformer:
        return json.dumps(event)
    text = transformer["InputTemplate"]
    for name, path in (transformer.get("InputPathsMap") or {}).items():
        value, sign = _at(event, path), f"<{name}>"
        # Within a string of the template a text stands as it is; elsewhere it is JSON.
        plain = isinstance(value, str) and re.search(rf'"[^"]*{re.escape(sign)}', text)
        text = text.replace(sign, value if plain else json.dumps(value))
    return text


def _at(event, path):
    value = event
    for part in path.removeprefix("$").strip(".").split("."):
        if part:
            value = value.get(part) if isinstance(value, dict) else None
    return value
