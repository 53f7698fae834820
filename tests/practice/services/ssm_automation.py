"""Automation's executions: started, judged, told. The steps run in `ssm_steps.py`.

Source: Systems Manager API reference, StartAutomationExecution, GetAutomationExecution.
"""

import asyncio
import json
import logging
import re

from .. import ids
from ..clock import Wait
from ..wire.errors import AwsError
from .ssm_steps import Run
from .strict import assumable, now, page

log = logging.getLogger("practice")

_ASSUME = "The defined assume role is unable to be assumed."
_FILTERS = {"DocumentNamePrefix", "ExecutionStatus", "ExecutionId"}


def _wrong(text):
    return AwsError("InvalidAutomationExecutionParametersException", text, 400)


class Execution:
    """One execution."""

    def __init__(self, region, document, version, given, by, pace):
        self.id, self.region, self.document, self.version, self.given, self.by = ids.unique(), region, document, version, given, by
        self.started, self.ended, self.run, self.task, self.stopped = now(), None, None, None, False
        self.token, self.wait = None, Wait(pace)

    def status(self, poll=False):
        """`InProgress` until it has run and its time is over."""
        over = self.wait.poll() if poll else self.wait.over()
        if self.stopped:
            return "Cancelled"
        if not self.task.done() or not over:
            return "InProgress"
        return "Failed" if self.run.failure else "Success"


class Automations:
    """Mixed into `Ssm`."""

    def StartAutomationExecution(self, call, p):
        name = p["DocumentName"].rsplit("automation-definition/", 1)[-1].rsplit("document/", 1)[-1]
        found = self.documents.get((call.region, name))
        if found is None or found.kind != "Automation" or found.status(poll=True) != "Active":
            raise AwsError("AutomationDefinitionNotFoundException", f"Automation document {name} is not found or not active.", 400)
        version = found.version(p.get("DocumentVersion"))
        if version is None:
            raise AwsError("AutomationDefinitionVersionNotFoundException", f"Version {p['DocumentVersion']} of {name} is not found.", 400)
        for each in ("Targets", "TargetMaps", "TargetLocations", "TargetLocationsURL"):
            if p.get(each):
                raise AwsError("NotPlayed", f"the practice account does not play {each} of automations", 501)
        given = p.get("Parameters") or {}
        told = json.dumps([name, p.get("DocumentVersion"), given], sort_keys=True)
        if p.get("ClientToken"):
            for old in self.executions.values():
                if old.token and old.token[0] == p["ClientToken"]:
                    if old.token[1] != told:
                        raise AwsError("IdempotentParameterMismatch", "The client token was used with other parameters.", 400)
                    return {"AutomationExecutionId": old.id}
        values = _values(version.content.get("parameters") or {}, given)
        execution = Execution(call.region, name, version, given, call.principal.arn, self.account.pace)
        execution.token = (p["ClientToken"], told) if p.get("ClientToken") else None
        execution.run = Run(self.account, call.region, version.content, values, execution.id)
        role = execution.run.role()
        if role and not assumable(self.account, role, "ssm.amazonaws.com", {"aws:SourceAccount": self.account.id}):
            raise _wrong(_ASSUME)
        self.executions[execution.id] = execution
        execution.task = asyncio.get_running_loop().create_task(self._run(execution))
        self.tasks.add(execution.task)
        execution.task.add_done_callback(self.tasks.discard)
        return {"AutomationExecutionId": execution.id}

    async def _run(self, execution):
        try:
            await execution.run.all()
        except Exception:
            # A fault of the practice account itself: loud, and no success.
            log.exception("automation %s", execution.document)
            execution.run.failure = "the practice account failed; see its output"
        execution.ended = now()

    def _execution(self, call, p):
        found = self.executions.get(p["AutomationExecutionId"])
        if found is None or found.region != call.region:
            text = f"The automation execution {p['AutomationExecutionId']} is not found."
            raise AwsError("AutomationExecutionNotFoundException", text, 400)
        return found

    def _shown(self, found, status):
        over = status != "InProgress"
        return {
            "AutomationExecutionId": found.id, "DocumentName": found.document, "DocumentVersion": str(found.version.number),
            "AutomationExecutionStatus": status, "ExecutionStartTime": found.started, "ExecutionEndTime": found.ended if over else None,
            "ExecutedBy": found.by, "Mode": "Auto", "FailureMessage": found.run.failure if over else None,
            "Outputs": found.run.outputs if over else {}, "Targets": [], "ResolvedTargets": {"ParameterValues": [], "Truncated": False},
        }

    def GetAutomationExecution(self, call, p):
        found = self._execution(call, p)
        shown = self._shown(found, found.status(poll=True))
        shown.update(
            Parameters=found.given, StepExecutions=[dict(step) for step in found.run.steps], StepExecutionsTruncated=False,
            Variables={},
        )
        return {"AutomationExecution": shown}

    def DescribeAutomationExecutions(self, call, p):
        filters = {f["Key"]: f["Values"] for f in p.get("Filters") or []}
        unknown = set(filters) - _FILTERS
        if unknown:
            raise AwsError("InvalidFilterKey", f"The filter key {sorted(unknown)[0]} is not played.", 400)
        found = []
        for each in reversed(self.executions.values()):
            status = each.status()
            fits = (
                each.region == call.region
                and any(each.document.startswith(v) for v in filters.get("DocumentNamePrefix", [""]))
                and status in filters.get("ExecutionStatus", [status])
                and each.id in filters.get("ExecutionId", [each.id])
            )
            if fits:
                found.append({**self._shown(each, status), "AutomationType": "Local", "LogFile": ""})
        shown, more = page(found, p, 50)
        return {"AutomationExecutionMetadataList": shown, "NextToken": more}

    def DescribeAutomationStepExecutions(self, call, p):
        steps = [dict(step) for step in self._execution(call, p).run.steps]
        shown, more = page(steps[::-1] if p.get("ReverseOrder") else steps, p, 50)
        return {"StepExecutions": shown, "NextToken": more}

    def StopAutomationExecution(self, call, p):
        found = self._execution(call, p)
        if found.status() != "InProgress":
            raise AwsError("InvalidAutomationStatusUpdateException", "The execution has ended.", 400)
        found.stopped, found.ended = True, now()
        found.task.cancel()
        return {}


def _values(declared, given):
    """The value of every parameter, in its type; AwsError when the document does not take what was given."""
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise _wrong(f"Parameter names [{', '.join(unknown)}] are not declared in the document.")
    return {name: _parameter(name, each, given.get(name)) for name, each in declared.items()}


def _parameter(name, declared, texts):
    if texts is None:
        if "default" not in declared:
            raise _wrong(f"Parameter {name} is required and has no value.")
        return declared["default"]
    kind = declared["type"]
    value = list(texts) if kind == "StringList" or kind.startswith("List<") else _read(name, kind, texts)
    for each in value if isinstance(value, list) else [value]:
        allowed, pattern = declared.get("allowedValues"), declared.get("allowedPattern")
        if allowed and each not in allowed:
            raise _wrong(f"Parameter {name} has a value that is not among the allowed ones.")
        if pattern and not re.fullmatch(pattern, str(each)):
            raise _wrong(f"Parameter {name} does not match the pattern {pattern}.")
    return value


def _read(name, kind, texts):
    if len(texts) != 1:
        raise _wrong(f"Parameter {name} of type {kind} takes one value.")
    if kind not in ("Boolean", "Integer", "MapList", "StringMap"):
        return texts[0]
    try:
        value = json.loads(texts[0].lower() if kind == "Boolean" else texts[0])
    except ValueError:
        value = None
    wanted = {"Boolean": bool, "Integer": int, "MapList": list, "StringMap": dict}[kind]
    if not isinstance(value, wanted):
        raise _wrong(f"Parameter {name} is no {kind}.")
    return value
