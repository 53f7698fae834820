"""CloudWatch's dashboards, played: global, whichever region is asked.

Source: CloudWatch API reference, PutDashboard, and Dashboard body structure and syntax.
"""

import json
import re

from ..wire.errors import AwsError
from .strict import now, page, tags_of

_WIDGETS = ("metric", "text", "log", "alarm", "explorer", "custom")
_TOP = {"widgets", "start", "end", "periodOverride", "variables"}
_PLACE = {"x": (0, 23), "y": (0, 10**6), "width": (1, 24), "height": (1, 1000)}


class Dashboard:
    """One dashboard."""

    def __init__(self, name, arn, body, tags):
        self.name, self.arn, self.body, self.tags, self.changed = name, arn, body, tags, now()


class Dashboards:
    """Mixed into `CloudWatch`."""

    def PutDashboard(self, call, p):
        name, text = p["DashboardName"], p["DashboardBody"]
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
            raise _refused([_message("", f"Invalid dashboard name: {name}")])
        errors, warnings = _judged(text)
        if errors:
            raise _refused(errors)
        old = self.dashboards.get(name)
        # An update leaves the tags as they are. Source: API reference, PutDashboard, Tags.
        tags = old.tags if old else tags_of(p.get("Tags"), "InvalidParameterValue")
        self.dashboards[name] = Dashboard(name, f"arn:aws:cloudwatch::{self.account.id}:dashboard/{name}", text, tags)
        return {"DashboardValidationMessages": warnings}

    def _dashboard(self, name):
        if name not in self.dashboards:
            raise AwsError("ResourceNotFound", f"Dashboard {name} does not exist", 404)
        return self.dashboards[name]

    def GetDashboard(self, call, p):
        found = self._dashboard(p["DashboardName"])
        return {"DashboardArn": found.arn, "DashboardBody": found.body, "DashboardName": found.name}

    def ListDashboards(self, call, p):
        prefix = p.get("DashboardNamePrefix") or ""
        found = sorted((d for d in self.dashboards.values() if d.name.startswith(prefix)), key=lambda d: d.name)
        shown, more = page(found, p, 1000, code="InvalidParameterValue")
        entries = [
            {"DashboardName": d.name, "DashboardArn": d.arn, "LastModified": d.changed, "Size": len(d.body)} for d in shown
        ]
        return {"DashboardEntries": entries, "NextToken": more}

    def DeleteDashboards(self, call, p):
        # One that is not there, and none is deleted. Source: API reference, DeleteDashboards.
        for name in p["DashboardNames"]:
            self._dashboard(name)
        for name in p["DashboardNames"]:
            self.dashboards.pop(name, None)
        return {}


def _message(path, text):
    return {"DataPath": path, "Message": text}


def _refused(errors):
    text = f"The field DashboardBody must be a valid JSON object: there are {len(errors)} validation errors: {json.dumps(errors)}"
    return AwsError("InvalidParameterInput", text, 400, extra={"dashboardValidationMessages": errors})


def _judged(text):
    """`(errors, warnings)` of a body: what AWS refuses, and what it takes but tells of."""
    try:
        body = json.loads(text)
    except ValueError as error:
        return [_message("", f"The dashboard body is no valid JSON: {error}")], []
    if not isinstance(body, dict):
        return [_message("", "The dashboard body must be a JSON object")], []
    widgets = body.get("widgets")
    if not isinstance(widgets, list):
        return [_message("", "Should have required property 'widgets'")], []
    errors = [] if len(widgets) <= 500 else [_message("/widgets", "Should NOT have more than 500 items")]
    warnings = [_message(f"/{name}", f"Should NOT have additional property: {name}") for name in set(body) - _TOP]
    for n, widget in enumerate(widgets):
        errors += _widget(widget, f"/widgets/{n}")
    return errors, warnings


def _widget(widget, path):
    if not isinstance(widget, dict):
        return [_message(path, "Should be object")]
    found = [_message(path, f"Should have required property '{name}'") for name in ("type", "properties") if name not in widget]
    if found:
        return found
    if widget["type"] not in _WIDGETS:
        return [_message(f"{path}/type", "Should be equal to one of the allowed values")]
    for name, (least, most) in _PLACE.items():
        value = widget.get(name, least)
        if not isinstance(value, int) or not least <= value <= most:
            found.append(_message(f"{path}/{name}", f"Should be an integer from {least} to {most}"))
    properties = widget["properties"]
    if not isinstance(properties, dict):
        return [*found, _message(f"{path}/properties", "Should be object")]
    return found + [_message(f"{path}/properties", text) for text in _properties(widget["type"], properties)]


def _properties(kind, properties):
    needed = {"text": ("markdown",), "log": ("region", "query"), "alarm": ("alarms",), "custom": ("endpoint",)}.get(kind, ())
    for name in needed:
        if name not in properties:
            yield f"Should have required property '{name}'"
    if kind == "metric":
        # A widget shows metrics in a named region, or alarms.
        if not ("metrics" in properties or "annotations" in properties):
            yield "Should have required property 'metrics'"
        if "region" not in properties and "alarms" not in (properties.get("annotations") or {}):
            yield "Should have required property 'region'"
        if not all(isinstance(each, list) and each for each in properties.get("metrics") or []):
            yield "Should be array: metrics"
