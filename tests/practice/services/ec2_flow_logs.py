"""EC2's flow logs, played as far as they are there: nothing flows here. Source: EC2 API reference; VPC user guide."""

from datetime import datetime, timezone

from ..wire.errors import AwsError
from .ec2_common import Thing, choose, combination, get, invalid, missing, page, tags_at_creation
from .ec2_interfaces import Interface
from .ec2_vpc import Subnet, Vpc

_DEFAULT_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} "
    "${start} ${end} ${action} ${log-status}"
)


class FlowLog(Thing):
    """One flow log; `settings` are the members that were chosen."""

    TYPE, PREFIX, NOUN, ABSENT = "vpc-flow-log", "fl", "flowLog ID", "InvalidFlowLogId.NotFound"

    def __init__(self, resource, settings, tags):
        super().__init__(tags)
        self.resource, self.settings, self.made = resource, settings, datetime.now(timezone.utc)

    def facts(self):
        return {
            "flow-log-id": self.id, "resource-id": self.resource, "log-destination-type": self.settings["LogDestinationType"],
            "log-group-name": self.settings.get("LogGroupName"), "traffic-type": self.settings.get("TrafficType"),
            "deliver-log-status": "SUCCESS",
        }

    def shown(self):
        return {
            "FlowLogId": self.id, "ResourceId": self.resource, "FlowLogStatus": "ACTIVE", "DeliverLogsStatus": "SUCCESS",
            "CreationTime": self.made, **self.settings, "Tags": self.shown_tags(),
        }

    def goes_where(self, settings):
        """Whether it delivers to that place."""
        return all(self.settings.get(n) == settings.get(n) for n in ("LogDestinationType", "LogGroupName", "LogDestination"))


def _settings(p):
    """Where it goes, checked. Source: API reference, CreateFlowLogs."""
    kind = p.get("LogDestinationType") or "cloud-watch-logs"
    if not p.get("TrafficType"):
        raise missing("trafficType")
    if p.get("LogGroupName") and p.get("LogDestination"):
        raise combination("Please only provide LogGroupName or only provide LogDestination.")
    if kind == "cloud-watch-logs":
        if not p.get("LogGroupName") and not p.get("LogDestination"):
            raise missing("logGroupName")
        if not p.get("DeliverLogsPermissionArn"):
            raise invalid("DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.")
    elif not p.get("LogDestination"):
        raise invalid("LogDestination can't be empty if LogGroupName is not provided.")
    elif p.get("DeliverLogsPermissionArn"):
        raise invalid(f"DeliverLogsPermissionArn is not applicable for {kind} delivery.")
    interval = p.get("MaxAggregationInterval") or 600
    if interval not in (60, 600):
        raise invalid("Invalid Flow Log Max Aggregation Interval")
    kept = ("TrafficType", "LogGroupName", "LogDestination", "DeliverLogsPermissionArn")
    return {
        "LogDestinationType": kind, "MaxAggregationInterval": interval, "LogFormat": p.get("LogFormat") or _DEFAULT_FORMAT,
        **{name: p[name] for name in kept if p.get(name)},
    }


class FlowLogs:
    """Mixed into `Region`."""

    def CreateFlowLogs(self, p):
        kinds = {"VPC": (self.vpcs, Vpc), "Subnet": (self.subnets, Subnet), "NetworkInterface": (self.interfaces, Interface)}
        if p["ResourceType"] not in kinds:
            raise invalid(f"Value ({p['ResourceType']}) for parameter resourceType is invalid.")
        settings, tags = _settings(p), tags_at_creation(p, FlowLog.TYPE)
        for ident in p["ResourceIds"]:
            get(*kinds[p["ResourceType"]], ident)
        made, failed = [], []
        for ident in p["ResourceIds"]:
            if any(f.resource == ident and f.goes_where(settings) for f in self.flow_logs.values()):
                text = "Error. There is an existing Flow Log with the same configuration and log destination."
                failed.append({"ResourceId": ident, "Error": {"Code": "FlowLogAlreadyExists", "Message": text}})
                continue
            log = FlowLog(ident, settings, tags)
            self.flow_logs[log.id] = log
            made.append(log.id)
        return {"FlowLogIds": made, "Unsuccessful": failed, "ClientToken": p.get("ClientToken")}

    def DescribeFlowLogs(self, p):
        found = choose(self.flow_logs, FlowLog, p, p.get("FlowLogIds"), filters="Filter")
        return page(p, "FlowLogs", [f.shown() for f in found])

    def DeleteFlowLogs(self, p):
        for ident in p["FlowLogIds"]:
            if ident not in self.flow_logs:
                raise AwsError(FlowLog.ABSENT, f"The following flow log ids were not found: {ident}", 400)
        for ident in p["FlowLogIds"]:
            self.flow_logs.pop(ident, None)
        return {"Unsuccessful": []}

    def forget_flow_logs(self, resource):
        """A resource is gone, and so are its flow logs."""
        self.flow_logs = {i: f for i, f in self.flow_logs.items() if f.resource != resource}
