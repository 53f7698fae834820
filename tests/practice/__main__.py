"""`python -m practice`: run the practice account until Ctrl-C."""

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from .account import SECRET, USER, Account
from .admin import Admin
from .clock import PACES
from .database import Databases
from .door import Door
from .edge.viewer import Edge
from .standins import Standins
from . import REGION


def main():
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m practice", description="An AWS account on one loopback port.")
    parser.add_argument("--port", type=int, default=4600, help="the account's port; 0 picks a free one")
    parser.add_argument("--edge-port", type=int, default=0, help="the visitors' port; 0 picks a free one")
    parser.add_argument("--edges", type=int, default=1, choices=range(1, 10), metavar="N", help="edges, each with a port and a cache of its own")
    parser.add_argument("--pace", choices=sorted(PACES), default="fast", help="how long states that take time take")
    parser.add_argument("--ready-file", type=Path, help="written as JSON {port, edge_port, edge_ports, pid, ARQ_EDGE_ENDPOINT} once ready")
    args = parser.parse_args()
    # Clients are killed and connections cut on purpose; asyncio would tell of each.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        asyncio.run(run(args))
    except KeyboardInterrupt:
        pass


async def run(args):
    """Everything up, the lines to export printed, and down again at a signal."""
    standins = Standins()
    await standins.start()
    account = Account(PACES[args.pace], standins)
    account.edge = edge = Edge(account, args.edges)
    account.database = Databases(account)
    door = Door(account, Admin(account))
    runners = []
    port = await _listen(door.handle, args.port, runners)
    edge_ports = [await _listen(edge.handler(n), 0 if n else args.edge_port, runners) for n in range(args.edges)]
    account.endpoint = f"http://127.0.0.1:{port}"
    edge.addresses = [f"http://127.0.0.1:{each}" for each in edge_ports]
    # Whoever knows that it is ready may end it.
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    # The file before the lines: whoever reads a line may count on the file.
    if args.ready_file:
        ports = {"port": port, "edge_port": edge_ports[0], "edge_ports": edge_ports}
        _write(args.ready_file, {**ports, "pid": os.getpid(), "ARQ_EDGE_ENDPOINT": edge.addresses[0]})
    _say(account)
    standins.warm()
    # What is here now stays: the collector need not look through it at every turn of a long upload.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    await stop.wait()
    await edge.reset()
    await account.database.close()
    for runner in runners:
        await runner.cleanup()
    standins.stop()


async def _listen(handler, port, runners):
    # A body with a Content-Encoding is an object that lies in the bucket in that form: not to be decoded.
    server = web.Server(handler, access_log=None, auto_decompress=False)
    # Clients keep connections open; nobody waits for them at the end.
    runner = web.ServerRunner(server, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    runners.append(runner)
    return runner.addresses[0][1]


def _say(account):
    lines = [
        f"export AWS_ENDPOINT_URL={account.endpoint}",
        f"export AWS_ACCESS_KEY_ID={USER} AWS_SECRET_ACCESS_KEY={SECRET}",
        f"export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}",
        f"export ARQ_EDGE_ENDPOINT={account.edge.addresses[0]}",
        f"# the edge: {' '.join(account.edge.addresses)}  (Host: <id>.cloudfront.net, or any while there is one distribution)",
        f"# the account's own doors: {account.endpoint}/_practice/",
    ]
    print("\n".join(lines), flush=True)


def _write(path, value):
    """Whole or not at all: whoever waits for the file must not read half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value))
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
