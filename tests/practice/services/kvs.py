"""CloudFront's KeyValueStore, played: both planes of it share the stores that are held here.

Source: CloudFront KeyValueStore API reference and CloudFront quotas.
"""

from .. import ids
from ..clock import Wait
from ..wire.errors import AwsError

KEY_BYTES, PAIR_BYTES, STORE_BYTES = 512, 1024, 5 * 1024 * 1024
BATCH_KEYS, BATCH_BYTES = 50, 3 * 1024 * 1024


class Store:
    """One store. `etag` is the data plane's, over all keys; `control` the control plane's."""

    def __init__(self, account, name, comment):
        self.name, self.comment, self.id = name, comment, ids.unique()
        self.arn = f"arn:aws:cloudfront::{account.id}:key-value-store/{self.id}"
        self.etag, self.control, self.values = ids.cloudfront(), ids.cloudfront(), {}
        self.wait = Wait(account.pace)

    def status(self):
        """PROVISIONING or READY, without counting as a question."""
        return "READY" if self.wait.over() else "PROVISIONING"

    def size(self):
        """Bytes of all keys and values."""
        return sum(len(k.encode()) + len(v.encode()) for k, v in self.values.items())


class KeyValueStores:
    """The data plane; `by_name` and `by_arn` are for the control plane and the edge."""

    def __init__(self, account):
        self.account, self.stores = account, {}

    def by_name(self, name):
        """The store of that name, or None."""
        return self.stores.get(name)

    def by_arn(self, arn):
        """The store of that ARN, or None."""
        return next((s for s in self.stores.values() if s.arn == arn), None)

    def _store(self, p):
        store = self.by_arn(p["KvsARN"])
        if store is None or store.status() != "READY":
            raise AwsError("ResourceNotFoundException", "Key value store was not found.", 404)
        return store

    def DescribeKeyValueStore(self, call, p):
        store = self._store(p)
        return {"ItemCount": len(store.values), "TotalSizeInBytes": store.size(), "KvsARN": store.arn, "Created": 0,
                "ETag": store.etag, "Status": "READY"}

    def GetKey(self, call, p):
        store = self._store(p)
        if p["Key"] not in store.values:
            raise AwsError("ResourceNotFoundException", f"Key {p['Key']} was not found.", 404)
        return {"Key": p["Key"], "Value": store.values[p["Key"]], **_told(store)}

    def ListKeys(self, call, p):
        store = self._store(p)
        keys = sorted(k for k in store.values if k > (p.get("NextToken") or ""))
        page = keys[: min(int(p.get("MaxResults") or 50), 50)]
        out = {"Items": [{"Key": k, "Value": store.values[k]} for k in page]}
        if len(page) < len(keys):
            out["NextToken"] = page[-1]
        return out

    def PutKey(self, call, p):
        return self._change(p, [(p["Key"], p.get("Value"))], [])

    def DeleteKey(self, call, p):
        return self._change(p, [], [p["Key"]])

    def UpdateKeys(self, call, p):
        puts = [(item["Key"], item["Value"]) for item in p.get("Puts") or []]
        deletes = [item["Key"] for item in p.get("Deletes") or []]
        if not puts and not deletes:
            raise AwsError("ValidationException", "At least one put or delete is required.", 400)
        if len(puts) + len(deletes) > BATCH_KEYS:
            raise AwsError("ValidationException", f"A request may change at most {BATCH_KEYS} keys.", 400)
        if len(call.body) > BATCH_BYTES:
            raise AwsError("ValidationException", "The request is larger than 3 MB.", 400)
        return self._change(p, puts, deletes)

    def _change(self, p, puts, deletes):
        """All or nothing, and only on the store as the caller knows it."""
        store = self._store(p)
        if p.get("IfMatch") != store.etag:
            raise AwsError("ConflictException", "The provided ETag does not match the current ETag.", 409)
        values = dict(store.values)
        for key, value in puts:
            _check(key, value)
            values[key] = value
        for key in deletes:
            if key not in values:
                raise AwsError("ResourceNotFoundException", f"Key {key} was not found.", 404)
            del values[key]
        if sum(len(k.encode()) + len(v.encode()) for k, v in values.items()) > STORE_BYTES:
            raise AwsError("ServiceQuotaExceededException", "The store would be larger than 5 MB.", 402)
        store.values, store.etag = values, ids.cloudfront()
        return {"ETag": store.etag, **_told(store)}


def _told(store):
    return {"ItemCount": len(store.values), "TotalSizeInBytes": store.size()}


def _check(key, value):
    if not isinstance(value, str):
        raise AwsError("ValidationException", "Value is required.", 400)
    if not key or len(key.encode()) > KEY_BYTES:
        raise AwsError("ValidationException", f"A key has 1 to {KEY_BYTES} bytes.", 400)
    if not value or len(key.encode()) + len(value.encode()) > PAIR_BYTES:
        raise AwsError("ValidationException", f"Key and value together have at most {PAIR_BYTES} bytes.", 400)
