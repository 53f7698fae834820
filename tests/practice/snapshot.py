"""The account as one JSON document in which two runs of a publisher can be compared.

What AWS makes up (ids, ETags, times) and what is secret is replaced by placeholders, numbered in the order of the
names of what they belong to; what the publisher chose stays.
"""

import hashlib
import json
import re

_SECRET_HEADER = "x-arq-origin"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT?\d\d:?\d\d:?\d\d(?:\.\d+)?Z?")

# A release's id, also of one that is no longer kept: a date, a time, some of its hash.
_RELEASE = re.compile(r"<release \d+>|\d{8}-\d{6}-[0-9a-f]{10}")
# What is said of a release beside its contents: who published it, and when.
_RELEASE_KEY = re.compile(r"releases/(.+)\.json")
_OF_A_RELEASE = {"by": "<publisher>", "at": "<time>"}
# The pointer `live`, in the store and in the function's text, says since when in Unix seconds.
_SINCE = re.compile(r'"t":\s*\d{9,}(?:\.\d+)?')
# The secret that signs links to releases that are not live.
_PREVIEW_KEY = "preview"
# A hash over the function's settings, and so over the secret's hash.
_SETTINGS = re.compile(r"\bsettings [0-9a-f]{16,64}\b")


class Names:
    """Made-up values and the placeholders that stand for them."""

    def __init__(self):
        self.pairs, self.counts = [], {}

    def add(self, value, kind):
        """Have `value` shown as `<kind N>` wherever it appears."""
        n = self.counts[kind] = self.counts.get(kind, 0) + 1
        self.pairs.append((value, f"<{kind} {n}>" if kind not in ("etag", "revision", "role id", "name server") else f"<{kind}>"))

    def apply(self, text):
        """The text with placeholders; the longest values first, so that none is cut."""
        for value, shown in sorted(self.pairs, key=lambda pair: -len(pair[0])):
            text = text.replace(value, shown)
        return text

    def shown(self, value):
        """A JSON document with placeholders in its strings and names."""
        if isinstance(value, str):
            return self.apply(value)
        if isinstance(value, list):
            return [self.shown(each) for each in value]
        if isinstance(value, dict):
            return {self.apply(name): self.shown(each) for name, each in value.items()}
        return value


def snapshot(account):
    """The document."""
    names = _names(account)
    document = {
        "buckets": {b.name: _bucket(b, names) for b in account.s3.buckets.values()},
        "origin_access_controls": sorted((c.config for c in account.cloudfront.controls.values()), key=lambda c: c["Name"]),
        "edge_functions": {f.name: _edge_function(f, names) for f in account.cloudfront.code.values()},
        "stores": {s.name: _store(s) for s in account.cloudfront.stores.values()},
        "distributions": sorted((_distribution(d) for d in account.cloudfront.distributions.values()), key=lambda d: d["config"]["Comment"]),
        "roles": _roles(account),
        "log_groups": _log_groups(account),
        "functions": {f.name: _function(f) for f in account.functions.functions.values()},
        "apis": _apis(account),
        "tables": _tables(account),
        "zones": account.route53.shown(),
        "certificates": account.acm.shown(),
        "web_acls": account.waf.shown(),
        **account.watch.shown(),
        "topics": account.topics.shown(),
        "rules": account.events.shown(),
        "schedule_groups": account.scheduler.shown(),
        "secrets": account.secrets.shown(),
        "trails": account.trails.shown(),
        **account.systems.shown(),
        **account.standins.rules["logs"].deliveries.shown(),
        "log_policies": _log_policies(account),
        "networks": account.ec2.shown(),
        "databases": account.rds.shown(),
    }
    return names.shown(json.loads(json.dumps(document, sort_keys=True, default=str)))


def _names(account):
    names = Names()
    cloudfront = account.cloudfront
    for each in sorted(cloudfront.distributions.values(), key=lambda d: d.config["Comment"]):
        names.add(each.id, "distribution")
        names.add(each.domain, "domain")
    for each in sorted(cloudfront.controls.values(), key=lambda c: c.config["Name"]):
        names.add(each.id, "access control")
    for each in sorted(cloudfront.stores.values(), key=lambda s: s.name):
        names.add(each.id, "store")
    for api in sorted(account.apis.apis.values(), key=lambda a: a.shown["Name"]):
        names.add(api.shown["ApiId"], "api")
        for ident in api.integrations:
            names.add(ident, "integration")
        for ident in api.routes:
            names.add(ident, "route")
    for made_up, kind in _versions(account):
        names.add(made_up, kind)
    for service in (account.route53, account.acm, account.waf, account.ec2):
        for made_up, kind in service.made_up():
            names.add(made_up, kind)
    for secret in _secrets(account):
        names.add(secret, "secret")
        names.add(hashlib.sha256(secret.encode()).hexdigest(), "secret hash")
    for store in sorted(cloudfront.stores.values(), key=lambda s: s.name):
        if store.values.get(_PREVIEW_KEY):
            names.add(store.values[_PREVIEW_KEY], "preview secret")
    for release in _releases(account):
        names.add(release, "release")
    for named in (account.secrets, account.topics, account.standins.rules["logs"].deliveries):
        named.name(names)
    account.secrets.name(names)
    account.rds.name(names)
    return names


def _versions(account):
    """ETags and revisions, which a publisher may have written down."""
    cloudfront = account.cloudfront
    for each in [*cloudfront.distributions.values(), *cloudfront.controls.values()]:
        yield each.etag, "etag"
    for store in cloudfront.stores.values():
        yield store.etag, "etag"
        yield store.control, "etag"
    for function in cloudfront.code.values():
        for stage in (function.development, function.live):
            if stage:
                yield stage.etag, "etag"
    for function in account.functions.functions.values():
        for version in [function.latest, *function.versions.values()]:
            yield version.revision, "revision"
        for alias in function.aliases.values():
            yield alias["RevisionId"], "revision"
        for revision in function.policy_revisions.values():
            yield revision, "revision"
    backend = account.standins.backend("iam", "aws")
    for role in backend.roles.values() if backend else ():
        yield role.id, "role id"


def _secrets(account):
    """In the order in which the distributions name them: their values are random, and so would be their order."""
    found = {}
    for each in sorted(account.cloudfront.distributions.values(), key=lambda d: d.config["Comment"]):
        for origin in each.config["Origins"]["Items"]:
            for header in (origin.get("CustomHeaders") or {}).get("Items") or []:
                if header["HeaderName"].lower() == _SECRET_HEADER:
                    found[header["HeaderValue"]] = True
    return list(found)


def _releases(account):
    """Release ids begin with a time: `releases/<id>.json` and `<id>:<bucket>` name them."""
    found = set()
    for bucket in account.s3.buckets.values():
        found |= {m.group(1) for m in (_RELEASE_KEY.fullmatch(k) for k in bucket.versions) if m}
    for store in account.cloudfront.stores.values():
        found |= {k.rsplit(":", 1)[0] for k in store.values if ":" in k}
    return sorted(found)


def _bucket(bucket, names):
    return {
        "region": bucket.region, "tags": bucket.tags, "policy": json.loads(bucket.policy) if bucket.policy else None,
        "public_access_block": bucket.block, "ownership": bucket.ownership, "encryption": bucket.encryption,
        "versioning": bucket.versioning, "settings": bucket.settings,
        "uploads": sorted(u.key for u in bucket.uploads.values()),
        "objects": {key: [_object(key, v, names) for v in versions] for key, versions in sorted(bucket.versions.items())},
    }


def _object(key, version, names):
    if version.marker:
        return {"delete_marker": True}
    body = version.body
    if key == "ledger.json":
        # A help, in the order in which things were made, with times and processes in it: what counts is what it lists.
        ledger = json.loads(body)
        made = sorted(names.apply(f"{each['node']} {each['kind']} {each['name']}") for each in ledger.get("made", []))
        return {"held": ledger.get("holder") is not None, "made": made}
    if key.endswith(".json") and not key.startswith("c/"):
        # The publisher's own records name releases and times: compared with those masked.
        body = _TIME.sub("<time>", names.apply(body.decode("utf-8", "replace"))).encode()
    metadata = version.metadata
    if _RELEASE_KEY.fullmatch(key):
        metadata = {name: _OF_A_RELEASE.get(name, value) for name, value in metadata.items()}
    return {"md5": hashlib.md5(body).hexdigest(), "headers": version.headers, "metadata": metadata}


def _store(store):
    keys = {key: _SINCE.sub('"t":"<time>"', value) if key == "live" else value for key, value in store.values.items()}
    return {"comment": store.comment, "tags": store.tags, "keys": keys}


def _edge_function(function, names):
    def stage(of):
        if of is None:
            return None
        # The text carries the pointer that it falls back to, and so a release's id.
        code = _SINCE.sub('"t":"<time>"', _RELEASE.sub("<release>", names.apply(of.code.decode("utf-8", "replace"))))
        return {"config": of.config, "code": hashlib.md5(code.encode()).hexdigest()}

    return {"tags": function.tags, "development": stage(function.development), "live": stage(function.live)}


def _distribution(distribution):
    # A reference may be short, so it is not searched for elsewhere.
    return {"config": {**distribution.config, "CallerReference": "<caller reference>"}, "tags": distribution.tags}


def _roles(account):
    backend = account.standins.backend("iam", "aws")
    if backend is None:
        return {}
    out = {}
    for role in backend.roles.values():
        trust = role.assume_role_policy_document
        out[role.name] = {
            "trust": json.loads(trust) if isinstance(trust, str) else trust,
            "inline": dict(zip(role.policies, account.standins.role_policies(role.name))),
            "attached": sorted(role.managed_policies),
            "description": role.description, "max_session": role.max_session_duration, "tags": _role_tags(role.tags),
        }
    return out


def _role_tags(tags):
    # moto keeps them by the key in lower case.
    return {t["Key"]: t["Value"] for t in (tags.values() if isinstance(tags, dict) else tags or [])}


def _log_groups(account):
    out = {}
    for region, backend in account.standins.each("logs"):
        for name, group in backend.groups.items():
            out[name] = {"region": region, "retention": group.retention_in_days, "tags": backend.tagger.get_tag_dict_for_resource(group.arn)}
    return out


def _log_policies(account):
    return {
        f"{region}/{name}": json.loads(each.policy_document)
        for region, backend in account.standins.each("logs") for name, each in backend.resource_policies.items()
    }


def _function(function):
    def version(of):
        config = json.loads(json.dumps(of.config))
        variables = (config.get("Environment") or {}).get("Variables") or {}
        if "ARQ_ORIGIN_SHA256" in variables:
            count = len(variables["ARQ_ORIGIN_SHA256"].split(","))
            variables["ARQ_ORIGIN_SHA256"] = f"<{count} secret hashes>"
            config["Description"] = _SETTINGS.sub("settings <hash>", config["Description"])
        return {"config": config, "code": of.package.sha256}

    return {
        "region": function.region, "tags": function.tags, "latest": version(function.latest),
        "versions": {n: version(v) for n, v in function.versions.items()},
        "aliases": {n: {k: v for k, v in a.items() if k != "RevisionId"} for n, a in function.aliases.items()},
        "policies": {q or "-": s for q, s in function.policies.items() if s},
    }


_MADE_UP = {"CreatedDate", "LastUpdatedDate", "DeploymentId", "LastDeploymentStatusMessage", "RouteId"}


def _api(api):
    def plain(child):
        return {k: v for k, v in child.items() if k not in _MADE_UP}

    return {
        "api": plain(api.shown), "tags": api.tags, "region": api.region,
        "integrations": [plain(i) for i in api.integrations.values()],
        "routes": sorted((plain(r) for r in api.routes.values()), key=lambda r: r["RouteKey"]),
        "stages": [plain(s) for s in sorted(api.stages.values(), key=lambda s: s["StageName"])],
    }


def _apis(account):
    """Lists by name: names of APIs need not be unique, and a publisher must not make one twice."""
    out = {}
    for api in account.apis.apis.values():
        out.setdefault(api.shown["Name"], []).append(_api(api))
    return out


def _tables(account):
    out = {}
    for region, backend in account.standins.each("dynamodb"):
        for table in backend.tables.values():
            backups = table.continuous_backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
            out[table.name] = {
                "region": region, "keys": table.schema, "attributes": table.attr, "billing": table.billing_mode,
                "indexes": [i.name for i in table.global_indexes], "protected": table.deletion_protection_enabled,
                "backups": backups, "ttl": table.ttl,
                "tags": {t["Key"]: t["Value"] for t in table.tags},
                "items": sum(1 for _ in table.all_items()),
            }
    return out
