"""Lambda, as far as running goes: the published zip unpacked, environments started, kept warm, replaced, ended."""

import asyncio
import collections
import hashlib
import io
import json
import os
import shutil
import stat
import tempfile
import zipfile

from .environment import Environment, InvocationError

MOST = 8
"""Environments of one version at a time; further events wait. A real account has 1,000."""
LINES = 2000
LARGEST = 6 * 1024 * 1024
"""Bytes of an event or an answer. Source: Lambda developer guide, quotas."""


class Functions:
    """Every running environment, by function version and configuration."""

    def __init__(self, account):
        self.account = account
        self.root = tempfile.mkdtemp(prefix="practice-functions-")
        self.logs = collections.defaultdict(lambda: collections.deque(maxlen=LINES))
        self._pools = {}

    async def invoke(self, function, event):
        """What the function answers to an event; InvocationError when it fails."""
        payload = json.dumps(event).encode()
        if len(payload) > LARGEST:
            raise InvocationError("RequestEntityTooLarge", f"{len(payload)} bytes must be at most {LARGEST}")
        if function.state != "Active":
            raise InvocationError("CodeArtifactUserPendingException", f"the function is {function.state}")
        key = self._key(function)
        await self._retire(function, key)
        pool = self._pools.setdefault(key, Pool())
        pool.over = False
        async with pool.places:
            environment = await self._take(pool, function)
            try:
                answer = await environment.invoke(payload, function.arn, function.timeout)
                self._observe(function, environment)
            except InvocationError as error:
                self.logs[function.name].append(str(error))
                raise
            finally:
                pool.give(environment)
        if len(answer) > LARGEST:
            raise InvocationError("Function.ResponseSizeTooLarge", f"{len(answer)} bytes must be at most {LARGEST}")
        return answer

    def _observe(self, function, environment):
        if environment.used == 1:
            self.logs[function.name].append(f"(practice) started version {function.version}, pid {environment.process.pid}")

    @staticmethod
    def _key(function):
        settings = json.dumps([function.variables, function.role, function.memory], sort_keys=True)
        return function.region, function.name, function.version, function.sha256, hashlib.sha256(settings.encode()).hexdigest()

    async def _retire(self, function, key):
        """End the environments of what is no longer the version that is asked for."""
        for old in [k for k in self._pools if k[:2] == key[:2] and k != key]:
            pool = self._pools[old]
            # One that still answers somebody ends when it is given back.
            pool.over = True
            await pool.stop_idle()
            if not pool.busy:
                self._pools.pop(old, None)

    async def _take(self, pool, function):
        while pool.idle:
            found = pool.idle.pop()
            if found.alive:
                pool.busy.add(found)
                return found
            await found.stop()
        directory = self._unpacked(function)
        made = Environment(function, directory, self._variables(function, directory), self.logs[function.name])
        pool.busy.add(made)
        try:
            await made.start()
        except BaseException as error:
            pool.busy.discard(made)
            await made.stop()
            self.logs[function.name].append(str(error))
            raise
        return made

    def _unpacked(self, function):
        directory = os.path.join(self.root, hashlib.sha256(function.code).hexdigest())
        if os.path.isdir(directory):
            return directory
        partial = tempfile.mkdtemp(dir=self.root)
        try:
            with zipfile.ZipFile(io.BytesIO(function.code)) as archive:
                for entry in archive.infolist():
                    path = archive.extract(entry, partial)
                    mode = stat.S_IMODE(entry.external_attr >> 16)
                    os.chmod(path, (mode or 0o644) if not entry.is_dir() else 0o755)
        except zipfile.BadZipFile as error:
            raise InvocationError("Runtime.InvalidEntrypoint", f"the code is not a zip: {error}") from error
        os.chmod(partial, 0o755)
        os.rename(partial, directory)
        return directory

    def _variables(self, function, directory):
        key, secret, token = self.account.session(function.role)
        # Lambda refuses these names in a function's own variables, so nothing of the function's is lost here.
        return {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **function.variables,
            "LAMBDA_TASK_ROOT": directory,
            "LAMBDA_RUNTIME_DIR": directory,
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"practice/[{function.version}]",
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
            {"function": key[1], "version": key[2], "pid": each.process.pid if each.process else None, "events": each.used}
            for key, pool in self._pools.items() for each in [*pool.idle, *pool.busy]
        ]

    async def reset(self):
        """End every environment and forget every line."""
        pools, self._pools = list(self._pools.values()), {}
        self.logs.clear()
        await asyncio.gather(*(pool.stop() for pool in pools))

    async def close(self):
        """End everything; nothing is left on the disk."""
        await self.reset()
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
            task = asyncio.get_running_loop().create_task(environment.stop())
            _ENDING.add(task)
            task.add_done_callback(_ENDING.discard)

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
