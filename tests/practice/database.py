"""The database itself: a port for each cluster that speaks PostgreSQL's start and TLS, and a real PostgreSQL behind it.

Source: PostgreSQL documentation, "Message Flow" and "Message Formats"; Aurora user guide, IAM authentication.
"""

import asyncio
import shutil
import socket
import struct
import tempfile

from . import database_login, database_tls
from .clock import Wait
from .database_server import SUPERUSER, Programs, Server, Unavailable

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_LONGEST_START = 10000


class Listener:
    """One port, and the cluster that it belongs to at the moment."""

    def __init__(self, owner):
        self.owner, self.cluster, self.server, self.streams = owner, None, None, set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(128)
        self.port = self.socket.getsockname()[1]
        self.starting = asyncio.get_running_loop().create_task(self._start())

    async def _start(self):
        self.server = await asyncio.start_server(self._serve, sock=self.socket)

    async def _serve(self, reader, writer):
        self.streams.add(writer)
        try:
            await self.owner.serve(self.cluster, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, struct.error, OSError):
            pass
        finally:
            self.streams.discard(writer)
            await _close(writer)

    def drop(self):
        """End the connections; how many there were."""
        count = len(self.streams)
        for writer in list(self.streams):
            writer.transport.abort()
        return count

    async def close(self):
        """End the port."""
        self.drop()
        await self.starting
        self.server.close()


class Databases:
    """Every cluster's database."""

    def __init__(self, account):
        self.account, self.programs = account, Programs()
        self.folder = tempfile.mkdtemp(prefix="practice-tls-")
        self.ca, self.tls = database_tls.make(self.folder)
        self.listeners, self.servers, self.closing, self.refused = [Listener(self)], {}, set(), []

    @property
    def port(self):
        """The first cluster's port."""
        return self.listeners[0].port

    def listener(self, cluster):
        """The cluster's port; given to it when it is first asked for, and back when the cluster is gone."""
        free = next((x for x in self.listeners if x.cluster is None), None)
        found = next((x for x in self.listeners if x.cluster is cluster), free)
        if found is None:
            found = Listener(self)
            self.listeners.append(found)
        found.cluster = cluster
        return found

    def port_of(self, cluster):
        """The port that RDS shows."""
        return self.listener(cluster).port

    def describe(self):
        """For people and tests: where the databases are, and why somebody was not let in."""
        return {
            "ca": str(self.ca), "port": self.port, "postgresql": str(self.programs.bin) if self.programs.bin else None,
            "clusters": {x.cluster.name: x.port for x in self.listeners if x.cluster}, "refused": self.refused[-20:],
        }

    def named(self, name):
        """The cluster of that name, in whichever region; KeyError when there is none."""
        for region, here in self.account.rds.regions.items():
            self.account.rds.settle(region)
            if name.lower() in here.clusters:
                return here.clusters[name.lower()]
        raise KeyError(f"no cluster {name!r}")

    async def server(self, cluster):
        """The cluster's PostgreSQL, started when it is first needed; Unavailable says why there is none."""
        task = self.servers.get(cluster)
        if task is None:
            task = self.servers[cluster] = asyncio.create_task(self._started(cluster))
        try:
            return await asyncio.shield(task)
        except (Unavailable, OSError) as error:
            self.servers.pop(cluster, None)
            raise Unavailable(str(error)) from error

    async def _started(self, cluster):
        server = Server(self.programs, cluster)
        await server.start()
        return server

    def pause(self, name):
        """The cluster sleeps: whoever was connected is not any more. ValueError when it may not sleep."""
        cluster = self.named(name)
        if not cluster.scaling or cluster.scaling["MinCapacity"] > 0:
            raise ValueError("only a cluster whose least capacity is 0 sleeps")
        cluster.asleep, cluster.waking = True, None
        return {"cluster": cluster.name, "closed": self.listener(cluster).drop()}

    def awake(self, cluster):
        """Whether it is awake; being asked wakes it up, which takes a moment."""
        if cluster.asleep:
            cluster.waking = cluster.waking or Wait(self.account.pace)
            if not cluster.waking.poll():
                return False
            cluster.asleep, cluster.waking = False, None
        return True

    async def sql(self, name, sql, database=None):
        """Rows of a statement by the superuser: for tests."""
        server = await self.server(self.named(name))
        columns, rows = await asyncio.to_thread(server.rows, sql, database)
        return {"columns": columns, "rows": rows}

    def forget(self, cluster):
        """The cluster is gone, and its database with it."""
        for listener in self.listeners:
            if listener.cluster is cluster:
                listener.drop()
                listener.cluster = None
        task = self.servers.pop(cluster, None)
        if task is not None:
            ending = asyncio.create_task(self._end(task))
            self.closing.add(ending)
            ending.add_done_callback(self.closing.discard)

    async def _end(self, task):
        try:
            server = await task
        except (Unavailable, OSError):
            return
        await server.close()

    async def reset(self):
        """No cluster; what ran has ended."""
        for cluster in [*self.servers, *(x.cluster for x in self.listeners if x.cluster)]:
            self.forget(cluster)
        await asyncio.gather(*self.closing, return_exceptions=True)
        self.refused = []

    async def close(self):
        """End everything."""
        await self.reset()
        for listener in self.listeners:
            await listener.close()
        self.programs.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- one connection ----------------------------------------------------------------------------------------

    async def serve(self, cluster, reader, writer):
        """From the first byte to the last."""
        encrypted = False
        while True:
            raw = await _start_message(reader)
            code = struct.unpack("!I", raw[4:8])[0]
            if code == _SSL and not encrypted:
                writer.write(b"S")
                await writer.start_tls(self.tls)
                encrypted = True
            elif code in (_SSL, _GSS):
                writer.write(b"N")
            else:
                break
        if code == _CANCEL:
            return await self._cancel(cluster, raw)
        given = _parameters(raw)
        user = given.get("user", "")
        try:
            server = await self._let_in(cluster, reader, writer, user, given.get("database") or user, encrypted)
        except database_login.Refused as refusal:
            self.refused.append(f"{user}: {refusal.why}")
            writer.write(_fatal(refusal.state, refusal.words))
            return await writer.drain()
        await _join(reader, writer, *await asyncio.open_unix_connection(server.socket), raw)

    async def _let_in(self, cluster, reader, writer, user, database, encrypted):
        refuse = database_login.Refused
        if cluster is None or not cluster.answers():
            raise refuse("57P03", "the database system is starting up", "the cluster has no instance that is available")
        if not encrypted:
            text = f'no pg_hba.conf entry for host "127.0.0.1", user "{user}", database "{database}", no encryption'
            raise refuse("28000", text, "the connection is not encrypted")
        while not self.awake(cluster):
            await asyncio.sleep(0.2)
        writer.write(b"R" + struct.pack("!II", 8, 3))
        await writer.drain()
        kind, length = struct.unpack("!cI", await reader.readexactly(5))
        if kind != b"p" or not 5 <= length <= _LONGEST_START:
            raise refuse("08P01", "expected password response", f"a message {kind!r} instead of a password")
        password = (await reader.readexactly(length - 4)).rstrip(b"\0").decode("utf-8", "replace")
        try:
            server = await self.server(cluster)
            iam = await asyncio.to_thread(database_login.is_iam, server, user)
        except Unavailable as error:
            raise refuse("57P03", str(error), str(error)) from error
        if user in ("", SUPERUSER):
            raise refuse("28000", f'pg_hba.conf rejects connection for host "127.0.0.1", user "{user}", database "{database}", SSL on', "nobody may be that user")
        database_login.check(self.account, cluster, iam, user, password, f"localhost:{self.port_of(cluster)}")
        return server

    async def _cancel(self, cluster, raw):
        # The key is the real server's, which checks it.
        if cluster in self.servers:
            _, writer = await asyncio.open_unix_connection((await self.server(cluster)).socket)
            writer.write(raw)
            await writer.drain()
            writer.close()


async def _start_message(reader):
    length = struct.unpack("!I", await reader.readexactly(4))[0]
    if not 8 <= length <= _LONGEST_START:
        raise ConnectionError("not PostgreSQL's protocol")
    return struct.pack("!I", length) + await reader.readexactly(length - 4)


def _parameters(raw):
    parts = raw[8:].split(b"\0")
    words = [part.decode("utf-8", "replace") for part in parts]
    return dict(zip(words[::2], words[1::2]))


def _fatal(state, words):
    fields = [("S", "FATAL"), ("V", "FATAL"), ("C", state), ("M", words)]
    body = b"".join(name.encode() + text.encode() + b"\0" for name, text in fields) + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


async def _join(reader, writer, inner_reader, inner_writer, raw):
    """Bytes go both ways until one side ends."""
    inner_writer.write(raw)
    ways = [asyncio.create_task(_pass_on(reader, inner_writer)), asyncio.create_task(_pass_on(inner_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        inner_writer.close()


async def _close(writer):
    """Send what is left, and end; whoever does not take it is not waited for."""
    try:
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), 2)
    except (OSError, asyncio.TimeoutError):
        writer.transport.abort()


async def _pass_on(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
