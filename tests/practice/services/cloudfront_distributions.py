"""Distributions: a configuration that is kept whole, checked as AWS checks it, and deployed in its own time.

Source: CloudFront API reference, CreateDistribution, UpdateDistribution and DeleteDistribution.
"""

from .. import ids
from ..clock import Wait
from ..wire.errors import AwsError


class Distribution:
    """One distribution."""

    def __init__(self, account, config):
        self.id, self.domain, self.etag = ids.cloudfront(), ids.domain(), ids.cloudfront()
        self.arn = f"arn:aws:cloudfront::{account.id}:distribution/{self.id}"
        self.config, self.wait = config, Wait(account.pace)

    @property
    def status(self):
        """InProgress until every edge has it."""
        return "Deployed" if self.wait.over() else "InProgress"


class Distributions:
    """Mixed into `CloudFront`."""

    def configs(self):
        """The configurations of all distributions."""
        return [d.config for d in self.distributions.values()]

    def functions_of(self, config):
        """ARNs of the functions that a configuration runs."""
        return [i["FunctionARN"] for b in _behaviours(config) for i in _items(b.get("FunctionAssociations"))]

    def CreateDistribution(self, call, p):
        return self._create(p["DistributionConfig"], {})

    def CreateDistributionWithTags(self, call, p):
        given = p["DistributionConfigWithTags"]
        tags = {t["Key"]: t.get("Value", "") for t in given["Tags"].get("Items") or []}
        return self._create(given["DistributionConfig"], tags)

    def _create(self, config, tags):
        if any(c["CallerReference"] == config["CallerReference"] for c in self.configs()):
            raise AwsError("DistributionAlreadyExists", "The caller reference that you are using to create a distribution is associated with another distribution.", 409)
        self._check(config)
        made = Distribution(self.account, config)
        self.distributions[made.id], self.tags[made.arn] = made, tags
        return {**_whole(made), "Location": f"/distribution/{made.id}", "_status": 201}

    def _distribution(self, p):
        found = self.distributions.get(p["Id"])
        if found is None:
            raise AwsError("NoSuchDistribution", "The specified distribution does not exist.", 404)
        return found

    def GetDistribution(self, call, p):
        found = self._distribution(p)
        found.wait.poll()
        return _whole(found)

    def GetDistributionConfig(self, call, p):
        found = self._distribution(p)
        return {"DistributionConfig": found.config, "ETag": found.etag}

    def ListDistributions(self, call, p):
        from .cloudfront import listed

        return {"DistributionList": listed([_summary(d) for d in self.distributions.values()], p)}

    def UpdateDistribution(self, call, p):
        from .cloudfront import check_match

        found, config = self._distribution(p), p["DistributionConfig"]
        check_match(p, found.etag)
        if config.get("CallerReference") != found.config["CallerReference"]:
            raise AwsError("IllegalUpdate", "The update contains modifications that are not allowed.", 400)
        self._check(config, found.id)
        found.config, found.etag, found.wait = config, ids.cloudfront(), Wait(self.account.pace)
        return _whole(found)

    def DeleteDistribution(self, call, p):
        from .cloudfront import check_match

        found = self._distribution(p)
        check_match(p, found.etag)
        if found.config["Enabled"] or found.status != "Deployed":
            raise AwsError("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.", 409)
        del self.distributions[found.id]
        self.tags.pop(found.arn, None)
        return {"_status": 204}

    def _check(self, config, own=None):
        _quantities(config)
        origins = {o["Id"]: o for o in config["Origins"]["Items"]}
        for origin in origins.values():
            control = origin.get("OriginAccessControlId")
            if control and control not in self.controls:
                raise AwsError("InvalidOriginAccessControl", "The origin access control is not valid.", 400)
            if bool(origin.get("S3OriginConfig")) == bool(origin.get("CustomOriginConfig")):
                raise AwsError("InvalidOrigin", "An origin needs either S3OriginConfig or CustomOriginConfig.", 400)
        for behaviour in _behaviours(config):
            if behaviour["TargetOriginId"] not in origins:
                raise AwsError("NoSuchOrigin", "One or more of your origins or origin groups do not exist.", 404)
        for arn in self.functions_of(config):
            function = next((f for f in self.functions.values() if f.arn == arn), None)
            if function is None or "LIVE" not in function.stages:
                raise AwsError("NoSuchFunctionExists", "The function does not exist or is not published.", 404)
        aliases = set(_items(config.get("Aliases")))
        for other in self.distributions.values():
            if other.id != own and aliases & set(_items(other.config.get("Aliases"))):
                raise AwsError("CNAMEAlreadyExists", "One or more of the CNAMEs you provided are already associated with a different resource.", 409)


def _items(held):
    return (held or {}).get("Items") or []


def _behaviours(config):
    return [config["DefaultCacheBehavior"], *_items(config.get("CacheBehaviors"))]


def _quantities(value, path=""):
    """Every list says its length again; a wrong one is refused."""
    if isinstance(value, dict):
        if "Quantity" in value and int(value["Quantity"]) != len(value.get("Items") or []):
            raise AwsError("InconsistentQuantities", f"The value of Quantity and the size of Items don't match: {path}", 400)
        for name, inner in value.items():
            _quantities(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            _quantities(inner, path)


def _whole(d):
    from .cloudfront import now

    members = {"Id": d.id, "ARN": d.arn, "Status": d.status, "LastModifiedTime": now(), "InProgressInvalidationBatches": 0,
               "DomainName": d.domain, "DistributionConfig": d.config}
    return {"Distribution": members, "ETag": d.etag}


def _summary(d):
    from .cloudfront import now

    c = d.config
    empty = {"Quantity": 0}
    return {
        "Id": d.id, "ARN": d.arn, "Status": d.status, "LastModifiedTime": now(), "DomainName": d.domain,
        "Aliases": c.get("Aliases") or empty, "Origins": c["Origins"], "DefaultCacheBehavior": c["DefaultCacheBehavior"],
        "CacheBehaviors": c.get("CacheBehaviors") or empty, "CustomErrorResponses": c.get("CustomErrorResponses") or empty,
        "Comment": c.get("Comment", ""), "PriceClass": c.get("PriceClass", "PriceClass_All"), "Enabled": c["Enabled"],
        "ViewerCertificate": c.get("ViewerCertificate") or {"CloudFrontDefaultCertificate": True},
        "Restrictions": c.get("Restrictions") or {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
        "WebACLId": c.get("WebACLId", ""), "HttpVersion": c.get("HttpVersion", "http2"),
        "IsIPV6Enabled": c.get("IsIPV6Enabled", True), "Staging": False,
    }
