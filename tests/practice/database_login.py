"""Who may sign in to a database: tokens of IAM, and the master user's password.

Source: Aurora user guide, "IAM database authentication" and "Creating and using an IAM policy for IAM database access".
"""

import hmac

from . import sign
from .wire import models, read
from .wire.errors import AwsError

_LONGEST = 900
"""Seconds that a token may be good for."""

# Which roles the user is a member of, also through others. Since PostgreSQL 16 there is a membership that is only the
# right to hand a role out, which its maker gets by itself: that one does not count.
_MEMBER = """
WITH RECURSIVE mine(oid) AS (
  SELECT r.oid FROM pg_roles r WHERE r.rolname = :user
  UNION SELECT m.roleid FROM pg_auth_members m JOIN mine ON mine.oid = m.member {real}
)
SELECT count(*) FROM mine JOIN pg_roles r ON r.oid = mine.oid WHERE r.rolname = 'rds_iam'
"""


class Refused(Exception):
    """Not let in: the SQLSTATE and the words that PostgreSQL gives, and the true reason, for people."""

    def __init__(self, state, words, why):
        super().__init__(why)
        self.state, self.words, self.why = state, words, why


def is_iam(server, user):
    """Whether the user signs in with tokens: it is a member of rds_iam. Blocking."""
    version = int(server.rows("SHOW server_version_num")[1][0][0])
    real = "AND (m.inherit_option OR m.set_option)" if version >= 160000 else ""
    return bool(server.rows(_MEMBER.format(real=real), "postgres", {"user": user})[1][0][0])


def check(account, cluster, iam, user, password, place):
    """Refused unless the password fits. `iam`: whether the user is a member of rds_iam; `place`: host:port."""
    if iam and cluster.iam:
        why = _token_fault(account, cluster, user, password, place)
        if why:
            raise Refused("28000", f'PAM authentication failed for user "{user}"', why)
        return
    why = None
    if iam:
        why = "the role is a member of rds_iam, and the cluster's IAM authentication is off"
    elif user != cluster.master:
        why = "the role is no member of rds_iam, and not the master user"
    elif not hmac.compare_digest(password.encode(), (cluster.password or "").encode()):
        why = "the password is not the one in the master user's secret"
    if why:
        raise Refused("28P01", f'password authentication failed for user "{user}"', why)


def _token_fault(account, cluster, user, token, place):
    """Why a token does not fit, or None."""
    host, _, query_text = token.partition("/?")
    query = read.query_string(query_text)
    if host != place:
        return f"the token is for {host[:80]!r}, and this is {place!r}"
    if query.get("Action") != "connect" or query.get("DBUser") != user:
        return f"the token is for the user {query.get('DBUser')!r}"
    try:
        if not 0 < int(query.get("X-Amz-Expires", "")) <= _LONGEST or sign.expired(query):
            return "the token is expired, or is meant to last longer than 15 minutes"
        signature = sign.read({}, query)
        if signature is None or (signature.service, signature.region) != ("rds-db", cluster.region):
            return f"the token is not signed for rds-db in {cluster.region}"
        principal, secret = account.principal(signature, models.service("rds"))
        if not sign.fits(signature, secret, "GET", "/", query_text, {"host": host}, b""):
            return "the token's signature does not fit"
    except (AwsError, ValueError) as error:
        return f"the token cannot be read: {error}"
    arn = f"arn:aws:rds-db:{cluster.region}:{account.id}:dbuser:{cluster.resource_id}/{user}"
    if principal.kind == "role" and account.role_allows(principal.role, "rds-db:connect", arn) != "Allow":
        return f"the role {principal.role} may not rds-db:connect to {arn}"
    return None
