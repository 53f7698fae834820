"""RDS: DB cluster parameter groups. Source: RDS API reference; Aurora user guide, Aurora PostgreSQL parameters."""

from ..wire.errors import AwsError
from .rds_checks import ENGINE, VERSIONS, combination, identifier, invalid
from .strict import page, tags_of

# Some of the engine's cluster parameters: (default, apply type, data type, allowed values).
_PARAMETERS = {
    "autovacuum_naptime": ("5", "dynamic", "integer", "1-2147483"),
    "client_encoding": (None, "dynamic", "string", None),
    "idle_in_transaction_session_timeout": ("86400000", "dynamic", "integer", "0-2147483647"),
    "log_connections": (None, "dynamic", "boolean", "0,1"),
    "log_disconnections": (None, "dynamic", "boolean", "0,1"),
    "log_lock_waits": (None, "dynamic", "boolean", "0,1"),
    "log_min_duration_statement": (None, "dynamic", "integer", "-1-2147483647"),
    "log_statement": (None, "dynamic", "string", "none,ddl,mod,all"),
    "rds.force_autovacuum_logging_level": (None, "dynamic", "string", "disabled,debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic"),
    "rds.force_ssl": (None, "dynamic", "boolean", "0,1"),
    "rds.log_retention_period": ("4320", "dynamic", "integer", "1440-10080"),
    "rds.logical_replication": ("0", "static", "boolean", "0,1"),
    "shared_preload_libraries": ("pg_stat_statements", "static", "list", None),
    "ssl_min_protocol_version": ("TLSv1.2", "dynamic", "string", "TLSv1,TLSv1.1,TLSv1.2,TLSv1.3"),
    "statement_timeout": (None, "dynamic", "integer", "0-2147483647"),
    "timezone": ("UTC", "dynamic", "string", None),
}
FAMILIES = {f"{ENGINE}{major}" for major in VERSIONS}
_A_CALL = 20


def default(family, name):
    """The engine's own value. Since version 17 connections without TLS are refused by default."""
    if name == "rds.force_ssl":
        return "1" if family.endswith("17") else "0"
    return _PARAMETERS[name][0]


class ParameterGroup:
    """One group; `values` are those that were set."""

    def __init__(self, name, arn, family, description, tags):
        self.name, self.arn, self.family, self.description, self.tags = name, arn, family, description, tags
        self.values = {}

    def answer(self):
        """As RDS shows it."""
        return {
            "DBClusterParameterGroupName": self.name, "DBParameterGroupFamily": self.family,
            "Description": self.description, "DBClusterParameterGroupArn": self.arn,
        }

    def value(self, name):
        """The value of a parameter."""
        return self.values.get(name, default(self.family, name))


def _check_value(name, value):
    _, _, kind, allowed = _PARAMETERS[name]
    if allowed is None:
        return
    if "," in allowed:
        fits = value in allowed.split(",")
    else:
        low, _, high = allowed[1:].partition("-")
        fits = value.lstrip("-").isdigit() and int(allowed[0] + low) <= int(value) <= int(high)
    if not fits:
        raise invalid(f"Value: {value} is outside of range: {allowed} for parameter: {name}")


class ParameterGroups:
    """Mixed into `Rds`."""

    def CreateDBClusterParameterGroup(self, call, p):
        raw = p["DBClusterParameterGroupName"]
        name = raw.lower() if raw.lower().startswith("default.") else identifier(raw, "DBClusterParameterGroupName", 255)
        family = p["DBParameterGroupFamily"]
        if family not in FAMILIES:
            raise invalid(f"ParameterGroupFamily {family} is not a valid parameter group family")
        groups = self.here(call.region).parameter_groups
        if name in groups or name.startswith("default."):
            raise AwsError("DBParameterGroupAlreadyExists", f"Parameter group {name} already exists", 400)
        tags = tags_of(p.get("Tags"), "InvalidParameterValue")
        made = groups[name] = ParameterGroup(name, self.arn(call.region, "cluster-pg", name), family, p["Description"], tags)
        return {"DBClusterParameterGroup": made.answer()}

    def DescribeDBClusterParameterGroups(self, call, p):
        if p.get("DBClusterParameterGroupName"):
            return {"DBClusterParameterGroups": [self.parameter_group(call.region, p["DBClusterParameterGroupName"]).answer()]}
        groups = [g.answer() for g in self.here(call.region).parameter_groups.values()]
        shown, more = page(groups, p, 100, "MaxRecords", "Marker", "InvalidParameterValue")
        return {"DBClusterParameterGroups": shown, "Marker": more}

    def DescribeDBClusterParameters(self, call, p):
        group, source = self.parameter_group(call.region, p["DBClusterParameterGroupName"]), p.get("Source")
        rows = []
        for name, (_, apply_type, kind, allowed) in _PARAMETERS.items():
            origin = "user" if name in group.values else "engine-default" if default(group.family, name) is None else "system"
            if source and source != origin:
                continue
            rows.append({
                "ParameterName": name, "ParameterValue": group.value(name), "Source": origin, "ApplyType": apply_type,
                "DataType": kind, "AllowedValues": allowed, "IsModifiable": True, "SupportedEngineModes": ["provisioned"],
                "ApplyMethod": "pending-reboot" if apply_type == "static" else "immediate",
            })
        shown, more = page(rows, p, 100, "MaxRecords", "Marker", "InvalidParameterValue")
        return {"Parameters": shown, "Marker": more}

    def ModifyDBClusterParameterGroup(self, call, p):
        group = self._changeable(call, p)
        for each in self._named(p):
            value = each.get("ParameterValue")
            if value is None:
                raise invalid("The parameter ParameterValue must be provided and must not be blank.")
            _check_value(each["ParameterName"], value)
        group.values.update({each["ParameterName"]: each["ParameterValue"] for each in p["Parameters"]})
        return {"DBClusterParameterGroupName": group.name}

    def ResetDBClusterParameterGroup(self, call, p):
        group = self._changeable(call, p)
        if p.get("ResetAllParameters"):
            if p.get("Parameters"):
                raise combination("ResetAllParameters cannot be set together with Parameters.")
            group.values.clear()
        else:
            for each in self._named(p):
                group.values.pop(each["ParameterName"], None)
        return {"DBClusterParameterGroupName": group.name}

    def DeleteDBClusterParameterGroup(self, call, p):
        group = self._changeable(call, p)
        users = [c.name for c in self.here(call.region).clusters.values() if c.parameters == group.name]
        if users:
            text = f"One or more database clusters are still members of this parameter group {group.name}, so the group cannot be deleted"
            raise AwsError("InvalidDBParameterGroupState", text, 400)
        del self.here(call.region).parameter_groups[group.name]
        return {}

    def _changeable(self, call, p):
        name = p["DBClusterParameterGroupName"]
        if name.lower().startswith("default."):
            raise invalid(f"The parameter DBClusterParameterGroupName is not valid: the default group {name} cannot be changed or deleted.")
        return self.parameter_group(call.region, name)

    def _named(self, p):
        given = p.get("Parameters") or []
        if not 1 <= len(given) <= _A_CALL:
            raise invalid(f"Between 1 and {_A_CALL} parameters can be changed in a call; {len(given)} were given.")
        for each in given:
            name, method = each.get("ParameterName"), each.get("ApplyMethod")
            if name not in _PARAMETERS:
                raise invalid(f"Could not find parameter with name: {name}")
            if method is None:
                raise invalid("The parameter ApplyMethod must be provided and must not be blank.")
            if method == "immediate" and _PARAMETERS[name][1] == "static":
                raise combination("cannot use immediate apply method for static parameter")
        return given

    def parameter_group(self, region, name, code="DBParameterGroupNotFound"):
        """The group of that name; AwsError `code`. The default groups are always there."""
        self.settle(region)
        name = name.lower()
        family = name.removeprefix("default.")
        if name.startswith("default.") and family in FAMILIES:
            return ParameterGroup(name, self.arn(region, "cluster-pg", name), family, f"Default cluster parameter group for {family}", {})
        found = self.here(region).parameter_groups.get(name)
        if found is None:
            raise AwsError(code, f"DBClusterParameterGroup not found: {name}", 404)
        return found
