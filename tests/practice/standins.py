"""The stand-in behind the account: moto, in this process, for every service that is not played here.

moto's own server application is called directly, without a socket: a call costs a millisecond or two, nothing
can be left running, and a reset is a function call.
"""

import asyncio
import io
import json
import os
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from . import ACCOUNT_ID, rules
from .wire.errors import AwsError

# Read by moto when it is imported.
os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT_ID
os.environ["MOTO_ALLOW_NONEXISTENT_REGION"] = "false"


class Standins:
    """moto, behind one thread: it does not promise to be safe under several."""

    def __init__(self):
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="moto")
        self._app, self._used = None, set()
        self.rules = rules.make()

    async def start(self):
        """Load moto; a second or two."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._load)

    def _load(self):
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self._app = DomainDispatcherApplication(create_backend_app)

    def warm(self):
        """Load what a publisher will ask first, while it is still on its way."""
        self._thread.submit(self._warm)

    def _warm(self):
        for name in ("iam", "logs", "dynamodb"):
            self._app.app_instances.setdefault(name, self._app.create_app(name))

    def stop(self):
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def perform(self, account, call):
        """Answer a call: the service's rules first, then moto, then the rules again."""
        rule = self.rules.get(call.service.name)
        if rule:
            ready = rule.before(account, call)
            if ready is not None:
                return ready
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, call)
        except NotImplementedError as error:
            raise AwsError("NotPlayed", f"moto does not implement {call.service.name} {call.operation}", 501) from error
        if answer[0] in (404, 500, 501) and "html" in answer[1].get("content-type", ""):
            # That is how moto says "not implemented"; AWS never answers so.
            raise AwsError("NotPlayed", f"moto does not implement {call.service.name} {call.operation}", 501)
        return rule.after(account, call, *answer) if rule else answer

    def _ask(self, call):
        self._used.add(call.service.name)
        caught = {}

        def start_response(status, headers, exc_info=None):
            caught["status"], caught["headers"] = int(status.split()[0]), headers

        environ = _environ(call)
        try:
            self._app.get_application(environ)
        except AttributeError as error:
            # It has nothing of that service at all.
            raise NotImplementedError(call.service.name) from error
        chunks = self._app(environ, start_response)
        body = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        headers = {k.lower(): v for k, v in caught["headers"]}
        for name in ("content-length", "connection", "date", "server", "access-control-allow-origin", "x-amz-crc32"):
            headers.pop(name, None)
        return caught["status"], headers, body

    async def reset(self):
        """Empty every service that was used."""
        self.rules = rules.make()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._reset)

    def _reset(self):
        for name in self._used:
            for backend in self._backends(name):
                backend.reset()
        self._used.clear()

    def _backends(self, service):
        from moto.backends import get_backend

        try:
            regions = get_backend(service)[ACCOUNT_ID]
        except (ImportError, KeyError):
            return []
        return list(regions.values())

    def backend(self, service, region):
        """moto's own state of a service; None before its first use (nothing is there then)."""
        if service not in self._used:
            return None
        from moto.backends import get_backend

        return get_backend(service)[ACCOUNT_ID][region]

    def each(self, service):
        """`(region, moto's state)` of every region in which a service was used."""
        if service not in self._used:
            return []
        from moto.backends import get_backend

        return [(b.region_name, b) for b in get_backend(service)[ACCOUNT_ID].values()]

    def role(self, name):
        """A role, or None."""
        backend = self.backend("iam", "aws")
        if backend is None:
            return None
        return next((r for r in backend.roles.values() if r.name == name), None)

    def role_policies(self, name):
        """A role's inline policies, parsed."""
        role = self.role(name)
        return [json.loads(_plain(text)) for text in role.policies.values()] if role else []


def _plain(text):
    return urllib.parse.unquote(text) if text.startswith("%7B") else text


def _environ(call):
    environ = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": urllib.parse.unquote(call.raw_path, "latin-1"),
        "RAW_URI": call.raw_path,
        "QUERY_STRING": call.raw_query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(call.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(call.body)),
    }
    for name, value in call.headers.items():
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name not in ("content-length", "transfer-encoding"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ
