"""The doors of the databases: where they are, sleep, and SQL as the superuser whom RDS keeps for itself."""

import json

import pg8000.native
from aiohttp import web

from .database_server import Unavailable


def database_doors(account):
    """`{(method, name): handler}`, for the account's own doors."""

    async def where(_request, _rest):
        return web.json_response(account.database.describe())

    async def pause(request, _rest):
        return web.json_response(account.database.pause((await request.json())["cluster"]))

    async def sql(request, _rest):
        given = await request.json()
        try:
            answer = await account.database.sql(given["cluster"], given["sql"], given.get("database"))
        except (Unavailable, pg8000.native.Error) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(answer, dumps=lambda value: json.dumps(value, default=str))

    return {("GET", "database"): where, ("POST", "pause"): pause, ("POST", "sql"): sql}
