"""S3, played: objects in memory, conditional writes, checksums, block public access, policies that are judged.

Source: S3 API reference; `s3_buckets.py`, `s3_objects.py`, `s3_listing.py`, `s3_multipart.py` and
`s3_lifecycle.py` hold the operations.
"""

import functools
import json
from datetime import datetime, timezone

from .. import authority, policy
from ..wire.errors import AwsError
from .s3_buckets import Buckets
from .s3_lifecycle import Lifecycle, end_uploads
from .s3_listing import Listing
from .s3_multipart import Multipart
from .s3_objects import Objects


class Bucket:
    """One bucket; `versions` maps a key to its versions, oldest first."""

    def __init__(self, name, region):
        self.name, self.region, self.created = name, region, now()
        self.tags, self.policy, self.versioning = {}, None, None
        # What a new bucket has had since April 2023. Source: S3 user guide.
        self.block = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        )
        self.ownership = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        self.encryption = {
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
            ]
        }
        self.settings, self.versions, self.uploads = {}, {}, {}

    def current(self, key):
        """The key's live object, or None when absent or hidden by a delete marker."""
        versions = self.versions.get(key)
        return versions[-1] if versions and not versions[-1].marker else None


class S3(Buckets, Objects, Listing, Multipart, Lifecycle):
    """The service; `taken` are names that other accounts hold."""

    def __init__(self, account):
        self.account, self.buckets, self.taken = account, {}, set()

    def bucket(self, call, name):
        """The bucket for a call, after the checks that every bucket operation shares."""
        if name in self.taken:
            raise AwsError("AccessDenied", "Access Denied", 403)
        bucket = self.buckets.get(name)
        if bucket is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, extra={"BucketName": name})
        owner = call.headers.get("x-amz-expected-bucket-owner")
        if owner and owner != self.account.id:
            raise AwsError("AccessDenied", "Access Denied", 403)
        if call.region and call.region != bucket.region:
            raise AwsError(
                "AuthorizationHeaderMalformed",
                f"The authorization header is malformed; the region '{call.region}' is wrong; "
                f"expecting '{bucket.region}'",
                400,
                {"x-amz-bucket-region": bucket.region},
                {"Region": bucket.region},
            )
        if bucket.uploads:
            end_uploads(bucket, self.account.clock.now())
        return bucket

    def authorize(self, call):
        """AwsError when the bucket's policy refuses the caller, or nobody lets them.

        The account's user may do what no policy denies; a role was judged by its own policy before; nobody else
        may do anything that the bucket does not open to everybody.
        """
        bucket = self.buckets.get(call.labels.get("Bucket"))
        anonymous = call.principal.kind == "anonymous"
        if bucket is None or bucket.policy is None or call.operation.endswith("BucketPolicy"):
            if anonymous and (bucket or "Bucket" not in call.labels):
                raise AwsError("AccessDenied", "Access Denied", 403)
            return
        document = _parsed(bucket.policy)
        action, resource = authority.s3_question(call)
        principal = {"Anonymous": "*"} if anonymous else {"AWS": call.principal.arn}
        verdict = policy.decide(document, principal, action, resource, {"aws:SecureTransport": "true"})
        restricted = anonymous and bucket.block and bucket.block["RestrictPublicBuckets"]
        if verdict == "Deny" or (anonymous and (verdict != "Allow" or restricted)):
            raise AwsError("AccessDenied", "Access Denied", 403)


@functools.lru_cache(maxsize=64)
def _parsed(document):
    # Nobody changes it, and it is asked for every object.
    return json.loads(document)


def now():
    """The time, to the second as S3 gives it."""
    return datetime.now(timezone.utc).replace(microsecond=0)
