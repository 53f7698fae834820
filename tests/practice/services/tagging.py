"""Resource Groups Tagging API, played: what has tags, by the account's own services.

Source: Resource Groups Tagging API reference, GetResources; Tag Editor user guide, supported resources. IAM roles
are not among them. Things of services without regions are found in us-east-1 only.
"""

import re

from ..wire.errors import AwsError
from .strict import Strict, page, tag_list

_GLOBAL = "us-east-1"


class Tagging(Strict):
    """The service."""

    INVALID = "InvalidParameterException"

    def __init__(self, account):
        self.account = account

    def GetResources(self, call, p):
        found = [(arn, tags) for arn, tags in sorted(self._all(call.region)) if tags]
        if p.get("ResourceARNList"):
            if p.get("TagFilters") or p.get("ResourceTypeFilters"):
                raise AwsError("InvalidParameterException", "ResourceARNList cannot be used with filters.", 400)
            found = [(arn, tags) for arn, tags in found if arn in p["ResourceARNList"]]
        for given in p.get("TagFilters") or []:
            found = [(arn, tags) for arn, tags in found if _fits(tags, given)]
        kinds = p.get("ResourceTypeFilters")
        if kinds:
            found = [(arn, tags) for arn, tags in found if any(_is(arn, kind) for kind in kinds)]
        size = p.get("ResourcesPerPage") or 100
        some, token = page(found, {"NextToken": p.get("PaginationToken")}, size, code="PaginationTokenExpiredException")
        shown = [{"ResourceARN": arn, "Tags": tag_list(tags)} for arn, tags in some]
        return {"ResourceTagMappingList": shown, "PaginationToken": token or ""}

    def GetTagKeys(self, call, p):
        keys = sorted({key for _, tags in self._all(call.region) for key in tags})
        return {"TagKeys": keys, "PaginationToken": ""}

    def GetTagValues(self, call, p):
        values = sorted({tags[p["Key"]] for _, tags in self._all(call.region) if p["Key"] in tags})
        return {"TagValues": values, "PaginationToken": ""}

    # -- what there is -----------------------------------------------------------------------------------------

    def _all(self, region):
        """`(ARN, tags)` of everything of a region."""
        yield from self._storage(region)
        yield from self._compute(region)
        yield from self._network(region)
        yield from self._watch(region)
        if region == _GLOBAL:
            yield from ((each.arn, each.tags) for each in self.account.cloudfront.distributions.values())
            zones = self.account.route53.zones.values()
            yield from ((f"arn:aws:route53:::hostedzone/{zone.id}", zone.tags) for zone in zones)

    def _arn(self, service, region, rest):
        return f"arn:aws:{service}:{region}:{self.account.id}:{rest}"

    def _storage(self, region):
        account = self.account
        yield from ((f"arn:aws:s3:::{b.name}", b.tags) for b in account.s3.buckets.values() if b.region == region)
        backend = account.standins.backend("dynamodb", region)
        for table in backend.tables.values() if backend else ():
            yield table.table_arn, {t["Key"]: t["Value"] for t in table.tags}
        here = account.rds.here(region)
        for kind, things in (
            ("cluster", here.clusters), ("db", here.instances), ("subgrp", here.subnet_groups),
            ("cluster-pg", here.parameter_groups), ("cluster-snapshot", here.snapshots),
        ):
            yield from ((self._arn("rds", region, f"{kind}:{name}"), each.tags) for name, each in things.items())
        yield from ((s.arn, s.tags) for (at, _), s in account.secrets.secrets.items() if at == region)

    def _compute(self, region):
        account = self.account
        yield from ((f.arn, f.tags) for f in account.functions.functions.values() if f.region == region)
        for ident, api in account.apis.apis.items():
            if api.region == region:
                yield f"arn:aws:apigateway:{region}::/apis/{ident}", api.tags
                for name, stage in api.stages.items():
                    yield f"arn:aws:apigateway:{region}::/apis/{ident}/stages/{name}", stage.get("Tags") or {}
        yield from ((c.arn, c.tags) for c in account.acm.certificates.values() if c.region == region)
        yield from ((a.arn, a.tags) for a in account.waf.acls.values() if a.region == region)

    def _network(self, region):
        known = self.account.ec2.regions.get(region)
        for things, kind in known.kinds() if known else ():
            for each in things.values():
                yield self._arn("ec2", region, f"{kind.TYPE}/{each.id}"), each.tags

    def _watch(self, region):
        account = self.account
        yield from ((t.arn, t.tags) for t in account.trails.trails.values() if t.region == region)
        yield from ((t.arn, t.tags) for t in account.topics.topics.values() if t.region == region)
        yield from ((r.shown["Arn"], r.tags) for (at, _), r in account.events.rules.items() if at == region)
        for (at, _), group in account.scheduler.groups.items():
            if at == region and not group.gone:
                yield group.arn, group.tags
        for (at, name), tags in account.watch.alarm_tags.items():
            if at == region:
                yield self._arn("cloudwatch", region, f"alarm:{name}"), tags
        yield from ((each.arn, each.tags) for (at, _), each in account.systems.parameters.items() if at == region)
        for (at, name), each in account.systems.documents.items():
            if at == region:
                yield self._arn("ssm", region, f"document/{name}"), each.tags
        backend = account.standins.backend("logs", region)
        for group in backend.groups.values() if backend else ():
            # Without the end that the logs' own ARNs have.
            yield group.arn.removesuffix(":*"), backend.tagger.get_tag_dict_for_resource(group.arn)


def _fits(tags, given):
    values = given.get("Values") or []
    return given["Key"] in tags and (not values or tags[given["Key"]] in values)


def _is(arn, kind):
    """`ec2:vpc` or `ec2`. Source: API reference, GetResources, ResourceTypeFilters."""
    service, _, thing = kind.partition(":")
    _, _, of, _, _, rest = arn.split(":", 5)
    return of == service and (not thing or re.split(r"[:/]", rest.lstrip("/"))[0] == thing)
