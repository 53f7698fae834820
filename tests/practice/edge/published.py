"""What was published, in the words that the edge needs: read from the account's services, never changed here."""

import json
from dataclasses import dataclass, field

from .. import inside


@dataclass
class Api:
    """An HTTP API with what it leads to, in API Gateway's member names."""

    id: str
    routes: list = field(default_factory=list)
    integrations: dict = field(default_factory=dict)
    stages: dict = field(default_factory=dict)


@dataclass
class Function:
    """One version of a Lambda function as a qualifier names it."""

    name: str
    arn: str
    region: str
    version: str
    code: bytes
    sha256: str
    handler: str
    variables: dict
    role: str
    memory: int
    timeout: int
    state: str
    policy: dict | None


class Published:
    """Reads the account."""

    def __init__(self, account):
        self.account = account

    def distributions(self):
        """Every distribution: `{id: (domain name, config)}`."""
        out = {}
        for item in inside.every(self.account, "cloudfront", "ListDistributions", "Items"):
            found = inside.attempt(self.account, "cloudfront", "GetDistributionConfig", Id=item["Id"])
            if found:
                out[item["Id"]] = (item["DomainName"], found["DistributionConfig"])
        return out

    def function_code(self, arn):
        """The LIVE text of a CloudFront function and its store's ARN: `(text, ARN or None)`; None when not published."""
        name = arn.rsplit("/", 1)[-1]
        got = inside.attempt(self.account, "cloudfront", "GetFunction", Name=name, Stage="LIVE")
        told = inside.attempt(self.account, "cloudfront", "DescribeFunction", Name=name, Stage="LIVE")
        if not got or not told:
            return None
        config = told["FunctionSummary"]["FunctionConfig"]
        stores = (config.get("KeyValueStoreAssociations") or {}).get("Items") or []
        code = got["FunctionCode"]
        return code.decode() if isinstance(code, bytes) else code, stores[0]["KeyValueStoreARN"] if stores else None

    def store(self, arn):
        """`(version, keys)` of a key value store."""
        found = self.account.stores.by_arn(arn)
        return (found.etag, found.values) if found else None

    def cache_policy(self, behaviour):
        """`(least, usual, most)` seconds and whether encodings are in the key; None when nothing is kept."""
        identifier = behaviour.get("CachePolicyId")
        if not identifier:
            return (behaviour.get("MinTTL", 0), behaviour.get("DefaultTTL", 86400), behaviour.get("MaxTTL", 31536000)), False
        if identifier in MANAGED_CACHE:
            return MANAGED_CACHE[identifier]
        return None

    def bucket(self, domain):
        """The bucket that an S3 origin's domain name means."""
        name = domain.partition(".s3")[0]
        return self.account.s3.buckets.get(name)

    def api(self, region, api_id):
        """An HTTP API, or None."""
        if inside.attempt(self.account, "apigatewayv2", "GetApi", region, ApiId=api_id) is None:
            return None
        every = lambda operation: inside.every(self.account, "apigatewayv2", operation, "Items", region, ApiId=api_id)  # noqa: E731
        return Api(
            api_id,
            every("GetRoutes"),
            {i["IntegrationId"]: i for i in every("GetIntegrations")},
            {s["StageName"]: s for s in every("GetStages")},
        )

    def function(self, region, name, qualifier):
        """A function's version by alias, version or nothing (`$LATEST`); None when there is none."""
        ask = lambda operation, **more: inside.attempt(self.account, "lambda", operation, region, FunctionName=name, **more)  # noqa: E731
        chosen = {"Qualifier": qualifier} if qualifier else {}
        version, policy = qualifier or "$LATEST", ask("GetPolicy", **chosen)
        alias = ask("GetAlias", Name=qualifier) if qualifier else None
        if alias:
            version = alias["FunctionVersion"]
        config = ask("GetFunctionConfiguration", Qualifier=version)
        code = self.account.functions.code(region, name, version)
        if not config or code is None:
            return None
        arn = f"arn:aws:lambda:{region}:{self.account.id}:function:{name}" + (f":{qualifier}" if qualifier else "")
        return Function(
            name, arn, region, config["Version"], code, config["CodeSha256"], config.get("Handler", ""),
            dict((config.get("Environment") or {}).get("Variables") or {}), config["Role"].rsplit("/", 1)[-1],
            config.get("MemorySize", 128), config.get("Timeout", 3), config.get("State") or "Active",
            json.loads(policy["Policy"]) if policy else None,
        )


_YEAR, _DAY = 31_536_000, 86_400
# Managed cache policies by id. Source: CloudFront developer guide, managed cache policies.
MANAGED_CACHE = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": ((1, _DAY, _YEAR), True),  # CachingOptimized
    "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": ((1, _DAY, _YEAR), False),  # CachingOptimizedForUncompressedObjects
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": None,  # CachingDisabled
}
