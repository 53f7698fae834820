"""CloudFront functions: two stages, a size, stores that have to be ready.

Source: CloudFront API reference, CreateFunction and PublishFunction; CloudFront quotas.
"""

from datetime import datetime, timezone

from .. import ids
from ..wire.errors import AwsError

LARGEST = 10_240
RUNTIMES = ("cloudfront-js-1.0", "cloudfront-js-2.0")


class Function:
    """One function; `stages` maps DEVELOPMENT and LIVE to `(config, code, etag)`."""

    def __init__(self, account, name):
        self.name = name
        self.arn = f"arn:aws:cloudfront::{account.id}:function/{name}"
        self.stages, self.created = {}, datetime.now(timezone.utc).replace(microsecond=0)

    def set(self, stage, config, code):
        """Put a text into a stage; a new ETag."""
        self.stages[stage] = (config, code, ids.cloudfront())

    def stores(self, stage):
        """ARNs of the stores that a stage's text reads."""
        held = self.stages[stage][0].get("KeyValueStoreAssociations") or {}
        return [item["KeyValueStoreARN"] for item in held.get("Items") or []]


class Functions:
    """Mixed into `CloudFront`."""

    def _function(self, p):
        function = self.functions.get(p["Name"])
        if function is None:
            raise AwsError("NoSuchFunctionExists", "The specified function does not exist.", 404)
        return function

    def _stage(self, p):
        function, stage = self._function(p), p.get("Stage") or "DEVELOPMENT"
        if stage not in function.stages:
            raise AwsError("NoSuchFunctionExists", f"The specified function does not exist in the {stage} stage.", 404)
        return function, stage, function.stages[stage]

    def _check(self, config, code):
        if config.get("Runtime") not in RUNTIMES:
            raise AwsError("InvalidArgument", "The runtime is not valid.", 400)
        if len(code) > LARGEST:
            raise AwsError("FunctionSizeLimitExceeded", "The function is too large: the limit is 10 KB.", 413)
        held = config.get("KeyValueStoreAssociations") or {}
        items = held.get("Items") or []
        if int(held.get("Quantity", 0)) != len(items) or len(items) > 1:
            raise AwsError("InvalidArgument", "The parameter KeyValueStoreAssociations has a wrong quantity.", 400)
        for item in items:
            store = self.account.stores.by_arn(item["KeyValueStoreARN"])
            if store is None:
                raise AwsError("EntityNotFound", "The key value store does not exist.", 404)
            if not store.wait.poll():
                raise AwsError(
                    "InvalidArgument", "Key value store cannot be associated before the resource is provisioned.", 400
                )

    def CreateFunction(self, call, p):
        from .cloudfront import tags_in

        if p["Name"] in self.functions:
            raise AwsError("FunctionAlreadyExists", "A function with the same name already exists.", 409)
        self._check(p["FunctionConfig"], p["FunctionCode"])
        function = self.functions[p["Name"]] = Function(self.account, p["Name"])
        function.set("DEVELOPMENT", p["FunctionConfig"], p["FunctionCode"])
        self.tags[function.arn] = tags_in(call.body)
        return {**self._summary(function, "DEVELOPMENT"), "Location": function.name, "_status": 201}

    def DescribeFunction(self, call, p):
        function, stage, _ = self._stage(p)
        return self._summary(function, stage)

    def GetFunction(self, call, p):
        _, _, (_, code, etag) = self._stage(p)
        return {"FunctionCode": code, "ETag": etag, "ContentType": "application/octet-stream"}

    def ListFunctions(self, call, p):
        from .cloudfront import listed

        stage = p.get("Stage") or "DEVELOPMENT"
        held = [f for f in self.functions.values() if stage in f.stages]
        return {"FunctionList": listed([self._summary(f, stage)["FunctionSummary"] for f in held], p, short=True)}

    def UpdateFunction(self, call, p):
        from .cloudfront import check_match

        function = self._function(p)
        check_match(p, function.stages["DEVELOPMENT"][2])
        self._check(p["FunctionConfig"], p["FunctionCode"])
        function.set("DEVELOPMENT", p["FunctionConfig"], p["FunctionCode"])
        return self._summary(function, "DEVELOPMENT")

    def PublishFunction(self, call, p):
        from .cloudfront import check_match

        function = self._function(p)
        config, code, etag = function.stages["DEVELOPMENT"]
        check_match(p, etag)
        function.set("LIVE", config, code)
        return {"FunctionSummary": self._summary(function, "LIVE")["FunctionSummary"]}

    def DeleteFunction(self, call, p):
        from .cloudfront import check_match

        function = self._function(p)
        check_match(p, function.stages["DEVELOPMENT"][2])
        if any(function.arn in self.functions_of(config) for config in self.configs()):
            raise AwsError("FunctionInUse", "The function is used by a distribution.", 409)
        del self.functions[function.name]
        self.tags.pop(function.arn, None)
        return {"_status": 204}

    def _summary(self, function, stage):
        config, _, etag = function.stages[stage]
        summary = {
            "Name": function.name,
            "Status": "UNASSOCIATED" if stage == "LIVE" else "UNPUBLISHED",
            "FunctionConfig": config,
            "FunctionMetadata": {"FunctionARN": function.arn, "Stage": stage, "CreatedTime": function.created,
                                 "LastModifiedTime": function.created},
        }
        return {"FunctionSummary": summary, "ETag": etag}
