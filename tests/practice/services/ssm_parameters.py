"""Parameter Store. Source: Systems Manager API reference, PutParameter, GetParameters; user guide, parameter names."""

import base64
import hashlib
import re

from ..wire.errors import AwsError
from .strict import now, page, tags_of

_LIMITS = {"Standard": 4096, "Intelligent-Tiering": 8192, "Advanced": 8192}


def _invalid(text):
    return AwsError("ValidationException", text, 400)


def _absent(text=""):
    return AwsError("ParameterNotFound", text, 400)


class Parameter:
    """One parameter; `versions` holds its values, oldest first, each with what was put with it."""

    def __init__(self, name, arn, kind, tags):
        self.name, self.arn, self.kind, self.tags, self.versions = name, arn, kind, tags, []

    def described(self, version):
        """What DescribeParameters and the history show."""
        return {
            "Name": self.name, "ARN": self.arn, "Type": self.kind, "LastModifiedDate": version["at"], "Version": version["n"],
            "Description": version["description"], "KeyId": version["key"], "Tier": version["tier"], "Policies": [],
            "DataType": version["data_type"], "AllowedPattern": version["pattern"],
        }

    def value(self, version, decrypted):
        """What GetParameter shows; a secure one is cipher text unless it is to be decrypted."""
        text = version["value"]
        if self.kind == "SecureString" and not decrypted:
            text = base64.b64encode(b"\x01\x02\x02\x00" + hashlib.sha256(text.encode()).digest() * 3).decode()
        return {
            "Name": self.name, "ARN": self.arn, "Type": self.kind, "Value": text, "Version": version["n"],
            "LastModifiedDate": version["at"], "DataType": version["data_type"],
        }

    def shown(self):
        """For the snapshot: of a secure value, its SHA-256."""
        newest = self.versions[-1]
        value = newest["value"]
        if self.kind == "SecureString":
            value = f"sha256 {hashlib.sha256(value.encode()).hexdigest()}"
        kept = {k: newest[k] for k in ("description", "key", "tier", "pattern", "data_type")}
        return {**kept, "type": self.kind, "value": value, "tags": self.tags}


def check_name(name):
    """AwsError unless a new parameter may be called so."""
    levels = name.strip("/").split("/")
    if re.match(r"/?aws", name, re.IGNORECASE):
        raise AwsError("AccessDeniedException", f"No access to reserved parameter name: {name}.", 400)
    if re.match(r"/?ssm", name, re.IGNORECASE) or not re.fullmatch(r"[a-zA-Z0-9_.\-/]{1,1011}", name) or "//" in name or name.endswith("/"):
        raise _invalid('Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_')
    if "/" in name and not name.startswith("/"):
        raise _invalid("Parameter name must be a fully qualified name.")
    if len(levels) > 15:
        raise AwsError("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels.", 400)


class Parameters:
    """Mixed into `Ssm`."""

    def PutParameter(self, call, p):
        name, value, key = p["Name"], p["Value"], (call.region, p["Name"])
        check_name(name)
        if p.get("Overwrite") and p.get("Tags"):
            raise _invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
        old = self.parameters.get(key)
        if old and not p.get("Overwrite"):
            raise AwsError("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.", 400)
        kind = p.get("Type") or (old.kind if old else None)
        if kind is None:
            raise _invalid("A parameter type is required when you create a parameter.")
        if old and kind != old.kind:
            raise AwsError("HierarchyTypeMismatchException", f"Parameter Store does not support changing a parameter's type: {old.kind} to {kind}.", 400)
        before = old.versions[-1] if old else {}
        tier = p.get("Tier") or before.get("tier") or "Standard"
        _check_value(p, value, kind, tier)
        tags = tags_of(p.get("Tags"), "ValidationException")
        arn = f"arn:aws:ssm:{call.region}:{self.account.id}:parameter/{name.removeprefix('/')}"
        found = self.parameters.setdefault(key, Parameter(name, arn, kind, tags))
        secure = kind == "SecureString"
        found.versions.append({
            "n": before.get("n", 0) + 1, "value": value, "at": now(), "tier": "Standard" if tier == "Intelligent-Tiering" else tier,
            "description": p.get("Description", before.get("description")),
            "key": p.get("KeyId") or before.get("key") or ("alias/aws/ssm" if secure else None),
            "pattern": p.get("AllowedPattern", before.get("pattern")), "data_type": p.get("DataType") or "text",
        })
        del found.versions[:-100]
        return {"Version": found.versions[-1]["n"], "Tier": found.versions[-1]["tier"]}

    def _found(self, call, ident):
        """`(parameter, version)` of a name or ARN, perhaps with `:version`."""
        whole = re.fullmatch(r"arn:aws:ssm:([a-z0-9-]+):\d{12}:parameter(/.+)", ident)
        region, text = (whole.group(1), whole.group(2)) if whole else (call.region, ident)
        name, _, number = text.partition(":")
        found = self.parameters.get((region, name)) or (self.parameters.get((region, name[1:])) if whole else None)
        if found is None:
            raise _absent()
        if not number:
            return found, found.versions[-1]
        version = next((v for v in found.versions if str(v["n"]) == number), None)
        if version is None:
            text = f"Systems Manager could not find version {number} of {name}. Verify the version and try again."
            raise AwsError("ParameterVersionNotFound", text, 400)
        return found, version

    def GetParameter(self, call, p):
        found, version = self._found(call, p["Name"])
        return {"Parameter": found.value(version, p.get("WithDecryption"))}

    def GetParameters(self, call, p):
        shown, wrong = [], []
        for name in p["Names"]:
            try:
                found, version = self._found(call, name)
                shown.append(found.value(version, p.get("WithDecryption")))
            except AwsError:
                wrong.append(name)
        return {"Parameters": shown, "InvalidParameters": wrong}

    def GetParametersByPath(self, call, p):
        path = p["Path"]
        if not path.startswith("/"):
            raise _invalid("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".")
        base = path.rstrip("/") + "/"
        found = []
        for (region, name), each in sorted(self.parameters.items()):
            inside = name.startswith(base) and (p.get("Recursive") or "/" not in name[len(base):])
            if region == call.region and inside and all(_fits(each, f) for f in p.get("ParameterFilters") or []):
                found.append(each.value(each.versions[-1], p.get("WithDecryption")))
        shown, more = page(found, p, 10)
        return {"Parameters": shown, "NextToken": more}

    def GetParameterHistory(self, call, p):
        found, _ = self._found(call, p["Name"])
        history = [{**found.described(v), "Value": found.value(v, p.get("WithDecryption"))["Value"], "Labels": []} for v in found.versions]
        for each in history:
            each.pop("ARN")
        shown, more = page(history, p, 50)
        return {"Parameters": shown, "NextToken": more}

    def DescribeParameters(self, call, p):
        filters = list(p.get("ParameterFilters") or [])
        filters += [{"Key": f["Key"], "Option": "BeginsWith", "Values": f["Values"]} for f in p.get("Filters") or []]
        found = [
            each.described(each.versions[-1]) for (region, _), each in sorted(self.parameters.items())
            if region == call.region and all(_fits(each, f) for f in filters)
        ]
        shown, more = page(found, p, 10)
        return {"Parameters": shown, "NextToken": more}

    def DeleteParameter(self, call, p):
        if self.parameters.pop((call.region, p["Name"]), None) is None:
            raise _absent()
        return {}

    def DeleteParameters(self, call, p):
        gone = [name for name in p["Names"] if self.parameters.pop((call.region, name), None)]
        return {"DeletedParameters": gone, "InvalidParameters": [name for name in p["Names"] if name not in gone]}


def _check_value(p, value, kind, tier):
    if not value:
        raise _invalid("1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.")
    if len(value.encode()) > _LIMITS[tier]:
        raise _invalid(f"{tier} tier parameters support a maximum parameter value of {_LIMITS[tier]} characters.")
    if re.search(r"\{\{.*\}\}", value):
        raise _invalid('Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.')
    if p.get("KeyId") and kind != "SecureString":
        raise _invalid("KeyId is required for SecureString type parameter only.")
    if p.get("AllowedPattern"):
        try:
            fits = re.fullmatch(p["AllowedPattern"], value)
        except re.error as error:
            raise AwsError("InvalidAllowedPatternException", "The regular expression is not valid.", 400) from error
        if not fits:
            raise AwsError("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: " + p["AllowedPattern"], 400)


def _fits(found, given):
    key, option, values = given["Key"], given.get("Option") or "Equals", given.get("Values") or []
    if key.startswith("tag:"):
        value = found.tags.get(key[4:])
        return value is not None and (not values or value in values)
    if key == "Path":
        return any(found.name.startswith(v.rstrip("/") + "/") for v in values)
    texts = {"Name": found.name, "Type": found.kind, "Tier": found.versions[-1]["tier"], "KeyId": found.versions[-1]["key"] or ""}
    if key not in texts:
        raise AwsError("InvalidFilterKey", f"The filter key {key} is not valid.", 400)
    tests = {"Equals": str.__eq__, "BeginsWith": str.startswith, "Contains": str.__contains__}
    if option not in tests:
        raise AwsError("InvalidFilterOption", f"The filter option {option} is not valid.", 400)
    return any(tests[option](texts[key], v) for v in values)
