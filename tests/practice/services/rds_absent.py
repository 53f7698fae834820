"""RDS beyond Aurora: what an account shows that has made nothing of the kind; and AWS's certificates.

Source: RDS API reference; Aurora user guide, Using SSL/TLS, "Certificate authorities".
"""

from datetime import datetime, timezone

from ..wire.errors import AwsError
from .rds_parameters import FAMILIES
from .strict import page

# Valid for 40 years (RSA 2048) and 100 years (the others).
_AUTHORITIES = {"rds-ca-rsa2048-g1": 2061, "rds-ca-rsa4096-g1": 2121, "rds-ca-ecc384-g1": 2121}


class Absent:
    """Mixed into `Rds`."""

    def DescribeCertificates(self, call, p):
        ident = p.get("CertificateIdentifier")
        if ident is not None and ident not in _AUTHORITIES:
            raise AwsError("CertificateNotFound", f"Certificate {ident} not found.", 404)
        rows = [
            {
                "CertificateIdentifier": name, "CertificateType": "CA", "CustomerOverride": False,
                "CertificateArn": f"arn:aws:rds:{call.region}::cert:{name}",
                "ValidFrom": datetime(2021, 5, 21, tzinfo=timezone.utc), "ValidTill": datetime(until, 5, 21, tzinfo=timezone.utc),
            }
            for name, until in _AUTHORITIES.items() if ident in (None, name)
        ]
        shown, more = page(rows, p, 100, "MaxRecords", "Marker", "InvalidParameterValue")
        return {"Certificates": shown, "Marker": more, "DefaultCertificateForNewLaunches": "rds-ca-rsa2048-g1"}

    def DescribeDBParameters(self, call, p):
        # Only the default groups are there. Their parameters are the engine's own, which are not played.
        name = p["DBParameterGroupName"].lower()
        if name.removeprefix("default.") not in FAMILIES:
            raise AwsError("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}", 404)
        return {"Parameters": []}

    def DescribeDBSnapshots(self, call, p):
        # An instance of a cluster has none of its own.
        return {"DBSnapshots": []}

    def DescribeEventSubscriptions(self, call, p):
        if p.get("SubscriptionName"):
            raise AwsError("SubscriptionNotFound", f"Subscription {p['SubscriptionName']} not found.", 404)
        return {"EventSubscriptionsList": []}
