"""What RDS asks of its parameters, and refuses. Source: RDS API reference; Aurora user guide."""

import re
import secrets
import string

from ..wire.errors import AwsError

ENGINE = "aurora-postgresql"
# The minors of each major version, oldest first, and the one that a major version alone means.
VERSIONS = {
    "15": (("15.3", "15.4", "15.5", "15.6", "15.7", "15.8", "15.10", "15.12", "15.13"), "15.12"),
    "16": (("16.1", "16.2", "16.3", "16.4", "16.6", "16.8", "16.9"), "16.8"),
    "17": (("17.4", "17.5"), "17.4"),
}
DEFAULT_MAJOR = "16"
# From which minor on a cluster may sleep. Source: Aurora user guide, "Scaling to zero ACUs".
_SLEEPS_FROM = {"15": 7, "16": 3, "17": 0}
LOGS = ("postgresql", "iam-db-auth-error", "instance")
_RESERVED = {"admin", "rdsadmin", "postgres", "rds_superuser", "rds_iam", "public", "none"}


def invalid(text):
    """A parameter that cannot be."""
    return AwsError("InvalidParameterValue", text, 400)


def combination(text):
    """Parameters that cannot be together."""
    return AwsError("InvalidParameterCombination", text, 400)


def made_up(length=26):
    """A resource id's random part: upper-case letters and digits."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(length))


def identifier(name, parameter, most=63):
    """The name as RDS keeps it: in lower case."""
    if not re.fullmatch(r"[A-Za-z](?:-?[A-Za-z0-9])*", name or "") or len(name) > most:
        raise invalid(
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only "
            "ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        )
    return name.lower()


def major(version):
    """`16` of `16.6`."""
    return version.partition(".")[0]


def engine_version(engine, given):
    """The version that a cluster gets; a major version alone means its default minor."""
    if engine != ENGINE:
        raise invalid(f"Invalid DB engine: {engine}; only {ENGINE} is played")
    if not given:
        return VERSIONS[DEFAULT_MAJOR][1]
    if given in VERSIONS:
        return VERSIONS[given][1]
    if given not in VERSIONS.get(major(given), ((), ""))[0]:
        raise combination(f"Cannot find version {given} for {engine}")
    return given


def may_sleep(version):
    """Whether a cluster of this version can go down to no capacity."""
    return int(version.partition(".")[2]) >= _SLEEPS_FROM[major(version)]


def scaling(given, version):
    """ServerlessV2ScalingConfiguration as RDS keeps it, or None."""
    if given is None:
        return None
    low, high, pause = given.get("MinCapacity"), given.get("MaxCapacity"), given.get("SecondsUntilAutoPause")
    if low is None or high is None:
        raise combination("Serverless v2 minimum capacity and maximum capacity must both be set.")
    for name, value, least in (("minimum", low, 0), ("maximum", high, 1)):
        if value * 2 != int(value * 2) or not least <= value <= 256:
            raise invalid(f"Serverless v2 {name} capacity {value} isn't valid. The {name} capacity must be between {least} and 256 in increments of 0.5.")
    if low > high:
        raise combination(f"Serverless v2 maximum capacity {high} must be greater than or equal to the minimum capacity {low}.")
    if low == 0 and not may_sleep(version):
        raise combination(f"Serverless v2 minimum capacity 0.0 isn't supported for engine version {version}.")
    out = {"MinCapacity": float(low), "MaxCapacity": float(high)}
    if pause is not None:
        if low != 0:
            raise combination("SecondsUntilAutoPause can only be set when the minimum capacity is 0.")
        if not 300 <= pause <= 86400:
            raise invalid(f"SecondsUntilAutoPause {pause} isn't valid. It must be between 300 and 86400.")
    if low == 0:
        out["SecondsUntilAutoPause"] = pause or 300
    return out


def backup_days(given):
    """Days that backups are kept: Aurora always keeps one day at least."""
    if given is not None and not 1 <= given <= 35:
        raise invalid(f"Invalid backup retention period: {given}. Must be between 1 and 35.")
    return given


def logs(given):
    """Logs that the engine can send to CloudWatch."""
    unknown = [name for name in given or [] if name not in LOGS]
    if unknown:
        raise combination(f"You cannot use the log types '{', '.join(unknown)}' with engine version {ENGINE}.")
    return list(given or [])


def master_name(name):
    """The master user's name."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name or ""):
        raise invalid("The parameter MasterUsername is not a valid identifier because it contains invalid characters.")
    if name.lower() in _RESERVED - {"postgres"}:
        raise invalid(f"MasterUsername {name} cannot be used as it is a reserved word used by the engine")
    return name


def database_name(name):
    """The first database's name, or None."""
    if name is not None and (not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name) or name.lower() in ("rdsadmin", "template0", "template1")):
        raise invalid(f"DatabaseName {name} is not a valid database name")
    return name


def password(given):
    """A master password that the caller chose."""
    if not re.fullmatch(r"[!#-.0-?A-~]{8,99}", given):
        raise invalid("The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.")
    return given


def new_password():
    """One that RDS makes: 28 characters, none that a connection string would have to escape."""
    letters = string.ascii_letters + string.digits + "!#$%&()*+,-.;<=>?[]^_{|}~"
    return "".join(secrets.choice(letters) for _ in range(28))
