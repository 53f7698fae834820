"""Scheduler's schedules: kept, judged, and run when somebody asks for it at the account's own door.

Source: EventBridge Scheduler API reference, CreateSchedule, UpdateSchedule; user guide, execution role.
"""

import json
import re
import zoneinfo
from datetime import datetime, timezone

from ..wire.errors import AwsError
from .expressions import is_at, is_cron, is_rate
from .strict import assumable, function_of, now, page, run_function

_KEPT = (
    "ActionAfterCompletion", "Description", "EndDate", "FlexibleTimeWindow", "KmsKeyArn", "ScheduleExpression",
    "ScheduleExpressionTimezone", "StartDate", "State", "Target",
)
_TARGET = r"arn:aws[\w-]*:(?:scheduler:::aws-sdk:[a-z0-9]+:[A-Za-z0-9]+|[a-z0-9-]+:[a-z0-9-]*:(?:\d{12})?:.+)"
_CANNOT_ASSUME = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."


def _invalid(text):
    return AwsError("ValidationException", text, 400)


class Schedules:
    """Mixed into `Scheduler`."""

    def CreateSchedule(self, call, p):
        group = self.group(call, p.get("GroupName") or "default")
        if group.gone:
            raise AwsError("ConflictException", f"Schedule group {group.name} is being deleted.", 409)
        key, token = (call.region, group.name, p["Name"]), p.get("ClientToken")
        self._check(call, group, p)
        if key in self.schedules:
            # The same token and the same parameters: the same answer again.
            if not token or self.tokens.get(key) != (token, _fingerprint(p)):
                raise AwsError("ConflictException", f"Schedule {p['Name']} already exists.", 409)
            return {"ScheduleArn": self.schedules[key]["Arn"]}
        self.schedules[key] = self._made(call, group, p, now())
        self.tokens[key] = (token, _fingerprint(p))
        return {"ScheduleArn": self.schedules[key]["Arn"]}

    def _made(self, call, group, p, created):
        shown = {
            "State": "ENABLED", "ActionAfterCompletion": "NONE", "ScheduleExpressionTimezone": "UTC",
            **{name: p[name] for name in _KEPT if p.get(name) is not None},
        }
        retries = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
        shown["Target"] = {**shown["Target"], "RetryPolicy": {**retries, **(shown["Target"].get("RetryPolicy") or {})}}
        for name in ("StartDate", "EndDate"):
            if name in shown:
                shown[name] = _moment(shown[name])
        shown.update(
            Arn=f"arn:aws:scheduler:{call.region}:{self.account.id}:schedule/{group.name}/{p['Name']}",
            GroupName=group.name, Name=p["Name"], CreationDate=created, LastModificationDate=now(),
        )
        return shown

    def _check(self, call, group, p):
        expression = p["ScheduleExpression"]
        if not (is_rate(expression, strict=False) or is_cron(expression) or is_at(expression)):
            raise _invalid(f"Invalid Schedule Expression {expression}.")
        zone = p.get("ScheduleExpressionTimezone")
        if zone is not None and zone not in zoneinfo.available_timezones():
            raise _invalid(f"Invalid ScheduleExpressionTimezone {zone}.")
        window = p["FlexibleTimeWindow"]
        if (window["Mode"] == "FLEXIBLE") != (window.get("MaximumWindowInMinutes") is not None):
            raise _invalid("MaximumWindowInMinutes must be given if, and only if, FlexibleTimeWindow has the mode FLEXIBLE.")
        _check_dates(p)
        _check_target(p["Target"])
        context = {"aws:SourceAccount": self.account.id, "aws:SourceArn": group.arn}
        if not assumable(self.account, p["Target"]["RoleArn"], "scheduler.amazonaws.com", context):
            raise _invalid(_CANNOT_ASSUME)

    def _schedule(self, call, p):
        group = self.group(call, p.get("GroupName") or "default")
        key = (call.region, group.name, p["Name"])
        if key not in self.schedules:
            raise AwsError("ResourceNotFoundException", f"Schedule {p['Name']} does not exist.", 404)
        return key, group

    def GetSchedule(self, call, p):
        return self.schedules[self._schedule(call, p)[0]]

    def UpdateSchedule(self, call, p):
        # Replaced whole: what is not given goes back to its default. Source: API reference, UpdateSchedule.
        key, group = self._schedule(call, p)
        self._check(call, group, p)
        self.schedules[key] = self._made(call, group, p, self.schedules[key]["CreationDate"])
        return {"ScheduleArn": self.schedules[key]["Arn"]}

    def DeleteSchedule(self, call, p):
        key, _ = self._schedule(call, p)
        del self.schedules[key]
        self.tokens.pop(key, None)
        return {}

    def ListSchedules(self, call, p):
        if p.get("GroupName"):
            self.group(call, p["GroupName"])
        found = []
        for (region, group, name), schedule in sorted(self.schedules.items()):
            if region != call.region or p.get("GroupName") not in (None, group):
                continue
            if name.startswith(p.get("NamePrefix") or "") and p.get("State") in (None, schedule["State"]):
                found.append({
                    **{k: schedule[k] for k in ("Arn", "CreationDate", "GroupName", "LastModificationDate", "Name", "State")},
                    "Target": {"Arn": schedule["Target"]["Arn"]},
                })
        shown, more = page(found, p, 100, code="ValidationException")
        return {"Schedules": shown, "NextToken": more}

    async def run_now(self, name, group):
        """Run a schedule as if its time had come: what came back, or why nothing could be run, as JSON."""
        found = next((s for (_, g, n), s in self.schedules.items() if (g, n) == (group, name)), None)
        if found is None:
            return {"ran": False, "error": f"no schedule {group}/{name}"}
        target = found["Target"]
        group_arn = next(g.arn for (region, n), g in self.groups.items() if n == group and f":{region}:" in found["Arn"])
        context = {"aws:SourceAccount": self.account.id, "aws:SourceArn": group_arn}
        if not assumable(self.account, target["RoleArn"], "scheduler.amazonaws.com", context):
            return {"ran": False, "error": _CANNOT_ASSUME}
        function, qualifier = function_of(self.account, target["Arn"])
        if function is None:
            return {"ran": False, "error": f"no function {target['Arn']}; other targets are not played"}
        role = target["RoleArn"].rsplit("/", 1)[-1]
        if self.account.role_allows(role, "lambda:InvokeFunction", target["Arn"]) != "Allow":
            return {"ran": False, "error": f"the role {role} may not lambda:InvokeFunction on {target['Arn']}"}
        try:
            done = await run_function(self.account, function, qualifier, (target.get("Input") or "{}").encode())
        except AwsError as error:
            return {"ran": False, "error": str(error)}
        return {"ran": True, "state": found["State"], "error": done.error, "payload": _json(done.payload)}


def _fingerprint(p):
    return json.dumps({k: v for k, v in p.items() if k != "ClientToken"}, sort_keys=True, default=str)


def _moment(value):
    return value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), timezone.utc)


def _check_dates(p):
    start, end = (p.get(name) and _moment(p[name]) for name in ("StartDate", "EndDate"))
    if end and end <= now():
        raise _invalid("The EndDate you specify must come after the current time.")
    if start and end and end <= start:
        raise _invalid("The EndDate you specify must come after the StartDate.")


def _check_target(target):
    if not re.fullmatch(_TARGET, target["Arn"]):
        raise _invalid(f"Provided Arn is not in correct format: {target['Arn']}")
    universal, is_function = ":::aws-sdk:" in target["Arn"], target["Arn"].startswith("arn:aws:lambda:")
    if target.get("Input") is not None and (universal or is_function):
        try:
            json.loads(target["Input"])
        except ValueError as error:
            raise _invalid("Invalid request provided: the Input of the target is no well-formed JSON") from error


def _json(payload):
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
