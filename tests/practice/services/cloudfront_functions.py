"""CloudFront's functions: two stages, each with its own code, configuration and ETag."""

import json
import re
from datetime import datetime, timezone

from .. import ids
from ..wire.errors import AwsError

LIMIT = 10 * 1024
"""Bytes of code. Source: CloudFront quotas (the API's model says more; the quota is what counts)."""


class Stage:
    """One stage of a function."""

    def __init__(self, code, config):
        self.code, self.config, self.etag = code, config, ids.cloudfront()
        self.modified = datetime.now(timezone.utc)


class Function:
    """One function; `live` is None until it is published."""

    def __init__(self, name, arn, stage):
        self.name, self.arn, self.development, self.live, self.tags = name, arn, stage, None, {}
        self.created = stage.modified

    def stage(self, name):
        """A stage, or None."""
        return self.live if name == "LIVE" else self.development

    def store_arns(self):
        """The stores that either stage may read."""
        return {arn for stage in (self.development, self.live) if stage for arn in stores_of(stage.config)}


def stores_of(config):
    """The ARNs of the stores a function's configuration names."""
    items = (config.get("KeyValueStoreAssociations") or {}).get("Items") or []
    return [each["KeyValueStoreARN"] for each in items]


class Functions:
    """Mixed into `CloudFront`."""

    def _function(self, name, stage="DEVELOPMENT"):
        found = self.code.get(name)
        if found is None or found.stage(stage) is None:
            raise AwsError("NoSuchFunctionExists", "The specified function does not exist.", 404)
        return found

    def _check_code(self, code, config):
        if len(code) > LIMIT:
            raise AwsError("FunctionSizeLimitExceeded", "The function is too large. Function code size must not exceed 10240 bytes.", 413)
        if not code:
            raise AwsError("InvalidArgument", "The function code must not be empty.", 400)
        if config.get("Runtime") not in ("cloudfront-js-1.0", "cloudfront-js-2.0"):
            raise AwsError("InvalidArgument", "The function runtime is not valid.", 400)
        if len(config.get("Comment") or "") > 128:
            raise AwsError("InvalidArgument", "The function comment is too long.", 400)
        check_quantities(config)
        named = stores_of(config)
        if named and config["Runtime"] != "cloudfront-js-2.0":
            raise AwsError("InvalidArgument", "Key value stores need the runtime cloudfront-js-2.0.", 400)
        if len(named) > 1:
            raise AwsError("InvalidArgument", "A function can have one key value store only.", 400)
        for arn in named:
            store = next((s for s in self.stores.values() if s.arn == arn), None)
            if store is None:
                raise AwsError("InvalidArgument", f"The key value store does not exist: {arn}", 400)
            if store.poll() != "READY":
                raise AwsError(
                    "InvalidArgument", "The key value store cannot be associated before the resource is provisioned.", 400
                )

    def CreateFunction(self, call, p):
        from .cloudfront import read_tags

        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", p["Name"]):
            raise AwsError("InvalidArgument", "The function name is not valid.", 400)
        if p["Name"] in self.code:
            raise AwsError("FunctionAlreadyExists", "A function with the same name already exists in this Amazon Web Services account.", 409)
        self._check_code(p["FunctionCode"], p["FunctionConfig"])
        made = Function(p["Name"], self.arn("function", p["Name"]), Stage(p["FunctionCode"], p["FunctionConfig"]))
        made.tags = read_tags(p.get("Tags"))
        self.code[made.name] = made
        location = f"https://cloudfront.amazonaws.com/2020-05-31/function/{made.arn}"
        return {"FunctionSummary": self._summary(made, "DEVELOPMENT"), "ETag": made.development.etag, "Location": location}

    def DescribeFunction(self, call, p):
        stage = p.get("Stage") or "DEVELOPMENT"
        found = self._function(p["Name"], stage)
        return {"FunctionSummary": self._summary(found, stage), "ETag": found.stage(stage).etag}

    def GetFunction(self, call, p):
        stage = self._function(p["Name"], p.get("Stage") or "DEVELOPMENT").stage(p.get("Stage") or "DEVELOPMENT")
        return {"FunctionCode": stage.code, "ETag": stage.etag, "ContentType": "application/octet-stream"}

    def UpdateFunction(self, call, p):
        from .cloudfront import check_match

        found = self._function(p["Name"])
        check_match(p.get("IfMatch"), found.development.etag)
        self._check_code(p["FunctionCode"], p["FunctionConfig"])
        found.development = Stage(p["FunctionCode"], p["FunctionConfig"])
        return {"FunctionSummary": self._summary(found, "DEVELOPMENT"), "ETag": found.development.etag}

    def PublishFunction(self, call, p):
        from .cloudfront import check_match

        found = self._function(p["Name"])
        check_match(p.get("IfMatch"), found.development.etag)
        found.live = Stage(found.development.code, found.development.config)
        return {"FunctionSummary": self._summary(found, "LIVE")}

    def DeleteFunction(self, call, p):
        from .cloudfront import check_match

        found = self._function(p["Name"])
        check_match(p.get("IfMatch"), found.development.etag)
        if any(found.arn in each.function_arns() for each in self.distributions.values()):
            raise AwsError("FunctionInUse", "Cannot delete the function because it's attached to one or more cache behaviors.", 409)
        del self.code[found.name]
        return {}

    def TestFunction(self, call, p):
        from .cloudfront import check_match

        stage = p.get("Stage") or "DEVELOPMENT"
        found = self._function(p["Name"], stage)
        check_match(p.get("IfMatch"), found.stage(stage).etag)
        try:
            event = json.loads(p["EventObject"])
        except ValueError as error:
            raise AwsError("InvalidArgument", "The event object is not valid JSON.", 400) from error
        run = self.account.edge.functions.run(found.stage(stage), event)
        return {
            "TestResult": {
                "FunctionSummary": self._summary(found, stage),
                "ComputeUtilization": str(run.utilization),
                "FunctionExecutionLogs": run.logs,
                "FunctionErrorMessage": run.error or "",
                "FunctionOutput": json.dumps(run.output) if run.output is not None else "",
            }
        }

    def ListFunctions(self, call, p):
        from .cloudfront import page

        stage = p.get("Stage") or "DEVELOPMENT"
        rows = [self._summary(f, stage) for f in self.code.values() if f.stage(stage)]
        return {"FunctionList": page(rows, p)[0]}

    def _summary(self, found, stage):
        of = found.stage(stage)
        associated = any(found.arn in each.function_arns() for each in self.distributions.values())
        published = found.live and found.live.code == of.code and found.live.config == of.config
        status = ("DEPLOYED" if associated else "UNASSOCIATED") if published else "UNPUBLISHED"
        return {
            "Name": found.name,
            "Status": status,
            "FunctionConfig": of.config,
            "FunctionMetadata": {
                "FunctionARN": found.arn, "Stage": stage, "CreatedTime": found.created, "LastModifiedTime": of.modified,
            },
        }


def check_quantities(value, path=""):
    """Every Quantity must be the number of Items beside it. Source: CloudFront API, InconsistentQuantities."""
    if isinstance(value, list):
        for each in value:
            check_quantities(each, path)
    if not isinstance(value, dict):
        return
    if "Quantity" in value and value["Quantity"] != len(value.get("Items") or []):
        raise AwsError("InconsistentQuantities", f"The value of Quantity and the size of Items don't match ({path}).", 400)
    for name, each in value.items():
        check_quantities(each, f"{path}.{name}".lstrip("."))
