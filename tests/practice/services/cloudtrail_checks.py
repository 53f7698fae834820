"""What CloudTrail checks of a trail: name, bucket and its policy, topic, log group, selectors.

Source: CloudTrail API reference, CreateTrail, PutEventSelectors; user guide, Amazon S3 bucket policy for CloudTrail.
"""

import json
import re

from ..policy import decide
from ..wire.errors import AwsError
from .strict import assumable

_TYPES = ("AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table")
_FIELDS = ("eventCategory", "eventName", "eventSource", "eventType", "readOnly", "resources.ARN", "resources.type", "sessionCredentialFromConsole", "userIdentity.arn", "errorCode", "vpcEndpointId")


def check_name(name):
    """AwsError `InvalidTrailNameException` unless the name follows the rules."""
    fine = (
        3 <= len(name) <= 128
        and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]", name)
        and not re.search(r"[._-]{2}", name)
        and not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name)
    )
    if not fine:
        if len(name) < 3:
            text = "Trail name too short. Minimum allowed length: 3 characters."
        elif len(name) > 128:
            text = "Trail name too long. Maximum allowed length: 128 characters."
        else:
            text = "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_)."
        raise AwsError("InvalidTrailNameException", text, 400)


def check_references(account, region, arn, asked):
    """AwsError unless everything that the trail refers to is there and lets it in."""
    if asked["IsMultiRegionTrail"] and not asked["IncludeGlobalServiceEvents"]:
        raise AwsError("InvalidParameterCombinationException", "Multi-Region trail must include global service events.", 400)
    if asked["IsOrganizationTrail"]:
        raise AwsError("OrganizationsNotInUseException", "Your account is not a member of an organization.", 400)
    _check_bucket(account, arn, asked)
    _check_topic(account, region, arn, asked.get("SnsTopicName"))
    _check_log_group(account, asked)
    key = asked.get("KmsKeyId")
    if key and not re.fullmatch(r"alias/[\w/-]+|[0-9a-f-]{36}|arn:aws:kms:[a-z0-9-]+:\d{12}:(key|alias)/[\w/-]+", key):
        raise AwsError("InvalidKmsKeyIdException", f"{key} is no valid key.", 400)


def _check_bucket(account, arn, asked):
    name, prefix = asked["S3BucketName"], asked.get("S3KeyPrefix")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        raise AwsError("InvalidS3BucketNameException", f"Bucket name {name} is not valid.", 400)
    if prefix and len(prefix) > 200:
        raise AwsError("InvalidS3PrefixException", "S3 prefix is longer than the maximum length.", 400)
    bucket = account.s3.buckets.get(name)
    if bucket is None:
        raise AwsError("S3BucketDoesNotExistException", f"S3 bucket {name} does not exist!", 400)
    document = json.loads(bucket.policy) if bucket.policy else {}
    context = {
        "aws:SourceArn": arn, "aws:SourceAccount": account.id, "aws:SecureTransport": "true",
        "s3:x-amz-acl": "bucket-owner-full-control",
    }
    key = f"{prefix}/AWSLogs/{account.id}/" if prefix else f"AWSLogs/{account.id}/"
    asked_of = [("s3:GetBucketAcl", f"arn:aws:s3:::{name}"), ("s3:PutObject", f"arn:aws:s3:::{name}/{key}CloudTrail/x")]
    for action, resource in asked_of:
        if decide(document, {"Service": "cloudtrail.amazonaws.com"}, action, resource, context) != "Allow":
            raise AwsError("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {name}", 400)


def _check_topic(account, region, arn, given):
    if not given:
        return
    topic = account.topics.topics.get(given if given.startswith("arn:") else f"arn:aws:sns:{region}:{account.id}:{given}")
    if topic is None:
        raise AwsError("InvalidSnsTopicNameException", f"SNS Topic {given} does not exist.", 400)
    if not account.topics.allows(topic, "cloudtrail.amazonaws.com", arn):
        raise AwsError("InsufficientSnsTopicPolicyException", "SNS Topic does not exist or the topic policy is incorrect!", 400)


def _check_log_group(account, asked):
    group, role = asked.get("CloudWatchLogsLogGroupArn"), asked.get("CloudWatchLogsRoleArn")
    if not group and not role:
        return
    found = re.fullmatch(rf"arn:aws:logs:([a-z0-9-]+):{account.id}:log-group:([\w./#-]+):\*", group or "")
    backend = account.standins.backend("logs", found.group(1)) if found else None
    if backend is None or found.group(2) not in backend.groups:
        raise AwsError("InvalidCloudWatchLogsLogGroupArnException", "CloudTrail cannot validate the specified log group ARN.", 400)
    if not assumable(account, role, "cloudtrail.amazonaws.com"):
        raise AwsError("InvalidCloudWatchLogsRoleArnException", "Access denied. Check the trust relationships for your role.", 400)
    name, stream = role.rsplit("/", 1)[-1], group.removesuffix("*") + f"log-stream:{account.id}_CloudTrail_{found.group(1)}"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        if account.role_allows(name, action, stream) != "Allow":
            raise AwsError("InvalidCloudWatchLogsRoleArnException", "Access denied. Check the permissions for your role.", 400)


def _refuse(text):
    raise AwsError("InvalidEventSelectorsException", text, 400)


def check_basic(selectors):
    """Event selectors with their defaults."""
    if len(selectors) > 5:
        _refuse("A trail has at most 5 event selectors.")
    out = []
    for each in selectors:
        resources = each.get("DataResources") or []
        for resource in resources:
            if resource.get("Type") not in _TYPES or not all(v.startswith("arn:aws:") for v in resource.get("Values") or [""]):
                _refuse(f"Value {resource.get('Values')} for DataResources.Values is invalid.")
        if not each.get("IncludeManagementEvents", True) and not resources:
            _refuse("An event selector selects management events or data resources.")
        out.append({
            "ReadWriteType": each.get("ReadWriteType") or "All", "IncludeManagementEvents": each.get("IncludeManagementEvents", True),
            "DataResources": resources, "ExcludeManagementEventSources": each.get("ExcludeManagementEventSources") or [],
        })
    return out


def check_advanced(selectors):
    """Advanced event selectors: each says its category once, and data events their type."""
    for each in selectors:
        fields = {f["Field"]: f for f in each["FieldSelectors"]}
        for name in fields:
            if name not in _FIELDS:
                _refuse(f"The field {name} is not known.")
        category = (fields.get("eventCategory") or {}).get("Equals")
        if category not in (["Management"], ["Data"], ["NetworkActivity"]):
            _refuse("Each selector needs a field eventCategory that equals one category.")
        if category == ["Data"] and len((fields.get("resources.type") or {}).get("Equals") or []) != 1:
            _refuse("A selector of data events needs a field resources.type that equals one type.")
    return selectors
