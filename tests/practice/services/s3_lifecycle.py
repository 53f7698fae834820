"""S3's lifecycle rules: kept, checked, and played as far as they end uploads in parts that nobody completes.

Source: S3 API reference, PutBucketLifecycleConfiguration; S3 user guide, lifecycle configuration elements.
"""

import math

from ..wire.errors import AwsError

_ACTIONS = (
    "Expiration", "Transitions", "NoncurrentVersionTransitions", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload",
)
_DAY = 24 * 3600


class Lifecycle:
    """Mixed into `S3`."""

    def GetBucketLifecycleConfiguration(self, call, p):
        found = self.bucket(call, p["Bucket"]).settings.get("Lifecycle")
        if not found:
            raise AwsError("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", 404)
        return {**found, "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"}

    def PutBucketLifecycleConfiguration(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        given = p.get("LifecycleConfiguration") or {}
        _check(given.get("Rules") or [])
        bucket.settings["Lifecycle"] = given
        return {"TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"}

    def DeleteBucketLifecycle(self, call, p):
        self.bucket(call, p["Bucket"]).settings.pop("Lifecycle", None)
        return {}


def _check(rules):
    if not 1 <= len(rules) <= 1000:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", 400)
    names = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(names)) != len(names):
        raise AwsError("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule", 400)
    for rule in rules:
        has_filter, has_prefix = rule.get("Filter") is not None, rule.get("Prefix") is not None
        if rule.get("Status") not in ("Enabled", "Disabled") or has_filter == has_prefix or len(rule.get("ID") or "") > 255:
            raise AwsError("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", 400)
        if not any(rule.get(action) for action in _ACTIONS):
            raise AwsError("InvalidRequest", "At least one action needs to be specified in a rule", 400)
        abort = rule.get("AbortIncompleteMultipartUpload")
        if abort is None:
            continue
        if (abort.get("DaysAfterInitiation") or 0) < 1:
            raise AwsError("InvalidArgument", "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer", 400)
        chosen = rule.get("Filter") or {}
        if set(chosen) - {"Prefix"}:
            raise AwsError("InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes.", 400)


def end_uploads(bucket, now):
    """Drop the uploads whose time is over; `now` in seconds since 1970.

    A rule of so many days acts at the midnight (UTC) after them. Source: S3 user guide, lifecycle and other bucket
    configurations, calculation of times.
    """
    for rule in (bucket.settings.get("Lifecycle") or {}).get("Rules") or []:
        abort = rule.get("AbortIncompleteMultipartUpload")
        if rule["Status"] != "Enabled" or not abort:
            continue
        prefix = (rule.get("Filter") or {}).get("Prefix") or rule.get("Prefix") or ""
        for upload in list(bucket.uploads.values()):
            due = math.ceil((upload.started.timestamp() + abort["DaysAfterInitiation"] * _DAY) / _DAY) * _DAY
            if upload.key.startswith(prefix) and now >= due:
                del bucket.uploads[upload.id]
