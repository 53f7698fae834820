"""Lambda, played: versions that keep their code, aliases, policies for each qualifier, states that take time.

Source: Lambda API reference.
"""

import base64
import hashlib
import io
import json
import zipfile
from datetime import datetime, timezone

from .. import ids
from ..clock import Wait
from ..wire.errors import AwsError

LARGEST = 50 * 1024 * 1024
RUNTIMES = ("provided.al2023", "provided.al2", "python3.12", "python3.13", "nodejs22.x")
# Members of a configuration that a call may set.
_SETTINGS = ("Role", "Handler", "Description", "Timeout", "MemorySize", "Environment", "Runtime", "LoggingConfig",
             "VpcConfig", "TracingConfig", "EphemeralStorage", "Layers")


class Version:
    """One version: its configuration and its code, which never change, but for `$LATEST`."""

    def __init__(self, number, config, code):
        self.number, self.config, self.code = number, config, code


class Function:
    """One function."""

    def __init__(self, arn, tags):
        self.arn, self.tags, self.versions, self.aliases, self.policies = arn, tags, {}, {}, {}
        self.wait, self.state, self.count = None, "Pending", 0

    def settle(self):
        """Whether nothing is under way; asking counts."""
        if self.wait is not None and self.wait.poll():
            self.wait, self.state = None, "Active"
        return self.wait is None


class Lambda:
    """The service; functions by region and name."""

    def __init__(self, account):
        self.account, self.functions = account, {}

    def code(self, region, name, version):
        """The package of a version, for the edge; None when there is none."""
        function = self.functions.get((region, name))
        held = function.versions.get(version) if function else None
        return held.code if held else None

    def _name(self, p):
        # A name, or an ARN that ends in one, perhaps with a qualifier.
        text = p["FunctionName"]
        return text.split(":function:")[-1].split(":")[0]

    def _function(self, call, p):
        found = self.functions.get((call.region, self._name(p)))
        if found is None:
            raise _missing(f"Function not found: {p['FunctionName']}")
        return found

    def _version(self, function, qualifier):
        number = function.aliases[qualifier]["FunctionVersion"] if qualifier in function.aliases else qualifier
        found = function.versions.get(number or "$LATEST")
        if found is None:
            raise _missing(f"Function not found: {function.arn}:{qualifier}")
        return found

    def _check_role(self, role):
        if self.account.role(role.rsplit("/", 1)[-1]) is None:
            raise AwsError("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.", 400)

    def CreateFunction(self, call, p):
        key = (call.region, p["FunctionName"])
        if key in self.functions:
            raise AwsError("ResourceConflictException", f"Function already exist: {p['FunctionName']}", 409)
        if p.get("Runtime") not in RUNTIMES:
            raise AwsError("InvalidParameterValueException", f"Value {p.get('Runtime')} at 'runtime' failed to satisfy constraint", 400)
        self._check_role(p["Role"])
        code = self._package(call, p["Code"])
        arn = f"arn:aws:lambda:{call.region}:{self.account.id}:function:{p['FunctionName']}"
        function = self.functions[key] = Function(arn, dict(p.get("Tags") or {}))
        config = {"FunctionName": p["FunctionName"], "FunctionArn": arn, "Version": "$LATEST", "PackageType": "Zip",
                  "Timeout": 3, "MemorySize": 128, "Description": "", "Architectures": p.get("Architectures") or ["x86_64"]}
        config.update({k: p[k] for k in _SETTINGS if k in p})
        function.versions["$LATEST"] = Version("$LATEST", _coded(config, code), code)
        function.wait = Wait(self.account.pace)
        out = self._told(function, function.versions["$LATEST"])
        if p.get("Publish"):
            out = self.PublishVersion(call, p)
        return {**out, "_status": 201}

    def _package(self, call, given):
        code = given.get("ZipFile")
        if code is None and given.get("S3Bucket"):
            bucket = self.account.s3.buckets.get(given["S3Bucket"])
            held = bucket.current(given["S3Key"]) if bucket else None
            if held is None:
                raise AwsError("InvalidParameterValueException", "Error occurred while GetObject. S3 Error Code: NoSuchKey.", 400)
            code = held.body
        if code is None:
            raise AwsError("InvalidParameterValueException", "Please provide a source for function code.", 400)
        if isinstance(code, str):
            code = base64.b64decode(code)
        if given.get("ZipFile") is not None and len(code) > LARGEST:
            raise AwsError("RequestEntityTooLargeException", f"Request must be smaller than {LARGEST} bytes", 413)
        try:
            zipfile.ZipFile(io.BytesIO(code)).namelist()
        except zipfile.BadZipFile as error:
            raise AwsError("InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again.", 400) from error
        return code

    def GetFunction(self, call, p):
        function = self._function(call, p)
        version = self._version(function, p.get("Qualifier"))
        function.settle()
        return {"Configuration": self._told(function, version), "Code": {"RepositoryType": "S3", "Location": "https://awslambda.example/code"},
                "Tags": function.tags}

    def GetFunctionConfiguration(self, call, p):
        function = self._function(call, p)
        version = self._version(function, p.get("Qualifier"))
        function.settle()
        return self._told(function, version)

    def ListFunctions(self, call, p):
        held = [f for (region, _), f in self.functions.items() if region == call.region]
        return {"Functions": [self._told(f, f.versions["$LATEST"]) for f in held]}

    def _changing(self, call, p):
        function = self._function(call, p)
        if not function.settle():
            raise AwsError("ResourceConflictException", f"The operation cannot be performed at this time. An update is in progress for resource: {function.arn}", 409)
        latest = function.versions["$LATEST"]
        if p.get("RevisionId") and p["RevisionId"] != latest.config["RevisionId"]:
            raise AwsError("PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id.", 412)
        return function, latest

    def UpdateFunctionCode(self, call, p):
        function, latest = self._changing(call, p)
        code = self._package(call, p)
        if p.get("DryRun"):
            return self._told(function, latest)
        config = {**latest.config, **({"Architectures": p["Architectures"]} if p.get("Architectures") else {})}
        function.versions["$LATEST"] = Version("$LATEST", _coded(config, code), code)
        function.wait = Wait(self.account.pace)
        return self._told(function, function.versions["$LATEST"])

    def UpdateFunctionConfiguration(self, call, p):
        function, latest = self._changing(call, p)
        if "Role" in p:
            self._check_role(p["Role"])
        latest.config = _coded({**latest.config, **{k: p[k] for k in _SETTINGS if k in p}}, latest.code)
        function.wait = Wait(self.account.pace)
        return self._told(function, latest)

    def PublishVersion(self, call, p):
        function, latest = self._changing(call, p)
        if p.get("CodeSha256") and p["CodeSha256"] != latest.config["CodeSha256"]:
            raise AwsError("InvalidParameterValueException", "CodeSHA256 is different from current CodeSHA256 in $LATEST. Please try again with the CodeSHA256 in $LATEST.", 400)
        last = function.versions.get(str(function.count))
        if last and _same(last.config, latest.config):
            return {**self._told(function, last), "_status": 201}
        function.count += 1
        number = str(function.count)
        config = {**latest.config, "Version": number, "FunctionArn": f"{function.arn}:{number}"}
        function.versions[number] = Version(number, config, latest.code)
        return {**self._told(function, function.versions[number]), "_status": 201}

    def ListVersionsByFunction(self, call, p):
        function = self._function(call, p)
        return {"Versions": [self._told(function, v) for v in function.versions.values()]}

    def DeleteFunction(self, call, p):
        function, qualifier = self._function(call, p), p.get("Qualifier")
        if not qualifier:
            del self.functions[(call.region, self._name(p))]
            return {"_status": 204}
        if any(a["FunctionVersion"] == qualifier for a in function.aliases.values()):
            raise AwsError("ResourceConflictException", "Version is currently associated with an alias.", 409)
        function.versions.pop(qualifier, None)
        return {"_status": 204}

    # Aliases

    def CreateAlias(self, call, p):
        function = self._function(call, p)
        if p["Name"] in function.aliases:
            raise AwsError("ResourceConflictException", f"Alias already exists: {function.arn}:{p['Name']}", 409)
        self._exists(function, p["FunctionVersion"])
        alias = {"AliasArn": f"{function.arn}:{p['Name']}", "Name": p["Name"], "FunctionVersion": p["FunctionVersion"],
                 "Description": p.get("Description", ""), "RevisionId": ids.unique()}
        function.aliases[p["Name"]] = alias
        return {**alias, "_status": 201}

    def _exists(self, function, number):
        if number not in function.versions:
            raise _missing(f"Function not found: {function.arn}:{number}")

    def _alias(self, call, p):
        function = self._function(call, p)
        if p["Name"] not in function.aliases:
            raise _missing(f"Cannot find alias arn: {function.arn}:{p['Name']}")
        return function, function.aliases[p["Name"]]

    def GetAlias(self, call, p):
        return self._alias(call, p)[1]

    def ListAliases(self, call, p):
        return {"Aliases": list(self._function(call, p).aliases.values())}

    def UpdateAlias(self, call, p):
        function, alias = self._alias(call, p)
        if p.get("RevisionId") and p["RevisionId"] != alias["RevisionId"]:
            raise AwsError("PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id.", 412)
        if "FunctionVersion" in p:
            self._exists(function, p["FunctionVersion"])
            alias["FunctionVersion"] = p["FunctionVersion"]
        alias["RevisionId"] = ids.unique()
        return alias

    def DeleteAlias(self, call, p):
        self._function(call, p).aliases.pop(p["Name"], None)
        return {"_status": 204}

    # Policies, one for each qualifier

    def AddPermission(self, call, p):
        function = self._function(call, p)
        qualifier = p.get("Qualifier") or ""
        if qualifier and qualifier not in function.aliases and qualifier not in function.versions:
            raise _missing(f"Cannot find alias arn: {function.arn}:{qualifier}")
        held = function.policies.setdefault(qualifier, {})
        if p["StatementId"] in held:
            raise AwsError("ResourceConflictException", f"The statement id ({p['StatementId']}) provided already exists. Please provide a new statement id, or remove the existing statement.", 409)
        principal = p["Principal"]
        statement = {
            "Sid": p["StatementId"], "Effect": "Allow",
            "Principal": {"Service": principal} if principal.endswith(".amazonaws.com") else {"AWS": principal},
            "Action": p["Action"], "Resource": function.arn + (f":{qualifier}" if qualifier else ""),
        }
        if p.get("SourceArn"):
            statement["Condition"] = {"ArnLike": {"AWS:SourceArn": p["SourceArn"]}}
        held[p["StatementId"]] = statement
        return {"Statement": json.dumps(statement), "_status": 201}

    def RemovePermission(self, call, p):
        held = self._function(call, p).policies.get(p.get("Qualifier") or "", {})
        if held.pop(p["StatementId"], None) is None:
            raise _missing("No policy is associated with the given resource.")
        return {"_status": 204}

    def GetPolicy(self, call, p):
        held = self._function(call, p).policies.get(p.get("Qualifier") or "")
        if not held:
            raise _missing("The resource you requested does not exist.")
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": list(held.values())}
        return {"Policy": json.dumps(policy), "RevisionId": ids.unique()}

    # Tags

    def _tagged(self, call, p):
        return self._function(call, {"FunctionName": p["Resource"]})

    def ListTags(self, call, p):
        return {"Tags": self._tagged(call, p).tags}

    def TagResource(self, call, p):
        self._tagged(call, p).tags.update(p["Tags"])
        return {"_status": 204}

    def UntagResource(self, call, p):
        for key in p["TagKeys"]:
            self._tagged(call, p).tags.pop(key, None)
        return {"_status": 204}

    def _told(self, function, version):
        told = dict(version.config)
        under_way = function.wait is not None and not function.wait.over()
        if version.number == "$LATEST":
            first = function.state == "Pending"
            told["State"] = "Pending" if first and under_way else "Active"
            told["LastUpdateStatus"] = "InProgress" if under_way and not first else "Successful"
        else:
            told["State"], told["LastUpdateStatus"] = "Active", "Successful"
        if isinstance(told.get("Environment"), dict):
            told["Environment"] = {"Variables": dict(told["Environment"].get("Variables") or {})}
        return told


def _coded(config, code):
    digest = base64.b64encode(hashlib.sha256(code).digest()).decode()
    return {**config, "CodeSha256": digest, "CodeSize": len(code), "RevisionId": ids.unique(),
            "LastModified": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000+0000")}


def _same(one, other):
    ignored = ("Version", "FunctionArn", "RevisionId", "LastModified")
    return {k: v for k, v in one.items() if k not in ignored} == {k: v for k, v in other.items() if k not in ignored}


def _missing(message):
    return AwsError("ResourceNotFoundException", message, 404, extra={"Type": "User"})
