"""API Gateway's HTTP APIs, played, with the checks that AWS makes.

Source: API Gateway v2 API reference and quotas for HTTP APIs.
"""

import re

from .. import ids
from ..wire.errors import AwsError

_ROUTE = re.compile(r"\$default|(ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /\S*")
_FIRST_MS, _LAST_MS = 50, 30_000


class Held:
    """One API with its children, by id; stages by name."""

    def __init__(self, region, members):
        self.region, self.members = region, members
        self.integrations, self.routes, self.stages = {}, {}, {}


class ApiGateway:
    """The service."""

    def __init__(self, account):
        self.account, self.apis = account, {}

    def _api(self, call, p):
        api = self.apis.get(p["ApiId"])
        if api is None or api.region != call.region:
            raise _missing("API")
        return api

    def CreateApi(self, call, p):
        if p.get("ProtocolType") not in ("HTTP", "WEBSOCKET"):
            raise AwsError("BadRequestException", "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]", 400)
        identifier = ids.api()
        kept = ("Name", "ProtocolType", "Description", "Tags", "CorsConfiguration", "DisableExecuteApiEndpoint")
        members = {k: p[k] for k in kept if k in p}
        members.update(
            ApiId=identifier, ApiEndpoint=f"https://{identifier}.execute-api.{call.region}.amazonaws.com",
            RouteSelectionExpression="$request.method $request.path", ApiKeySelectionExpression="$request.header.x-api-key",
        )
        members.setdefault("Tags", {})
        self.apis[identifier] = Held(call.region, members)
        return {**members, "_status": 201}

    def GetApis(self, call, p):
        return {"Items": [a.members for a in self.apis.values() if a.region == call.region]}

    def GetApi(self, call, p):
        return self._api(call, p).members

    def UpdateApi(self, call, p):
        api = self._api(call, p)
        api.members.update({k: v for k, v in p.items() if k in ("Name", "Description", "DisableExecuteApiEndpoint")})
        return api.members

    def DeleteApi(self, call, p):
        self._api(call, p)
        del self.apis[p["ApiId"]]
        return {"_status": 204}

    def CreateIntegration(self, call, p):
        api = self._api(call, p)
        _check_integration(p)
        members = {k: v for k, v in p.items() if k != "ApiId"}
        members["IntegrationId"] = ids.api(7)
        members.setdefault("TimeoutInMillis", _LAST_MS)
        api.integrations[members["IntegrationId"]] = members
        return {**members, "_status": 201}

    def GetIntegrations(self, call, p):
        return {"Items": list(self._api(call, p).integrations.values())}

    def UpdateIntegration(self, call, p):
        members = self._api(call, p).integrations.get(p["IntegrationId"])
        if members is None:
            raise _missing("Integration")
        changed = {**members, **{k: v for k, v in p.items() if k != "ApiId"}}
        _check_integration(changed)
        members.update(changed)
        return members

    def DeleteIntegration(self, call, p):
        api = self._api(call, p)
        if p["IntegrationId"] not in api.integrations:
            raise _missing("Integration")
        if any(r.get("Target") == f"integrations/{p['IntegrationId']}" for r in api.routes.values()):
            raise AwsError("ConflictException", "Cannot delete Integration: it is referenced by a route.", 409)
        del api.integrations[p["IntegrationId"]]
        return {"_status": 204}

    def CreateRoute(self, call, p):
        api = self._api(call, p)
        if not _ROUTE.fullmatch(p.get("RouteKey") or ""):
            raise AwsError("BadRequestException", "The provided route key is not formatted properly for HTTP protocol.", 400)
        if any(r["RouteKey"] == p["RouteKey"] for r in api.routes.values()):
            raise AwsError("ConflictException", f"Route with key {p['RouteKey']} already exists for this API", 409)
        _check_target(api, p)
        members = {k: v for k, v in p.items() if k != "ApiId"}
        members.update(RouteId=ids.api(7), ApiKeyRequired=False)
        members.setdefault("AuthorizationType", "NONE")
        api.routes[members["RouteId"]] = members
        return {**members, "_status": 201}

    def GetRoutes(self, call, p):
        return {"Items": list(self._api(call, p).routes.values())}

    def UpdateRoute(self, call, p):
        api = self._api(call, p)
        members = api.routes.get(p["RouteId"])
        if members is None:
            raise _missing("Route")
        _check_target(api, p)
        members.update({k: v for k, v in p.items() if k != "ApiId"})
        return members

    def DeleteRoute(self, call, p):
        if self._api(call, p).routes.pop(p["RouteId"], None) is None:
            raise _missing("Route")
        return {"_status": 204}

    def CreateStage(self, call, p):
        api = self._api(call, p)
        if p["StageName"] in api.stages:
            raise AwsError("ConflictException", "Stage already exists", 409)
        members = {k: v for k, v in p.items() if k != "ApiId"}
        members.setdefault("AutoDeploy", False)
        members.setdefault("Tags", {})
        api.stages[p["StageName"]] = members
        return {**members, "_status": 201}

    def GetStage(self, call, p):
        stage = self._api(call, p).stages.get(p["StageName"])
        if stage is None:
            raise _missing("Stage")
        return stage

    def GetStages(self, call, p):
        return {"Items": list(self._api(call, p).stages.values())}

    def UpdateStage(self, call, p):
        stage = self.GetStage(call, p)
        stage.update({k: v for k, v in p.items() if k != "ApiId"})
        return stage

    def DeleteStage(self, call, p):
        self.GetStage(call, p)
        del self._api(call, p).stages[p["StageName"]]
        return {"_status": 204}

    def _tagged(self, call, p):
        found = re.fullmatch(r"arn:aws:apigateway:[^:]+::/apis/([^/]+)(?:/stages/(.+))?", p["ResourceArn"])
        if not found:
            raise _missing("Resource")
        api = self._api(call, {"ApiId": found.group(1)})
        held = api.stages.get(found.group(2)) if found.group(2) else api.members
        if held is None:
            raise _missing("Stage")
        return held.setdefault("Tags", {})

    def GetTags(self, call, p):
        return {"Tags": self._tagged(call, p)}

    def TagResource(self, call, p):
        self._tagged(call, p).update(p.get("Tags") or {})
        return {"_status": 201}

    def UntagResource(self, call, p):
        for key in p.get("TagKeys") or []:
            self._tagged(call, p).pop(key, None)
        return {"_status": 204}


def _missing(what):
    return AwsError("NotFoundException", f"Invalid {what} identifier specified", 404)


def _check_integration(p):
    if p.get("IntegrationType") == "AWS_PROXY" and p.get("PayloadFormatVersion") not in ("1.0", "2.0"):
        raise AwsError("BadRequestException", "PayloadFormatVersion is a required parameter for integration", 400)
    if not _FIRST_MS <= int(p.get("TimeoutInMillis") or _LAST_MS) <= _LAST_MS:
        raise AwsError("BadRequestException", f"TimeoutInMillis must be between {_FIRST_MS} and {_LAST_MS}", 400)


def _check_target(api, p):
    target = p.get("Target")
    if target and target.partition("integrations/")[2] not in api.integrations:
        raise AwsError("BadRequestException", "Invalid Integration identifier specified", 400)
