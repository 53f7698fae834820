"""Lambda, run: the published `bootstrap` in a process of its own, behind a Runtime API.

Source: Lambda developer guide, runtime API and execution environment. A process serves one request at a time, is
kept warm, and ends with the account (also when the account is killed).
"""

import asyncio
import collections
import ctypes
import hashlib
import io
import json
import os
import shutil
import signal
import tempfile
import time
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

_ANSWER_LIMIT = 6 * 1024 * 1024 + 100
_MOST_AT_ONCE = 10
"""Processes of one version: enough to show concurrency, few enough for a small machine."""

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


@dataclass
class Done:
    """The end of one invocation."""

    payload: bytes
    error: bool = False
    timed_out: bool = False
    log: str = ""


def _failed(kind, message, **more):
    return Done(json.dumps({"errorType": kind, "errorMessage": message}).encode(), error=True, **more)


class Environment:
    """One execution environment: a process and the Runtime API it talks to."""

    def __init__(self, owner, function, version, root):
        self.owner, self.function, self.version, self.root = owner, function, version, root
        self.process, self.runner, self.current = None, None, None
        self.waiting = asyncio.Queue()
        self.broken = None

    async def start(self):
        """Open the Runtime API and start the process; a Done says why it could not."""
        bootstrap = self.root / "bootstrap"
        if not bootstrap.exists() or not os.access(bootstrap, os.X_OK):
            return _failed("Runtime.InvalidEntrypoint", f"RequestId: {uuid.uuid4()} Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap]")
        self.runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        port = self.runner.addresses[0][1]
        try:
            self.process = await asyncio.create_subprocess_exec(
                str(bootstrap), cwd=self.root, env=self._variables(port), stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, preexec_fn=_die_with_parent,
                start_new_session=True,
            )
        except OSError as error:
            return _failed("Runtime.InvalidEntrypoint", f"Error: fork/exec /var/task/bootstrap: {error.strerror}")
        self.reader = asyncio.create_task(self._read())
        self.watcher = asyncio.create_task(self._watch())
        return None

    def _variables(self, port):
        role = self.version.config["Role"].rsplit("/", 1)[-1]
        key, secret, token = self.owner.account.session(role)
        given = (self.version.config.get("Environment") or {}).get("Variables") or {}
        name = self.function.name
        return {
            **given,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version.number,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.version.config["MemorySize"]),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"practice/[{self.version.number}]{uuid.uuid4().hex}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": self.function.region,
            "AWS_DEFAULT_REGION": self.function.region,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
            "AWS_ENDPOINT_URL": self.owner.account.endpoint,
            "_HANDLER": self.version.config["Handler"],
            "LAMBDA_TASK_ROOT": str(self.root),
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            # Its image has Amazon's authorities; the practice account's own is not among them.
            "PGSSLROOTCERT": str(self.owner.account.database.ca),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
        }

    async def _read(self):
        async for line in self.process.stdout:
            self.owner.log(self.function.name, line.decode("utf-8", "replace").rstrip("\n"))

    async def _watch(self):
        code = await self.process.wait()
        how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self.broken = f"Runtime exited with error: {how}"
        self._end(_failed("Runtime.ExitError", f"RequestId: {self.current and self.current[0]} Error: {self.broken}"))

    def _end(self, done):
        if self.current and not self.current[2].done():
            self.current[2].set_result(done)

    async def invoke(self, payload, arn, seconds):
        """Run one invocation, whole."""
        ident, future = str(uuid.uuid4()), asyncio.get_running_loop().create_future()
        self.current = (ident, payload, future, arn, int((time.time() + seconds) * 1000))
        if self.broken:
            return _failed("Runtime.ExitError", f"RequestId: {ident} Error: {self.broken}")
        self.waiting.put_nowait(self.current)
        try:
            return await asyncio.wait_for(asyncio.shield(future), seconds)
        except asyncio.TimeoutError:
            self.broken = "timed out"
            self.kill()
            text = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}.000Z {ident} Task timed out after {seconds:.2f} seconds"
            self.owner.log(self.function.name, text)
            return Done(json.dumps({"errorMessage": text}).encode(), error=True, timed_out=True)
        finally:
            self.current = None

    async def _serve(self, request):
        parts = request.path.strip("/").split("/")
        if parts[:2] != ["2018-06-01", "runtime"]:
            return web.json_response({"errorType": "NotPlayed", "errorMessage": request.path}, status=404)
        if parts[2:] == ["invocation", "next"]:
            return await self._next()
        body = await request.content.read()
        if parts[2:] == ["init", "error"]:
            self.broken = "the runtime reported an error while it started"
            self._end(Done(body or b"{}", error=True))
        elif len(parts) == 5 and self.current and parts[3] == self.current[0]:
            if parts[4] == "error":
                self._end(Done(body or b"{}", error=True))
            elif len(body) > _ANSWER_LIMIT:
                self._end(_failed("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes)."))
                return web.json_response({"errorType": "RequestEntityTooLarge", "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes)."}, status=413)
            else:
                self._end(Done(body))
        else:
            return web.json_response({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}, status=400)
        return web.json_response({"status": "OK"}, status=202)

    async def _next(self):
        ident, payload, _, arn, deadline = await self.waiting.get()
        return web.Response(
            body=payload,
            content_type="application/json",
            headers={
                "Lambda-Runtime-Aws-Request-Id": ident,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0",
            },
        )

    def kill(self):
        """End the process and what it started."""
        if self.process and self.process.returncode is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    async def close(self):
        """End everything, waited for."""
        self.kill()
        if self.process:
            await self.process.wait()
            await asyncio.gather(self.reader, self.watcher, return_exceptions=True)
        if self.runner:
            await self.runner.cleanup()


def _die_with_parent():
    # Killed hard, the account cannot clean up: the kernel ends its functions instead.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Lambdas:
    """Every function's execution environments."""

    def __init__(self, account):
        self.account = account
        self.idle, self.count, self.logs, self.closing = collections.defaultdict(list), collections.Counter(), {}, set()
        self.free = asyncio.Condition()
        self.root = None

    def log(self, name, line):
        """Keep a line that a function wrote."""
        self.logs.setdefault(name, collections.deque(maxlen=2000)).append(line)

    async def invoke(self, function, version, payload, qualifier="", at_most=900):
        """Invoke a version; in a warm environment if one is free."""
        key = (function.arn, version.number, _digest(version))
        self._retire(function, key)
        environment, failure = await self._take(key, function, version)
        if failure:
            return failure
        arn = function.arn + (f":{qualifier}" if qualifier else "")
        own = version.config["Timeout"]
        done = await environment.invoke(payload, arn, min(own, at_most))
        done.log = "\n".join(list(self.logs.get(function.name, []))[-50:])
        await self._give_back(key, environment, broken=bool(environment.broken))
        return done

    async def _take(self, key, function, version):
        async with self.free:
            while not self.idle[key] and self.count[key] >= _MOST_AT_ONCE:
                await self.free.wait()
            while self.idle[key]:
                environment = self.idle[key].pop()
                if not environment.broken:
                    return environment, None
                self.count[key] -= 1
                self._close(environment)
            self.count[key] += 1
        environment = Environment(self, function, version, self._unpacked(version))
        failure = await environment.start()
        if failure:
            await self._give_back(key, environment, broken=True)
            return None, failure
        return environment, None

    async def _give_back(self, key, environment, broken):
        async with self.free:
            if broken or key not in self.count:
                self.count[key] -= 1
                self._close(environment)
            else:
                self.idle[key].append(environment)
            self.free.notify()

    def _close(self, environment):
        task = asyncio.create_task(environment.close())
        self.closing.add(task)
        task.add_done_callback(self.closing.discard)

    def _retire(self, function, key):
        """End the idle environments of a function's other versions."""
        for other in [k for k in self.idle if k[0] == function.arn and k != key]:
            for environment in self.idle.pop(other):
                self._close(environment)
            self.count.pop(other, None)

    def forget(self, arn):
        """A function is deleted: its environments end."""
        for key in [k for k in self.idle if k[0] == arn]:
            for environment in self.idle.pop(key):
                self._close(environment)
            self.count.pop(key, None)

    def _unpacked(self, version):
        if self.root is None:
            self.root = Path(tempfile.mkdtemp(prefix="practice-lambda-"))
        folder = self.root / hashlib.sha256(version.package.sha256.encode()).hexdigest()[:24]
        if not folder.exists():
            part = folder.with_suffix(f".{uuid.uuid4().hex}")
            with zipfile.ZipFile(io.BytesIO(version.package.data)) as archive:
                archive.extractall(part)
                for each in archive.infolist():
                    mode = each.external_attr >> 16 & 0o777
                    if mode:
                        (part / each.filename).chmod(mode | 0o400)
            part.rename(folder)
        return folder

    async def reset(self):
        """End every process and forget the unpacked code."""
        for environments in self.idle.values():
            for environment in environments:
                self._close(environment)
        self.idle.clear()
        self.count.clear()
        self.logs.clear()
        if self.closing:
            await asyncio.gather(*self.closing, return_exceptions=True)
        if self.root:
            shutil.rmtree(self.root, ignore_errors=True)
            self.root = None


def _digest(version):
    text = json.dumps(version.config, sort_keys=True, default=str)
    return hashlib.sha256((version.package.sha256 + text).encode()).hexdigest()
