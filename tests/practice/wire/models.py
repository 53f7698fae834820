"""AWS's own descriptions of its services, read from botocore.

`service("lambda")` gives the operations with their URIs, the shapes and the statuses of errors. Loaded on
first use: the big models take a tenth of a second each.
"""

import copy
import functools
import re
import urllib.parse

import botocore.session

_SESSION = botocore.session.get_session()

# Names in a credential scope that are not the model's name.
SIGNING_NAMES = {
    "apigateway": "apigatewayv2",
    "monitoring": "cloudwatch",
    "rds-data": "rds-data",
    "email": "ses",
    "tagging": "resourcegroupstaggingapi",
    "elasticloadbalancing": "elbv2",
}

# The XML namespaces that a model names with its operations only.
NAMESPACES = {
    "cloudfront": "http://cloudfront.amazonaws.com/doc/2020-05-31/",
    "route53": "https://route53.amazonaws.com/doc/2013-04-01/",
}


class Service:
    """One service: its protocol, and which operation a request means."""

    def __init__(self, name):
        self.name = name
        self.model = _SESSION.get_service_model(name)
        self.protocol = self.model.protocol
        self.json_version = self.model.metadata.get("jsonVersion", "1.1")
        self.namespace = self.model.metadata.get("xmlNamespace", "")
        if not self.namespace:
            self.namespace = NAMESPACES.get(name, "")
        self.error_statuses = _error_statuses(self.model)
        self.routes = _routes(self.model) if self.protocol.startswith("rest") else {}
        # Those that need nothing particular in the query: most requests have no query, and need not ask the others.
        self.plain_routes = {method: [r for r in each if not r.literals] for method, each in self.routes.items()}
        self.literals = {name for each in self.routes.values() for route in each for name in route.literals}

    def spoken(self, headers):
        """The service in the protocol of one request: some know several (CloudWatch: CBOR, json and query)."""
        known = [p for p in self.model.metadata.get("protocols") or [] if not p.startswith("rest")]
        if len(known) < 2:
            return self
        said = headers.get("smithy-protocol", "")
        spoken = f"smithy-{said}" if said else "json" if "x-amz-target" in headers else "query"
        if spoken == self.protocol or spoken not in known:
            return self
        other = copy.copy(self)
        other.protocol = spoken
        return other

    def operation(self, name):
        """The operation's model, or None when the service has none of that name."""
        return self.model.operation_model(name) if name in self.model.operation_names else None

    def match(self, method, path, query, headers):
        """`(operation name, URI labels)` of a REST request; `(None, {})` when nothing fits.

        `path` is still percent-encoded; labels come out decoded. The most specific fit wins: most literal
        query names, then most required parameters that are present. A call that forgets a required parameter
        is still recognised, so that the service can say so.
        """
        return self._match(method, path, query, headers, strict=True) or (
            self._match(method, path, query, headers, strict=False) or (None, {})
        )

    def _match(self, method, path, query, headers, strict):
        routes = self.plain_routes if self.literals.isdisjoint(query) else self.routes
        for route in routes.get(method, ()):
            # What the request names is quicker to look at than its path.
            if not route.fits(query, headers, strict):
                continue
            found = route.pattern.fullmatch(path)
            if found:
                return route.operation, {route.labels[k]: urllib.parse.unquote(v) for k, v in found.groupdict().items()}
        return None


class Route:
    """How one operation looks in a request line."""

    def __init__(self, op):
        uri = op.http["requestUri"]
        path, _, literal = uri.partition("?")
        self.operation, self.method = op.name, op.http["method"]
        self.labels = {}
        self.pattern = re.compile(self._regex(path))
        self.literals = dict(urllib.parse.parse_qsl(literal, keep_blank_values=True))
        self.query, self.headers = [], []
        shape = op.input_shape
        for member in shape.required_members if shape else []:
            spec = shape.members[member].serialization
            if spec.get("location") == "querystring":
                self.query.append(spec["name"])
            elif spec.get("location") == "header":
                self.headers.append(spec["name"].lower())
        literal_parts = len(re.sub(r"\{[^}]*\}", "", path))
        self.score = (len(self.literals), literal_parts, len(self.query) + len(self.headers))

    def _regex(self, path):
        out = ""
        for part in re.split(r"(\{[^}]+\})", path):
            if not part.startswith("{"):
                out += re.escape(part)
                continue
            name, greedy = part[1:-1].rstrip("+"), part.endswith("+}")
            group = f"l{len(self.labels)}"
            self.labels[group] = name
            out += f"(?P<{group}>.+)" if greedy else f"(?P<{group}>[^/]+)"
        # Clients differ in whether a collection's path ends in a slash; a greedy label takes its own.
        return out.rstrip("/") + "/?" if not out.endswith(".+)") else out

    def fits(self, query, headers, strict):
        """Whether the request names what this operation must name; `strict`: its required parameters too."""
        for name, value in self.literals.items():
            if name not in query or (value and query[name] != value):
                return False
        if strict:
            for name in self.query:
                if name not in query:
                    return False
            for name in self.headers:
                if name not in headers:
                    return False
        return True


def _routes(model):
    """The operations by method, the most specific first."""
    routes = {}
    for name in model.operation_names:
        op = model.operation_model(name)
        if not op.deprecated:
            route = Route(op)
            routes.setdefault(route.method, []).append(route)
    for each in routes.values():
        each.sort(key=lambda route: route.score, reverse=True)
    return routes


def _error_statuses(model):
    statuses = {}
    for name in model.shape_names:
        shape = model.shape_for(name)
        meta = getattr(shape, "metadata", {})
        if meta.get("exception"):
            code = meta.get("error", {}).get("code", name)
            status = meta.get("error", {}).get("httpStatusCode") or (500 if meta.get("fault") else 400)
            statuses[code] = status
    return statuses


@functools.lru_cache(maxsize=None)
def service(name):
    """The service of that botocore name; KeyError when there is none."""
    if name not in _SESSION.get_available_services():
        raise KeyError(name)
    return Service(name)


def by_signing_name(name):
    """The service that signs under `name`, or None."""
    try:
        return service(SIGNING_NAMES.get(name, name))
    except KeyError:
        return None
