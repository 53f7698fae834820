"""A real PostgreSQL for one cluster: made as RDS makes one, on a Unix socket only, in a folder that goes with it.

Source: RDS user guide, "Master user account privileges" and "Understanding the rds_superuser role".
"""

import asyncio
import ctypes
import glob
import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path

import pg8000.native

SUPERUSER = "rdsadmin"
NONE_FOUND = (
    "the practice account found no PostgreSQL: put initdb and postgres in PATH, or install a package that puts them in "
    "/usr/lib/postgresql/<version>/bin"
)
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    "listen_addresses": "", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "16MB",
    "max_connections": "80", "timezone": "UTC", "log_min_messages": "fatal", "password_encryption": "scram-sha-256", "max_wal_size": "128MB",
}


class Unavailable(Exception):
    """There is no database to talk to; the text says why."""


def programs():
    """The folder with `initdb` and `postgres`, or None."""
    in_path = shutil.which("initdb")
    folders = [Path(in_path).resolve().parent] if in_path else []
    installed = glob.glob("/usr/lib/postgresql/*/bin")
    folders += [Path(p) for p in sorted(installed, key=lambda p: p.split("/")[4].zfill(4), reverse=True)]
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


def identifier(name):
    """A name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _other_user():
    """PostgreSQL refuses to run as root: whom it runs as instead, as arguments of a subprocess."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise Unavailable("the practice account runs as root, and there is no other user whom PostgreSQL could run as")


def _die_with_parent():
    # SIGQUIT is PostgreSQL's immediate shutdown: it leaves no process and no shared memory.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


class Programs:
    """PostgreSQL's programs, and one empty data folder of which every cluster gets a copy."""

    def __init__(self):
        self.bin, self.root, self._making = programs(), None, asyncio.Lock()

    async def template(self):
        """The empty data folder."""
        if self.bin is None:
            raise Unavailable(NONE_FOUND)
        async with self._making:
            if self.root is None:
                root = self.folder("practice-initdb-")
                await self._run("initdb", "-D", str(root / "data"), "-U", SUPERUSER, "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8")
                self.root = root
        return self.root / "data"

    def folder(self, prefix):
        """A new folder that PostgreSQL may write to."""
        # The path of a Unix socket has a limit of about a hundred bytes.
        base = tempfile.gettempdir() if len(tempfile.gettempdir()) < 50 else "/tmp"
        made, user = Path(tempfile.mkdtemp(prefix=prefix, dir=base)), _other_user()
        if user:
            os.chown(made, user["user"], user["group"])
        return made

    async def start(self, *words, **more):
        """Start one of the programs."""
        environment = {"PATH": f"{self.bin}:{os.environ.get('PATH', '')}", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return await asyncio.create_subprocess_exec(
            str(self.bin / words[0]), *words[1:], env=environment, cwd="/", stdin=asyncio.subprocess.DEVNULL,
            preexec_fn=_die_with_parent, start_new_session=True, **_other_user(), **more,
        )

    async def _run(self, *words):
        process = await self.start(*words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said, _ = await process.communicate()
        if process.returncode:
            raise Unavailable(f"{words[0]} failed: {said.decode('utf-8', 'replace')[-500:]}")

    def close(self):
        """Remove the template."""
        if self.root:
            shutil.rmtree(self.root, ignore_errors=True)
            self.root = None


class Server:
    """The PostgreSQL of one cluster."""

    def __init__(self, programs, cluster):
        self.programs, self.cluster, self.folder, self.process = programs, cluster, None, None

    @property
    def socket(self):
        """The path of its Unix socket."""
        return str(self.folder / ".s.PGSQL.5432")

    async def start(self):
        """Copy, start, and make what RDS makes in a new database."""
        template = await self.programs.template()
        self.folder = self.programs.folder("practice-pg-")
        data = self.folder / "data"
        try:
            await asyncio.to_thread(self._copy, template, data)
            settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
            with open(self.folder / "log", "wb") as log:
                self.process = await self.programs.start("postgres", "-D", str(data), "-k", str(self.folder), *settings, stdout=log, stderr=log)
            await self._wait()
            await asyncio.to_thread(self._make)
        except BaseException:
            await self.close()
            raise

    def _copy(self, template, data):
        # As root: copies keep no owner, so it is given again.
        shutil.copytree(template, data, symlinks=True)
        user = _other_user()
        if user:
            for each in [data, *data.rglob("*")]:
                os.chown(each, user["user"], user["group"], follow_symlinks=False)
        data.chmod(0o700)

    async def _wait(self):
        for _ in range(300):
            if self.process.returncode is not None:
                break
            try:
                return (await asyncio.to_thread(self.connect, SUPERUSER, "postgres")).close()
            except (pg8000.native.InterfaceError, pg8000.native.DatabaseError, OSError):
                await asyncio.sleep(0.1)
        said = (self.folder / "log").read_text("utf-8", "replace")[-500:]
        raise Unavailable(f"PostgreSQL did not start: {said}")

    def connect(self, user, database):
        """A connection, as anybody who exists."""
        try:
            return pg8000.native.Connection(user, database=database, unix_sock=self.socket, timeout=60)
        except (pg8000.native.InterfaceError, OSError) as error:
            # PostgreSQL refuses and hangs up; the driver then stumbles over the closed socket.
            first = error
            while first is not None and not isinstance(first, pg8000.native.DatabaseError):
                first = first.__context__
            raise first or error from None

    def _make(self):
        master, database = identifier(self.cluster.master), self.cluster.database
        connection = self.connect(SUPERUSER, "postgres")
        try:
            version = int(connection.run("SELECT current_setting('server_version_num')::int")[0][0])
            for statement in _statements(master, database, version):
                connection.run(statement)
        finally:
            connection.close()

    def rows(self, sql, database=None, given=None):
        """`(columns, rows)` of a statement by the superuser, with named parameters; blocking."""
        connection = self.connect(SUPERUSER, database or self.cluster.database or "postgres")
        try:
            rows = connection.run(sql, **(given or {}))
            return [c["name"] for c in connection.columns or []], rows or []
        finally:
            connection.close()

    async def close(self):
        """End it, and remove its folder."""
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self.folder:
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


def _statements(master, database, version):
    # The master user is no superuser. It may hand out rds_iam: before PostgreSQL 16 that comes with CREATEROLE,
    # since then only who has the role's ADMIN OPTION may, here without being a member in any other sense.
    admin = " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE" if version >= 160000 else None
    yield from (f"CREATE ROLE {name} NOLOGIN" for name in ("rds_superuser", "rds_iam", "rds_password", "rds_replication"))
    yield "GRANT pg_monitor, pg_signal_backend TO rds_superuser WITH ADMIN OPTION"
    yield f"CREATE ROLE {master} LOGIN CREATEROLE CREATEDB"
    yield f"GRANT rds_superuser TO {master}"
    if admin:
        yield from (f"GRANT {name} TO {master}{admin}" for name in ("rds_iam", "rds_password", "rds_replication"))
    yield f"CREATE DATABASE {SUPERUSER}"
    yield f"REVOKE ALL ON DATABASE {SUPERUSER} FROM PUBLIC"
    yield f"ALTER DATABASE postgres OWNER TO {master}"
    if database and database != "postgres":
        yield f"CREATE DATABASE {identifier(database)} OWNER {master}"
