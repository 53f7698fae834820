"""WAFv2, played: web ACLs, their logging, their tags. Source: WAF API reference; what is refused of rules is in
`wafv2_rules.py`. What a web ACL would block is not played.
"""

from .. import ids
from ..clock import Wait
from ..wire import constraints
from ..wire.errors import AwsError
from . import wafv2_logging as logs
from . import wafv2_rules as rules
from .wafv2_rules import wrong

_OPTIONAL = (
    "CustomResponseBodies", "CaptchaConfig", "ChallengeConfig", "TokenDomains", "AssociationConfig", "DataProtectionConfig",
    "OnSourceDDoSProtectionConfig", "ApplicationConfig",
)


class Acl:
    """One web ACL; `body` is what a create or an update gave."""

    def __init__(self, name, scope, region, account, body, capacity):
        self.name, self.scope, self.region, self.id = name, scope, region, ids.unique()
        where = "global" if scope == "CLOUDFRONT" else "regional"
        self.arn = f"arn:aws:wafv2:{region}:{account.id}:{where}/webacl/{name}/{self.id}"
        self.label = f"awswaf:{account.id}:webacl:{name}:"
        self.tags, self.logging, self.lingers, self._pace = {}, None, None, account.pace
        self.set(body, capacity)

    def set(self, body, capacity):
        """A new body, and with it a new lock token."""
        self.body, self.capacity, self.token = body, capacity, ids.unique()

    def release(self):
        """A distribution let go of it."""
        self.lingers = Wait(self._pace)

    def shown(self):
        """What GetWebACL says."""
        return {
            "Name": self.name, "Id": self.id, "ARN": self.arn, "Capacity": self.capacity, "LabelNamespace": self.label,
            "ManagedByFirewallManager": False, "RetrofittedByFirewallManager": False, **self.body,
        }

    def summary(self):
        """What lists and CreateWebACL say."""
        return {"Name": self.name, "Id": self.id, "Description": self.body["Description"], "LockToken": self.token, "ARN": self.arn}


class Waf:
    """The service."""

    def __init__(self, account):
        self.account, self.acls = account, {}

    def _scope(self, call, p):
        constraints.check(call, p)
        if p["Scope"] == "CLOUDFRONT" and call.region != "us-east-1":
            raise wrong("The scope is not valid.", "SCOPE_VALUE", "CLOUDFRONT")

    def _acls(self, call, scope):
        return [a for a in self.acls.values() if a.scope == scope and a.region == call.region]

    def _find(self, call, p):
        self._scope(call, p)
        for each in self._acls(call, p["Scope"]):
            if each.id == p["Id"] and each.name == p["Name"]:
                return each
        raise _absent()

    def _by_arn(self, call, arn):
        found = self.acls.get(arn)
        if found is None or found.region != call.region:
            raise _absent()
        return found

    def _body(self, p):
        body = {"DefaultAction": p["DefaultAction"], "VisibilityConfig": p["VisibilityConfig"], "Description": p.get("Description") or ""}
        body["Rules"] = rules.complete(p.get("Rules") or [])
        body.update({name: p[name] for name in _OPTIONAL if p.get(name) is not None})
        return body, rules.check(p)

    # -- web ACLs ----------------------------------------------------------------------------------------------

    def CreateWebACL(self, call, p):
        self._scope(call, p)
        body, capacity = self._body(p)
        there = self._acls(call, p["Scope"])
        if any(each.name == p["Name"] for each in there):
            raise AwsError("WAFDuplicateItemException", "AWS WAF couldn't perform the operation because some resource in your request is a duplicate of an existing one.", 400)
        if len(there) >= 100:
            raise AwsError("WAFLimitsExceededException", "AWS WAF couldn't perform the operation because you exceeded your resource limit.", 400)
        made = Acl(p["Name"], p["Scope"], call.region, self.account, body, capacity)
        made.tags = _tagged({}, p.get("Tags") or [])
        self.acls[made.arn] = made
        return {"Summary": made.summary()}

    def GetWebACL(self, call, p):
        if p.get("ARN"):
            constraints.check(call, p)
            found = self._by_arn(call, p["ARN"])
        elif all(p.get(name) for name in ("Name", "Scope", "Id")):
            found = self._find(call, p)
        else:
            raise wrong("You have used none or multiple values for a field that requires exactly one value.", "RESOURCE_ARN", "ARN")
        return {"WebACL": found.shown(), "LockToken": found.token}

    def UpdateWebACL(self, call, p):
        found = self._find(call, p)
        body, capacity = self._body(p)
        _lock(found, p)
        found.set(body, capacity)
        return {"NextLockToken": found.token}

    def DeleteWebACL(self, call, p):
        found = self._find(call, p)
        _lock(found, p)
        # For a while after a distribution let go of it, it still counts as associated.
        used = any(d.config["WebACLId"] == found.arn for d in self.account.cloudfront.distributions.values())
        if used or (found.lingers and not found.lingers.poll()):
            raise AwsError("WAFAssociatedItemException", "AWS WAF couldn't perform the operation because your resource is being used by another resource or it's associated with another resource.", 400)
        del self.acls[found.arn]
        return {}

    def ListWebACLs(self, call, p):
        self._scope(call, p)
        rows = [each.summary() for each in self._acls(call, p["Scope"])]
        start, limit = int(p.get("NextMarker") or 0), p.get("Limit") or 100
        out = {"WebACLs": rows[start : start + limit]}
        if start + limit < len(rows):
            out["NextMarker"] = str(start + limit)
        return out

    def ListResourcesForWebACL(self, call, p):
        # Distributions are listed by CloudFront only. Source: API reference, ListResourcesForWebACL.
        constraints.check(call, p)
        self._by_arn(call, p["WebACLArn"])
        return {"ResourceArns": []}

    # -- logging -----------------------------------------------------------------------------------------------

    def PutLoggingConfiguration(self, call, p):
        constraints.check(call, p)
        given = p["LoggingConfiguration"]
        found = self._by_arn(call, given["ResourceArn"])
        found.logging = logs.checked(given, call.region, self.account)
        return {"LoggingConfiguration": found.logging}

    def _logging(self, call, p):
        constraints.check(call, p)
        found = self._by_arn(call, p["ResourceArn"])
        if found.logging is None:
            raise _absent()
        return found

    def GetLoggingConfiguration(self, call, p):
        return {"LoggingConfiguration": self._logging(call, p).logging}

    def DeleteLoggingConfiguration(self, call, p):
        self._logging(call, p).logging = None
        return {}

    def ListLoggingConfigurations(self, call, p):
        self._scope(call, p)
        return {"LoggingConfigurations": [a.logging for a in self._acls(call, p["Scope"]) if a.logging]}

    # -- tags --------------------------------------------------------------------------------------------------

    def ListTagsForResource(self, call, p):
        constraints.check(call, p)
        found = self._by_arn(call, p["ResourceARN"])
        tags = [{"Key": k, "Value": v} for k, v in found.tags.items()]
        return {"TagInfoForResource": {"ResourceARN": found.arn, "TagList": tags}}

    def TagResource(self, call, p):
        constraints.check(call, p)
        found = self._by_arn(call, p["ResourceARN"])
        found.tags = _tagged(found.tags, p["Tags"])
        return {}

    def UntagResource(self, call, p):
        constraints.check(call, p)
        found = self._by_arn(call, p["ResourceARN"])
        found.tags = {k: v for k, v in found.tags.items() if k not in p["TagKeys"]}
        return {}

    # -- the snapshot ------------------------------------------------------------------------------------------

    def made_up(self):
        """`(value, kind)` of what was made up, in the order of the names."""
        for each in sorted(self.acls.values(), key=lambda a: (a.scope, a.region, a.name)):
            yield each.id, "web acl"

    def shown(self):
        """The web ACLs, for the snapshot."""
        return {
            f"{a.scope} {a.region} {a.name}": {"arn": a.arn, "acl": a.body, "capacity": a.capacity, "tags": a.tags, "logging": a.logging}
            for a in self.acls.values()
        }


def _lock(found, p):
    if p["LockToken"] != found.token:
        raise AwsError("WAFOptimisticLockException", "AWS WAF couldn't save your changes because someone changed the resource after you started to edit it. Reapply your changes.", 400)


def _absent():
    return AwsError("WAFNonexistentItemException", "AWS WAF couldn't perform the operation because your resource doesn't exist.", 400)


def _tagged(tags, more):
    tags = dict(tags)
    for each in more:
        if each["Key"].lower().startswith("aws:"):
            raise wrong("The tag key is reserved.", "TAG_KEYS", each["Key"])
        tags[each["Key"]] = each["Value"]
    if len(tags) > 50:
        raise AwsError("WAFLimitsExceededException", "AWS WAF couldn't perform the operation because you exceeded your resource limit.", 400)
    return tags
