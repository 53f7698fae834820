"""The steps of an automation, run: functions really, AWS's own APIs against the services that are played here.

Source: Systems Manager user guide, Automation actions reference. An action that is not played fails its step.
"""

import asyncio
import inspect
import json
import re
import time
from datetime import datetime, timezone

from .. import authority, ids
from ..call import Call, Principal
from ..calls import is_changing
from ..wire import models
from ..wire.errors import AwsError
from .ssm_content import REFERENCE
from .strict import check, function_of, now, run_function

_LONGEST_WAIT = 30
"""Seconds that a wait for a property may take here, whatever the document says."""


class Broken(Exception):
    """A step fails; the text says why."""


class Run:
    """One run through a document; `failure` says why it ended badly."""

    def __init__(self, account, region, content, values, ident):
        self.account, self.region, self.content, self.values = account, region, content, dict(values)
        self.id, self.steps, self.outputs, self.failure, self.results = ident, [], {}, None, {}

    def role(self):
        """The ARN of the role that the document wants assumed; empty for none."""
        return self._filled(self.content.get("assumeRole") or "")

    async def all(self):
        """Run the steps, each saying which is next."""
        steps = self.content["mainSteps"]
        places = {step["name"]: n for n, step in enumerate(steps)}
        at, turns = 0, 0
        while at is not None and at < len(steps) and turns < 100:
            step, turns = steps[at], turns + 1
            following = await self._one(step)
            if following is None:
                break
            at = places.get(following, at + 1)
        for said in self.content.get("outputs") or []:
            value = self._lookup(said)
            self.outputs[said] = [_text(value)] if value is not None else ["No output available yet because the step is not successfully executed"]

    async def _one(self, step):
        """Run one step; the name of the next ("" for the one below), None at the end."""
        record = {
            "StepName": step["name"], "Action": step["action"], "StepExecutionId": ids.unique(), "StepStatus": "InProgress",
            "ExecutionStartTime": now(), "OnFailure": step.get("onFailure") or "Abort", "IsEnd": bool(step.get("isEnd")),
            "Inputs": {}, "Outputs": {}, "MaxAttempts": step.get("maxAttempts") or 1,
        }
        self.steps.append(record)
        following = step.get("nextStep") or ""
        try:
            inputs = self._filled(step.get("inputs") or {})
            record["Inputs"] = {name: _text(value) for name, value in inputs.items()}
            result = await self._perform(step, inputs)
            following = result.pop("_next", following)
            self._keep(step, record, result)
            record.update(StepStatus="Success", ResponseCode="0")
        except (Broken, AwsError) as error:
            following = self._failed(step, record, str(error), following)
        record["ExecutionEndTime"] = now()
        return None if step.get("isEnd") and record["StepStatus"] == "Success" else following

    def _failed(self, step, record, text, following):
        record.update(StepStatus="Failed", FailureMessage=f"Step fails when it is Execute/Cancelling action. {text}")
        then = step.get("onFailure") or "Abort"
        if step.get("isCritical", True) and then != "Continue" or then == "Abort":
            self.failure = self.failure or f"Step {step['name']} failed: {text}"
        if then == "Abort":
            return None
        return then.removeprefix("step:") if then.startswith("step:") else following

    def _keep(self, step, record, result):
        record["Outputs"] = {name: [_text(value)] for name, value in result.items()}
        self.results.update({f"{step['name']}.{name}": value for name, value in result.items()})
        for each in step.get("outputs") or []:
            value = select(result, each["Selector"])
            if value is None:
                raise Broken(f"the output {each['Name']} is not in the answer at {each['Selector']}")
            self.results[f"{step['name']}.{each['Name']}"] = value
            record["Outputs"][each["Name"]] = [_text(value)]

    # -- references --------------------------------------------------------------------------------------------

    def _lookup(self, name):
        if name in self.results:
            return self.results[name]
        own = {
            "global:REGION": self.region, "global:ACCOUNT_ID": self.account.id, "automation:EXECUTION_ID": self.id,
            "global:DATE": now().strftime("%Y-%m-%d"), "global:DATE_TIME": now().strftime("%Y-%m-%d_%H.%M.%S"),
            "automation:REGION": self.region, "automation:ACCOUNT_ID": self.account.id,
        }
        if name in own:
            return own[name]
        if name.startswith("ssm:"):
            found = self.account.systems.parameters.get((self.region, name[4:]))
            return found.versions[-1]["value"] if found else None
        return self.values.get(name)

    def _filled(self, value):
        """A value with its references replaced: a reference alone keeps its type."""
        if isinstance(value, dict):
            return {name: self._filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if not isinstance(value, str):
            return value
        whole = REFERENCE.fullmatch(value.strip())
        if whole:
            return self._known(whole.group(1))
        return REFERENCE.sub(lambda m: _text(self._known(m.group(1))), value)

    def _known(self, name):
        found = self._lookup(name)
        if found is None:
            raise Broken(f"{{{{ {name} }}}} has no value")
        return found

    # -- actions -----------------------------------------------------------------------------------------------

    async def _perform(self, step, inputs):
        played = {
            "aws:invokeLambdaFunction": self._invoke, "aws:waitForAwsResourceProperty": self._wait_for,
            "aws:assertAwsResourceProperty": self._assert, "aws:executeAwsApi": self._ask, "aws:branch": self._branch,
            "aws:sleep": self._sleep,
        }.get(step["action"])
        if played is None:
            raise Broken(f"the practice account does not play the action {step['action']}")
        return await played(step, inputs)

    async def _sleep(self, _step, _inputs):
        return {}

    async def _invoke(self, _step, inputs):
        name, qualifier = str(inputs["FunctionName"]), inputs.get("Qualifier")
        arn = name if name.startswith("arn:") else f"arn:aws:lambda:{self.region}:{self.account.id}:function:{name}"
        function, said = function_of(self.account, arn)
        qualifier = qualifier or said
        target = arn + (f":{qualifier}" if qualifier and not said else "")
        self._allowed("lambda:InvokeFunction", target)
        if function is None:
            raise Broken(f"Function not found: {arn}")
        payload = inputs.get("Payload")
        if payload is None:
            payload = inputs.get("InputPayload", {})
        body = payload if isinstance(payload, str) else json.dumps(payload)
        done = await run_function(self.account, function, qualifier, body.encode())
        if done.error:
            raise Broken(f"the function {function.name} answered with an error: {done.payload.decode('utf-8', 'replace')[:500]}")
        return {"StatusCode": 200, "Payload": done.payload.decode("utf-8", "replace"), "ExecutedVersion": qualifier or "$LATEST"}

    def _allowed(self, action, resource):
        role = self.role()
        if role and self.account.role_allows(role.rsplit("/", 1)[-1], action, resource) != "Allow":
            raise Broken(f"the role {role} is not authorized to perform: {action} on resource: {resource}")

    async def _ask(self, _step, inputs):
        return await self._api(inputs)

    async def _api(self, inputs):
        """What a service that is played here answers."""
        given = {k: v for k, v in inputs.items() if k not in ("Service", "Api", "PropertySelector", "DesiredValues")}
        service, api = str(inputs["Service"]).lower(), str(inputs["Api"])
        operation = "".join(part[:1].upper() + part[1:] for part in api.split("_"))
        player = self.account.played.get(service)
        method = getattr(player, operation, None) if player else None
        if method is None:
            raise Broken(f"the practice account does not play {service} {operation} for automations")
        call = self._call(service, operation, given)
        authority.check(self.account, call)
        check(call.service.operation(operation), given, "ValidationException")
        out = method(call, given)
        out = await out if inspect.isawaitable(out) else out
        return json.loads(json.dumps(out, default=_plain))

    def _call(self, service, operation, given):
        role = self.role()
        principal = Principal("user", self.account.user_arn)
        if role:
            name = role.rsplit("/", 1)[-1]
            principal = Principal("role", f"arn:aws:sts::{self.account.id}:assumed-role/{name}/Automation-{self.id}", name)
        region = "us-east-1" if service == "cloudfront" else self.region
        call = Call("POST", "/", "", {}, {}, b"", "", models.service(service), operation, {}, given, principal, region)
        call.changing = is_changing(service, operation)
        return call

    async def _assert(self, _step, inputs):
        found = select(await self._api(inputs), inputs["PropertySelector"])
        wanted = [_text(each) for each in inputs["DesiredValues"]]
        if found is None or _text(found) not in wanted:
            raise Broken(f"{inputs['PropertySelector']} is {_text(found)}, not one of {', '.join(wanted)}")
        return {}

    async def _wait_for(self, step, inputs):
        end = time.monotonic() + min(step.get("timeoutSeconds") or 3600, _LONGEST_WAIT)
        while True:
            try:
                return await self._assert(step, inputs)
            except Broken as error:
                if time.monotonic() >= end:
                    raise Broken(f"timed out: {error}") from error
            await asyncio.sleep(0.05)

    async def _branch(self, step, inputs):
        for choice in inputs["Choices"]:
            if _chosen(choice):
                return {"_next": choice["NextStep"]}
        if inputs.get("Default"):
            return {"_next": inputs["Default"]}
        return {} if step.get("isEnd") else {"_next": step.get("nextStep") or ""}


_TESTS = {
    "StringEquals": lambda v, w: str(v) == str(w), "EqualsIgnoreCase": lambda v, w: str(v).lower() == str(w).lower(),
    "StartsWith": lambda v, w: str(v).startswith(str(w)), "EndsWith": lambda v, w: str(v).endswith(str(w)),
    "Contains": lambda v, w: str(w) in str(v), "NumericEquals": lambda v, w: float(v) == float(w),
    "NumericGreater": lambda v, w: float(v) > float(w), "NumericLesser": lambda v, w: float(v) < float(w),
    "NumericGreaterOrEquals": lambda v, w: float(v) >= float(w), "NumericLesserOrEquals": lambda v, w: float(v) <= float(w),
    "BooleanEquals": lambda v, w: str(v).lower() == str(w).lower(),
}


def _chosen(choice):
    if "And" in choice:
        return all(_chosen(each) for each in choice["And"])
    if "Or" in choice:
        return any(_chosen(each) for each in choice["Or"])
    if "Not" in choice:
        return not _chosen(choice["Not"])
    name = next((each for each in _TESTS if each in choice), None)
    if name is None:
        raise Broken(f"no known comparison in the choice {choice}")
    return _TESTS[name](choice["Variable"], choice[name])


def select(value, path):
    """The value at a JSON path of names and indexes; None when there is none."""
    for name, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", path.removeprefix("$")):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return value


def _text(value):
    return value if isinstance(value, str) else json.dumps(value, default=_plain)


def _plain(value):
    return value.astimezone(timezone.utc).isoformat() if isinstance(value, datetime) else str(value)
