"""The RDS Data API, played on the cluster's real PostgreSQL. Source: RDS Data API reference; Aurora user guide."""

import asyncio
import base64
import hmac
import json
import secrets
import time

import pg8000.native

from ..database_server import SUPERUSER, Unavailable
from ..wire.errors import AwsError
from . import rdsdata_values as values
from .rdsdata_values import refused
from .strict import Strict

_IDLE, _LONGEST = 180, 45
"""Seconds after which a transaction that nobody uses ends, and that a statement may take."""
_MOST = 1024 * 1024

_TABLES = """
SELECT c.oid, a.attnum, n.nspname, c.relname, NOT a.attnotnull,
  a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND c.oid IN ({})
"""


class Transaction:
    """One that was begun: a connection of its own."""

    def __init__(self, cluster, connection, database):
        self.cluster, self.connection, self.database, self.used, self.lock = cluster, connection, database, time.monotonic(), asyncio.Lock()


class DataApi(Strict):
    """The service."""

    INVALID = "BadRequestException"

    def __init__(self, account):
        self.account, self.transactions = account, {}

    async def ExecuteStatement(self, call, p):
        place = self._place(call, p)
        sql, given, kinds = values.statement(p["sql"], p.get("parameters"))
        options = p.get("resultSetOptions") or {}

        def run(connection):
            context = _execute(connection, sql, given, kinds)
            columns, rows = context.columns or [], context.rows or []
            if sum(len(text or "") for row in rows for text in row) > _MOST:
                raise refused("Database returned more than the allowed response size limit")
            # A statement that reads changes nothing, though PostgreSQL counts its rows.
            out = {"generatedFields": [], "numberOfRecordsUpdated": 0 if columns and not _writes(sql) else max(context.row_count, 0)}
            if columns and p.get("formatRecordsAs") == "JSON":
                out["formattedRecords"] = values.as_json(columns, rows, options)
            elif columns:
                out["records"] = [[values.field(c["type_oid"], text, options) for c, text in zip(columns, row)] for row in rows]
            if p.get("includeResultMetadata") and columns:
                out["columnMetadata"] = values.described(columns, _tables(connection, columns))
            return out

        return await self._with(place, p, run)

    async def BatchExecuteStatement(self, call, p):
        place = self._place(call, p)
        ready = [values.statement(p["sql"], each) for each in p.get("parameterSets") or [[]]]

        def run(connection):
            for sql, given, kinds in ready:
                if _execute(connection, sql, given, kinds).columns:
                    raise AwsError("DatabaseErrorException", "A result was returned when none was expected.")
            return {"updateResults": [{"generatedFields": []} for _ in p.get("parameterSets") or []]}

        return await self._with(place, p, run)

    async def BeginTransaction(self, call, p):
        cluster, user = self._place(call, p)
        connection = await self._open(cluster, user, p.get("database"))
        await asyncio.to_thread(_execute, connection, "BEGIN", [], [])
        self._forget_idle()
        ident = base64.b64encode(secrets.token_bytes(96)).decode()
        self.transactions[ident] = Transaction(cluster, connection, p.get("database") or user)
        return {"transactionId": ident}

    async def CommitTransaction(self, call, p):
        return await self._end(call, p, "COMMIT", "Transaction Committed")

    async def RollbackTransaction(self, call, p):
        return await self._end(call, p, "ROLLBACK", "Rollback Complete")

    async def _end(self, call, p, sql, said):
        cluster, _ = self._place(call, p)
        transaction = self._transaction(cluster, p["transactionId"])
        del self.transactions[p["transactionId"]]
        async with transaction.lock:
            try:
                await asyncio.to_thread(_execute, transaction.connection, sql, [], [])
            finally:
                await asyncio.to_thread(_close, transaction.connection)
        return {"transactionStatus": said}

    # -- where a call goes -------------------------------------------------------------------------------------

    def _place(self, call, p):
        """`(cluster, user)` that a call is for, once it may be answered."""
        arn = p["resourceArn"]
        cluster = self.account.rds.of_arn(arn)
        if cluster is None or cluster.region != call.region:
            raise AwsError("NotFoundException", f"The resource {arn} can't be found.")
        cluster.answers()
        if not cluster.http:
            raise AwsError("HttpEndpointNotEnabledException", f"HttpEndpoint is not enabled for cluster {cluster.name}")
        if not cluster.members:
            raise AwsError("DatabaseNotFoundException", f"DB cluster {cluster.name} has no DB instance")
        if not cluster.answers():
            raise AwsError("DatabaseUnavailableException", f"The writer instance of {cluster.name} isn't available")
        user = self._user(call, cluster, p["secretArn"])
        if not self.account.database.awake(cluster):
            writer = next(iter(cluster.members))
            raise AwsError("DatabaseResumingException", f"The Aurora DB instance {writer} is resuming after being auto-paused. Please wait a few seconds and try again.")
        return cluster, user

    def _user(self, call, cluster, arn):
        """The user whose name and password the secret holds."""
        secret = self.account.secrets.look(call.region, arn)
        current = next((v for v in secret.versions.values() if "AWSCURRENT" in v.stages), None) if secret and not secret.deleted else None
        if current is None:
            raise AwsError("SecretsErrorException", f"Secrets Manager can't find the specified secret {arn}")
        try:
            value = json.loads(current.text or "")
            user, password = value["username"], value["password"]
        except (ValueError, KeyError, TypeError) as error:
            raise AwsError("InvalidSecretException", "The secret isn't valid: it must be JSON with a username and a password") from error
        # Only the master user has a password here.
        if user != cluster.master or not hmac.compare_digest(str(password).encode(), (cluster.password or "").encode()):
            raise AwsError("DatabaseErrorException", f'FATAL: password authentication failed for user "{user}"; SQLState: 28P01')
        return user

    async def _open(self, cluster, user, database):
        try:
            server = await self.account.database.server(cluster)
        except Unavailable as error:
            raise AwsError("DatabaseUnavailableException", str(error)) from error
        # Without a database it is the one that has the user's name, as PostgreSQL has it.
        name = database or user
        if name == SUPERUSER:
            raise AwsError("DatabaseErrorException", f'FATAL: pg_hba.conf rejects connection for user "{user}", database "{name}"; SQLState: 28000')

        def opened():
            connection = server.connect(user, name)
            connection.pg_types = _AsText()
            connection.run(f"SET statement_timeout = '{_LONGEST}s'")
            return connection

        return await asyncio.to_thread(_told, opened)

    def _forget_idle(self):
        for ident, each in list(self.transactions.items()):
            if time.monotonic() - each.used > _IDLE and not each.lock.locked():
                _close(self.transactions.pop(ident).connection)

    def _transaction(self, cluster, ident):
        self._forget_idle()
        found = self.transactions.get(ident)
        if found is None or found.cluster is not cluster:
            raise AwsError("TransactionNotFoundException", f"Transaction {ident} is not found")
        found.used = time.monotonic()
        return found

    async def _with(self, place, p, run):
        """The answer of `run`, given the transaction's connection, or one of its own."""
        cluster, user = place
        if p.get("transactionId"):
            transaction = self._transaction(cluster, p["transactionId"])
            if p.get("database") not in (None, transaction.database):
                raise refused("Database name is not the same as transaction")
            async with transaction.lock:
                return await asyncio.to_thread(_told, run, transaction.connection)
        connection = await self._open(cluster, user, p.get("database"))
        try:
            return await asyncio.to_thread(_told, run, connection)
        finally:
            await asyncio.to_thread(_close, connection)


class _AsText(dict):
    """No conversions: every value stays as PostgreSQL writes it."""

    def __missing__(self, _):
        return str


def _writes(sql):
    return sql.lstrip().split(None, 1)[0].upper() in ("INSERT", "UPDATE", "DELETE", "MERGE") if sql.strip() else False


def _execute(connection, sql, given, kinds):
    return connection.execute_unnamed(sql, vals=given, oids=kinds)


def _close(connection):
    try:
        connection.close()
    except (pg8000.native.Error, OSError):
        pass


def _tables(connection, columns):
    oids = sorted({c["table_oid"] for c in columns if c["table_oid"]})
    if not oids:
        return {}
    rows = connection.run(_TABLES.format(", ".join(map(str, oids))))
    return {(int(r[0]), int(r[1])): (r[2], r[3], r[4] == "t", r[5] == "t") for r in rows}


def _told(run, *arguments):
    """What `run` answers; PostgreSQL's refusal as the Data API tells it."""
    try:
        return run(*arguments)
    except pg8000.native.DatabaseError as error:
        raise _refusal(error.args[0]) from error
    except (pg8000.native.InterfaceError, OSError) as error:
        raise AwsError("DatabaseUnavailableException", f"The connection was lost: {error}") from error


def _refusal(fields):
    state, words = fields.get("C", ""), fields.get("M", "")
    if state == "42601" and words.startswith("cannot insert multiple commands"):
        return AwsError("ValidationException", "Multistatements aren't supported.", 400)
    if state == "57014":
        return AwsError("StatementTimeoutException", "The statement took longer than it may", extra={"dbConnectionId": 0})
    # A database that is not there is an ERROR here, though PostgreSQL calls it FATAL.
    parts = [f"{'ERROR' if state == '3D000' else fields.get('S', 'ERROR')}: {words}"]
    parts += [f"{name}: {fields[key]}" for name, key in (("Detail", "D"), ("Hint", "H"), ("Position", "P")) if fields.get(key)]
    return AwsError("DatabaseErrorException", "; ".join([*parts, f"SQLState: {state}"]))
