"""Lambda, as far as running goes: the published zip unpacked, environments started, kept warm, replaced, ended."""

import asyncio
import collections
import hashlib
import io
import json
import logging
import os
import shutil
import stat
import tempfile
import zipfile
from dataclasses import dataclass

from .environment import Environment, InvocationError

log = logging.getLogger("practice.function")
MOST = 8
"""Environments of one version at a time; further events wait. A real account has 1,000."""
LINES = 2000
LARGEST = 6 * 1024 * 1024
"""Bytes of an event or an answer. Source: Lambda developer guide, quotas."""


@dataclass
class Done:
    """What came of one event; `error` is Lambda's name of the failure, or empty."""

    payload: bytes
    error: str = ""
    log: str = ""


class Lambdas:
    """Every running environment, by function version and configuration."""

    def __init__(self, account):
        self.account = account
        self.root = tempfile.mkdtemp(prefix="practice-functions-")
        self.logs = collections.defaultdict(lambda: collections.deque(maxlen=LINES))
        self._pools = {}

    async def invoke(self, function, version, payload, qualifier=""):
        """What a function's version answers to a payload of bytes."""
        before = len(self.logs[function.name])
        try:
            answer = await self._invoke(function, version, payload, qualifier)
        except InvocationError as error:
            self.note(function.name, str(error))
            said = {"errorType": error.kind, "errorMessage": str(error)}
            return Done(json.dumps(said).encode(), error.kind, self._since(function, before))
        return Done(answer, "", self._since(function, before))

    def _since(self, function, before):
        return "\n".join(list(self.logs[function.name])[before:]) + "\n"

    async def _invoke(self, function, version, payload, qualifier):
        if len(payload) > LARGEST:
            raise InvocationError("RequestEntityTooLarge", f"{len(payload)} bytes must be at most {LARGEST}")
        if function.state() != "Active":
            raise InvocationError("CodeArtifactUserPendingException", "the function is being created")
        arn = function.arn + (f":{qualifier}" if qualifier else "")
        key = self._key(function, version)
        await self._retire(key)
        pool = self._pools.setdefault(key, Pool())
        pool.over = False
        async with pool.places:
            environment = await self._take(pool, function, version)
            try:
                answer = await environment.invoke(payload, arn, version.config["Timeout"])
            finally:
                pool.give(environment)
        if len(answer) > LARGEST:
            raise InvocationError("Function.ResponseSizeTooLarge", f"{len(answer)} bytes must be at most {LARGEST}")
        return answer

    def note(self, name, line):
        """Add a line of the practice account's own to a function's log."""
        self.logs[name].append(line)
        log.warning("%s: %s", name, line)

    @staticmethod
    def keep(task):
        """Let an event finish for which nobody waits any more."""
        _ENDING.add(task)
        task.add_done_callback(_ENDING.discard)

    def forget(self, arn):
        """A function was deleted: its environments end."""
        for key in [k for k in self._pools if k[0] == arn]:
            self.keep(asyncio.ensure_future(self._pools.pop(key).stop()))

    @staticmethod
    def _key(function, version):
        settings = json.dumps(version.config, sort_keys=True, default=str).encode()
        return function.arn, version.number, hashlib.sha256(version.package).digest(), hashlib.sha256(settings).digest()

    async def _retire(self, key):
        """End the environments of what is no longer the version that is asked for."""
        for old in [k for k in self._pools if k[0] == key[0] and k != key]:
            pool = self._pools[old]
            # One that still answers somebody ends when it is given back.
            pool.over = True
            await pool.stop_idle()
            if not pool.busy:
                self._pools.pop(old, None)

    async def _take(self, pool, function, version):
        while pool.idle:
            found = pool.idle.pop()
            if found.alive:
                pool.busy.add(found)
                return found
            await found.stop()
        directory = self._unpacked(version.package)
        made = Environment(function, directory, self._variables(function, version, directory), self.logs[function.name])
        pool.busy.add(made)
        try:
            await made.start()
        except BaseException:
            pool.busy.discard(made)
            await made.stop()
            raise
        return made

    def _unpacked(self, package):
        directory = os.path.join(self.root, hashlib.sha256(package).hexdigest())
        if os.path.isdir(directory):
            return directory
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        partial = tempfile.mkdtemp(dir=self.root)
        try:
            with zipfile.ZipFile(io.BytesIO(package)) as archive:
                for entry in archive.infolist():
                    path = archive.extract(entry, partial)
                    mode = stat.S_IMODE(entry.external_attr >> 16)
                    os.chmod(path, (mode or 0o644) if not entry.is_dir() else 0o755)
        except zipfile.BadZipFile as error:
            raise InvocationError("Runtime.InvalidEntrypoint", f"the code is not a zip: {error}") from error
        os.chmod(partial, 0o755)
        os.rename(partial, directory)
        return directory

    def _variables(self, function, version, directory):
        config = version.config
        key, secret, token = self.account.session(config["Role"].rsplit("/", 1)[-1])
        # Lambda refuses these names in a function's own variables, so nothing of the function's is lost here.
        return {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **((config.get("Environment") or {}).get("Variables") or {}),
            "LAMBDA_TASK_ROOT": directory,
            "LAMBDA_RUNTIME_DIR": directory,
            "_HANDLER": config["Handler"],
            "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": version.number,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config["MemorySize"]),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"practice/[{version.number}]",
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
            "AWS_ENDPOINT_URL": self.account.endpoint,
        }

    def describe(self):
        """The running environments, as JSON."""
        return [
            {"function": key[0], "version": key[1], "pid": each.process.pid if each.process else None, "events": each.used}
            for key, pool in self._pools.items() for each in [*pool.idle, *pool.busy]
        ]

    async def reset(self):
        """End every environment; nothing is remembered, nothing is left on the disk."""
        pools, self._pools = list(self._pools.values()), {}
        await asyncio.gather(*(pool.stop() for pool in pools))
        self.logs.clear()
        shutil.rmtree(self.root, ignore_errors=True)


class Pool:
    """The environments of one version with one configuration."""

    def __init__(self):
        self.idle, self.busy, self.over = [], set(), False
        self.places = asyncio.Semaphore(MOST)

    def give(self, environment):
        """Take an environment back after an event."""
        self.busy.discard(environment)
        if environment.alive and not self.over:
            self.idle.append(environment)
        else:
            Lambdas.keep(asyncio.ensure_future(environment.stop()))

    async def stop_idle(self):
        """End those that wait."""
        idle, self.idle = self.idle, []
        await asyncio.gather(*(each.stop() for each in idle))

    async def stop(self):
        """End all."""
        self.over = True
        await asyncio.gather(self.stop_idle(), *(each.stop() for each in list(self.busy)))


# The event loop holds tasks only weakly.
_ENDING = set()
