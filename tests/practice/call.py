"""One call to the account, as far as it is understood."""

from dataclasses import dataclass, field


@dataclass
class Principal:
    """Who calls: the account's user, a role (a running function), or nobody."""

    kind: str
    arn: str = ""
    role: str = ""

    @property
    def by(self):
        """How the call log names the caller."""
        return {"user": "client", "role": "function"}.get(self.kind, "anonymous")


@dataclass
class Raw:
    """An answer that is ready: for what the models cannot say."""

    status: int
    headers: dict
    body: bytes


@dataclass
class Call:
    """A request with what was found out about it: service, operation, parameters, caller."""

    method: str
    raw_path: str
    raw_query: str
    query: dict
    headers: dict
    body: bytes
    host: str
    service: object = None
    operation: str | None = None
    labels: dict = field(default_factory=dict)
    params: dict = field(default_factory=dict)
    principal: Principal = field(default_factory=lambda: Principal("anonymous"))
    region: str = ""
    changing: bool = False
    is_stop: bool = False
    resource: str = ""
    md5: bytes | None = None

    @property
    def by(self):
        """Who calls, as the log says it."""
        return self.principal.by
