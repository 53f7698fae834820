"""What the practice account says of itself: everything under `/_practice/`."""

import json

from aiohttp import web

from .database_doors import database_doors
from .domain_doors import domain_doors
from .snapshot import snapshot


class Admin:
    """The doors that AWS does not have."""

    def __init__(self, account):
        self.account = account
        self.routes = {
            ("GET", "calls"): self._calls,
            ("DELETE", "calls"): self._clear_calls,
            ("GET", "faults"): self._show_faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "resume"): self._resume,
            ("GET", "held"): self._held,
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._set_clock,
            ("DELETE", "clock"): self._clear_clock,
            ("POST", "taken"): self._taken,
            ("POST", "reset"): self._reset,
            ("GET", "account"): self._account,
            ("GET", "kvs"): self._kvs,
            ("GET", "edge"): self._edge,
            ("GET", "edges"): self._edges,
            ("POST", "edges"): self._set_edges,
            ("GET", "logs"): self._logs,
            ("GET", "code"): self._code,
            ("POST", "confirm"): self._confirm,
            ("GET", "mail"): self._mail,
            ("POST", "schedule"): self._schedule,
            ("GET", ""): self._help,
            **domain_doors(account),
            **database_doors(account),
        }

    async def handle(self, request):
        """Answer one request; 404 names what there is."""
        first, _, rest = request.path.removeprefix("/_practice").strip("/").partition("/")
        handler = self.routes.get((request.method, first))
        if handler is None:
            return web.json_response({"error": "no such door", "doors": self._doors()}, status=404)
        try:
            return await handler(request, rest)
        except (ValueError, KeyError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)

    def _doors(self):
        return [f"{method} /_practice/{name}" for method, name in self.routes]

    async def _help(self, _request, _rest):
        return web.json_response({"doors": self._doors(), "edge": self.account.edge.addresses[0]})

    async def _calls(self, request, _rest):
        query = request.query
        changing = None if "changing" not in query else query["changing"] in ("1", "true")
        chosen = self.account.calls.chosen(changing, int(query.get("since", 0)), query.get("by"))
        text = "".join(json.dumps(record) + "\n" for record in chosen)
        return web.Response(text=text, content_type="application/x-ndjson")

    async def _clear_calls(self, _request, _rest):
        self.account.calls.clear()
        return web.json_response({})

    async def _show_faults(self, _request, _rest):
        return web.json_response(self.account.faults.describe())

    async def _add_faults(self, request, _rest):
        given = await request.json()
        for spec in given if isinstance(given, list) else [given]:
            self.account.faults.add(spec)
        return web.json_response(self.account.faults.describe())

    async def _clear_faults(self, _request, _rest):
        self.account.faults.clear()
        return web.json_response({})

    async def _resume(self, _request, _rest):
        self.account.faults.resume()
        return web.json_response(self.account.faults.describe())

    async def _held(self, _request, _rest):
        """Answers when a call is held, and not before."""
        await self.account.faults.until_held()
        return web.json_response(self.account.faults.describe())

    async def _clock(self, _request, _rest):
        return web.json_response(self.account.clock.describe())

    async def _set_clock(self, request, _rest):
        """The edge's time of day: `at` (seconds since 1970, standing still) or `ahead` (seconds)."""
        given = await request.json()
        self.account.clock.set(given.get("at"), given.get("ahead") or 0)
        return web.json_response(self.account.clock.describe())

    async def _clear_clock(self, _request, _rest):
        self.account.clock.set()
        return web.json_response(self.account.clock.describe())

    async def _taken(self, request, _rest):
        self.account.s3.taken.add((await request.json())["bucket"])
        return web.json_response({"taken": sorted(self.account.s3.taken)})

    async def _reset(self, _request, _rest):
        await self.account.reset()
        return web.json_response({})

    async def _account(self, _request, _rest):
        return web.json_response(snapshot(self.account))

    async def _kvs(self, _request, rest):
        if not rest:
            return web.json_response({"stores": sorted(self.account.cloudfront.stores)})
        store = self.account.stores.by_name(rest)
        if store is None:
            return web.json_response({"error": f"no store {rest!r}"}, status=404)
        return web.json_response({"status": store.status(), "etag": store.etag, "keys": store.values})

    async def _edge(self, _request, _rest):
        return web.json_response(self.account.edge.describe())

    async def _edges(self, _request, _rest):
        edge = self.account.edge
        return web.json_response({"edges": edge.addresses, "cached": [len(c.entries) for c in edge.caches], **edge.lags.describe()})

    async def _set_edges(self, request, rest):
        """How late each edge sees writes to the key value store."""
        given = await request.json()
        unknown = set(given) - {"lags", "mode", "seed"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        self.account.edge.lags.set(given.get("lags") or [], given.get("mode") or "jitter", given.get("seed", 1))
        return await self._edges(request, rest)

    async def _confirm(self, request, _rest):
        """The person whose address was subscribed to a topic follows the link in the mail."""
        given = await request.json()
        arn = self.account.topics.confirm(given["topic"], given["endpoint"])
        if arn is None:
            return web.json_response({"error": "no such subscription"}, status=404)
        return web.json_response({"subscription": arn})

    async def _mail(self, _request, _rest):
        return web.json_response(self.account.topics.mail())

    async def _schedule(self, request, _rest):
        """A schedule's time has come."""
        given = await request.json()
        return web.json_response(await self.account.scheduler.run_now(given["name"], given.get("group") or "default"))

    async def _logs(self, _request, rest):
        return web.Response(text=self.account.edge.logs(rest))

    async def _code(self, request, rest):
        """Where Lambda's GetFunction says that a function's code is."""
        name, _, qualifier = rest.partition("/")
        for function in self.account.functions.functions.values():
            if function.name == name:
                version = function.versions.get(qualifier, function.latest)
                return web.Response(body=version.package, content_type="application/zip")
        return web.json_response({"error": f"no function {name!r}"}, status=404)
