"""S3's operations on buckets."""

import json
import re

from ..policy import is_public
from ..wire.errors import AwsError
from .s3_policy import check_policy


def check_name(name):
    """AwsError `InvalidBucketName` unless the name follows the rules. Source: S3 user guide, bucket naming."""
    fine = (
        re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name)
        and ".." not in name
        and not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name)
        and not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        and not name.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"))
    )
    if not fine:
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400, extra={"BucketName": name})


class Buckets:
    """Mixed into `S3`."""

    def ListBuckets(self, call, p):
        found = [
            {"Name": b.name, "CreationDate": b.created, "BucketRegion": b.region}
            for b in sorted(self.buckets.values(), key=lambda b: b.name)
        ]
        return {"Buckets": found, "Owner": {"ID": self.account.id}}

    def CreateBucket(self, call, p):
        from .s3 import Bucket

        name, wanted = p["Bucket"], p.get("CreateBucketConfiguration") or {}
        check_name(name)
        region = wanted.get("LocationConstraint") or "us-east-1"
        if region != call.region:
            raise AwsError(
                "IllegalLocationConstraintException",
                f"The {region} location constraint is incompatible for the region specific endpoint this request "
                "was sent to.",
                400,
            )
        if wanted.get("LocationConstraint") == "us-east-1":
            raise AwsError("InvalidLocationConstraint", "The specified location-constraint is not valid", 400)
        if name in self.taken:
            raise AwsError(
                "BucketAlreadyExists",
                "The requested bucket name is not available. The bucket namespace is shared by all users of the "
                "system. Please select a different name and try again.",
                409,
                extra={"BucketName": name},
            )
        if name in self.buckets:
            if region == "us-east-1":
                return {"Location": f"/{name}"}
            raise AwsError(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
                409,
                extra={"BucketName": name},
            )
        bucket = self.buckets[name] = Bucket(name, region)
        bucket.tags = {t["Key"]: t["Value"] for t in wanted.get("Tags") or []}
        location = f"/{name}" if region == "us-east-1" else f"http://{name}.s3.amazonaws.com/"
        return {"Location": location, "BucketArn": f"arn:aws:s3:::{name}"}

    def HeadBucket(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        return {"BucketRegion": bucket.region, "BucketArn": f"arn:aws:s3:::{bucket.name}"}

    def DeleteBucket(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        if bucket.versions or bucket.uploads:
            raise AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
        del self.buckets[bucket.name]
        return {}

    def GetBucketLocation(self, call, p):
        from ..call import Raw

        region = self.bucket(call, p["Bucket"]).region
        text = "" if region == "us-east-1" else region
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{text}</LocationConstraint>'
        )
        return Raw(200, {"content-type": "application/xml"}, body.encode())

    def GetPublicAccessBlock(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        if bucket.block is None:
            raise AwsError(
                "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", 404
            )
        return {"PublicAccessBlockConfiguration": bucket.block}

    def PutPublicAccessBlock(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        given = p.get("PublicAccessBlockConfiguration") or {}
        bucket.block = {name: bool(given.get(name)) for name in bucket.block or _BLOCKS}
        return {}

    def DeletePublicAccessBlock(self, call, p):
        self.bucket(call, p["Bucket"]).block = None
        return {}

    def GetBucketOwnershipControls(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        if bucket.ownership is None:
            raise AwsError("OwnershipControlsNotFoundError", "The bucket ownership controls were not found", 404)
        return {"OwnershipControls": bucket.ownership}

    def PutBucketOwnershipControls(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        rules = (p.get("OwnershipControls") or {}).get("Rules") or []
        names = ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
        if len(rules) != 1 or rules[0].get("ObjectOwnership") not in names:
            raise AwsError("MalformedXML", "The XML you provided was not well-formed", 400)
        bucket.ownership = {"Rules": rules}
        return {}

    def DeleteBucketOwnershipControls(self, call, p):
        self.bucket(call, p["Bucket"]).ownership = None
        return {}

    def GetBucketEncryption(self, call, p):
        return {"ServerSideEncryptionConfiguration": self.bucket(call, p["Bucket"]).encryption}

    def PutBucketEncryption(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        rules = (p.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or []
        if not rules:
            raise AwsError("MalformedXML", "The XML you provided was not well-formed", 400)
        bucket.encryption = {"Rules": [{"BucketKeyEnabled": False, **rule} for rule in rules]}
        return {}

    def GetBucketTagging(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        if not bucket.tags:
            raise AwsError("NoSuchTagSet", "The TagSet does not exist", 404, extra={"BucketName": bucket.name})
        return {"TagSet": [{"Key": k, "Value": v} for k, v in bucket.tags.items()]}

    def PutBucketTagging(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        tags = [(t["Key"], t.get("Value", "")) for t in (p.get("Tagging") or {}).get("TagSet") or []]
        if len({k for k, _ in tags}) != len(tags):
            raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key", 400)
        bucket.tags = dict(tags)
        return {}

    def DeleteBucketTagging(self, call, p):
        self.bucket(call, p["Bucket"]).tags = {}
        return {}

    def GetBucketPolicy(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        if bucket.policy is None:
            raise AwsError(
                "NoSuchBucketPolicy", "The bucket policy does not exist", 404, extra={"BucketName": bucket.name}
            )
        return {"Policy": bucket.policy}

    def PutBucketPolicy(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        document = check_policy(p.get("Policy") or "", bucket.name, self.account)
        if bucket.block and bucket.block["BlockPublicPolicy"] and is_public(document):
            raise AwsError(
                "AccessDenied",
                f"User: {self.account.user_arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
                f'"arn:aws:s3:::{bucket.name}" because public policies are prevented by the BlockPublicPolicy '
                "setting in S3 Block Public Access.",
                403,
            )
        bucket.policy = p["Policy"]
        return {}

    def DeleteBucketPolicy(self, call, p):
        self.bucket(call, p["Bucket"]).policy = None
        return {}

    def GetBucketPolicyStatus(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        return {"PolicyStatus": {"IsPublic": bool(bucket.policy) and is_public(json.loads(bucket.policy))}}

    def GetBucketVersioning(self, call, p):
        status = self.bucket(call, p["Bucket"]).versioning
        return {"Status": status} if status else {}

    def PutBucketVersioning(self, call, p):
        status = (p.get("VersioningConfiguration") or {}).get("Status")
        if status not in ("Enabled", "Suspended"):
            raise AwsError("IllegalVersioningConfigurationException", "The versioning status is not valid", 400)
        self.bucket(call, p["Bucket"]).versioning = status
        return {}

    def GetBucketAcl(self, call, p):
        self.bucket(call, p["Bucket"])
        owner = {"ID": self.account.id}
        return {"Owner": owner, "Grants": [{"Grantee": owner, "Permission": "FULL_CONTROL"}]}

    def GetBucketLogging(self, call, p):
        return dict(self.bucket(call, p["Bucket"]).settings.get("Logging") or {})

    def PutBucketLogging(self, call, p):
        self.bucket(call, p["Bucket"]).settings["Logging"] = p.get("BucketLoggingStatus") or {}
        return {}

    # Nothing of these can be set here, and a bucket is born without. Source: S3 API reference.

    def GetBucketNotificationConfiguration(self, call, p):
        self.bucket(call, p["Bucket"])
        return {}

    def GetBucketReplication(self, call, p):
        self.bucket(call, p["Bucket"])
        raise AwsError("ReplicationConfigurationNotFoundError", "The replication configuration was not found", 404)

    def GetObjectLockConfiguration(self, call, p):
        self.bucket(call, p["Bucket"])
        text = "Object Lock configuration does not exist for this bucket"
        raise AwsError("ObjectLockConfigurationNotFoundError", text, 404)

    def GetBucketCors(self, call, p):
        found = self.bucket(call, p["Bucket"]).settings.get("Cors")
        if not found:
            raise AwsError("NoSuchCORSConfiguration", "The CORS configuration does not exist", 404)
        return dict(found)

    def PutBucketCors(self, call, p):
        self.bucket(call, p["Bucket"]).settings["Cors"] = p.get("CORSConfiguration") or {}
        return {}

    def DeleteBucketCors(self, call, p):
        self.bucket(call, p["Bucket"]).settings.pop("Cors", None)
        return {}


_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
