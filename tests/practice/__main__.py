"""Starts the practice account: `python -m practice --port 4600`, run in the folder that holds `practice`."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import tempfile

from aiohttp import web

from . import REGION
from .account import SECRET, USER, Account
from .admin import Admin
from .clock import PACES
from .door import Door
from .edge import Edge
from .standins import Standins


def _arguments():
    parser = argparse.ArgumentParser(prog="practice", description="An AWS account on this machine, for practice.")
    parser.add_argument("--port", type=int, default=4600, help="the account's port; 0 takes a free one (default 4600)")
    parser.add_argument("--edge-port", type=int, help="the edge's port (default: the account's plus 1, or a free one)")
    parser.add_argument("--pace", choices=sorted(PACES), default="fast", help="how long states take (default fast)")
    parser.add_argument("--ready-file", help="written as JSON {port, edge_port, pid} when everything answers")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser.parse_args()


async def _listen(handler, port):
    """Serve a handler on loopback; `(runner, port)`."""
    # Keep-alive connections of dead clients must not hold up the end.
    server = web.Server(handler, access_log=None, keepalive_timeout=75)
    runner = web.ServerRunner(server, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=512)
    await site.start()
    return runner, runner.addresses[0][1]


async def _serve(args):
    standins = Standins()
    loading = asyncio.create_task(standins.start())
    account = Account(PACES[args.pace], standins)
    edge = account.edge = Edge(account)
    runners = []
    try:
        await loading
        door, port = await _listen(Door(account, Admin(account)).handle, args.port)
        runners.append(door)
        account.endpoint = f"http://127.0.0.1:{port}"
        wanted = args.edge_port if args.edge_port is not None else (port + 1 if args.port else 0)
        front, edge_port = await _listen(edge.handle, wanted)
        runners.append(front)
        edge.address = account.edge_address = f"http://127.0.0.1:{edge_port}"
        over = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(name, over.set)
        if args.ready_file:
            _write_ready(args.ready_file, {"port": port, "edge_port": edge_port, "pid": os.getpid()})
        if not args.quiet:
            print(_welcome(account.endpoint, edge.address), flush=True)
        await over.wait()
    finally:
        for runner in reversed(runners):
            await runner.cleanup()
        await edge.close()
        standins.stop()
        if args.ready_file and os.path.exists(args.ready_file):
            os.unlink(args.ready_file)


def _write_ready(path, content):
    """Complete or not at all: whoever waits for the file never reads half of it."""
    handle, partial = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)))
    with os.fdopen(handle, "w") as file:
        json.dump(content, file)
    os.replace(partial, path)


def _welcome(endpoint, edge):
    return f"""The practice account is ready. In another shell:

export AWS_ENDPOINT_URL={endpoint}
export AWS_ACCESS_KEY_ID={USER}
export AWS_SECRET_ACCESS_KEY={SECRET}
export AWS_REGION={REGION}
export AWS_DEFAULT_REGION={REGION}

What is published answers at {edge}/
With several distributions the Host header chooses: curl -H 'Host: <domain of the distribution>' {edge}/
The account itself: {endpoint}/_practice/ (state, call log, faults). Ctrl-C ends it, and all of it is forgotten."""


def main():
    """Run until Ctrl-C or SIGTERM."""
    args = _arguments()
    level = logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    logging.getLogger("practice").setLevel(level)
    try:
        asyncio.run(_serve(args))
    except OSError as error:
        sys.exit(f"practice: {error}")


if __name__ == "__main__":
    main()
