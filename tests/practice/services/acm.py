"""ACM, played: certificates by DNS validation. Source: ACM API reference and user guide, DNS validation.

A certificate is issued when the world sees its CNAMEs (`Route53.resolve`), and not before.
"""

import time

from .. import ids
from ..wire import constraints
from ..wire.errors import AwsError
from . import acm_certificate as made
from .acm_certificate import Certificate

_HOUR = 3600


class Acm:
    """The service."""

    def __init__(self, account):
        self.account, self.certificates, self._tokens = account, {}, {}

    def _find(self, call, p):
        constraints.check(call, p)
        found = self.certificates.get(p["CertificateArn"])
        if found is None or found.region != call.region:
            raise AwsError("ResourceNotFoundException", f"Could not find certificate {p['CertificateArn']}.", 400)
        return found

    def users(self, arn):
        """The distributions that use a certificate."""
        return [d for d in self.account.cloudfront.distributions.values() if d.config["ViewerCertificate"].get("ACMCertificateArn") == arn]

    # -- certificates ------------------------------------------------------------------------------------------

    def RequestCertificate(self, call, p):
        constraints.check(call, p)
        if p.get("ValidationMethod") != "DNS" or p.get("CertificateAuthorityArn"):
            # Without a method AWS takes EMAIL.
            raise AwsError("NotPlayed", "the practice account plays public certificates with DNS validation", 501)
        names = _names(p)
        if len(names) > 10:
            raise AwsError("LimitExceededException", "Error: you have reached your limit of 10 domain names per certificate.", 400)
        algorithm = p.get("KeyAlgorithm") or "RSA_2048"
        if algorithm not in made.REQUESTABLE:
            raise AwsError("InvalidParameterException", f"The key algorithm {algorithm} cannot be requested, only imported.", 400)
        again = self._same_token(call, p, names)
        if again:
            return {"CertificateArn": again.arn}
        arn = f"arn:aws:acm:{call.region}:{self.account.id}:certificate/{ids.unique()}"
        found = Certificate(arn, call.region, names, algorithm, p.get("Options") or {}, self.account)
        found.tags = _tagged({}, p.get("Tags") or [])
        self.certificates[arn] = found
        if p.get("IdempotencyToken"):
            self._tokens[call.region, p["IdempotencyToken"]] = (time.monotonic(), found)
        return {"CertificateArn": arn}

    def _same_token(self, call, p, names):
        """What the same token made within the last hour. Source: API reference, IdempotencyToken."""
        since, found = self._tokens.get((call.region, p.get("IdempotencyToken")), (None, None))
        if found is None or time.monotonic() - since > _HOUR or found.arn not in self.certificates:
            return None
        return found if found.names == names else None

    def DescribeCertificate(self, call, p):
        found = self._find(call, p)
        found.look(poll=True)
        return {"Certificate": found.shown(self.users(found.arn))}

    def ListCertificates(self, call, p):
        constraints.check(call, p)
        statuses, includes = p.get("CertificateStatuses"), p.get("Includes") or {}
        # Left out, only RSA keys of up to 2,048 bits are listed. Source: API reference, Filters.
        kinds = includes.get("keyTypes") or ["RSA_1024", "RSA_2048"]
        if includes.get("managedBy") or includes.get("exportOption"):
            raise AwsError("NotPlayed", "the practice account filters by key type and status only", 501)
        rows = []
        for each in self.certificates.values():
            each.look()
            if each.region == call.region and each.algorithm in kinds and (not statuses or each.status in statuses):
                rows.append(each.summary(self.users(each.arn)))
        start, limit = int(p.get("NextToken") or 0), p.get("MaxItems") or 1000
        out = {"CertificateSummaryList": rows[start : start + limit]}
        if start + limit < len(rows):
            out["NextToken"] = str(start + limit)
        return out

    def DeleteCertificate(self, call, p):
        found = self._find(call, p)
        # For a while after a distribution let go of it, it still counts as in use.
        if self.users(found.arn) or (found.lingers and not found.lingers.poll()):
            raise AwsError("ResourceInUseException", f"Certificate {found.arn} is in use.", 400)
        del self.certificates[found.arn]
        return {}

    # -- tags --------------------------------------------------------------------------------------------------

    def ListTagsForCertificate(self, call, p):
        return {"Tags": [{"Key": k, "Value": v} for k, v in self._find(call, p).tags.items()]}

    def AddTagsToCertificate(self, call, p):
        found = self._find(call, p)
        found.tags = _tagged(found.tags, p["Tags"])
        return {}

    def RemoveTagsFromCertificate(self, call, p):
        found = self._find(call, p)
        for each in p["Tags"]:
            # With a value only that value is removed. Source: API reference, RemoveTagsFromCertificate.
            if each.get("Value") in (None, found.tags.get(each["Key"])):
                found.tags.pop(each["Key"], None)
        return {}

    # -- the door and the snapshot -----------------------------------------------------------------------------

    def fail(self, given):
        """The authority refuses a pending certificate: `{"arn", "fail": reason}`."""
        found = self.certificates[given["arn"]]
        if found.status != "PENDING_VALIDATION":
            raise ValueError(f"the certificate is {found.status}")
        found.status, found.reason = "FAILED", given["fail"]
        return {"arn": found.arn, "status": found.status, "reason": found.reason}

    def _in_order(self):
        return sorted(self.certificates.values(), key=lambda c: (c.region, c.names, c.algorithm, sorted(c.tags.items())))

    def made_up(self):
        """`(value, kind)` of what was made up, in the order of the certificates' names."""
        for each in self._in_order():
            yield each.arn.rpartition("/")[2], "certificate"

    def shown(self):
        """The certificates, for the snapshot: lists by name, since several may have one."""
        out = {}
        for each in self._in_order():
            each.look()
            out.setdefault(each.names[0], []).append(
                {
                    "arn": each.arn, "region": each.region, "names": each.names, "status": each.status, "reason": each.reason,
                    "algorithm": each.algorithm, "options": each.options, "tags": each.tags,
                }
            )
        return out


def _names(p):
    """The certificate's names, the first one first, each once."""
    return list(dict.fromkeys(n.lower() for n in [p["DomainName"], *(p.get("SubjectAlternativeNames") or [])]))


def _tagged(tags, more):
    tags = dict(tags)
    for each in more:
        if each["Key"].lower().startswith("aws:"):
            raise AwsError("InvalidTagException", "AWS reserved tag keys are not allowed.", 400)
        tags[each["Key"]] = each.get("Value") or ""
    if len(tags) > 50:
        raise AwsError("TooManyTagsException", "The certificate has too many tags.", 400)
    return tags
