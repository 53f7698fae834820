"""CloudFront's distributions and invalidations."""

import copy
from datetime import datetime, timezone

from .. import ids
from ..clock import Wait
from ..wire.errors import AwsError
from . import cloudfront_config
from .cloudfront_domains import aliases


class Distribution:
    """One distribution; every change makes it InProgress for a while, in which it already serves."""

    def __init__(self, config, arn, pace):
        self.id, self.domain, self.config = ids.cloudfront(), ids.domain(), config
        self.arn, self.tags, self.etag = arn + self.id, {}, ids.cloudfront()
        self.invalidations, self.answered = {}, set()
        self.touch(pace)

    def touch(self, pace):
        """A change: deploying again."""
        self.modified, self._wait = datetime.now(timezone.utc), Wait(pace)

    def status(self, poll=False):
        """`Deployed` once the wait is over."""
        over = self._wait.poll() if poll else self._wait.over()
        return "Deployed" if over else "InProgress"

    def answers(self):
        """The names of its own under which the edge answers: those of the last change that is deployed."""
        return set(aliases(self.config)) if self.status() == "Deployed" else self.answered

    def function_arns(self):
        """The functions that any behaviour runs."""
        pairs = [pair for b in cloudfront_config.behaviors(self.config) for pair in cloudfront_config.associations(b)]
        return {arn for _, arn in pairs}


class Distributions:
    """Mixed into `CloudFront`."""

    def _distribution(self, ident):
        if ident not in self.distributions:
            raise AwsError("NoSuchDistribution", "The specified distribution does not exist.", 404)
        return self.distributions[ident]

    def CreateDistribution(self, call, p):
        return self._create(p["DistributionConfig"], {})

    def CreateDistributionWithTags(self, call, p):
        from .cloudfront import read_tags

        both = p["DistributionConfigWithTags"]
        return self._create(both["DistributionConfig"], read_tags(both.get("Tags")))

    def _create(self, config, tags):
        for each in self.distributions.values():
            if each.config["CallerReference"] == config.get("CallerReference"):
                raise AwsError(
                    "DistributionAlreadyExists",
                    "The caller reference that you are using to create a distribution is associated with another "
                    f"distribution. Already exists: {each.id}",
                    409,
                )
        cloudfront_config.check(config, self)
        self._check_domains(config)
        made = Distribution(cloudfront_config.complete(config), self.arn("distribution", ""), self.account.pace)
        made.tags = tags
        self.distributions[made.id] = made
        location = f"https://cloudfront.amazonaws.com/2020-05-31/distribution/{made.id}"
        return {"Distribution": _shown(made, made.status()), "ETag": made.etag, "Location": location}

    def GetDistribution(self, call, p):
        found = self._distribution(p["Id"])
        return {"Distribution": _shown(found, found.status(poll=True)), "ETag": found.etag}

    def GetDistributionConfig(self, call, p):
        found = self._distribution(p["Id"])
        return {"DistributionConfig": found.config, "ETag": found.etag}

    def UpdateDistribution(self, call, p):
        from .cloudfront import check_match

        found, config = self._distribution(p["Id"]), p["DistributionConfig"]
        check_match(p.get("IfMatch"), found.etag)
        if config.get("CallerReference") != found.config["CallerReference"]:
            raise AwsError("IllegalUpdate", "The update contains modifications that are not allowed.", 400)
        # A full PUT: what an update leaves out is refused or falls back to its default, as at AWS.
        for name in ("DefaultRootObject", "Aliases", "CacheBehaviors", "CustomErrorResponses", "Logging", "PriceClass", "ViewerCertificate", "Restrictions", "WebACLId"):
            if name not in config:
                raise AwsError("IllegalUpdate", f"The update contains modifications that are not allowed: {name} is missing.", 400)
        cloudfront_config.check(config, self)
        self._check_domains(config, found)
        self._let_go(found.config, config)
        found.answered = found.answers()
        found.config, found.etag = cloudfront_config.complete(config), ids.cloudfront()
        found.touch(self.account.pace)
        return {"Distribution": _shown(found, found.status()), "ETag": found.etag}

    def DeleteDistribution(self, call, p):
        from .cloudfront import check_match

        found = self._distribution(p["Id"])
        check_match(p.get("IfMatch"), found.etag)
        if found.config["Enabled"] or found.status(poll=True) != "Deployed":
            raise AwsError("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.", 409)
        self._let_go(found.config)
        del self.distributions[found.id]
        return {}

    def ListDistributions(self, call, p):
        from .cloudfront import page

        out, more = page([summary(d) for d in self.distributions.values()], p)
        return {"DistributionList": {**out, "Marker": p.get("Marker", ""), "IsTruncated": more}}

    def CreateInvalidation(self, call, p):
        found, batch = self._distribution(p["DistributionId"]), p["InvalidationBatch"]
        from .cloudfront_functions import check_quantities

        check_quantities(batch)
        for ident, old in found.invalidations.items():
            if old["batch"]["CallerReference"] == batch["CallerReference"]:
                if old["batch"] != batch:
                    raise AwsError("InvalidationBatchAlreadyExists", "An invalidation batch with this caller reference exists.", 409)
                return {"Invalidation": _invalidation(ident, old)}
        ident = ids.cloudfront()
        found.invalidations[ident] = {"batch": copy.deepcopy(batch), "made": datetime.now(timezone.utc), "wait": Wait(self.account.pace)}
        if self.account.edge:
            self.account.edge.invalidate(found.id, batch["Paths"].get("Items") or [])
        return {"Invalidation": _invalidation(ident, found.invalidations[ident])}

    def GetInvalidation(self, call, p):
        found = self._distribution(p["DistributionId"]).invalidations.get(p["Id"])
        if found is None:
            raise AwsError("NoSuchInvalidation", "The specified invalidation does not exist.", 404)
        found["wait"].poll()
        return {"Invalidation": _invalidation(p["Id"], found)}


def _invalidation(ident, found):
    status = "Completed" if found["wait"].over() else "InProgress"
    return {"Id": ident, "Status": status, "CreateTime": found["made"], "InvalidationBatch": found["batch"]}


def _shown(found, status):
    return {
        "Id": found.id, "ARN": found.arn, "Status": status, "LastModifiedTime": found.modified,
        "InProgressInvalidationBatches": 0, "DomainName": found.domain,
        "ActiveTrustedSigners": {"Enabled": False, "Quantity": 0},
        "ActiveTrustedKeyGroups": {"Enabled": False, "Quantity": 0},
        "DistributionConfig": found.config,
    }


def summary(found):
    """A distribution as lists show it."""
    return {
        **{k: v for k, v in found.config.items() if k not in ("CallerReference", "Logging", "DefaultRootObject")},
        "Id": found.id, "ARN": found.arn, "Status": found.status(), "LastModifiedTime": found.modified,
        "DomainName": found.domain, "ETag": found.etag,
    }
