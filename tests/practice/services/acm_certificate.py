"""One certificate: its states, and what ACM shows of it. Source: ACM API reference, CertificateDetail."""

import hashlib
from datetime import datetime, timedelta, timezone

from ..clock import Wait

REQUESTABLE = ("RSA_2048", "EC_prime256v1", "EC_secp384r1")
"""The key algorithms that a request may name; the others are for import. Source: API reference, KeyAlgorithm."""

_OPTIONS = {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"}


class Certificate:
    """PENDING_VALIDATION, at first without records; ISSUED a while after its CNAMEs are there; or FAILED."""

    def __init__(self, arn, region, names, algorithm, options, account):
        self.arn, self.region, self.names, self.algorithm, self.account = arn, region, names, algorithm, account
        self.options, self.tags = {**_OPTIONS, **options}, {}
        self.created, self.issued = datetime.now(timezone.utc), None
        self.status, self.reason, self.lingers = "PENDING_VALIDATION", None, None
        self._records, self._issuing = Wait(account.pace), None

    def record(self, name):
        """The CNAME that proves a name; a wildcard and its parent share one, and so do certificates."""
        parent = name.removeprefix("*.")
        digest = hashlib.sha256(f"{self.account.id} {parent}".encode()).hexdigest()
        zone = "".join(chr(ord("a") + int(c, 16)) for c in digest[-10:])
        return {"Name": f"_{digest[:32]}.{parent}.", "Type": "CNAME", "Value": f"_{digest[16:48]}.{zone}.acm-validations.aws."}

    def _proved(self, name):
        record = self.record(name)
        seen = [value.lower().rstrip(".") for value in self.account.route53.resolve(record["Name"], "CNAME")]
        return record["Value"].rstrip(".") in seen

    def look(self, poll=False):
        """Go on as far as the world allows; `poll`: somebody asks about this very certificate."""
        if self.status != "PENDING_VALIDATION":
            return
        if not (self._records.poll() if poll else self._records.over()):
            return
        if not all(self._proved(name) for name in self.names):
            self._issuing = None
            return
        self._issuing = self._issuing or Wait(self.account.pace)
        if self._issuing.poll() if poll else self._issuing.over():
            self.status, self.issued = "ISSUED", datetime.now(timezone.utc)

    def release(self):
        """A distribution let go of it."""
        self.lingers = Wait(self.account.pace)

    def _validation(self, name):
        status = {"ISSUED": "SUCCESS", "FAILED": "FAILED"}.get(self.status, "PENDING_VALIDATION")
        shown = {"DomainName": name, "ValidationDomain": name, "ValidationStatus": status, "ValidationMethod": "DNS"}
        if self._records.over():
            shown["ResourceRecord"] = self.record(name)
        return shown

    def shown(self, users):
        """What DescribeCertificate says."""
        out = {
            "SubjectAlternativeNames": self.names, "DomainValidationOptions": [self._validation(n) for n in self.names],
            "Subject": f"CN={self.names[0]}", "Issuer": "Amazon", "SignatureAlgorithm": "SHA256WITHRSA",
            "InUseBy": [d.arn for d in users], "Options": self.options,
            "KeyUsages": [{"Name": n} for n in self._usages()[0]],
            "ExtendedKeyUsages": [{"Name": n, "OID": o} for n, o in self._usages()[1]],
        }
        if self.reason:
            out["FailureReason"] = self.reason
        if self.issued:
            digits = hashlib.sha256(self.arn.encode()).hexdigest()[:32]
            out["Serial"] = ":".join(digits[n : n + 2] for n in range(0, 32, 2))
        return {**out, **self._common(users)}

    def summary(self, users):
        """What ListCertificates says."""
        return {
            "SubjectAlternativeNameSummaries": self.names, "HasAdditionalSubjectAlternativeNames": False,
            "InUse": bool(users), "Exported": False, "ExportOption": self.options["Export"],
            "KeyUsages": self._usages()[0], "ExtendedKeyUsages": [n for n, _ in self._usages()[1]], **self._common(users),
        }

    def _usages(self):
        if self.status != "ISSUED":
            return [], []
        return ["DIGITAL_SIGNATURE", "KEY_ENCIPHERMENT"], [("TLS_WEB_SERVER_AUTHENTICATION", "1.3.6.1.5.5.7.3.1")]

    def _common(self, users):
        out = {
            "CertificateArn": self.arn, "DomainName": self.names[0], "Status": self.status, "Type": "AMAZON_ISSUED",
            # With a hyphen, other than in a request. Source: CLI reference, the examples of describe-certificate.
            "KeyAlgorithm": self.algorithm.replace("_", "-", 1), "CreatedAt": self.created,
            "RenewalEligibility": "ELIGIBLE" if users and self.issued else "INELIGIBLE",
        }
        if self.issued:
            start = self.issued.replace(hour=0, minute=0, second=0, microsecond=0)
            out.update(IssuedAt=self.issued, NotBefore=start, NotAfter=start + timedelta(days=395))
        return out
