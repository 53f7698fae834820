"""The key value store's data plane, played. Its control plane is in `cloudfront_stores.py`.

Source: CloudFront KeyValueStore API reference; CloudFront quotas.
"""

from .. import ids
from ..wire.errors import AwsError

KEY_BYTES, PAIR_BYTES = 512, 1024
STORE_BYTES = 5 * 1024 * 1024
CALL_KEYS, CALL_BYTES = 50, 3 * 1024 * 1024


class KeyValueStores:
    """The service `cloudfront-keyvaluestore`; the stores themselves live in CloudFront's control plane."""

    def __init__(self, account):
        self.account = account

    def by_name(self, name):
        """A store, or None."""
        return self.account.cloudfront.stores.get(name)

    def _store(self, arn):
        for store in self.account.cloudfront.stores.values():
            if store.arn == arn:
                if store.poll() != "READY":
                    raise AwsError("ConflictException", "Key value store is not ready.", 409)
                return store
        raise AwsError("ResourceNotFoundException", "Key value store was not found.", 404)

    def _totals(self, store):
        return {"ItemCount": len(store.values), "TotalSizeInBytes": store.size()}

    def DescribeKeyValueStore(self, call, p):
        store = self._store(p["KvsARN"])
        return {
            **self._totals(store), "KvsARN": store.arn, "Created": store.created, "LastModified": store.modified,
            "ETag": store.etag, "Status": "READY",
        }

    def GetKey(self, call, p):
        store = self._store(p["KvsARN"])
        if p["Key"] not in store.values:
            raise AwsError("ResourceNotFoundException", f"Key {p['Key']} was not found.", 404)
        return {"Key": p["Key"], "Value": store.values[p["Key"]], **self._totals(store)}

    def ListKeys(self, call, p):
        store = self._store(p["KvsARN"])
        # botocore's model allows 1 to 50 a page; absent is 10. Source: API reference, ListKeys.
        limit = p.get("MaxResults") or 10
        if not 1 <= limit <= 50:
            raise AwsError("ValidationException", "MaxResults must be between 1 and 50", 400)
        after = p.get("NextToken") or ""
        keys = sorted(k for k in store.values if k > after)
        out = {"Items": [{"Key": k, "Value": store.values[k]} for k in keys[:limit]]}
        if len(keys) > limit:
            out["NextToken"] = keys[limit - 1]
        return out

    def PutKey(self, call, p):
        return self._apply(p, [{"Key": p["Key"], "Value": p.get("Value", "")}], [])

    def DeleteKey(self, call, p):
        store = self._store(p["KvsARN"])
        if p["Key"] not in store.values:
            raise AwsError("ResourceNotFoundException", f"Key {p['Key']} was not found.", 404)
        return self._apply(p, [], [{"Key": p["Key"]}])

    def UpdateKeys(self, call, p):
        return self._apply(p, p.get("Puts") or [], p.get("Deletes") or [])

    def _apply(self, p, puts, deletes):
        """All of it or nothing."""
        store = self._store(p["KvsARN"])
        if not p.get("IfMatch"):
            raise AwsError("ValidationException", "If-Match header is required.", 400)
        if p["IfMatch"] != store.etag:
            raise AwsError("ConflictException", "Pre-Condition failed: the provided ETag is stale.", 409)
        _check(puts, deletes)
        values = dict(store.values)
        for each in deletes:
            values.pop(each["Key"], None)
        values.update((each["Key"], each["Value"]) for each in puts)
        if sum(len(k.encode()) + len(v.encode()) for k, v in values.items()) > STORE_BYTES:
            raise AwsError("ServiceQuotaExceededException", "The key value store exceeds the maximum size.", 402)
        before = store.values
        store.replace(values, ids.cloudfront())
        if self.account.edge is not None:
            self.account.edge.lags.written(store, before, {e["Key"]: e["Value"] for e in puts}, [e["Key"] for e in deletes])
        return {**self._totals(store), "ETag": store.etag}


def _check(puts, deletes):
    keys = [each["Key"] for each in [*puts, *deletes]]
    if not keys:
        raise AwsError("ValidationException", "At least one key must be put or deleted.", 400)
    if len(keys) > CALL_KEYS:
        raise AwsError("ValidationException", f"At most {CALL_KEYS} keys may be changed at once.", 400)
    if len(set(keys)) != len(keys):
        raise AwsError("ValidationException", "Duplicate keys in the request.", 400)
    if sum(len(e["Key"].encode()) + len(e["Value"].encode()) for e in puts) > CALL_BYTES:
        raise AwsError("ValidationException", "The request exceeds the maximum size.", 400)
    for each in puts:
        key, pair = len(each["Key"].encode()), len(each["Key"].encode()) + len(each["Value"].encode())
        if not 1 <= key <= KEY_BYTES:
            raise AwsError("ValidationException", f"Key must have 1 to {KEY_BYTES} bytes.", 400)
        if not each["Value"] or pair > PAIR_BYTES:
            raise AwsError("ValidationException", f"Key and value must not exceed {PAIR_BYTES} bytes together.", 400)
