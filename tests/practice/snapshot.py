"""Everything in the account as plain data, so that two accounts can be compared with `==`.

What AWS makes up (ids, domain names, ETags, times) is replaced by a placeholder that says what it belongs to, and
so is what the publisher draws at random: the origin secret, its hash, and the caller's reference.
"""

import hashlib
import json
import re

SECRET_HEADER = "x-arq-origin"


def snapshot(account):
    """The account, normalised."""
    masks = {}
    taken = {
        "buckets": _buckets(account),
        "cloudfront": _cloudfront(account, masks),
        "roles": _roles(account),
        "logs": _logs(account),
        "functions": _functions(account),
        "apis": _apis(account, masks),
        "tables": _tables(account),
    }
    text = json.dumps(taken, sort_keys=True, default=str)
    # Longest first: an id may be part of another.
    for actual in sorted(masks, key=len, reverse=True):
        text = text.replace(actual, masks[actual])
    # The publisher notes a hash of its settings, the secret's hash among them.
    text = re.sub(r"(settings )[0-9a-f]+", r"\1<settings>", text)
    return json.loads(text)


def _buckets(account):
    out = {}
    for name, bucket in account.s3.buckets.items():
        objects = {
            key: {"md5": o.md5, "headers": o.headers, "metadata": o.metadata}
            for key in bucket.versions
            if (o := bucket.current(key))
        }
        out[name] = {
            "region": bucket.region, "tags": bucket.tags, "policy": json.loads(bucket.policy) if bucket.policy else None,
            "block": bucket.block, "ownership": bucket.ownership, "encryption": bucket.encryption, "objects": objects,
        }
    return out


def _cloudfront(account, masks):
    front = account.cloudfront
    for control in front.controls.values():
        masks[control.id] = f"<control {control.config['Name']}>"
    for store in account.stores.stores.values():
        masks[store.id] = f"<store {store.name}>"
    distributions = {}
    for d in front.distributions.values():
        comment = d.config.get("Comment", "")
        masks[d.id], masks[d.domain] = f"<distribution {comment}>", f"<domain {comment}>"
        masks[d.config["CallerReference"]] = "<reference>"
        for secret in _secrets(d.config):
            masks[secret], masks[hashlib.sha256(secret.encode()).hexdigest()] = "<secret>", "<secret's hash>"
        distributions.setdefault(comment, []).append({"config": d.config, "status": d.status, "tags": front.tags[d.arn]})
    return {
        "controls": [c.config for c in sorted(front.controls.values(), key=lambda c: c.config["Name"])],
        "stores": {
            s.name: {"status": s.status(), "keys": s.values, "tags": front.tags[s.arn], "comment": s.comment}
            for s in account.stores.stores.values()
        },
        "functions": {
            f.name: {
                "stages": {n: {"config": c, "code": code.decode("utf-8", "replace")} for n, (c, code, _) in f.stages.items()},
                "tags": front.tags[f.arn],
            }
            for f in front.functions.values()
        },
        "distributions": distributions,
    }


def _secrets(config):
    for origin in config["Origins"]["Items"]:
        for header in (origin.get("CustomHeaders") or {}).get("Items") or []:
            if header["HeaderName"].lower() == SECRET_HEADER:
                yield header["HeaderValue"]


def _roles(account):
    backend = account.standins.backend("iam", "aws")
    if backend is None:
        return {}
    return {
        role.name: {
            "trust": role.assume_role_policy_document,
            "policies": {n: json.dumps(json.loads(_plain(t)), sort_keys=True) for n, t in role.policies.items()},
            "attached": sorted(role.managed_policies), "tags": role.tags,
        }
        for role in backend.roles.values()
    }


def _plain(text):
    import urllib.parse

    return urllib.parse.unquote(text) if text.startswith("%7B") else text


def _logs(account):
    return {
        name: {"retention": group.retention_in_days, "tags": _log_tags(backend, group)}
        for _, backend in account.standins.each("logs")
        for name, group in backend.groups.items()
    }


def _log_tags(backend, group):
    return sorted(map(str, backend.list_tags_for_resource(group.arn).items()))


def _functions(account):
    out = {}
    for (region, name), function in account.functions.functions.items():
        versions = {n: _config(v.config) for n, v in function.versions.items()}
        aliases = {n: a["FunctionVersion"] for n, a in function.aliases.items()}
        out[f"{region}/{name}"] = {"versions": versions, "aliases": aliases, "policies": function.policies, "tags": function.tags}
    return out


def _config(config):
    return {k: v for k, v in config.items() if k not in ("RevisionId", "LastModified")}


def _apis(account, masks):
    out = {}
    for api in account.apis.apis.values():
        name = api.members["Name"]
        masks[api.members["ApiId"]] = f"<api {name}>"
        for kind, held in (("integration", api.integrations), ("route", api.routes)):
            for number, identifier in enumerate(held):
                masks[identifier] = f"<{kind} {name} {number}>"
        out.setdefault(name, []).append({
            "members": api.members, "integrations": list(api.integrations.values()),
            "routes": list(api.routes.values()), "stages": api.stages,
        })
    return out


def _tables(account):
    return {
        f"{region}/{name}": {
            "keys": table.schema, "attributes": table.attr, "billing": table.billing_mode,
            "protected": table.deletion_protection_enabled, "tags": table.tags, "items": sum(1 for _ in table.all_items()),
            "recovery": table.continuous_backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        }
        for region, backend in account.standins.each("dynamodb")
        for name, table in backend.tables.items()
    }
