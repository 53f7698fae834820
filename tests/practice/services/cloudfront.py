"""CloudFront's control plane, played: lossless read-back, ETags, stages of functions, states that take time.

Source: CloudFront API reference and quotas; `cloudfront_distributions.py` holds the distributions.
"""

import xml.etree.ElementTree as ElementTree
from datetime import datetime, timezone

from .. import ids
from ..wire.errors import AwsError
from .cloudfront_distributions import Distributions
from .cloudfront_functions import Functions
from .kvs import Store


class Control:
    """One origin access control."""

    def __init__(self, config):
        self.id, self.etag, self.config = ids.cloudfront(), ids.cloudfront(), config


class CloudFront(Distributions, Functions):
    """The service. `tags` maps an ARN to its tags."""

    def __init__(self, account):
        self.account = account
        self.controls, self.functions, self.distributions, self.tags = {}, {}, {}, {}

    # Origin access controls

    def CreateOriginAccessControl(self, call, p):
        config = p["OriginAccessControlConfig"]
        if any(c.config["Name"] == config["Name"] for c in self.controls.values()):
            raise AwsError("OriginAccessControlAlreadyExists", "An origin access control with this name exists.", 409)
        control = Control(config)
        self.controls[control.id] = control
        return {**_control(control), "ETag": control.etag, "Location": f"/origin-access-control/{control.id}", "_status": 201}

    def _held(self, p):
        control = self.controls.get(p["Id"])
        if control is None:
            raise AwsError("NoSuchOriginAccessControl", "The specified origin access control does not exist.", 404)
        return control

    def GetOriginAccessControl(self, call, p):
        control = self._held(p)
        return {**_control(control), "ETag": control.etag}

    def GetOriginAccessControlConfig(self, call, p):
        control = self._held(p)
        return {"OriginAccessControlConfig": control.config, "ETag": control.etag}

    def ListOriginAccessControls(self, call, p):
        items = [{"Id": c.id, "Description": "", **c.config} for c in self.controls.values()]
        return {"OriginAccessControlList": listed(items, p)}

    def UpdateOriginAccessControl(self, call, p):
        control = self._held(p)
        check_match(p, control.etag)
        control.config, control.etag = p["OriginAccessControlConfig"], ids.cloudfront()
        return {**_control(control), "ETag": control.etag}

    def DeleteOriginAccessControl(self, call, p):
        control = self._held(p)
        check_match(p, control.etag)
        for config in self.configs():
            if any(o.get("OriginAccessControlId") == control.id for o in config["Origins"]["Items"]):
                raise AwsError("OriginAccessControlInUse", "The origin access control is used by a distribution.", 409)
        del self.controls[control.id]
        return {"_status": 204}

    # Key value stores

    def CreateKeyValueStore(self, call, p):
        stores = self.account.stores.stores
        if p["Name"] in stores:
            raise AwsError("EntityAlreadyExists", "The key value store exists already.", 409)
        store = stores[p["Name"]] = Store(self.account, p["Name"], p.get("Comment") or "")
        self.tags[store.arn] = tags_in(call.body)
        return {"KeyValueStore": _store(store), "ETag": store.control, "Location": store.name, "_status": 201}

    def _named(self, p):
        store = self.account.stores.by_name(p["Name"])
        if store is None:
            raise AwsError("EntityNotFound", "The key value store does not exist.", 404)
        return store

    def DescribeKeyValueStore(self, call, p):
        store = self._named(p)
        store.wait.poll()
        return {"KeyValueStore": _store(store), "ETag": store.control}

    def ListKeyValueStores(self, call, p):
        return {"KeyValueStoreList": listed([_store(s) for s in self.account.stores.stores.values()], p, short=True)}

    def UpdateKeyValueStore(self, call, p):
        store = self._named(p)
        check_match(p, store.control)
        store.comment, store.control = p.get("Comment") or "", ids.cloudfront()
        return {"KeyValueStore": _store(store), "ETag": store.control}

    def DeleteKeyValueStore(self, call, p):
        store = self._named(p)
        check_match(p, store.control)
        for function in self.functions.values():
            if any(store.arn in function.stores(stage) for stage in function.stages):
                raise AwsError("CannotDeleteEntityWhileInUse", "The key value store is used by a function.", 409)
        del self.account.stores.stores[store.name]
        self.tags.pop(store.arn, None)
        return {"_status": 204}

    # Tags

    def _tagged(self, p):
        if p["Resource"] not in self.tags:
            raise AwsError("NoSuchResource", "The resource does not exist.", 404)
        return self.tags[p["Resource"]]

    def ListTagsForResource(self, call, p):
        return {"Tags": {"Items": [{"Key": k, "Value": v} for k, v in self._tagged(p).items()]}}

    def TagResource(self, call, p):
        self._tagged(p).update({t["Key"]: t.get("Value", "") for t in p["Tags"].get("Items") or []})
        return {"_status": 204}

    def UntagResource(self, call, p):
        for key in p["TagKeys"].get("Items") or []:
            self._tagged(p).pop(key, None)
        return {"_status": 204}


def _control(control):
    return {"OriginAccessControl": {"Id": control.id, "OriginAccessControlConfig": control.config}}


def _store(store):
    return {"Name": store.name, "Id": store.id, "Comment": store.comment, "ARN": store.arn, "Status": store.status(),
            "LastModifiedTime": now()}


def now():
    """The time, as CloudFront gives it."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def listed(items, p, short=False):
    """A page of CloudFront's lists, which begin after the `Marker`."""
    most = int(p.get("MaxItems") or 100)
    start = int(p.get("Marker") or 0)
    page = items[start : start + most]
    out = {"MaxItems": most, "Quantity": len(page), "Items": page}
    if not short:
        out.update(Marker=str(p.get("Marker") or ""), IsTruncated=start + most < len(items))
    if start + most < len(items):
        out["NextMarker"] = str(start + most)
    return out


def check_match(p, etag):
    """CloudFront's two ways of saying that the caller does not know the present state."""
    given = p.get("IfMatch")
    if not given:
        raise AwsError("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.", 400)
    if given != etag:
        raise AwsError("PreconditionFailed", "The request failed because it didn't meet the preconditions in one or more request-header fields.", 412)


def tags_in(body):
    """The tags in a request. Read here: CreateFunction and CreateKeyValueStore have them newer than some models."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return {}
    out = {}
    for tag in (e for e in root.iter() if e.tag.rsplit("}", 1)[-1] == "Tag"):
        members = {e.tag.rsplit("}", 1)[-1]: e.text or "" for e in tag}
        out[members.get("Key", "")] = members.get("Value", "")
    return out
