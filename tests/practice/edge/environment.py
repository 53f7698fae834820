"""One execution environment of a Lambda function: its process, behind a Lambda Runtime API of its own.

Source: Lambda developer guide, "Using the Lambda runtime API" and "Defined runtime environment variables".
"""

import asyncio
import logging
import os
import time

from aiohttp import web

from .. import ids, processes

log = logging.getLogger("practice.function")
START_SECONDS = 10
"""How long a process may take until it asks for its first event. Source: Lambda developer guide, init phase."""


class InvocationError(Exception):
    """The function failed: `kind` is Lambda's name of the failure."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Environment:
    """A warm process that handles one event at a time."""

    def __init__(self, function, directory, environment, lines):
        self.function, self.directory = function, directory
        self.variables, self.lines = environment, lines
        self.process, self.runner, self.used = None, None, 0
        self._events, self._answers = asyncio.Queue(), {}
        self._ready = asyncio.Event()
        self._over, self._failure, self._tasks = asyncio.Event(), None, []

    async def start(self):
        """Start the process and wait until it asks for an event; InvocationError when it does not."""
        program = os.path.join(self.directory, "bootstrap")
        if not os.path.isfile(program):
            raise InvocationError("Runtime.InvalidEntrypoint", "the zip has no file named bootstrap")
        if not os.access(program, os.X_OK):
            raise InvocationError("Runtime.InvalidEntrypoint", "bootstrap is not executable: fork/exec permission denied")
        port = await self._serve()
        variables = {**self.variables, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"}
        try:
            self.process = await processes.spawn(program, self.directory, variables)
        except OSError as error:
            await self.stop()
            raise InvocationError("Runtime.InvalidEntrypoint", str(error)) from error
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]
        if not await self._first(self._ready, START_SECONDS):
            await self.stop()
            failure = self._failure or InvocationError("Sandbox.Timedout", "the process never asked for an event")
            raise failure

    async def _first(self, event, seconds):
        """Wait for an event of ours or for the end of the process; whether the event came."""
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(self._over.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return event.is_set()

    async def _serve(self):
        app = web.Application(client_max_size=64 * 1024 * 1024)
        root = "/2018-06-01/runtime"
        app.router.add_get(root + "/invocation/next", self._next)
        app.router.add_post(root + "/invocation/{id}/response", self._response)
        app.router.add_post(root + "/invocation/{id}/error", self._error)
        app.router.add_post(root + "/init/error", self._init_error)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        return site._server.sockets[0].getsockname()[1]

    async def _read(self):
        while True:
            try:
                line = await self.process.stdout.readline()
            except ValueError:
                # A line of more than a megabyte: dropped, but read, so that the function does not block.
                continue
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip("\n")
            self.lines.append(text)
            log.info("%s: %s", self.function.name, text)

    async def _watch(self):
        code = await self.process.wait()
        self._failure = self._failure or InvocationError(
            "Runtime.ExitError", f"Runtime exited {f'with error: exit status {code}' if code else 'without providing a reason'}"
        )
        self._over.set()
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(self._failure)

    @property
    def alive(self):
        """Whether it can take an event."""
        return self.process is not None and self.process.returncode is None and not self._over.is_set()

    async def invoke(self, payload, arn, seconds):
        """The function's answer to a payload, both bytes; InvocationError when it fails or is late."""
        request_id = ids.request()
        answer = self._answers[request_id] = asyncio.get_running_loop().create_future()
        self.used += 1
        await self._events.put((request_id, payload, int((time.time() + seconds) * 1000), arn))
        try:
            return await asyncio.wait_for(answer, seconds)
        except asyncio.TimeoutError:
            await self.stop()
            raise InvocationError("Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds") from None
        finally:
            self._answers.pop(request_id, None)

    async def stop(self):
        """End the process and its Runtime API."""
        self._over.set()
        if self.process is not None:
            processes.kill(self.process)
            await self.process.wait()
        for task in self._tasks:
            task.cancel()
        if self.runner is not None:
            runner, self.runner = self.runner, None
            await runner.cleanup()

    async def _next(self, _request):
        self._ready.set()
        request_id, payload, deadline, arn = await self._events.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{request_id.replace('-', '')[:24]};Sampled=0",
            "Content-Type": "application/json",
        }
        return web.Response(body=payload, headers=headers)

    async def _response(self, request):
        body = await request.read()
        return self._settle(request, body)

    async def _error(self, request):
        body = await request.text()
        self.lines.append(body)
        log.warning("%s: %s", self.function.name, body)
        return self._settle(request, InvocationError(request.headers.get("Lambda-Runtime-Function-Error-Type", "Unhandled"), body))

    def _settle(self, request, value):
        waiting = self._answers.get(request.match_info["id"])
        if waiting is None or waiting.done():
            return web.json_response({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}, status=400)
        if isinstance(value, Exception):
            waiting.set_exception(value)
        else:
            waiting.set_result(value)
        return web.json_response({"status": "OK"}, status=202)

    async def _init_error(self, request):
        body = await request.text()
        self.lines.append(body)
        log.warning("%s: %s", self.function.name, body)
        self._failure = InvocationError(request.headers.get("Lambda-Runtime-Function-Error-Type", "Runtime.InitError"), body)
        self._over.set()
        return web.json_response({"status": "OK"}, status=202)
