"""A distribution's own names: their certificate, who else has them; and its web ACL.

Source: CloudFront API reference, ViewerCertificate and WebACLId; developer guide, requirements for using alternate
domain names. The messages are those that clients report.
"""

import re

from ..wire.errors import AwsError
from .route53_names import covers

_GUIDE = "For more details, see: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html#alternate-domain-names-requirements"
_POLICIES = {
    "SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016", "TLSv1.2_2018", "TLSv1.2_2019", "TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025",
}
# The keys that CloudFront can use of a certificate. Source: guide, size of the public key.
_KEYS = {"RSA_2048", "EC_prime256v1"}


def aliases(config):
    """The names that a configuration wants, in small letters."""
    return [name.lower() for name in (config.get("Aliases") or {}).get("Items") or []]


class Domains:
    """Mixed into `CloudFront`."""

    def _check_domains(self, config, but=None):
        wanted, certificate = aliases(config), config.get("ViewerCertificate") or {}
        if len(wanted) > 100:
            raise AwsError("TooManyDistributionCNAMEs", "Your request contains more CNAMEs than are allowed per distribution.", 400)
        for name in wanted:
            if not re.fullmatch(r"(\*\.)?([a-z0-9]([a-z0-9_-]*[a-z0-9])?\.)+[a-z0-9-]{2,}", name) or wanted.count(name) > 1:
                raise AwsError("InvalidArgument", f"The parameter CNAME contains one or more parameters that are not valid: {name}.", 400)
        found = self._certificate(certificate)
        if wanted and found is None:
            raise _refused(f"To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted certificate that validates your authorization to use the domain name. {_GUIDE}")
        if not all(any(covers(has, name) for has in found.names) for name in wanted):
            raise _refused(f"The certificate that is attached to your distribution doesn't cover the alternate domain name (CNAME) that you're trying to add. {_GUIDE}")
        for each in self.distributions.values():
            if each is not but and set(wanted) & set(aliases(each.config)):
                raise AwsError("CNAMEAlreadyExists", "One or more of the CNAMEs you provided are already associated with a different resource.", 409)
        self._check_acl(config.get("WebACLId"))

    def _certificate(self, given):
        """The certificate that a configuration names, or None when it names CloudFront's own."""
        arn = given.get("ACMCertificateArn")
        if given.get("CloudFrontDefaultCertificate") or not (arn or given.get("IAMCertificateId")):
            return None
        found = self.account.acm.certificates.get(arn)
        if found:
            found.look()
        if found is None or found.region != "us-east-1" or found.status != "ISSUED" or found.algorithm not in _KEYS:
            raise _refused("The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain.")
        if given.get("SSLSupportMethod") not in ("sni-only", "vip", "static-ip"):
            raise AwsError("InvalidArgument", "The parameter SSLSupportMethod is required with a certificate.", 400)
        if given.get("MinimumProtocolVersion", "TLSv1") not in _POLICIES:
            raise AwsError("InvalidMinimumProtocolVersion", "The minimum protocol version specified is not valid.", 400)
        return found

    def _check_acl(self, arn):
        found = self.account.waf.acls.get(arn) if arn else None
        if arn and (found is None or found.scope != "CLOUDFRONT"):
            raise AwsError("InvalidWebACLId", "Web ACL is not accessible by the requester.", 400)

    def _let_go(self, old, new=None):
        """Certificates and web ACLs learn late that a distribution does not use them any more."""
        new = new or {}
        arn = old["ViewerCertificate"].get("ACMCertificateArn")
        if arn in self.account.acm.certificates and arn != (new.get("ViewerCertificate") or {}).get("ACMCertificateArn"):
            self.account.acm.certificates[arn].release()
        if old["WebACLId"] in self.account.waf.acls and old["WebACLId"] != new.get("WebACLId"):
            self.account.waf.acls[old["WebACLId"]].release()

    # -- lists -------------------------------------------------------------------------------------------------

    def ListDistributionsByWebACLId(self, call, p):
        from .cloudfront import page
        from .cloudfront_distributions import summary

        # "null" asks for those without one. Source: API reference, ListDistributionsByWebACLId.
        wanted = "" if p["WebACLId"] == "null" else p["WebACLId"]
        out, more = page([summary(d) for d in self.distributions.values() if d.config["WebACLId"] == wanted], p)
        return {"DistributionList": {**out, "Marker": p.get("Marker", ""), "IsTruncated": more}}

    def ListConflictingAliases(self, call, p):
        from .cloudfront import page

        mine, name = self._distribution(p["DistributionId"]), p["Alias"].lower()
        found = self._certificate(mine.config["ViewerCertificate"])
        if found is None or not any(covers(has, name) for has in found.names):
            raise AwsError("InvalidArgument", "The specified distribution must have a certificate that covers the provided alias.", 400)
        rows = [
            {"Alias": each, "DistributionId": "*" * 9 + d.id[-5:], "AccountId": "*" * 6 + self.account.id[-6:]}
            for d in self.distributions.values()
            if d is not mine
            for each in aliases(d.config)
            if covers(each, name) or covers(name, each)
        ]
        return {"ConflictingAliasesList": page(rows, p)[0]}


def _refused(text):
    return AwsError("InvalidViewerCertificate", text, 400)
