"""Secrets Manager, played: secrets here, their versions in `secrets_versions.py`.

Source: Secrets Manager API reference and user guide.
"""

import json
import re
import secrets
import string
from datetime import timedelta

from ..clock import Wait
from ..policy import decide, is_public
from ..wire.errors import AwsError
from .secrets_versions import Versions, check_value, hashed
from .strict import Strict, now, page, parsed_policy, tag_list, tags_of

_LETTERS = string.ascii_letters + string.digits
_MARKED = "You can't perform this operation on the secret because it was marked for deletion."


class Secret:
    """One secret; `deleted` is when it goes, `erasing` waits after a deletion without recovery."""

    def __init__(self, name, region, arn, tags):
        self.name, self.region, self.arn, self.tags = name, region, arn, tags
        self.description, self.key, self.policy, self.owner = "", None, None, None
        self.versions, self.deleted, self.erasing = {}, None, None
        self.made = self.changed = now()


class SecretsManager(Versions, Strict):
    """The service; `secrets` by `(region, name)`."""

    def __init__(self, account):
        self.account, self.secrets = account, {}

    def look(self, region, ident):
        """The secret of a name, an ARN, or an ARN without its six characters; None when there is none."""
        for found in self.secrets.values():
            if found.region == region and ident in (found.name, found.arn, found.arn[:-7]):
                return found
        return None

    def _sweep(self):
        """Secrets whose deletion without recovery is over are gone."""
        self.secrets = {key: s for key, s in self.secrets.items() if not (s.erasing and s.erasing.over())}

    def secret(self, call, ident, deleted=False):
        """A secret of the call's region; refused when it is marked for deletion, unless `deleted`."""
        self._sweep()
        found = self.look(call.region, ident)
        if found and found.erasing:
            found.erasing.poll()
        if found is None:
            raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400)
        if found.deleted and not deleted:
            raise AwsError("InvalidRequestException", _MARKED, 400)
        return found

    def make(self, region, name, tags, owner=None):
        """A secret without a value; also for services that keep their own (`owner`)."""
        suffix = "".join(secrets.choice(_LETTERS) for _ in range(6))
        arn = f"arn:aws:secretsmanager:{region}:{self.account.id}:secret:{name}-{suffix}"
        found = self.secrets[(region, name)] = Secret(name, region, arn, tags)
        found.owner = owner
        return found

    def CreateSecret(self, call, p):
        name = p["Name"]
        if not re.fullmatch(r"[A-Za-z0-9/_+=.@!-]{1,512}", name):
            text = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
            raise AwsError("ValidationException", text, 400)
        check_value(p)
        tags = tags_of(p.get("Tags"), "InvalidParameterException")
        self._sweep()
        old = self.secrets.get((call.region, name))
        if old and old.erasing:
            old.erasing.poll()
        if old and old.deleted:
            text = "You can't create this secret because a secret with this name is already scheduled for deletion."
            raise AwsError("InvalidRequestException", text, 400)
        if old:
            version = old.versions.get(p.get("ClientRequestToken"))
            if version is None or not version.same(p):
                raise AwsError("ResourceExistsException", f"The operation failed because the secret {name} already exists.", 400)
            return {"ARN": old.arn, "Name": name, "VersionId": p["ClientRequestToken"]}
        made = self.make(call.region, name, tags)
        made.description, made.key = p.get("Description") or "", p.get("KmsKeyId")
        return {"ARN": made.arn, "Name": name, "VersionId": self.add(made, p, ["AWSCURRENT"])}

    def DescribeSecret(self, call, p):
        found = self.secret(call, p["SecretId"], deleted=True)
        stages = {ident: list(v.stages) for ident, v in found.versions.items() if v.stages}
        return {**self._listed(found), "VersionIdsToStages": stages or None}

    def _listed(self, found):
        # RDS rotates what it owns every seven days. Source: Aurora user guide, "Password management".
        rotation = {"RotationEnabled": True, "RotationRules": {"AutomaticallyAfterDays": 7}} if found.owner else {}
        return {
            **rotation,
            "ARN": found.arn, "Name": found.name, "Description": found.description or None, "KmsKeyId": found.key,
            "LastChangedDate": found.changed, "CreatedDate": found.made, "DeletedDate": found.deleted,
            "Tags": tag_list(found.tags) or None, "OwningService": found.owner,
        }

    def ListSecrets(self, call, p):
        self._sweep()
        found = [
            s for (region, _), s in sorted(self.secrets.items())
            if region == call.region and (p.get("IncludePlannedDeletion") or not s.deleted)
            and all(_fits(s, f) for f in p.get("Filters") or [])
        ]
        if p.get("SortOrder") == "desc":
            found.reverse()
        shown, more = page(found, p, 100, code="InvalidNextTokenException")
        listed = [
            {**self._listed(s), "SecretVersionsToStages": {i: list(v.stages) for i, v in s.versions.items() if v.stages}}
            for s in shown
        ]
        return {"SecretList": listed, "NextToken": more}

    def DeleteSecret(self, call, p):
        window, force = p.get("RecoveryWindowInDays"), p.get("ForceDeleteWithoutRecovery")
        if force and window is not None:
            text = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
            raise AwsError("InvalidParameterException", text, 400)
        if window is not None and not 7 <= window <= 30:
            text = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
            raise AwsError("InvalidParameterException", text, 400)
        self._sweep()
        if force and self.look(call.region, p["SecretId"]) is None:
            # A secret that is not there is deleted. Source: API reference, ForceDeleteWithoutRecovery.
            return {"ARN": p["SecretId"], "Name": p["SecretId"], "DeletionDate": now()}
        found = self.secret(call, p["SecretId"], deleted=bool(force))
        if found.owner:
            raise AwsError("InvalidRequestException", f"You can't delete the secret: it is managed by {found.owner}.", 400)
        found.deleted = now() + timedelta(days=0 if force else window or 30)
        if force:
            found.erasing = found.erasing or Wait(self.account.pace)
        return {"ARN": found.arn, "Name": found.name, "DeletionDate": found.deleted}

    def RestoreSecret(self, call, p):
        found = self.secret(call, p["SecretId"], deleted=True)
        if found.erasing:
            raise AwsError("InvalidRequestException", "You can't restore a secret that was deleted without recovery.", 400)
        found.deleted = None
        return {"ARN": found.arn, "Name": found.name}

    def UpdateSecret(self, call, p):
        found = self.secret(call, p["SecretId"])
        check_value(p)
        version = self.add(found, p, ["AWSCURRENT"])
        if p.get("Description") is not None:
            found.description = p["Description"]
        if p.get("KmsKeyId") is not None:
            found.key = p["KmsKeyId"]
        found.changed = now()
        return {"ARN": found.arn, "Name": found.name, "VersionId": version}

    # -- tags and policies -------------------------------------------------------------------------------------

    def TagResource(self, call, p):
        tags = self.secret(call, p["SecretId"]).tags
        tags.update(tags_of(p["Tags"], "InvalidParameterException"))
        return {}

    def UntagResource(self, call, p):
        tags = self.secret(call, p["SecretId"]).tags
        for key in p["TagKeys"]:
            tags.pop(key, None)
        return {}

    def PutResourcePolicy(self, call, p):
        found = self.secret(call, p["SecretId"])
        document = parsed_policy(
            p["ResourcePolicy"], lambda text: AwsError("MalformedPolicyDocumentException", f"This resource policy contains an unsupported part: {text}", 400),
            self.account,
        )
        if p.get("BlockPublicPolicy") and is_public(document):
            raise AwsError("PublicPolicyException", "You must not allow public access to secrets.", 400)
        found.policy = p["ResourcePolicy"]
        return {"ARN": found.arn, "Name": found.name}

    def GetResourcePolicy(self, call, p):
        found = self.secret(call, p["SecretId"], deleted=True)
        return {"ARN": found.arn, "Name": found.name, "ResourcePolicy": found.policy}

    def DeleteResourcePolicy(self, call, p):
        found = self.secret(call, p["SecretId"])
        found.policy = None
        return {"ARN": found.arn, "Name": found.name}

    def check_policy(self, call, found):
        """AwsError when the secret's own policy denies the caller."""
        if not found.policy or not call.principal.role:
            return
        arn = f"arn:aws:iam::{self.account.id}:role/{call.principal.role}"
        action = f"secretsmanager:{call.operation}"
        if decide(json.loads(found.policy), {"AWS": arn}, action, found.arn, {}) == "Deny":
            text = f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {found.arn} with an explicit deny in a resource-based policy"
            raise AwsError("AccessDeniedException", text, 400)

    # -- the snapshot ------------------------------------------------------------------------------------------

    def name(self, names):
        """The six characters are made up."""
        for _, found in sorted(self.secrets.items()):
            names.add(found.arn.rsplit(":", 1)[-1], "secret arn")

    def shown(self):
        """Secrets; of a value, its SHA-256."""
        self._sweep()
        out = {}
        for (region, name), found in self.secrets.items():
            values = {stage: hashed(v) for v in found.versions.values() for stage in v.stages}
            out[f"{region}/{name}"] = {
                "description": found.description, "key": found.key, "tags": found.tags, "deleted": bool(found.deleted),
                "policy": json.loads(found.policy) if found.policy else None, "values": values, "owner": found.owner,
            }
        return out


def _fits(found, given):
    """Whether a secret passes one filter: any of its values is the beginning of the text, `!` turns it round."""
    key = given.get("Key")
    texts = {
        "name": [found.name], "description": [found.description], "tag-key": list(found.tags), "owning-service": [found.owner or ""],
        "tag-value": list(found.tags.values()), "primary-region": [found.region],
    }
    mine = texts.get(key, [found.name, found.description, *found.tags, *found.tags.values()])
    values = given.get("Values") or []
    # Source: user guide, find secrets: all but names and tags ignore case.
    fold = str if key in ("name", "tag-key", "tag-value") else str.lower
    return any(
        not any(fold(text).startswith(fold(value[1:])) for text in mine) if value.startswith("!")
        else any(fold(text).startswith(fold(value)) for text in mine)
        for value in values
    )
