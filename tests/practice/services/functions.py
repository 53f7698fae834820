"""Lambda's control plane, played. Source: Lambda API reference. The code runs in `edge/lambda_run.py`."""

import base64
import hashlib
import io
import json
import re
import zipfile
from datetime import datetime, timezone

from .. import ids
from ..clock import Wait
from ..wire.errors import AwsError
from .functions_access import Access
from .functions_code import stored
from .functions_vpc import Network

_RUNTIMES = {
    "provided.al2023", "provided.al2", "nodejs20.x", "nodejs22.x", "python3.11", "python3.12", "python3.13", "java21",
}
_PACKAGE_LIMIT = 50 * 1024 * 1024
_ENVIRONMENT_LIMIT = 4096
# Names that a function may not set. Source: Lambda developer guide, reserved environment variables.
_RESERVED = {
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}


class Package:
    """A zip, and its hash, taken once: packages have tens of megabytes."""

    def __init__(self, data):
        self.data, self.sha256 = data, base64.b64encode(hashlib.sha256(data).digest()).decode()


class Version:
    """Code and configuration, of `$LATEST` or of a published version."""

    def __init__(self, number, config, package):
        self.number, self.config, self.package = number, config, package
        self.revision = ids.unique()


class Function:
    """One function with its versions and aliases; `policies` maps a qualifier ("" is none) to statements."""

    def __init__(self, name, region, arn, config, package, tags, pace):
        self.name, self.region, self.arn, self.tags = name, region, arn, tags
        self.latest = Version("$LATEST", config, package)
        self.versions, self.aliases, self.policies, self.policy_revisions = {}, {}, {}, {}
        self.next_version = 1
        # The network interfaces that Lambda has made for it.
        self.holds = {}
        self._pending, self._updating = Wait(pace), None

    def touch(self, pace):
        """An update begins."""
        self.latest.revision = ids.unique()
        self._updating = Wait(pace)

    def state(self, poll=False):
        """`Pending` or `Active`."""
        return "Active" if (self._pending.poll() if poll else self._pending.over()) else "Pending"

    def update(self, poll=False):
        """`InProgress` or `Successful`."""
        if self._updating is None:
            return "Successful"
        return "Successful" if (self._updating.poll() if poll else self._updating.over()) else "InProgress"


class Lambda(Access, Network):
    """The service."""

    def __init__(self, account):
        self.account, self.functions = account, {}

    def find(self, call, name):
        """`(function, qualifier or "")` of a name, a partial or a whole ARN."""
        region, qualifier = call.region, ""
        whole = re.fullmatch(r"arn:aws:lambda:([a-z0-9-]+):(\d{12}):function:([^:]+)(?::(.+))?", name)
        partial = re.fullmatch(r"(?:\d{12}:function:)?([^:]+)(?::(.+))?", name)
        if whole:
            region, name, qualifier = whole.group(1), whole.group(3), whole.group(4) or ""
        elif partial:
            name, qualifier = partial.group(1), partial.group(2) or ""
        found = self.functions.get((region, name))
        if found is None:
            arn = f"arn:aws:lambda:{region}:{self.account.id}:function:{name}"
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return found, qualifier

    def resolve(self, function, qualifier):
        """The version that a qualifier means."""
        if qualifier in ("", "$LATEST"):
            return function.latest
        if qualifier in function.aliases:
            qualifier = function.aliases[qualifier]["FunctionVersion"]
            if qualifier == "$LATEST":
                return function.latest
        if qualifier in function.versions:
            return function.versions[qualifier]
        raise AwsError("ResourceNotFoundException", f"Function not found: {function.arn}:{qualifier}", 404)

    # -- functions ---------------------------------------------------------------------------------------------

    def CreateFunction(self, call, p):
        name = p["FunctionName"].rsplit(":", 1)[-1]
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
            raise AwsError("ValidationException", "1 validation error detected: Value at 'functionName' failed to satisfy constraint", 400)
        if (call.region, name) in self.functions:
            raise AwsError("ResourceConflictException", f"Function already exist: {name}", 409)
        package = self._package(call, p.get("Code") or {})
        config = self._connected(call.region, self._config({}, p), p)
        arn = f"arn:aws:lambda:{call.region}:{self.account.id}:function:{name}"
        made = Function(name, call.region, arn, config, package, dict(p.get("Tags") or {}), self._network_pace(config))
        self.functions[(call.region, name)] = made
        self._place(made)
        out = self._shown(made, made.latest)
        if p.get("Publish"):
            out = self._shown(made, self._publish(made, ""))
        return out

    def GetFunction(self, call, p):
        function, version = self._asked(call, p)
        out = {
            "Configuration": self._shown(function, version, poll=True),
            "Code": {"RepositoryType": "S3", "Location": f"{self.account.endpoint}/_practice/code/{function.name}"},
        }
        if function.tags:
            out["Tags"] = function.tags
        return out

    def GetFunctionConfiguration(self, call, p):
        function, version = self._asked(call, p)
        return self._shown(function, version, poll=True)

    def _asked(self, call, p):
        function, qualifier = self.find(call, p["FunctionName"])
        return function, self.resolve(function, p.get("Qualifier") or qualifier)

    def ListFunctions(self, call, p):
        found = [f for (region, _), f in sorted(self.functions.items()) if region == call.region]
        return {"Functions": [self._shown(f, f.latest) for f in found]}

    def UpdateFunctionCode(self, call, p):
        function, _ = self.find(call, p["FunctionName"])
        self._writable(function, p)
        package = self._package(call, p)
        if p.get("DryRun"):
            return self._shown(function, function.latest)
        if p.get("Architectures"):
            function.latest.config["Architectures"] = p["Architectures"]
        function.latest.package = package
        function.touch(self.account.pace)
        if p.get("Publish"):
            return self._shown(function, self._publish(function, ""))
        return self._shown(function, function.latest)

    def UpdateFunctionConfiguration(self, call, p):
        function, _ = self.find(call, p["FunctionName"])
        self._writable(function, p)
        config = self._config(function.latest.config, p)
        function.latest.config = self._connected(function.region, config, p)
        self._place(function)
        function.touch(self.account.pace)
        return self._shown(function, function.latest)

    def _writable(self, function, p):
        """Nothing changes while it is made or updated, nor over somebody else's change."""
        if function.state(poll=True) == "Pending":
            raise AwsError(
                "ResourceConflictException",
                "The operation cannot be performed at this time. The function is currently in the following state: Pending",
                409,
            )
        if function.update(poll=True) == "InProgress":
            raise AwsError(
                "ResourceConflictException",
                f"The operation cannot be performed at this time. An update is in progress for resource: {function.arn}",
                409,
            )
        if p.get("RevisionId") and p["RevisionId"] != function.latest.revision:
            raise _stale()

    def DeleteFunction(self, call, p):
        function, qualifier = self.find(call, p["FunctionName"])
        qualifier = p.get("Qualifier") or qualifier
        if not qualifier:
            del self.functions[(function.region, function.name)]
            self._place(function)
            if self.account.edge:
                self.account.edge.lambdas.forget(function.arn)
            return {}
        if qualifier == "$LATEST" or qualifier in function.aliases:
            raise AwsError("InvalidParameterValueException", "$LATEST version cannot be deleted without deleting the function.", 400)
        using = [name for name, alias in function.aliases.items() if alias["FunctionVersion"] == qualifier]
        if using:
            raise AwsError("ResourceConflictException", f"Function version {qualifier} is referenced by alias {using[0]}", 409)
        function.versions.pop(qualifier, None)
        function.policies.pop(qualifier, None)
        self._place(function)
        return {}

    # -- versions and aliases ----------------------------------------------------------------------------------

    def PublishVersion(self, call, p):
        function, _ = self.find(call, p["FunctionName"])
        self._writable(function, p)
        if p.get("CodeSha256") and p["CodeSha256"] != function.latest.package.sha256:
            raise AwsError("InvalidParameterValueException", "CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST" % p["CodeSha256"], 400)
        return self._shown(function, self._publish(function, p.get("Description") or ""))

    def _publish(self, function, description):
        """A new version, or the newest when neither code nor configuration changed since."""
        config = dict(function.latest.config)
        if description:
            config["Description"] = description
        if function.versions:
            newest = function.versions[max(function.versions, key=int)]
            if newest.package.sha256 == function.latest.package.sha256 and _same(newest.config, config, description):
                return newest
        made = Version(str(function.next_version), config, function.latest.package)
        function.next_version += 1
        function.versions[made.number] = made
        return made

    def ListVersionsByFunction(self, call, p):
        function, _ = self.find(call, p["FunctionName"])
        versions = [function.latest, *sorted(function.versions.values(), key=lambda v: int(v.number))]
        start, limit = int(p.get("Marker") or 0), p.get("MaxItems") or 50
        out = {"Versions": [self._shown(function, v) for v in versions[start : start + limit]]}
        if start + limit < len(versions):
            out["NextMarker"] = str(start + limit)
        return out

    def CreateAlias(self, call, p):
        function, _ = self.find(call, p["FunctionName"])
        if not re.fullmatch(r"(?!^[0-9]+$)[a-zA-Z0-9_-]{1,128}", p["Name"]):
            raise AwsError("ValidationException", "1 validation error detected: Value at 'name' failed to satisfy constraint", 400)
        if p["Name"] in function.aliases:
            raise AwsError("ResourceConflictException", f"Alias already exists: {function.arn}:{p['Name']}", 409)
        self.resolve(function, p["FunctionVersion"])
        function.aliases[p["Name"]] = {
            "FunctionVersion": p["FunctionVersion"], "Description": p.get("Description") or "",
            "RoutingConfig": p.get("RoutingConfig"), "RevisionId": ids.unique(),
        }
        return self._alias(function, p["Name"])

    def _alias(self, function, name):
        if name not in function.aliases:
            raise AwsError("ResourceNotFoundException", f"Cannot find alias arn: {function.arn}:{name}", 404)
        return {"AliasArn": f"{function.arn}:{name}", "Name": name, **function.aliases[name]}

    def GetAlias(self, call, p):
        function, _ = self.find(call, p["FunctionName"])
        return self._alias(function, p["Name"])

    def ListAliases(self, call, p):
        function, _ = self.find(call, p["FunctionName"])
        return {"Aliases": [self._alias(function, name) for name in sorted(function.aliases)]}

    def UpdateAlias(self, call, p):
        function, _ = self.find(call, p["FunctionName"])
        self._alias(function, p["Name"])
        alias = function.aliases[p["Name"]]
        if p.get("RevisionId") and p["RevisionId"] != alias["RevisionId"]:
            raise _stale()
        if p.get("FunctionVersion"):
            self.resolve(function, p["FunctionVersion"])
        for name in ("FunctionVersion", "Description", "RoutingConfig"):
            if p.get(name) is not None:
                alias[name] = p[name]
        alias["RevisionId"] = ids.unique()
        return self._alias(function, p["Name"])

    def DeleteAlias(self, call, p):
        function, _ = self.find(call, p["FunctionName"])
        function.aliases.pop(p["Name"], None)
        function.policies.pop(p["Name"], None)
        return {}

    # -- running -----------------------------------------------------------------------------------------------

    async def Invoke(self, call, p):
        function, version = self._asked(call, p)
        kind = p.get("InvocationType") or "RequestResponse"
        if kind == "DryRun":
            return {"StatusCode": 204}
        if function.state() == "Pending":
            raise AwsError("ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending", 409)
        qualifier = p.get("Qualifier") or self.find(call, p["FunctionName"])[1]
        done = await self.account.edge.lambdas.invoke(function, version, p.get("Payload") or b"{}", qualifier)
        if kind == "Event":
            return {"StatusCode": 202}
        out = {"StatusCode": 200, "Payload": done.payload, "ExecutedVersion": version.number}
        if done.error:
            out["FunctionError"] = "Unhandled"
        if p.get("LogType") == "Tail":
            out["LogResult"] = base64.b64encode(done.log[-4096:].encode()).decode()
        return out

    # -- shapes ------------------------------------------------------------------------------------------------

    def _package(self, call, code):
        if code.get("ZipFile") is not None:
            package = code["ZipFile"]
            if len(package) > _PACKAGE_LIMIT:
                raise AwsError("RequestEntityTooLargeException", "Request must be smaller than 69905067 bytes for the CreateFunction operation", 413)
        elif code.get("S3Bucket"):
            package = stored(self.account.s3, call, code)
        else:
            raise AwsError("InvalidParameterValueException", "Please provide a source for function code.", 400)
        try:
            with zipfile.ZipFile(io.BytesIO(package)) as archive:
                size = sum(each.file_size for each in archive.infolist())
        except zipfile.BadZipFile as error:
            raise AwsError("InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again.", 400) from error
        if size > 250 * 1024 * 1024:
            raise AwsError("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes", 400)
        return Package(package)

    def _config(self, old, p):
        """The configuration after a create or an update: given over old over default."""
        config = {
            "Description": "", "Timeout": 3, "MemorySize": 128, "TracingConfig": {"Mode": "PassThrough"},
            "PackageType": "Zip", "Architectures": ["x86_64"], "EphemeralStorage": {"Size": 512},
            "SnapStart": {"ApplyOn": "None"}, **old,
        }
        for name in (
            "Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize", "TracingConfig", "Architectures",
            "EphemeralStorage", "SnapStart", "DeadLetterConfig", "KMSKeyArn", "Layers", "LoggingConfig", "VpcConfig",
        ):
            if p.get(name) is not None:
                config[name] = p[name]
        if p.get("Environment") is not None:
            config["Environment"] = {"Variables": dict(p["Environment"].get("Variables") or {})}
        self._check_config(config)
        return config

    def _check_config(self, config):
        def refuse(text):
            raise AwsError("InvalidParameterValueException", text, 400)

        if config["PackageType"] == "Zip" and not (config.get("Runtime") and config.get("Handler")):
            refuse("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
        if config["Runtime"] not in _RUNTIMES:
            refuse(f"Value {config['Runtime']} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set")
        if not 128 <= config["MemorySize"] <= 10240:
            refuse(f"Value '{config['MemorySize']}' at 'memorySize' failed to satisfy constraint: Member must have value between 128 and 10240")
        if not 1 <= config["Timeout"] <= 900:
            refuse(f"Value '{config['Timeout']}' at 'timeout' failed to satisfy constraint: Member must have value between 1 and 900")
        if config["Architectures"] not in (["x86_64"], ["arm64"]):
            refuse("Architectures must be x86_64 or arm64")
        role = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.+/)?([^/]+)", config.get("Role") or "")
        if not role:
            raise AwsError("ValidationException", "1 validation error detected: Value at 'role' failed to satisfy constraint", 400)
        if not self._assumable(role.group(2)):
            refuse("The role defined for the function cannot be assumed by Lambda.")
        variables = (config.get("Environment") or {}).get("Variables") or {}
        used = sorted(set(variables) & _RESERVED)
        if used:
            refuse(f"Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {', '.join(used)}")
        for name in variables:
            if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", name):
                raise AwsError("ValidationException", f"1 validation error detected: environment variable name {name}", 400)
        if len(json.dumps(variables, separators=(",", ":")).encode()) > _ENVIRONMENT_LIMIT:
            refuse("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.")

    def _assumable(self, name):
        role = self.account.role(name)
        if role is None:
            return False
        trust = role.assume_role_policy_document
        document = json.loads(trust) if isinstance(trust, str) else trust
        from ..policy import decide

        return decide(document, {"Service": "lambda.amazonaws.com"}, "sts:AssumeRole", "", {}) == "Allow"

    def _shown(self, function, version, poll=False):
        published = version.number != "$LATEST"
        out = {
            **version.config,
            "FunctionName": function.name,
            "FunctionArn": function.arn + (f":{version.number}" if published else ""),
            "CodeSize": len(version.package.data),
            "CodeSha256": version.package.sha256,
            "Version": version.number,
            "LastModified": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "RevisionId": version.revision,
            "State": function.state(poll),
            "LastUpdateStatus": function.update(poll) if not published else "Successful",
            "RuntimeVersionConfig": {"RuntimeVersionArn": f"arn:aws:lambda:{function.region}::runtime:practice"},
        }
        out["SnapStart"] = {"OptimizationStatus": "Off", **out["SnapStart"]}
        out.setdefault("LoggingConfig", {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.name}"})
        if out["State"] == "Pending":
            out.update(StateReason="The function is being created.", StateReasonCode="Creating")
        if out["LastUpdateStatus"] == "InProgress":
            out.update(LastUpdateStatusReason="The function is being updated.", LastUpdateStatusReasonCode="Updating")
        return out


def _same(old, new, description):
    ignored = () if description else ("Description",)
    return {k: v for k, v in old.items() if k not in ignored} == {k: v for k, v in new.items() if k not in ignored}


def _stale():
    return AwsError(
        "PreconditionFailedException",
        "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to retrieve the latest RevisionId",
        412,
    )
