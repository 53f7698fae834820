"""CloudFront's key value stores: the control plane."""

import re
from datetime import datetime, timezone

from .. import ids
from ..clock import Wait
from ..wire.errors import AwsError


class Store:
    """One store. `control` is the control plane's ETag, `etag` the data plane's: they are different things."""

    def __init__(self, name, comment, arn, pace):
        self.name, self.comment, self.id = name, comment, ids.unique()
        self.arn = arn + self.id
        self.control, self.etag = ids.cloudfront(), ids.cloudfront()
        self.values, self.tags = {}, {}
        self.created = self.modified = self.control_modified = datetime.now(timezone.utc)
        self._wait = Wait(pace)

    def poll(self):
        """The status for someone who asks; the asking counts."""
        return "READY" if self._wait.poll() else "PROVISIONING"

    def status(self):
        """The status."""
        return "READY" if self._wait.over() else "PROVISIONING"

    def size(self):
        """Bytes of keys and values."""
        return sum(len(k.encode()) + len(v.encode()) for k, v in self.values.items())

    def replace(self, values, etag):
        """New contents; when the edge sees them is the matter of `edge/lags.py`."""
        self.values, self.etag, self.modified = values, etag, datetime.now(timezone.utc)


class Stores:
    """Mixed into `CloudFront`."""

    def _store(self, name):
        if name not in self.stores:
            raise AwsError("EntityNotFound", "The entity was not found.", 404)
        return self.stores[name]

    def CreateKeyValueStore(self, call, p):
        from .cloudfront import read_tags

        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", p["Name"]) or len(p.get("Comment") or "") > 128:
            raise AwsError("InvalidArgument", "The name or comment of the key value store is not valid.", 400)
        if p["Name"] in self.stores:
            raise AwsError("EntityAlreadyExists", "The entity already exists. You must provide a unique entity.", 409)
        if p.get("ImportSource"):
            raise AwsError("NotPlayed", "the practice account does not import into a key value store", 501)
        store = Store(p["Name"], p.get("Comment") or "", self.arn("key-value-store", ""), self.account.pace)
        store.tags = read_tags(p.get("Tags"))
        self.stores[store.name] = store
        location = f"https://cloudfront.amazonaws.com/2020-05-31/key-value-store/{store.name}"
        return {"KeyValueStore": _shown(store, store.status()), "ETag": store.control, "Location": location}

    def DescribeKeyValueStore(self, call, p):
        store = self._store(p["Name"])
        return {"KeyValueStore": _shown(store, store.poll()), "ETag": store.control}

    def UpdateKeyValueStore(self, call, p):
        from .cloudfront import check_match

        store = self._store(p["Name"])
        check_match(p.get("IfMatch"), store.control)
        store.comment, store.control = p.get("Comment") or "", ids.cloudfront()
        store.control_modified = datetime.now(timezone.utc)
        return {"KeyValueStore": _shown(store, store.status()), "ETag": store.control}

    def DeleteKeyValueStore(self, call, p):
        from .cloudfront import check_match

        store = self._store(p["Name"])
        check_match(p.get("IfMatch"), store.control)
        if any(store.arn in each.store_arns() for each in self.code.values()):
            raise AwsError("CannotDeleteEntityWhileInUse", "The entity cannot be deleted while it is in use.", 409)
        del self.stores[store.name]
        return {}

    def ListKeyValueStores(self, call, p):
        from .cloudfront import page

        rows = [_shown(s, s.status()) for s in self.stores.values()]
        if p.get("Status"):
            rows = [r for r in rows if r["Status"] == p["Status"]]
        return {"KeyValueStoreList": page(rows, p)[0]}


def _shown(store, status):
    return {
        "Name": store.name, "Id": store.id, "Comment": store.comment, "ARN": store.arn, "Status": status,
        "LastModifiedTime": store.control_modified,
    }
