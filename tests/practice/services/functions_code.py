"""A function's package from S3. Source: Lambda API reference, FunctionCode."""

from ..wire.errors import AwsError


def _refuse(code, text):
    raise AwsError("InvalidParameterValueException", f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {text}", 400)


def stored(s3, call, code):
    """The bytes of an object of a bucket of the same region: its newest version, or the one that is named."""
    bucket, key = s3.buckets.get(code["S3Bucket"]), code.get("S3Key") or ""
    if bucket is None:
        _refuse("NoSuchBucket", "The specified bucket does not exist")
    if bucket.region != call.region:
        _refuse("PermanentRedirect", f"The bucket is in this region: {bucket.region}. Please use this region to retry the request")
    found, version = bucket.current(key), code.get("S3ObjectVersion")
    if version:
        found = next((v for v in bucket.versions.get(key, []) if v.version == version and not v.marker), None)
        if found is None:
            _refuse("NoSuchVersion", "The specified version does not exist.")
    if found is None:
        _refuse("NoSuchKey", "The specified key does not exist.")
    return found.body
