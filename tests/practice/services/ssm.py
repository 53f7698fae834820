"""Systems Manager, played: parameters, documents, automations, and the tags of the first two.

Source: Systems Manager API reference. The parts: `ssm_parameters.py`, `ssm_documents.py`, `ssm_automation.py`.
"""

from ..wire.errors import AwsError
from .ssm_automation import Automations
from .ssm_documents import Documents
from .ssm_parameters import Parameters
from .strict import Strict, tag_list, tags_of


class Ssm(Parameters, Documents, Automations, Strict):
    """The service; everything by region and name, executions by id."""

    def __init__(self, account):
        self.account, self.parameters, self.documents = account, {}, {}
        self.executions, self.tasks = {}, set()

    def _tagged(self, call, p):
        kind, ident = p["ResourceType"], p["ResourceId"]
        if kind not in ("Parameter", "Document"):
            raise AwsError("NotPlayed", f"the practice account does not play tags of {kind}", 501)
        found = (self.parameters if kind == "Parameter" else self.documents).get((call.region, ident))
        if found is None:
            raise AwsError("InvalidResourceId", f"The resource ID {ident} is not valid. Verify that you entered the correct ID and try again.", 400)
        return found.tags

    def AddTagsToResource(self, call, p):
        tags = self._tagged(call, p)
        given = tags_of(p["Tags"], "ValidationException")
        if len({**tags, **given}) > 50:
            raise AwsError("TooManyTagsError", "A resource has at most 50 tags.", 400)
        tags.update(given)
        return {}

    def RemoveTagsFromResource(self, call, p):
        tags = self._tagged(call, p)
        for key in p["TagKeys"]:
            tags.pop(key, None)
        return {}

    def ListTagsForResource(self, call, p):
        return {"TagList": tag_list(self._tagged(call, p))}

    # There are no instances. Source: API reference, DescribeInstanceInformation, ListResourceComplianceSummaries.

    def DescribeInstanceInformation(self, call, p):
        return {"InstanceInformationList": []}

    def ListResourceComplianceSummaries(self, call, p):
        return {"ResourceComplianceSummaryItems": []}

    def shown(self):
        """Parameters and documents, for the snapshot; executions are history, not what a publisher makes."""
        return {
            "parameters": {f"{region}/{name}": found.shown() for (region, name), found in self.parameters.items()},
            "documents": {f"{region}/{name}": found.shown() for (region, name), found in self.documents.items()},
        }
