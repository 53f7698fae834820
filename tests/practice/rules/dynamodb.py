"""DynamoDB: tables that take their time, backups that are not there at once, time to live changed once."""

import json
from datetime import datetime

from ..clock import Wait
from ..wire.errors import AwsError

_ITEMS = {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"}


class DynamoDb:
    """Remembers which tables are CREATING, UPDATING or DELETING."""

    def __init__(self):
        self.waits, self.gone = {}, {}

    def before(self, account, call):
        name = _table(call.params)
        key = (call.region, name)
        state = self._state(key, poll=call.operation != "CreateTable")
        check = getattr(self, "_" + call.operation, None)
        if check is not None:
            return check(key, name, state, call, account)
        if call.operation in _ITEMS and state in ("CREATING", "DELETING"):
            raise _absent(name)
        return None

    def _state(self, key, poll):
        if key in self.gone:
            wait = self.gone[key][0]
            if not (wait.poll() if poll else wait.over()):
                return "DELETING"
            del self.gone[key]
        if key in self.waits:
            state, wait = self.waits[key]
            if not (wait.poll() if poll else wait.over()):
                return state
            del self.waits[key]
        return "ACTIVE"

    def _CreateTable(self, key, name, state, call, account):
        if state == "DELETING":
            raise _in_use(f"Table is being deleted: {name}")

    def _DescribeTable(self, key, name, state, call, account):
        if state == "DELETING":
            return _ok({"Table": {**self.gone[key][1], "TableStatus": "DELETING"}})

    def _UpdateTable(self, key, name, state, call, account):
        if state != "ACTIVE":
            raise _in_use(f"Attempt to change a resource which is still in use: Table is being {state.lower()}: {name}")

    def _DeleteTable(self, key, name, state, call, account):
        if state == "DELETING":
            return _ok({"TableDescription": {**self.gone[key][1], "TableStatus": "DELETING"}})
        if state != "ACTIVE":
            raise _in_use(f"Attempt to change a resource which is still in use: Table is being {state.lower()}: {name}")

    def _UpdateContinuousBackups(self, key, name, state, call, account):
        if state == "DELETING":
            raise AwsError("TableNotFoundException", f"Table not found: {name}")
        if state != "ACTIVE":
            raise AwsError(
                "ContinuousBackupsUnavailableException", f"Backups are being enabled for the table: {name}. Please retry later"
            )

    def _UpdateTimeToLive(self, key, name, state, call, account):
        wanted = call.params.get("TimeToLiveSpecification") or {}
        backend = account.standins.backend("dynamodb", call.region)
        table = backend.tables.get(name) if backend else None
        if table is None:
            return
        now = table.ttl.get("TimeToLiveStatus") == "ENABLED"
        if state != "ACTIVE":
            raise _in_use(f"Attempt to change a resource which is still in use: Table is being {state.lower()}: {name}")
        if bool(wanted.get("Enabled")) == now:
            raise AwsError("ValidationException", f"TimeToLive is already {'enabled' if now else 'disabled'}")

    def after(self, account, call, status, headers, body):
        if status != 200 or call.operation not in ("CreateTable", "UpdateTable", "DeleteTable", "DescribeTable"):
            return status, headers, body
        out = json.loads(body)
        member = "Table" if call.operation == "DescribeTable" else "TableDescription"
        description = out[member]
        key = (call.region, description["TableName"])
        if call.operation == "CreateTable":
            self.waits[key] = ("CREATING", Wait(account.pace))
        if call.operation == "UpdateTable":
            self.waits[key] = ("UPDATING", Wait(account.pace))
        if call.operation == "DeleteTable":
            self.gone[key] = (Wait(account.pace), description)
            self.waits.pop(key, None)
            description["TableStatus"] = "DELETING"
        elif key in self.waits:
            description["TableStatus"] = self.waits[key][0]
        return status, headers, json.dumps(out).encode()


def _table(params):
    name = params.get("TableName") or ""
    return name.rsplit("table/", 1)[-1]


def _in_use(text):
    return AwsError("ResourceInUseException", text)


def _absent(name):
    return AwsError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")


def _ok(out):
    text = json.dumps(out, default=lambda v: v.timestamp() if isinstance(v, datetime) else str(v))
    return 200, {"content-type": "application/x-amz-json-1.0"}, text.encode()
