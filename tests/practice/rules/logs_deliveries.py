"""CloudWatch Logs' deliveries, played: sources, destinations, and deliveries from one to the other.

Source: Logs API reference, PutDeliverySource, PutDeliveryDestination, CreateDelivery; CloudFront developer guide,
standard logging (v2); Logs user guide, logging that requires additional permissions [V2].
"""

import json
import re

from .. import ids
from ..policy import decide, listed
from ..services.strict import page
from ..wire.errors import AwsError

_FORMATS = {"S3": ("json", "plain", "w3c", "parquet"), "CWL": ("json", "plain"), "FH": ("json", "plain", "raw")}
_FIELDS = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query "
    "cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol "
    "ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte "
    "x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end"
).split()
_MORE_FIELDS = (
    "timestamp(ms) timestamp DistributionId origin-fbl origin-lbl asn c-country cache-behavior-path-pattern distribution-tenant-id "
    "connection-id viewer-mtls-connection"
).split()
_VARIABLES = ("DistributionId", "distributionid", "yyyy", "MM", "dd", "HH", "accountid", "account-id", "region")
_BEFORE = "AWSLogs/{account-id}/CloudFront/"


def _invalid(text):
    return AwsError("ValidationException", text, 400)


def _conflict(text):
    return AwsError("ConflictException", text, 400)


def _absent(kind):
    return AwsError("ResourceNotFoundException", f"Requested {kind} does not exist in this account.", 400)


class Deliveries:
    """The operations; sources and destinations by `(region, name)`, deliveries by `(region, id)`; tags by ARN."""

    def __init__(self):
        self.sources, self.destinations, self.deliveries, self.tags = {}, {}, {}, {}

    def _arn(self, account, call, kind, name):
        return f"arn:aws:logs:{call.region}:{account.id}:{kind}:{name}"

    def _tag(self, arn, p, new):
        if p.get("tags") and not new:
            raise _invalid("Tags can only be provided when a resource is being created, not updated.")
        if new:
            self.tags[arn] = dict(p.get("tags") or {})

    def _shown(self, thing):
        return {**thing, "tags": self.tags[thing["arn"]] or None}

    # -- sources -----------------------------------------------------------------------------------------------

    def PutDeliverySource(self, account, call, p):
        key, resource, kind = (call.region, p["name"]), p["resourceArn"], p["logType"]
        found = re.fullmatch(r"arn:aws:cloudfront::(\d{12}):distribution/(\w+)", resource)
        if not found:
            raise AwsError("NotPlayed", "the practice account plays delivery sources of distributions only", 501)
        if call.region != "us-east-1":
            # CloudFront is global, and its deliveries are made in one region.
            raise _invalid("A delivery source of a CloudFront distribution must be created in us-east-1.")
        if found.group(1) != account.id or found.group(2) not in account.cloudfront.distributions:
            raise AwsError("ResourceNotFoundException", f"The resource {resource} does not exist.", 400)
        if kind != "ACCESS_LOGS":
            raise _invalid("This service is not allowed for this LogSource.")
        old = self.sources.get(key)
        if old and old["resourceArns"] != [resource]:
            raise _conflict("Update to existing Delivery Source with new ResourceId is not allowed. Please create a new Delivery Source instead.")
        if any(k != key and s["resourceArns"] == [resource] and s["logType"] == kind for k, s in self.sources.items()):
            raise _conflict("This ResourceId has already been used in another Delivery Source in this account.")
        arn = self._arn(account, call, "delivery-source", p["name"])
        self._tag(arn, p, new=old is None)
        self.sources[key] = {"name": p["name"], "arn": arn, "resourceArns": [resource], "service": "cloudfront", "logType": kind}
        return {"deliverySource": self._shown(self.sources[key])}

    def _source(self, call, name):
        if (call.region, name) not in self.sources:
            raise _absent("Delivery Source")
        return self.sources[(call.region, name)]

    def GetDeliverySource(self, account, call, p):
        return {"deliverySource": self._shown(self._source(call, p["name"]))}

    def DescribeDeliverySources(self, account, call, p):
        found = [self._shown(s) for (where, _), s in sorted(self.sources.items()) if where == call.region]
        shown, more = page(found, p, 50, limit="limit", token="nextToken", code="ValidationException")
        return {"deliverySources": shown, "nextToken": more}

    def DeleteDeliverySource(self, account, call, p):
        found = self._source(call, p["name"])
        if any(k[0] == call.region and d["deliverySourceName"] == p["name"] for k, d in self.deliveries.items()):
            raise _conflict("This Delivery Source cannot be deleted because it is used by a Delivery.")
        del self.sources[(call.region, p["name"])], self.tags[found["arn"]]
        return {}

    # -- destinations ------------------------------------------------------------------------------------------

    def PutDeliveryDestination(self, account, call, p):
        key, target = (call.region, p["name"]), (p.get("deliveryDestinationConfiguration") or {}).get("destinationResourceArn")
        old = self.destinations.get(key)
        target = target or (old and old["deliveryDestinationConfiguration"]["destinationResourceArn"])
        kind = self._kind(account, target or "")
        form = p.get("outputFormat") or (old and old["outputFormat"]) or "json"
        if form not in _FORMATS[kind]:
            raise _invalid(f"The output format {form} is not supported for a destination of type {kind}.")
        if old and (form != old["outputFormat"] or kind != old["deliveryDestinationType"]):
            raise _invalid("Update to existing Delivery Destination with new Output Format or type is not allowed. Please create a new Delivery Destination instead.")
        arn = self._arn(account, call, "delivery-destination", p["name"])
        self._tag(arn, p, new=old is None)
        self.destinations[key] = {
            "name": p["name"], "arn": arn, "deliveryDestinationType": kind, "outputFormat": form,
            "deliveryDestinationConfiguration": {"destinationResourceArn": target},
        }
        return {"deliveryDestination": self._shown(self.destinations[key])}

    def _kind(self, account, target):
        bucket = re.fullmatch(r"arn:aws:s3:::([a-z0-9.-]+)(?:/.*)?", target)
        group = re.fullmatch(rf"arn:aws:logs:([a-z0-9-]+):{account.id}:log-group:([\w./#-]+)(?::\*)?", target)
        if bucket:
            if bucket.group(1) not in account.s3.buckets:
                raise AwsError("ResourceNotFoundException", f"The bucket {bucket.group(1)} does not exist.", 400)
            return "S3"
        if group:
            backend = account.standins.backend("logs", group.group(1))
            if backend is None or group.group(2) not in backend.groups:
                raise AwsError("ResourceNotFoundException", "The specified log group does not exist.", 400)
            return "CWL"
        if re.fullmatch(r"arn:aws:firehose:[a-z0-9-]+:\d{12}:deliverystream/.+", target):
            return "FH"
        raise _invalid(f"The destination {target or '(none)'} is not the ARN of a bucket, a log group or a Firehose stream.")

    def _destination(self, call, name):
        if (call.region, name) not in self.destinations:
            raise _absent("Delivery Destination")
        return self.destinations[(call.region, name)]

    def GetDeliveryDestination(self, account, call, p):
        return {"deliveryDestination": self._shown(self._destination(call, p["name"]))}

    def DescribeDeliveryDestinations(self, account, call, p):
        found = [self._shown(d) for (where, _), d in sorted(self.destinations.items()) if where == call.region]
        shown, more = page(found, p, 50, limit="limit", token="nextToken", code="ValidationException")
        return {"deliveryDestinations": shown, "nextToken": more}

    def DeleteDeliveryDestination(self, account, call, p):
        found = self._destination(call, p["name"])
        if any(d["deliveryDestinationArn"] == found["arn"] for d in self.deliveries.values()):
            raise _conflict("This Delivery Destination cannot be deleted because it is used by a Delivery.")
        del self.destinations[(call.region, p["name"])], self.tags[found["arn"]]
        return {}

    # -- deliveries --------------------------------------------------------------------------------------------

    def CreateDelivery(self, account, call, p):
        source = self._source(call, p["deliverySourceName"])
        destination = next((d for d in self.destinations.values() if d["arn"] == p["deliveryDestinationArn"]), None)
        if destination is None:
            raise _absent("Delivery Destination")
        kind = destination["deliveryDestinationType"]
        for other in self.deliveries.values():
            if other["deliverySourceName"] == source["name"] and other["deliveryDestinationArn"] == destination["arn"]:
                raise _conflict("The specified Delivery already exists")
            if other["deliverySourceName"] == source["name"] and other["deliveryDestinationType"] == kind:
                raise _conflict("Delivery already exists for this Delivery Source with the same Delivery Destination Type.")
        made = {
            "deliverySourceName": source["name"], "deliveryDestinationArn": destination["arn"], "deliveryDestinationType": kind,
        }
        made.update(self._configured(p, destination, created=True))
        if kind == "S3":
            self._open_bucket(account, destination, source)
        ident = ids.api(16)
        made.update(id=ident, arn=self._arn(account, call, "delivery", ident))
        self._tag(made["arn"], p, new=True)
        self.deliveries[(call.region, ident)] = made
        return {"delivery": self._shown(made)}

    def _configured(self, p, destination, created):
        fields, delimiter, bucket = p.get("recordFields"), p.get("fieldDelimiter"), p.get("s3DeliveryConfiguration")
        unknown = [f for f in fields or [] if f not in (*_FIELDS, *_MORE_FIELDS)]
        if unknown:
            raise _invalid(f"The record field {unknown[0]} is not known for this log type.")
        if delimiter and destination["outputFormat"] not in ("plain", "w3c", "raw"):
            raise _invalid("A field delimiter is for the output formats plain, w3c and raw only.")
        if bucket and destination["deliveryDestinationType"] != "S3":
            raise _invalid("s3DeliveryConfiguration is for destinations of type S3 only.")
        out = {"recordFields": fields or (list(_FIELDS) if created else None), "fieldDelimiter": delimiter}
        if bucket or created and destination["deliveryDestinationType"] == "S3":
            out["s3DeliveryConfiguration"] = self._path(bucket or {}, destination, created)
        return {k: v for k, v in out.items() if v is not None}

    def _path(self, bucket, destination, created):
        given = bucket.get("suffixPath") or "{DistributionId}/{yyyy}/{MM}/{dd}/{HH}"
        unknown = [v for v in re.findall(r"\{([^}]*)\}", given) if v not in _VARIABLES]
        if unknown or bucket.get("enableHiveCompatiblePath") and "=" in given:
            raise _invalid("Provided suffixPath is invalid")
        # Creating puts this before a path, updating does not; a bucket's ARN with a prefix goes without.
        # Source: issues 46328 of github.com/hashicorp/terraform-provider-aws and 2274 of
        # github.com/aws-cloudformation/cloudformation-coverage-roadmap.
        whole = "/" not in destination["deliveryDestinationConfiguration"]["destinationResourceArn"]
        path = _BEFORE + given.lstrip("/") if created and whole and not given.startswith(_BEFORE) else given
        return {"suffixPath": path, "enableHiveCompatiblePath": bool(bucket.get("enableHiveCompatiblePath"))}

    def _open_bucket(self, account, destination, source):
        """What lets the logs in is added to the bucket's policy, if it is not there and the caller may.

        Source: Logs user guide, logging that requires additional permissions [V2], Amazon S3.
        """
        target = destination["deliveryDestinationConfiguration"]["destinationResourceArn"].removeprefix("arn:aws:s3:::")
        name, _, prefix = target.partition("/")
        bucket = account.s3.buckets[name]
        document = json.loads(bucket.policy) if bucket.policy else {"Version": "2012-10-17", "Statement": []}
        folder = f"{prefix.rstrip('/')}/" if prefix else f"AWSLogs/{account.id}/CloudFront/"
        context = {
            "s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": account.id, "aws:SourceArn": source["arn"],
            "aws:SecureTransport": "true",
        }
        service = {"Service": "delivery.logs.amazonaws.com"}
        verdict = decide(document, service, "s3:PutObject", f"arn:aws:s3:::{name}/{folder}x", context)
        if verdict == "Deny":
            raise AwsError("AccessDeniedException", f"The policy of the bucket {name} denies the delivery of logs.", 400)
        if verdict is None:
            document["Statement"] = listed(document["Statement"]) + [{
                "Sid": "AWSLogsDeliveryWrite", "Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{name}/{folder}*",
                "Condition": {
                    "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": account.id},
                    "ArnLike": {"aws:SourceArn": source["arn"]},
                },
            }]
            bucket.policy = json.dumps(document)

    def _delivery(self, call, ident):
        if (call.region, ident) not in self.deliveries:
            raise _absent("Delivery")
        return self.deliveries[(call.region, ident)]

    def GetDelivery(self, account, call, p):
        return {"delivery": self._shown(self._delivery(call, p["id"]))}

    def DescribeDeliveries(self, account, call, p):
        found = [self._shown(d) for (where, _), d in self.deliveries.items() if where == call.region]
        shown, more = page(found, p, 50, limit="limit", token="nextToken", code="ValidationException")
        return {"deliveries": shown, "nextToken": more}

    def UpdateDeliveryConfiguration(self, account, call, p):
        found = self._delivery(call, p["id"])
        destination = next(d for d in self.destinations.values() if d["arn"] == found["deliveryDestinationArn"])
        found.update(self._configured(p, destination, created=False))
        return {}

    def DeleteDelivery(self, account, call, p):
        found = self._delivery(call, p["id"])
        del self.deliveries[(call.region, p["id"])], self.tags[found["arn"]]
        return {}

    # -- tags, of these things only ----------------------------------------------------------------------------

    def has(self, arn):
        """Whether an ARN is one of a source, a destination or a delivery."""
        return bool(re.match(r"arn:aws:logs:[a-z0-9-]+:\d{12}:delivery(-source|-destination)?:", arn))

    def tagged(self, arn):
        """The tags of one of them."""
        if arn not in self.tags:
            raise AwsError("ResourceNotFoundException", "The specified resource does not exist.", 400)
        return self.tags[arn]

    def name(self, names):
        """The ids of deliveries are made up."""
        for found in sorted(self.deliveries.values(), key=lambda d: (d["deliverySourceName"], d["deliveryDestinationArn"])):
            names.add(found["id"], "delivery")

    def shown(self):
        """For the snapshot; ids of deliveries are made up."""
        deliveries = [
            {**{k: v for k, v in d.items() if k not in ("id", "arn")}, "tags": self.tags[d["arn"]]} for d in self.deliveries.values()
        ]
        return {
            "log_sources": {"/".join(key): self._shown(s) for key, s in self.sources.items()},
            "log_destinations": {"/".join(key): self._shown(d) for key, d in self.destinations.items()},
            "log_deliveries": sorted(deliveries, key=lambda d: (d["deliverySourceName"], d["deliveryDestinationArn"])),
        }
