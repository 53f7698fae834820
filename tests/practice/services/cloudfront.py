"""CloudFront's control plane, played. Source: CloudFront API reference; `aws` error codes from its model.

The operations are in `cloudfront_access.py` (origin access controls), `cloudfront_stores.py` (key value stores),
`cloudfront_functions.py`, `cloudfront_distributions.py` and `cloudfront_domains.py`.
"""

import re

from ..wire.errors import AwsError
from .cloudfront_access import AccessControls
from .cloudfront_distributions import Distributions
from .cloudfront_domains import Domains
from .cloudfront_functions import Functions
from .cloudfront_stores import Stores


class CloudFront(AccessControls, Stores, Functions, Distributions, Domains):
    """The service."""

    def __init__(self, account):
        self.account = account
        self.controls, self.stores, self.code, self.distributions = {}, {}, {}, {}

    def arn(self, kind, name):
        """The ARN of a thing of CloudFront's."""
        return f"arn:aws:cloudfront::{self.account.id}:{kind}/{name}"

    def _tagged(self, arn):
        for each in [*self.distributions.values(), *self.stores.values(), *self.code.values()]:
            if each.arn == arn:
                return each
        raise AwsError("NoSuchResource", f"The specified resource does not exist: {arn}", 404)

    def ListTagsForResource(self, call, p):
        tags = self._tagged(p["Resource"]).tags
        return {"Tags": {"Items": [{"Key": k, "Value": v} for k, v in tags.items()]}}

    def TagResource(self, call, p):
        self._tagged(p["Resource"]).tags.update(read_tags(p.get("Tags")))
        return {}

    def UntagResource(self, call, p):
        tags = self._tagged(p["Resource"]).tags
        for key in (p.get("TagKeys") or {}).get("Items") or []:
            tags.pop(key, None)
        return {}


def read_tags(given):
    """Tags as a dictionary; AwsError `InvalidTagging` for what AWS would not take."""
    tags = {}
    for each in (given or {}).get("Items") or []:
        key, value = each.get("Key", ""), each.get("Value") or ""
        if not re.fullmatch(r"[\w\s.:/=+\-@]{1,128}", key) or key.lower().startswith("aws:") or len(value) > 256:
            raise AwsError("InvalidTagging", "The tagging specified is not valid.", 400)
        tags[key] = value
    if len(tags) > 50:
        raise AwsError("InvalidTagging", "The tagging specified has too many tags.", 400)
    return tags


def check_match(given, etag):
    """The optimistic lock: absent is 400, stale is 412. Source: CloudFront API reference, If-Match."""
    if not given:
        raise AwsError("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.", 400)
    if given != etag:
        raise AwsError("PreconditionFailed", "The request failed because it didn't meet the preconditions in one or more request-header fields.", 412)


def page(items, p, quantity=True):
    """One page of a list: `(items, next marker)`; the marker is an index."""
    start = int(p.get("Marker") or 0) if str(p.get("Marker") or "0").isdigit() else 0
    limit = min(int(p.get("MaxItems") or 100), 100)
    found = items[start : start + limit]
    more = start + limit < len(items)
    out = {"MaxItems": limit, "Quantity": len(found)}
    if found:
        out["Items"] = found
    if more:
        out["NextMarker"] = str(start + limit)
    return out, more
