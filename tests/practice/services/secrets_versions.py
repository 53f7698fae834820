"""Secrets Manager's versions and values. Source: Secrets Manager API reference, PutSecretValue, GetSecretValue."""

import hashlib
import re
import secrets
import string

from ..wire.errors import AwsError
from .strict import now, page

_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Version:
    """One version: its value, and the stages that it has."""

    def __init__(self, text, data):
        self.text, self.data, self.stages, self.made = text, data, [], now()

    def same(self, p):
        """Whether a request brings the same value."""
        return (self.text, self.data) == (p.get("SecretString"), p.get("SecretBinary"))


def hashed(version):
    """The SHA-256 of a version's value."""
    return hashlib.sha256(version.data if version.text is None else version.text.encode()).hexdigest()


def check_value(p, needed=False):
    """AwsError unless the value comes in one form, with a token."""
    text, data = p.get("SecretString"), p.get("SecretBinary")
    if text is not None and data is not None:
        raise AwsError("InvalidParameterException", "You can't specify both a binary secret value and a string secret value in the same secret.", 400)
    if text is None and data is None:
        if needed:
            raise AwsError("InvalidRequestException", "You must provide either SecretString or SecretBinary.", 400)
    elif not p.get("ClientRequestToken"):
        raise AwsError("InvalidRequestException", "You must provide a ClientRequestToken value. We recommend a UUID-type value.", 400)


class Versions:
    """Mixed into `SecretsManager`."""

    def add(self, found, p, stages):
        """A new version with those stages; its id, or None when the request brings no value."""
        if p.get("SecretString") is None and p.get("SecretBinary") is None:
            return None
        ident = p["ClientRequestToken"]
        old = found.versions.get(ident)
        if old is not None:
            if not old.same(p):
                text = f"You can't modify an existing version, you can only create a new version. Version {ident} exists."
                raise AwsError("ResourceExistsException", text, 400)
            return ident
        found.versions[ident] = Version(p.get("SecretString"), p.get("SecretBinary"))
        if not any(v.stages for v in found.versions.values()) and "AWSCURRENT" not in stages:
            stages = [*stages, "AWSCURRENT"]
        for stage in stages:
            self._move(found, stage, ident)
        found.changed = now()
        return ident

    def _move(self, found, stage, ident):
        """A stage goes to a version; the one that was current becomes the previous one."""
        for other, version in found.versions.items():
            if stage in version.stages and other != ident:
                version.stages.remove(stage)
                if stage == "AWSCURRENT":
                    self._move(found, "AWSPREVIOUS", other)
        if stage not in found.versions[ident].stages:
            found.versions[ident].stages.append(stage)

    def PutSecretValue(self, call, p):
        found = self.secret(call, p["SecretId"])
        check_value(p, needed=True)
        ident = self.add(found, p, p.get("VersionStages") or ["AWSCURRENT"])
        return {"ARN": found.arn, "Name": found.name, "VersionId": ident, "VersionStages": list(found.versions[ident].stages)}

    def GetSecretValue(self, call, p):
        found = self.secret(call, p["SecretId"])
        self.check_policy(call, found)
        ident, stage = p.get("VersionId"), p.get("VersionStage")
        wanted = stage or (None if ident else "AWSCURRENT")
        for each, version in found.versions.items():
            if ident in (None, each) and (wanted is None or wanted in version.stages):
                return {
                    "ARN": found.arn, "Name": found.name, "VersionId": each, "SecretString": version.text,
                    "SecretBinary": version.data, "VersionStages": list(version.stages), "CreatedDate": version.made,
                }
        said = f"staging label: {wanted}" if wanted else f"VersionId: {ident}"
        raise AwsError("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {said}", 400)

    def ListSecretVersionIds(self, call, p):
        found = self.secret(call, p["SecretId"], deleted=True)
        versions = [
            {"VersionId": ident, "VersionStages": list(v.stages), "CreatedDate": v.made}
            for ident, v in found.versions.items() if v.stages or p.get("IncludeDeprecated")
        ]
        shown, more = page(versions, p, 100, code="InvalidNextTokenException")
        return {"ARN": found.arn, "Name": found.name, "Versions": shown, "NextToken": more}

    def UpdateSecretVersionStage(self, call, p):
        found, stage = self.secret(call, p["SecretId"]), p["VersionStage"]
        to, off = p.get("MoveToVersionId"), p.get("RemoveFromVersionId")
        holder = next((ident for ident, v in found.versions.items() if stage in v.stages), None)
        for ident in (to, off):
            if ident and ident not in found.versions:
                raise AwsError("ResourceNotFoundException", f"Secrets Manager can't find the version {ident}", 400)
        if holder and holder != to and off != holder:
            raise AwsError("InvalidParameterException", f"The staging label {stage} is currently attached to version {holder}, so you must explicitly reference that version in RemoveFromVersionId.", 400)
        if off and not to:
            if stage == "AWSCURRENT":
                raise AwsError("InvalidParameterException", "You can't remove AWSCURRENT: you can only move it.", 400)
            found.versions[off].stages.remove(stage)
        if to:
            self._move(found, stage, to)
        return {"ARN": found.arn, "Name": found.name}

    def GetRandomPassword(self, call, p):
        kinds = {
            "ExcludeLowercase": string.ascii_lowercase, "ExcludeUppercase": string.ascii_uppercase,
            "ExcludeNumbers": string.digits, "ExcludePunctuation": _PUNCTUATION,
        }
        left = [letters for name, letters in kinds.items() if not p.get(name)] + ([" "] if p.get("IncludeSpace") else [])
        without = re.escape(p.get("ExcludeCharacters") or "")
        left = [re.sub(f"[{without}]", "", letters) if without else letters for letters in left]
        length, left = p.get("PasswordLength") or 32, [letters for letters in left if letters]
        each = p.get("RequireEachIncludedType", True)
        if not left or each and length < len(left):
            raise AwsError("InvalidParameterException", "The password length is too short for the required types.", 400)
        made = [secrets.choice(letters) for letters in left] if each else []
        made += [secrets.choice("".join(left)) for _ in range(length - len(made))]
        secrets.SystemRandom().shuffle(made)
        return {"RandomPassword": "".join(made)}
