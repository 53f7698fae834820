"""CloudTrail's trails, played. Source: CloudTrail API reference; user guide, bucket policy for CloudTrail.

Checks of what a trail refers to: `cloudtrail_checks.py`.
"""

import re

from ..wire.errors import AwsError
from .cloudtrail_checks import check_advanced, check_basic, check_name, check_references
from .strict import Strict, now, page, tag_list, tags_of

_MOST_TRAILS = 5
_DEFAULT = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}
_KEPT = ("S3BucketName", "S3KeyPrefix", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "KmsKeyId", "SnsTopicName")
_FLAGS = {"IncludeGlobalServiceEvents": True, "IsMultiRegionTrail": False, "EnableLogFileValidation": False, "IsOrganizationTrail": False}


class Trail:
    """One trail: what was asked for, whether it logs, what it selects."""

    def __init__(self, name, region, arn, asked, tags):
        self.name, self.region, self.arn, self.asked, self.tags = name, region, arn, asked, tags
        self.logging, self.started, self.stopped = False, None, None
        self.selectors, self.advanced, self.insights = [dict(_DEFAULT)], None, []

    def shown(self):
        """What GetTrail shows; its name of log file validation differs from CreateTrail's."""
        out = {k: v for k, v in self.asked.items() if k != "EnableLogFileValidation"}
        out.update(
            Name=self.name, TrailARN=self.arn, HomeRegion=self.region,
            LogFileValidationEnabled=self.asked["EnableLogFileValidation"],
            HasCustomEventSelectors=self.selectors != [_DEFAULT] or self.advanced is not None,
            HasInsightSelectors=bool(self.insights),
        )
        return out


class CloudTrail(Strict):
    """The service; `trails` by ARN."""

    INVALID = "InvalidParameterException"

    def __init__(self, account):
        self.account, self.trails = account, {}

    def trail(self, call, ident, home=False):
        """A trail by name or ARN, as the call's region sees it; `home`: only its own region may do that."""
        if ident.startswith("arn:"):
            if not re.fullmatch(r"arn:aws:cloudtrail:[a-z0-9-]+:\d{12}:trail/[\w.-]+", ident):
                raise AwsError("CloudTrailARNInvalidException", f"The ARN {ident} is not valid.", 400)
            found = self.trails.get(ident)
        else:
            check_name(ident)
            seen = [t for t in self.trails.values() if t.name == ident and self._seen(t, call.region)]
            found = next(iter(sorted(seen, key=lambda t: t.region != call.region)), None)
        if found is None or not self._seen(found, call.region):
            arn = ident if ident.startswith("arn:") else self._arn(call, ident)
            raise AwsError("TrailNotFoundException", f"Unknown trail: {arn} for the user: {self.account.id}", 400)
        if home and found.region != call.region:
            raise AwsError("InvalidHomeRegionException", f"Trail {found.name} can only be changed in its home Region {found.region}.", 400)
        return found

    def _seen(self, trail, region):
        return trail.region == region or trail.asked["IsMultiRegionTrail"]

    def _arn(self, call, name):
        return f"arn:aws:cloudtrail:{call.region}:{self.account.id}:trail/{name}"

    def CreateTrail(self, call, p):
        name = p["Name"]
        check_name(name)
        arn = self._arn(call, name)
        if arn in self.trails:
            raise AwsError("TrailAlreadyExistsException", f"Trail {name} already exists for customer: {self.account.id}", 400)
        asked = {**_FLAGS, **{k: p[k] for k in (*_KEPT, *_FLAGS) if p.get(k) is not None}}
        if sum(self._seen(t, call.region) for t in self.trails.values()) >= _MOST_TRAILS:
            text = f"User: {self.account.id} already has {_MOST_TRAILS} trails in {call.region}."
            raise AwsError("MaximumNumberOfTrailsExceededException", text, 400)
        tags = tags_of(p.get("TagsList"), "InvalidTagParameterException")
        self._check(call, arn, asked)
        self.trails[arn] = Trail(name, call.region, arn, asked, tags)
        return self.trails[arn].shown()

    def _check(self, call, arn, asked):
        check_references(self.account, call.region, arn, asked)
        if asked.get("SnsTopicName"):
            given = asked["SnsTopicName"]
            asked["SnsTopicARN"] = given if given.startswith("arn:") else f"arn:aws:sns:{call.region}:{self.account.id}:{given}"

    def UpdateTrail(self, call, p):
        found = self.trail(call, p["Name"], home=True)
        # What is not given stays. Source: API reference, UpdateTrail.
        asked = {**found.asked, **{k: p[k] for k in (*_KEPT, *_FLAGS) if p.get(k) is not None}}
        for name in ("S3KeyPrefix", "KmsKeyId", "SnsTopicName", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn"):
            if asked.get(name) == "":
                del asked[name]
        self._check(call, found.arn, asked)
        found.asked = asked
        return found.shown()

    def GetTrail(self, call, p):
        return {"Trail": self.trail(call, p["Name"]).shown()}

    def DescribeTrails(self, call, p):
        shadows, names = p.get("includeShadowTrails", True), p.get("trailNameList") or []
        found = []
        for trail in self.trails.values():
            seen = trail.region == call.region or shadows and self._seen(trail, call.region)
            if seen and (not names or trail.name in names or trail.arn in names):
                found.append(trail.shown())
        return {"trailList": sorted(found, key=lambda t: t["TrailARN"])}

    def ListTrails(self, call, p):
        found = sorted((t for t in self.trails.values() if self._seen(t, call.region)), key=lambda t: t.arn)
        shown, more = page(found, p, 100, code="InvalidParameterException")
        return {"Trails": [{"TrailARN": t.arn, "Name": t.name, "HomeRegion": t.region} for t in shown], "NextToken": more}

    def GetTrailStatus(self, call, p):
        found = self.trail(call, p["Name"])
        return {"IsLogging": found.logging, "StartLoggingTime": found.started, "StopLoggingTime": found.stopped}

    def DeleteTrail(self, call, p):
        del self.trails[self.trail(call, p["Name"], home=True).arn]
        return {}

    def StartLogging(self, call, p):
        found = self.trail(call, p["Name"], home=True)
        found.logging, found.started = True, now()
        return {}

    def StopLogging(self, call, p):
        found = self.trail(call, p["Name"], home=True)
        found.logging, found.stopped = False, now()
        return {}

    # -- what a trail selects ----------------------------------------------------------------------------------

    def PutEventSelectors(self, call, p):
        found = self.trail(call, p["TrailName"], home=True)
        basic, advanced = p.get("EventSelectors"), p.get("AdvancedEventSelectors")
        if bool(basic) == bool(advanced):
            raise AwsError("InvalidEventSelectorsException", "Either EventSelectors or AdvancedEventSelectors must be given, not both.", 400)
        if basic:
            found.selectors, found.advanced = check_basic(basic), None
        else:
            found.selectors, found.advanced = [], check_advanced(advanced)
        return self._selectors(found)

    def _selectors(self, found):
        out = {"TrailARN": found.arn}
        out.update({"AdvancedEventSelectors": found.advanced} if found.advanced is not None else {"EventSelectors": found.selectors})
        return out

    def GetEventSelectors(self, call, p):
        return self._selectors(self.trail(call, p["TrailName"]))

    def PutInsightSelectors(self, call, p):
        found = self.trail(call, p.get("TrailName") or "", home=True)
        found.insights = p["InsightSelectors"]
        return {"TrailARN": found.arn, "InsightSelectors": found.insights}

    def GetInsightSelectors(self, call, p):
        found = self.trail(call, p.get("TrailName") or "")
        if not found.insights:
            raise AwsError("InsightNotEnabledException", f"Trail {found.name} does not have Insights enabled.", 400)
        return {"TrailARN": found.arn, "InsightSelectors": found.insights}

    # -- tags --------------------------------------------------------------------------------------------------

    def _tagged(self, call, arn):
        if not arn.startswith("arn:"):
            raise AwsError("CloudTrailARNInvalidException", f"The ARN {arn} is not valid.", 400)
        if arn not in self.trails:
            raise AwsError("ResourceNotFoundException", f"The resource {arn} does not exist.", 400)
        return self.trails[arn].tags

    def AddTags(self, call, p):
        tags = self._tagged(call, p["ResourceId"])
        given = tags_of(p["TagsList"], "InvalidTagParameterException")
        if len({**tags, **given}) > 50:
            raise AwsError("TagsLimitExceededException", "A trail has at most 50 tags.", 400)
        tags.update(given)
        return {}

    def RemoveTags(self, call, p):
        tags = self._tagged(call, p["ResourceId"])
        for each in p["TagsList"]:
            tags.pop(each["Key"], None)
        return {}

    def ListTags(self, call, p):
        found = [{"ResourceId": arn, "TagsList": tag_list(self._tagged(call, arn))} for arn in p["ResourceIdList"]]
        return {"ResourceTagList": found}

    def shown(self):
        """Trails, for the snapshot."""
        return {
            f"{t.region}/{t.name}": {
                "trail": t.asked, "logging": t.logging, "tags": t.tags, "selectors": t.selectors, "advanced": t.advanced,
                "insights": t.insights,
            }
            for t in self.trails.values()
        }
