"""Asking the account's played services from inside: no HTTP, no signature, no record in the log."""

from . import REGION
from .call import Call, Principal, Raw
from .wire import models
from .wire.errors import AwsError


def ask(account, service, operation, region=REGION, **params):
    """What an operation returns, with AWS's member names; AwsError as AWS would refuse."""
    player = account.played[service]
    call = Call("GET", "/", "", {}, {}, b"", "", params=params, region=region)
    call.service, call.operation = models.service(service), operation
    call.principal = Principal("user", account.user_arn)
    out = getattr(player, operation)(call, params)
    if isinstance(out, Raw):
        raise TypeError(f"{service} {operation} answers with bytes")
    return out


def attempt(account, service, operation, region=REGION, **params):
    """Like `ask`, and None when there is no such thing or no such operation."""
    try:
        return ask(account, service, operation, region, **params)
    except (AwsError, AttributeError):
        return None


def every(account, service, operation, member, region=REGION, **params):
    """All items of a listing, page after page."""
    out, more = [], {}
    while True:
        page = attempt(account, service, operation, region, **params, **more) or {}
        inner = next((v for v in page.values() if isinstance(v, dict) and "Items" in v), page)
        out.extend(inner.get(member) or [])
        token = inner.get("NextMarker") or inner.get("NextToken")
        if not token:
            return out
        more = {"NextToken" if "NextToken" in inner else "Marker": token}
