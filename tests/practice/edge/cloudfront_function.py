"""CloudFront Functions: the published text, run behind the event structure 1.0.

The runtime here is newer than `cloudfront-js-2.0`, so what that lacks is only partly missed here: `eval`,
`Function` and timers are gone, an execution has a limit of time, but newer methods would still work.
Source: CloudFront developer guide, event structure; JavaScript runtime 2.0 features; restrictions on edge functions.
"""

import collections
import json
import re
from dataclasses import dataclass, field

from . import engines

_IMPORT = re.compile(r"^[ \t]*import\s+(\w+)\s+from\s+(['\"])(\w+)\2[ \t]*;?", re.MULTILINE)

# `request` and `response` are what the function returns; JSON drops what is not data, as the wire does.
_HOST = """
(() => {
  const parse = JSON.parse, text = JSON.stringify;
  let keys = {};
  globalThis.__log = [];
  globalThis.console = { log: (...a) => { __log.push(a.map(String).join(' ')); } };
  console.error = console.warn = console.info = console.log;
  globalThis.__keys = (json) => { keys = parse(json); };
  globalThis.__cf = { kvs: () => {
    const has = (key) => Object.prototype.hasOwnProperty.call(keys, key);
    const check = () => { if (keys === null) throw new Error('KvsNotAssociated'); };
    return {
      async get(key, options) {
        check();
        if (!has(key)) throw new Error('KeyNotFound');
        return options && options.format === 'json' ? parse(keys[key]) : keys[key];
      },
      async exists(key) { check(); return has(key); },
      async count() { check(); return Object.keys(keys).length; },
    };
  } };
  globalThis.__start = (json, raw) => {
    globalThis.__out = null; __log.length = 0;
    const event = parse(json);
    if (event.request) Object.defineProperty(event.request, 'rawQueryString', { value: () => raw });
    const done = (value) => { globalThis.__out = text({ value: value === undefined ? null : value }); };
    const failed = (error) => { globalThis.__out = text({ error: String(error) }); };
    try { Promise.resolve(handler(event)).then(done, failed); } catch (error) { failed(error); }
  };
  globalThis.eval = undefined;
})();
"""


class FunctionError(Exception):
    """The function threw, did not end, or has no handler."""


class InvalidReturn(Exception):
    """The function returned what CloudFront does not take."""


class CloudFrontFunction:
    """One published text, ready to run; the keys of its store are given when they change."""

    def __init__(self, code):
        self._keys, self.log = None, []
        self._context = engines.context()
        try:
            self._context.load(_HOST)
            self._context.load(_IMPORT.sub(self._import, code))
        except engines.ScriptError as error:
            raise FunctionError(str(error)) from error

    @staticmethod
    def _import(found):
        name, module = found.group(1), found.group(3)
        # Stay on one line: line numbers in errors are those of the published text.
        return f"const {name} = __cf;" if module == "cloudfront" else f"const {name} = undefined;"

    def run(self, event, raw_query, store):
        """What the handler returns for an event; `store` is `(version, keys)`, or None without a store."""
        self.log = []
        try:
            if store is None or store[0] != self._keys:
                self._context.keys("null" if store is None else json.dumps(store[1]))
                self._keys = store[0] if store else None
            out, log = self._context.start(json.dumps(event), raw_query)
        except engines.ScriptError as error:
            raise FunctionError(str(error)) from error
        self.log = json.loads(log)
        if out is None:
            raise FunctionError("the handler's promise never settles")
        out = json.loads(out)
        if "error" in out:
            raise FunctionError(out["error"])
        return out["value"]

    def close(self):
        """Free what it holds."""
        self._context.close()


@dataclass
class Run:
    """One run for `TestFunction`."""

    output: object = None
    error: str = ""
    logs: list = field(default_factory=list)
    utilization: int = 1


class EdgeFunctions:
    """Every function that ran, kept ready by its text."""

    KEPT = 16

    def __init__(self, published):
        self.published, self._ready = published, {}
        self.lines = collections.deque(maxlen=2000)

    def call(self, stage, event, raw_query):
        """What a stage's handler returns; FunctionError when it fails."""
        function = self._function(stage)
        try:
            return function.run(event, raw_query, self.published.store_of(stage))
        finally:
            self.lines.extend(function.log)

    def _function(self, stage):
        key = stage.code
        if key not in self._ready:
            while len(self._ready) >= self.KEPT:
                self._ready.pop(next(iter(self._ready))).close()
            self._ready[key] = CloudFrontFunction(key.decode("utf-8", "replace"))
        return self._ready[key]

    def run(self, stage, event):
        """A test run: errors are part of the answer."""
        out, function = Run(), None
        fields = (event.get("request") or {}).get("querystring") or {}
        raw = "&".join(f"{name}={value.get('value', '')}" for name, value in fields.items())
        try:
            function = self._function(stage)
            value = function.run(event, raw, self.published.store_of(stage))
            out.output = {"response" if isinstance(value, dict) and "statusCode" in value else "request": value}
        except FunctionError as error:
            out.error = str(error)
        out.logs = list(function.log) if function else []
        return out

    def reset(self):
        """Nothing kept."""
        for each in self._ready.values():
            each.close()
        self._ready.clear()
        self.lines.clear()


# Headers that a function may see but not change, and those it may not add. Source: restrictions on edge functions.
READ_ONLY_REQUEST = {"content-length", "host", "transfer-encoding", "via", "cdn-loop"}
READ_ONLY_RESPONSE = {"warning", "via", "content-length", "content-encoding", "transfer-encoding"}
_FORBIDDEN = re.compile(
    r"connection|expect|keep-alive|proxy-authenticate|proxy-authorization|proxy-connection|trailer|upgrade|"
    r"x-accel-.*|x-amz-cf-.*|x-amzn-auth|x-amzn-cf-.*|x-amzn-header-count|x-amzn-lambda-integration-tag|x-amzn-requestid|"
    r"x-cache|x-edge-.*|x-forwarded-proto|x-real-ip"
)


def forbidden(name):
    """Whether a header is hidden from functions, and may not be added by them."""
    return _FORBIDDEN.fullmatch(name) is not None


def check_headers(headers, before, read_only):
    """InvalidReturn unless a function's headers are well formed and leave alone what it may not change."""
    if not isinstance(headers, dict):
        raise InvalidReturn("headers is not an object")
    for name, entry in headers.items():
        if name != name.lower() or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name):
            raise InvalidReturn(f"header name {name!r} is not lower-case or not allowed")
        values = entry.get("multiValue", [entry]) if isinstance(entry, dict) else None
        if values is None or not all(isinstance(v, dict) and isinstance(v.get("value"), str) for v in values):
            raise InvalidReturn(f"header {name} has no string value")
        if any("\r" in v["value"] or "\n" in v["value"] for v in values):
            raise InvalidReturn(f"header {name} has a line break")
        if forbidden(name):
            raise InvalidReturn(f"header {name} may not be set by a function")
    for name in read_only:
        if headers.get(name) != before.get(name):
            raise InvalidReturn(f"header {name} is read-only")
