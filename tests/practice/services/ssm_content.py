"""What a document of Systems Manager must look like, Automation's above all.

Source: Systems Manager user guide, data elements and parameters, Automation actions reference.
"""

import json
import re

import yaml

from ..wire.errors import AwsError

_LIMIT = 64 * 1024
_SCHEMAS = {"Automation": ("0.3",), "Command": ("1.2", "2.0", "2.2"), "Session": ("1.0",), "Policy": ("2.0",)}
_TOP = {"description", "schemaVersion", "assumeRole", "parameters", "variables", "mainSteps", "outputs", "files", "comment"}
_TYPES = re.compile(r"String|StringList|Boolean|Integer|MapList|StringMap|(List<)?AWS::[\w:]+>?")
_STEP = {
    "name", "action", "description", "inputs", "onFailure", "onCancel", "nextStep", "isEnd", "isCritical", "timeoutSeconds",
    "maxAttempts", "outputs", "loop",
}
# Actions, and the inputs that they cannot do without.
ACTIONS = {
    "aws:approve": ("Approvers",), "aws:assertAwsResourceProperty": ("Service", "Api", "PropertySelector", "DesiredValues"),
    "aws:branch": ("Choices",), "aws:changeInstanceState": ("InstanceIds", "DesiredState"), "aws:createStack": ("StackName",),
    "aws:createTags": ("ResourceIds", "Tags"), "aws:deleteStack": ("StackName",), "aws:executeAutomation": ("DocumentName",),
    "aws:executeAwsApi": ("Service", "Api"), "aws:executeScript": ("Runtime", "Handler"), "aws:invokeLambdaFunction": ("FunctionName",),
    "aws:invokeWebhook": ("IntegrationName",), "aws:loop": ("Steps",), "aws:pause": (), "aws:runCommand": ("DocumentName",),
    "aws:runInstances": ("ImageId",), "aws:sleep": (), "aws:updateVariable": ("Name", "Value"),
    "aws:waitForAwsResourceProperty": ("Service", "Api", "PropertySelector", "DesiredValues"),
}
REFERENCE = re.compile(r"\{\{\s*([\w:.\-/]+)\s*\}\}")


def _refuse(text):
    raise AwsError("InvalidDocumentContent", text, 400)


def parse(text, form, kind):
    """The content of a document; AwsError when AWS would not take it."""
    if len(text.encode()) > _LIMIT:
        raise AwsError("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.", 400)
    if form == "TEXT":
        return {"text": text}
    try:
        content = json.loads(text) if form == "JSON" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        _refuse(f"{form} not well-formed. {error}")
    if not isinstance(content, dict):
        _refuse(f"{form} not well-formed.")
    schemas = _SCHEMAS.get(kind)
    if schemas and content.get("schemaVersion") not in schemas:
        raise AwsError("InvalidDocumentSchemaVersion", f"The schema version of a document of type {kind} is {' or '.join(schemas)}.", 400)
    if kind == "Automation":
        _automation(content)
    return content


def _automation(content):
    unknown = set(content) - _TOP
    if unknown:
        _refuse(f"Unknown property {sorted(unknown)[0]}")
    parameters = content.get("parameters") or {}
    for name, each in parameters.items():
        if not isinstance(each, dict) or not _TYPES.fullmatch(str(each.get("type"))):
            _refuse(f"The parameter {name} has no known type.")
    steps = content.get("mainSteps")
    if not isinstance(steps, list) or not steps:
        _refuse("mainSteps must be a list with at least one step")
    names = [step.get("name") for step in steps if isinstance(step, dict)]
    if len(names) != len(steps) or len(set(names)) != len(names):
        _refuse("Steps must be objects with different names")
    for step in steps:
        _step(step, names)
    _references(content, parameters, names)


def _step(step, names):
    name, action = step.get("name"), step.get("action")
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_]{3,128}", name):
        _refuse(f"The step name {name} is not valid: 3 to 128 letters, digits and underscores")
    if action not in ACTIONS:
        _refuse(f"Step {name}: unsupported action {action}")
    unknown = set(step) - _STEP
    if unknown:
        _refuse(f"Step {name}: unknown property {sorted(unknown)[0]}")
    inputs = step.get("inputs") or {}
    missing = [each for each in ACTIONS[action] if each not in inputs]
    if missing:
        _refuse(f"Step {name}: input {missing[0]} is required for {action}")
    if action == "aws:sleep" and ("Duration" in inputs) == ("Timestamp" in inputs):
        _refuse(f"Step {name}: one of Duration and Timestamp is required")
    for next_step in _targets(step, inputs):
        if next_step not in names:
            _refuse(f"Step {name}: there is no step {next_step}")
    for each in step.get("outputs") or []:
        if not {"Name", "Selector"} <= set(each) or each.get("Type", "String") not in ("String", "StringList", "Boolean", "Integer", "StringMap", "MapList"):
            _refuse(f"Step {name}: an output has a Name, a Selector and a Type")


def _targets(step, inputs):
    """The steps that a step names as coming next."""
    if step.get("nextStep"):
        yield step["nextStep"]
    for key in ("onFailure", "onCancel"):
        said = step.get(key) or "Abort"
        if said.startswith("step:"):
            yield said[5:]
        elif said not in ("Abort", "Continue"):
            _refuse(f"Step {step['name']}: {key} is Abort, Continue or step:<name>")
    if step["action"] == "aws:branch":
        for choice in inputs["Choices"]:
            yield choice.get("NextStep")
        if inputs.get("Default"):
            yield inputs["Default"]


def _references(content, parameters, names):
    """Every `{{ name }}` means a parameter, an output of a step, or something of the execution's own."""
    for text in _texts(content):
        for said in REFERENCE.findall(text):
            first = said.partition(".")[0]
            own = said.startswith(("global:", "automation:", "variable:", "ssm:"))
            if not own and said not in parameters and not ("." in said and first in names):
                _refuse(f"The reference {{{{ {said} }}}} means no parameter and no output of a step")


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
