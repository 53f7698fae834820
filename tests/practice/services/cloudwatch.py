"""CloudWatch's alarms, played: regional. Source: CloudWatch API reference. Dashboards: `cloudwatch_dashboards.py`."""

import json
import re

from ..wire.errors import AwsError
from .cloudwatch_checks import check_alarm
from .cloudwatch_dashboards import Dashboards
from .strict import Strict, now, page, tag_list, tags_of

_KEPT = (
    "AlarmName", "AlarmDescription", "OKActions", "AlarmActions", "InsufficientDataActions", "MetricName", "Namespace",
    "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit", "EvaluationPeriods", "DatapointsToAlarm",
    "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile", "Metrics",
    "ThresholdMetricId",
)
_MOMENTS = (
    "AlarmArn", "AlarmConfigurationUpdatedTimestamp", "StateUpdatedTimestamp", "StateTransitionedTimestamp",
    "StateReason", "StateReasonData",
)
_ACTIONS = {"OK": "OKActions", "ALARM": "AlarmActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def _invalid(text):
    return AwsError("ValidationError", text, 400)


class CloudWatch(Dashboards, Strict):
    """The service; `alarms` maps `(region, name)` to what DescribeAlarms shows, `alarm_tags` to tags."""

    INVALID = "ValidationError"

    def __init__(self, account):
        self.account, self.alarms, self.alarm_tags = account, {}, {}
        self.dashboards = {}

    # -- alarms ------------------------------------------------------------------------------------------------

    def PutMetricAlarm(self, call, p):
        check_alarm(p, call.region, _invalid)
        key, moment = (call.region, p["AlarmName"]), now()
        old = self.alarms.get(key)
        if old is None:
            # An update leaves the tags as they are. Source: API reference, PutMetricAlarm, Tags.
            self.alarm_tags[key] = tags_of(p.get("Tags"), "InvalidParameterValue")
        alarm = {name: p[name] for name in _KEPT if p.get(name) is not None}
        for name in ("OKActions", "AlarmActions", "InsufficientDataActions"):
            alarm.setdefault(name, [])
        if "MetricName" in alarm:
            alarm.setdefault("Dimensions", [])
        alarm.update(
            AlarmArn=f"arn:aws:cloudwatch:{call.region}:{self.account.id}:alarm:{p['AlarmName']}",
            ActionsEnabled=p.get("ActionsEnabled", True), AlarmConfigurationUpdatedTimestamp=moment,
        )
        state = {"StateValue": "INSUFFICIENT_DATA", "StateReason": "Unchecked: Initial alarm creation"}
        state.update(StateUpdatedTimestamp=moment, StateTransitionedTimestamp=moment)
        kept = old or state
        alarm.update({name: kept[name] for name in kept if name.startswith("State")})
        self.alarms[key] = alarm
        return {}

    def _of(self, region):
        return sorted((a for (where, _), a in self.alarms.items() if where == region), key=lambda a: a["AlarmName"])

    def DescribeAlarms(self, call, p):
        names, prefix = p.get("AlarmNames"), p.get("AlarmNamePrefix")
        if names and prefix:
            raise _invalid("AlarmNamePrefix and AlarmNames are mutually exclusive")
        found = self._of(call.region)
        if "MetricAlarm" not in (p.get("AlarmTypes") or ["MetricAlarm"]):
            found = []
        if names:
            found = [a for a in found if a["AlarmName"] in names]
        if prefix:
            found = [a for a in found if a["AlarmName"].startswith(prefix)]
        if p.get("StateValue"):
            found = [a for a in found if a["StateValue"] == p["StateValue"]]
        if p.get("ActionPrefix"):
            found = [a for a in found if any(x.startswith(p["ActionPrefix"]) for n in _ACTIONS.values() for x in a[n])]
        shown, more = page(found, p, 50, limit="MaxRecords")
        return {"MetricAlarms": shown, "CompositeAlarms": [], "NextToken": more}

    def DescribeAlarmsForMetric(self, call, p):
        given = p.get("Dimensions") or []
        return {
            "MetricAlarms": [
                a for a in self._of(call.region)
                if (a.get("Namespace"), a.get("MetricName")) == (p["Namespace"], p["MetricName"]) and a["Dimensions"] == given
            ]
        }

    def DescribeAlarmHistory(self, call, p):
        return {"AlarmHistoryItems": []}

    def DeleteAlarms(self, call, p):
        keys = [(call.region, name) for name in p["AlarmNames"]]
        missing = [name for where, name in keys if (where, name) not in self.alarms]
        if missing:
            # One wrong name, and none is deleted. Source: API reference, DeleteAlarms.
            raise AwsError("ResourceNotFound", f"The specified alarm(s) do not exist: {', '.join(missing)}", 404)
        for key in keys:
            self.alarms.pop(key, None)
            self.alarm_tags.pop(key, None)
        return {}

    def _switch(self, call, p, on):
        for name in p["AlarmNames"]:
            if (call.region, name) in self.alarms:
                self.alarms[(call.region, name)]["ActionsEnabled"] = on
        return {}

    def EnableAlarmActions(self, call, p):
        return self._switch(call, p, True)

    def DisableAlarmActions(self, call, p):
        return self._switch(call, p, False)

    def SetAlarmState(self, call, p):
        alarm = self.alarms.get((call.region, p["AlarmName"]))
        if alarm is None:
            raise AwsError("ResourceNotFound", f"The specified alarm does not exist: {p['AlarmName']}", 404)
        changed, before = alarm["StateValue"] != p["StateValue"], alarm["StateValue"]
        alarm.update(StateValue=p["StateValue"], StateReason=p["StateReason"], StateUpdatedTimestamp=now())
        if changed:
            alarm["StateTransitionedTimestamp"] = now()
            self._tell(alarm, before, call.region)
        return {}

    def _tell(self, alarm, before, region):
        """The actions that are topics: what a person would read."""
        state = alarm["StateValue"]
        message = {
            "AlarmName": alarm["AlarmName"], "AlarmDescription": alarm.get("AlarmDescription"), "NewStateValue": state,
            "AWSAccountId": self.account.id, "NewStateReason": alarm["StateReason"], "OldStateValue": before,
            "AlarmArn": alarm["AlarmArn"],
        }
        for arn in alarm[_ACTIONS[state]] if alarm["ActionsEnabled"] else ():
            if arn.startswith("arn:aws:sns:"):
                subject = f'{state}: "{alarm["AlarmName"]}" in {region}'
                self.account.topics.deliver(arn, "cloudwatch.amazonaws.com", alarm["AlarmArn"], subject, json.dumps(message))

    # -- metrics: taken, and none are there to be read -----------------------------------------------------------

    def PutMetricData(self, call, p):
        if p["Namespace"].startswith("AWS/"):
            raise AwsError("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.", 400)
        return {}

    def GetMetricData(self, call, p):
        wanted = [q for q in p["MetricDataQueries"] if q.get("ReturnData", True)]
        results = [
            {"Id": q["Id"], "Label": q.get("Label") or q["Id"], "Timestamps": [], "Values": [], "StatusCode": "Complete"}
            for q in wanted
        ]
        return {"MetricDataResults": results, "Messages": []}

    def GetMetricStatistics(self, call, p):
        if not p.get("Statistics") and not p.get("ExtendedStatistics"):
            raise AwsError("MissingParameter", "The parameter Statistics or ExtendedStatistics is required.", 400)
        return {"Label": p["MetricName"], "Datapoints": []}

    def ListMetrics(self, call, p):
        return {"Metrics": []}

    # -- tags --------------------------------------------------------------------------------------------------

    def _tags(self, call, arn):
        alarm = re.fullmatch(rf"arn:aws:cloudwatch:{call.region}:{self.account.id}:alarm:(.+)", arn)
        if alarm and (call.region, alarm.group(1)) in self.alarm_tags:
            return self.alarm_tags[(call.region, alarm.group(1))]
        for dashboard in self.dashboards.values():
            if dashboard.arn == arn:
                return dashboard.tags
        raise AwsError("ResourceNotFoundException", f"The resource {arn} does not exist.", 404)

    def TagResource(self, call, p):
        self._tags(call, p["ResourceARN"]).update(tags_of(p["Tags"], "InvalidParameterValue"))
        return {}

    def UntagResource(self, call, p):
        tags = self._tags(call, p["ResourceARN"])
        for key in p["TagKeys"]:
            tags.pop(key, None)
        return {}

    def ListTagsForResource(self, call, p):
        return {"Tags": tag_list(self._tags(call, p["ResourceARN"]))}

    def shown(self):
        """Alarms and dashboards, for the snapshot."""
        alarms = {}
        for (region, name), alarm in self.alarms.items():
            plain = {k: v for k, v in alarm.items() if k not in _MOMENTS}
            alarms[f"{region}/{name}"] = {**plain, "tags": self.alarm_tags[(region, name)]}
        return {"alarms": alarms, "dashboards": {d.name: {"body": d.body, "tags": d.tags} for d in self.dashboards.values()}}
