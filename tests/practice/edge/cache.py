"""The edge's cache: one edge, held in memory. Source: CloudFront guide, managing how long content stays in the cache."""

import copy
import fnmatch
import re

# Error answers that are always kept for a while, and those kept only when the origin names a time.
_ERRORS_ALWAYS = {404, 410, 414, 500, 501, 502, 503, 504}
_ERRORS_ASKED = {400, 403, 405, 412, 415}
# For these, `no-store` and its like are respected; for other errors they are not. Source: custom-error-pages-expiration.
_ERRORS_RESPECTING = {404, 410, 414, 501}
_ERROR_SECONDS = 10


class Cache:
    """Entries by distribution and key; `now` tells the time in seconds, which a door may move."""

    def __init__(self, now):
        self.entries, self._now = {}, now

    def clear(self):
        """Forget everything."""
        self.entries.clear()

    def get(self, distribution, key):
        """`(response, age)` that is still fresh, or None."""
        found = self.entries.get((distribution, key))
        if found is None:
            return None
        response, stored, fresh_until = found
        if self._now() >= fresh_until:
            del self.entries[(distribution, key)]
            return None
        return copy.deepcopy(response), max(0, int(self._now() - stored))

    def put(self, distribution, key, response, seconds):
        """Keep an answer for that long."""
        if seconds > 0:
            now = self._now()
            self.entries[(distribution, key)] = (copy.deepcopy(response), now, now + seconds)

    def invalidate(self, distribution, paths):
        """Forget what matches; `*` at the end is a wildcard."""
        for ident, key in list(self.entries):
            path = key[0]
            if ident == distribution and any(fnmatch.fnmatchcase(path, p if p.startswith("/") else "/" + p) for p in paths):
                del self.entries[(ident, key)]


def seconds(response, policy, config):
    """How long an answer may be kept."""
    told = _told(response)
    if response.status >= 400:
        return _error_seconds(response.status, told, config)
    if response.status not in (200, 203, 204, 206, 300, 301, 302, 307, 308):
        return 0
    if told == "never":
        return policy.minimum
    if told is None:
        return policy.default
    return max(policy.minimum, min(told, policy.maximum))


def _error_seconds(status, told, config):
    least = _ERROR_SECONDS
    for each in (config.get("CustomErrorResponses") or {}).get("Items") or []:
        if each["ErrorCode"] == status and each.get("ErrorCachingMinTTL") is not None:
            least = each["ErrorCachingMinTTL"]
    if status in _ERRORS_ALWAYS:
        if told == "never":
            return 0 if status in _ERRORS_RESPECTING else least
        return max(least, told or 0)
    if status in _ERRORS_ASKED and isinstance(told, int):
        return max(least, told)
    return 0


def _told(response):
    """What Cache-Control says: seconds, "never", or None."""
    control = response.headers.get("cache-control", "").lower()
    if re.search(r"\b(no-store|no-cache|private)\b", control):
        return "never"
    for name in ("s-maxage", "max-age"):
        found = re.search(rf"\b{name}=(\d+)", control)
        if found:
            return int(found.group(1))
    return None
