"""EventBridge Scheduler, played: groups here, schedules in `scheduler_schedules.py`.

Source: EventBridge Scheduler API reference and user guide.
"""

import re

from ..clock import Wait
from ..wire.errors import AwsError
from .scheduler_schedules import Schedules
from .strict import Strict, now, page, tag_list, tags_of


class Group:
    """One group; `gone` waits from the deletion on."""

    def __init__(self, name, arn, tags):
        self.name, self.arn, self.tags, self.gone, self.token = name, arn, tags, None, None
        self.made = self.changed = now()

    def shown(self):
        """What GetScheduleGroup shows."""
        return {
            "Arn": self.arn, "Name": self.name, "State": "DELETING" if self.gone else "ACTIVE",
            "CreationDate": self.made, "LastModificationDate": self.changed,
        }


class Scheduler(Schedules, Strict):
    """The service; `groups` by `(region, name)`, `schedules` by `(region, group, name)`."""

    def __init__(self, account):
        self.account, self.groups, self.schedules, self.tokens = account, {}, {}, {}

    def group(self, call, name, poll=False):
        """A group of the call's region that is there; AwsError 404 otherwise."""
        key = (call.region, name)
        if key not in self.groups and name == "default":
            # Every region has it, without having been asked.
            self.groups[key] = Group(name, self._group_arn(call, name), {})
        found = self.groups.get(key)
        if found and found.gone and (found.gone.poll() if poll else found.gone.over()):
            del self.groups[key]
            found = None
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)
        return found

    def _group_arn(self, call, name):
        return f"arn:aws:scheduler:{call.region}:{self.account.id}:schedule-group/{name}"

    def CreateScheduleGroup(self, call, p):
        name, tags = p["Name"], tags_of(p.get("Tags"), "ValidationException")
        if name == "default" or name.startswith("aws-"):
            raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
        try:
            found = self.group(call, name, poll=True)
        except AwsError:
            found = None
        if found and (found.gone or not p.get("ClientToken") or found.token != p["ClientToken"] or found.tags != tags):
            raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
        if found is None:
            found = self.groups[(call.region, name)] = Group(name, self._group_arn(call, name), tags)
            found.token = p.get("ClientToken")
        return {"ScheduleGroupArn": found.arn}

    def GetScheduleGroup(self, call, p):
        return self.group(call, p["Name"], poll=True).shown()

    def DeleteScheduleGroup(self, call, p):
        if p["Name"] == "default":
            raise AwsError("ValidationException", "The default schedule group cannot be deleted.", 400)
        found = self.group(call, p["Name"])
        if found.gone:
            raise AwsError("ConflictException", f"Schedule group {p['Name']} is being deleted.", 409)
        # With its schedules. Source: API reference, DeleteScheduleGroup.
        found.gone = Wait(self.account.pace)
        self.schedules = {key: s for key, s in self.schedules.items() if key[:2] != (call.region, p["Name"])}
        return {}

    def ListScheduleGroups(self, call, p):
        self.group(call, "default")
        prefix = p.get("NamePrefix") or ""
        found = []
        for where, name in sorted(self.groups):
            if where == call.region and name.startswith(prefix):
                group = self.groups[(where, name)]
                if not (group.gone and group.gone.over()):
                    found.append(group.shown())
        shown, more = page(found, p, 100, code="ValidationException")
        return {"ScheduleGroups": shown, "NextToken": more}

    # -- tags: of groups only. Source: API reference, TagResource ----------------------------------------------------

    def _tagged(self, call, p):
        found = re.fullmatch(rf"arn:aws:scheduler:{call.region}:{self.account.id}:schedule-group/(.+)", p["ResourceArn"])
        if not found:
            raise AwsError("ResourceNotFoundException", f"The resource {p['ResourceArn']} does not exist.", 404)
        return self.group(call, found.group(1))

    def TagResource(self, call, p):
        self._tagged(call, p).tags.update(tags_of(p["Tags"], "ValidationException"))
        return {}

    def UntagResource(self, call, p):
        tags = self._tagged(call, p).tags
        for key in p["TagKeys"]:
            tags.pop(key, None)
        return {}

    def ListTagsForResource(self, call, p):
        return {"Tags": tag_list(self._tagged(call, p).tags)}

    def shown(self):
        """Groups with their schedules, for the snapshot; a default group that nobody used is left out."""
        out = {}
        for (region, name), group in self.groups.items():
            mine = {
                s["Name"]: {k: v for k, v in s.items() if k not in ("CreationDate", "LastModificationDate")}
                for key, s in self.schedules.items() if key[:2] == (region, name)
            }
            if (mine or name != "default") and not (group.gone and group.gone.over()):
                out[f"{region}/{name}"] = {"state": group.shown()["State"], "tags": group.tags, "schedules": mine}
        return out
