"""Identifiers of the forms that AWS gives out. They are random: nothing may rely on their values."""

import secrets
import string
import uuid

_UPPER = string.ascii_uppercase + string.digits
_LOWER = string.ascii_lowercase + string.digits


def cloudfront():
    """A distribution's, an origin access control's or an ETag's id: E and 13 more."""
    return "E" + "".join(secrets.choice(_UPPER) for _ in range(13))


def domain():
    """A distribution's domain name."""
    return "d" + "".join(secrets.choice(_LOWER) for _ in range(13)) + ".cloudfront.net"


def api(length=10):
    """An API Gateway id: letters and digits, a letter first."""
    return secrets.choice(string.ascii_lowercase) + "".join(secrets.choice(_LOWER) for _ in range(length - 1))


def request():
    """A request's id."""
    return str(uuid.uuid4())


def unique():
    """A store's or a revision's id."""
    return str(uuid.uuid4())


def access_key(prefix):
    """`(key id, secret)` of credentials: AKIA for users, ASIA for sessions."""
    return prefix + "".join(secrets.choice(_UPPER) for _ in range(16)), secrets.token_urlsafe(30)
