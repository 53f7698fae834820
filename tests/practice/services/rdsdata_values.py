"""The Data API's values: parameters as PostgreSQL takes them, columns as the Data API shows them.

Source: Aurora user guide, "Calling Amazon RDS Data API" and "Mapping of data types"; RDS Data API reference, Field.
"""

import base64
import json
import re

from pg8000.converters import PG_TYPES

from ..wire.errors import AwsError

# By PostgreSQL's number of the type: its name, and the number that JDBC has for it.
TYPES = {
    16: ("bool", -7), 17: ("bytea", -2), 18: ("char", 1), 19: ("name", 12), 20: ("int8", -5), 21: ("int2", 5), 23: ("int4", 4),
    25: ("text", 12), 26: ("oid", -5), 114: ("json", 1111), 700: ("float4", 7), 701: ("float8", 8), 1042: ("bpchar", 1),
    1043: ("varchar", 12), 1082: ("date", 91), 1083: ("time", 92), 1114: ("timestamp", 93), 1184: ("timestamptz", 93),
    1186: ("interval", 1111), 1700: ("numeric", 2), 2950: ("uuid", 1111), 3802: ("jsonb", 1111), 1000: ("_bool", 2003),
    1005: ("_int2", 2003), 1007: ("_int4", 2003), 1009: ("_text", 2003), 1015: ("_varchar", 2003), 1016: ("_int8", 2003),
    1021: ("_float4", 2003), 1022: ("_float8", 2003),
}
_LONGS, _DOUBLES, _BOOL, _BYTES, _NUMERIC, _ZONED = {20, 21, 23, 26}, {700, 701}, 16, 17, 1700, 1184
_ARRAYS = {
    1000: "booleanValues", 1005: "longValues", 1007: "longValues", 1016: "longValues", 1021: "doubleValues",
    1022: "doubleValues", 1009: "stringValues", 1015: "stringValues",
}
# What a hint makes of a text; a text without one is a varchar, which PostgreSQL does not turn into a uuid by itself.
_HINTS = {"JSON": 114, "UUID": 2950, "TIMESTAMP": 1114, "DATE": 1082, "TIME": 1083, "DECIMAL": 1700}

# What no parameter can stand in, then a cast, then a parameter.
_PARTS = re.compile(
    r"(?P<other>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag)|::|:=)"
    r"|:(?P<name>[A-Za-z_]\w*)",
    re.DOTALL,
)


def refused(text):
    """A request that cannot be."""
    return AwsError("BadRequestException", text)


def statement(sql, parameters):
    """`(SQL with numbered parameters, values as text, numbers of their types)`."""
    given, order = {}, []
    for each in parameters or []:
        if not each.get("name"):
            raise refused("Parameter name is missing")
        if each["name"] in given:
            raise refused(f"Duplicate parameter {each['name']}")
        given[each["name"]] = _parameter(each)

    def numbered(match):
        name = match["name"]
        if name is None:
            return match[0]
        if name not in given:
            raise refused(f"Cannot find parameter: {name}")
        if name not in order:
            order.append(name)
        return f"${order.index(name) + 1}"

    text = _PARTS.sub(numbered, sql)
    return text, [given[name][0] for name in order], [given[name][1] for name in order]


def _parameter(each):
    value, hint = each.get("value") or {}, each.get("typeHint")
    kinds = [kind for kind in value if value[kind] is not None]
    if len(kinds) != 1:
        raise refused(f"Parameter {each['name']} must have one value")
    kind, value = kinds[0], value[kinds[0]]
    if kind == "isNull":
        return None, _HINTS.get(hint, 0)
    if kind == "longValue":
        return str(value), 20
    if kind == "doubleValue":
        return repr(float(value)), 701
    if kind == "booleanValue":
        return "true" if value else "false", 16
    if kind == "blobValue":
        return "\\x" + (value if isinstance(value, bytes) else base64.b64decode(value)).hex(), 17
    if kind == "stringValue":
        return value, _HINTS.get(hint, 1043)
    raise refused("Array parameters are not supported.")


def field(kind, text, options):
    """One value of a row, as a Field."""
    if text is None:
        return {"isNull": True}
    if kind in _LONGS:
        return {"stringValue": text} if options.get("longReturnType") == "STRING" else {"longValue": int(text)}
    if kind in _DOUBLES:
        return {"doubleValue": float(text)}
    if kind == _NUMERIC and options.get("decimalReturnType") == "DOUBLE_OR_LONG":
        return {"longValue": int(text)} if re.fullmatch(r"-?\d{1,18}", text) else {"doubleValue": float(text)}
    if kind == _BOOL:
        return {"booleanValue": text == "t"}
    if kind == _BYTES:
        return {"blobValue": bytes.fromhex(text.removeprefix("\\x"))}
    if kind in _ARRAYS:
        return {"arrayValue": _array(_ARRAYS[kind], PG_TYPES[kind](text))}
    # Times are shown in UTC, without saying so.
    return {"stringValue": re.sub(r"\+00$", "", text) if kind == _ZONED else text}


def _array(kind, values):
    if values and isinstance(values[0], list):
        return {"arrayValues": [_array(kind, each) for each in values]}
    return {kind: values}


def as_json(columns, rows, options):
    """The rows as one JSON document: a list of objects."""
    labels = [c["name"] for c in columns]
    if len(set(labels)) != len(labels):
        raise refused("Duplicate column names in the result set: use aliases.")
    out = []
    for row in rows:
        out.append({label: _plain(field(c["type_oid"], text, options)) for label, c, text in zip(labels, columns, row)})
    return json.dumps(out, separators=(",", ":"), ensure_ascii=False)


def _plain(shown):
    kind, value = next(iter(shown.items()))
    if kind == "isNull":
        return None
    if kind == "arrayValue":
        inner, values = next(iter(value.items()))
        return [_plain({"arrayValue": each}) for each in values] if inner == "arrayValues" else values
    return base64.b64encode(value).decode() if kind == "blobValue" else value


def described(columns, tables):
    """Columns as ColumnMetadata; `tables` says of a table's column `(schema, table, may be null, counts by itself)`."""
    out = []
    for column in columns:
        kind = column["type_oid"]
        name, number = TYPES.get(kind, ("text", 12))
        schema, table, nullable, counts = tables.get((column["table_oid"], column["column_attrnum"]), ("", "", True, False))
        out.append({
            "name": column["name"], "label": column["name"], "type": number, "typeName": name, "schemaName": schema, "tableName": table,
            "isAutoIncrement": counts, "isSigned": kind in _LONGS | _DOUBLES | {_NUMERIC}, "isCurrency": False,
            "isCaseSensitive": number == 12, "nullable": int(nullable), "precision": 0, "scale": 0, "arrayBaseColumnType": 0,
        })
    return out
