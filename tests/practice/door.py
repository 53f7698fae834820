"""The front door: HTTP in, the right service asked, HTTP out, one record in the log."""

import inspect
import json
import logging
import time

from aiohttp import web

from . import authority, ids, route, sign
from .call import Call, Principal, Raw
from .calls import is_changing
from .services import s3_checksums
from .wire import read, rpc, write
from .wire.errors import AwsError, Dropped, write_error

log = logging.getLogger("practice")


class Door:
    """Answers every request to the account's port."""

    def __init__(self, account, admin):
        self.account, self.admin = account, admin

    async def handle(self, request):
        """One HTTP request."""
        if request.raw_path.startswith("/_practice"):
            return await self.admin.handle(request)
        started = time.monotonic()
        call = await read_call(request)
        number = self.account.calls.number()
        error, dropped = "", False
        try:
            status, headers, body = await self._answer(call)
        except Dropped:
            status, headers, body, error, dropped = 0, {}, b"", "dropped", True
        except AwsError as refusal:
            error = refusal.code
            status, headers, body = write_error(refusal, call.service, ids.request())
        except Exception:
            # A fault of the practice account itself: loud, and never mistaken for AWS's answer.
            log.exception("%s %s", call.method, call.raw_path)
            error = "PracticeAccountBroken"
            refusal = AwsError(error, "the practice account failed; see its output", 500)
            status, headers, body = write_error(refusal, call.service, ids.request())
        self._record(number, call, status, error or _error_in(status, headers, body), started)
        if dropped:
            request.transport.abort()
            return web.Response(status=500)
        return respond(status, headers, body)

    async def _answer(self, call):
        # The first thing asked: a stopped account answers nobody, whoever it is.
        self._understand(call)
        await self.account.faults.hold(call, "before")
        self.account.faults.before(call)
        try:
            answer = await self._perform(call)
        except AwsError:
            self.account.faults.refused(call)
            raise
        await self.account.faults.hold(call, "after")
        self.account.faults.after(call)
        return answer

    def _understand(self, call):
        signature = sign.read(call.headers, call.query)
        call.service = route.service_of(call, signature)
        call.region = signature.region if signature else ""
        route.identify(call)
        call.changing = is_changing(call.service.name, call.operation)
        call.resource = route.resource_of(call)
        self._authenticate(call, signature)
        if s3_checksums.chunked(call.headers):
            call.body, trailers = s3_checksums.unchunk(call.body, call.headers)
            call.headers.update(trailers)

    def _authenticate(self, call, signature):
        if signature is None:
            if call.service.name != "s3":
                raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
            return
        principal, secret = self.account.principal(signature, call.service)
        call.principal = principal
        if signature.presigned and sign.expired(call.query):
            raise AwsError("AccessDenied", "Request has expired", 403)
        if not sign.fits(signature, secret, call.method, call.raw_path, call.raw_query, call.headers, call.body):
            code = "InvalidSignatureException" if call.service.protocol in ("json", "rest-json") else "SignatureDoesNotMatch"
            raise AwsError(
                code, "The request signature we calculated does not match the signature you provided.", 403
            )
        sign.check_payload(call.headers, call.body)

    async def _perform(self, call):
        player = self.account.played.get(call.service.name)
        if player is None:
            authority.check(self.account, call)
            return await self.account.standins.perform(self.account, call)
        operation = call.service.operation(call.operation) if call.operation else None
        method = getattr(player, call.operation, None) if operation else None
        if method is None:
            raise AwsError(
                "NotPlayed", f"the practice account does not play {call.service.name} {call.operation or call.method}", 501
            )
        rpc_protocol = call.service.protocol if call.service.protocol in rpc.PROTOCOLS else None
        if rpc_protocol:
            call.params = rpc.parameters(operation, rpc_protocol, call.body, call.raw_query)
        else:
            call.params = read.parameters(operation, call.labels, call.query, call.headers, call.body)
        authority.check(self.account, call)
        if call.service.name == "s3":
            player.authorize(call)
        out = method(call, call.params)
        if inspect.isawaitable(out):
            out = await out
        if isinstance(out, Raw):
            return out.status, out.headers, out.body
        if rpc_protocol:
            return rpc.answer(call.service, operation, out, ids.request())
        status, headers, body = write.answer(call.service, operation, out)
        headers.setdefault("x-amzn-requestid", ids.request())
        return out.get("_status", status), headers, body

    def _record(self, number, call, status, error, started):
        self.account.calls.add(
            {
                "n": number,
                "service": call.service.name if call.service else None,
                "operation": call.operation,
                "changing": call.changing,
                "resource": call.resource,
                "status": status,
                "error": error or None,
                "ms": round((time.monotonic() - started) * 1000, 1),
                "bytes_in": len(call.body),
                "by": call.by,
                "region": call.region,
            }
        )


async def read_call(request):
    """The request, read whole."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await request.content.read()
    path, _, raw_query = request.raw_path.partition("?")
    headers = {}
    for name, value in request.raw_headers:
        key = name.decode("latin-1").lower()
        text = value.decode("utf-8", "surrogateescape")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return Call(
        request.method, path, raw_query, read.query_string(raw_query), headers, body, headers.get("host", ""),
        principal=Principal("anonymous"),
    )


def respond(status, headers, body):
    """An aiohttp response that adds nothing of its own."""
    out = web.Response(status=status, body=body if body or status not in (204, 304) else None)
    for name, value in headers.items():
        out.headers[name] = value
    if not any(n.lower() == "content-type" for n in headers):
        out.headers["Content-Type"] = "application/xml"
    return out


def _error_in(status, headers, body):
    """The error code in a stand-in's refusal, for the log."""
    if status < 400:
        return ""
    kind = headers.get("x-amzn-errortype") or headers.get("x-amzn-ErrorType")
    if kind:
        return kind
    try:
        return json.loads(body).get("__type", "").rsplit("#", 1)[-1]
    except (ValueError, AttributeError):
        text = body.decode("utf-8", "replace")
        return text.partition("<Code>")[2].partition("</Code>")[0]
