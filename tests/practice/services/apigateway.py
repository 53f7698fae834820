"""API Gateway v2 (HTTP APIs), played. Source: API Gateway v2 API reference. The serving is in `edge/api.py`."""

import re
import urllib.parse
from datetime import datetime, timezone

from .. import ids
from ..wire.errors import AwsError


def _bad(text):
    return AwsError("BadRequestException", text, 400)


class Api:
    """One API and its children; each child is the dictionary that AWS shows."""

    def __init__(self, region, shown, tags):
        self.region, self.shown, self.tags = region, shown, tags
        self.integrations, self.routes, self.stages = {}, {}, {}


class ApiGateway:
    """The service."""

    def __init__(self, account):
        self.account, self.apis = account, {}

    def find(self, call, ident):
        """An API of the call's region."""
        api = self.apis.get(ident)
        if api is None or api.region != call.region:
            raise AwsError("NotFoundException", f"Invalid API identifier specified {self.account.id}:{ident}", 404)
        return api

    # -- APIs --------------------------------------------------------------------------------------------------

    def CreateApi(self, call, p):
        if p.get("ProtocolType") not in ("HTTP", "WEBSOCKET"):
            raise _bad("ProtocolType must be HTTP or WEBSOCKET")
        if p["ProtocolType"] == "WEBSOCKET" or p.get("Target") or p.get("RouteKey"):
            raise AwsError("NotPlayed", "the practice account plays HTTP APIs without quick create", 501)
        _check_name(p)
        ident = ids.api()
        shown = {
            "ApiId": ident, "ApiEndpoint": f"https://{ident}.execute-api.{call.region}.amazonaws.com",
            "ApiKeySelectionExpression": "$request.header.x-api-key",
            "RouteSelectionExpression": "$request.method $request.path", "DisableExecuteApiEndpoint": False,
            "IpAddressType": "ipv4", "CreatedDate": datetime.now(timezone.utc),
        }
        _take(shown, p, _API_FIELDS)
        api = self.apis[ident] = Api(call.region, shown, dict(p.get("Tags") or {}))
        return self._shown(api)

    def _shown(self, api):
        return {**api.shown, "Tags": api.tags}

    def GetApi(self, call, p):
        return self._shown(self.find(call, p["ApiId"]))

    def GetApis(self, call, p):
        return _page([self._shown(a) for a in self.apis.values() if a.region == call.region], p)

    def UpdateApi(self, call, p):
        api = self.find(call, p["ApiId"])
        _check_name(p)
        _take(api.shown, p, _API_FIELDS)
        return self._shown(api)

    def DeleteApi(self, call, p):
        del self.apis[self.find(call, p["ApiId"]).shown["ApiId"]]
        return {}

    def DeleteCorsConfiguration(self, call, p):
        self.find(call, p["ApiId"]).shown.pop("CorsConfiguration", None)
        return {}

    # -- integrations ------------------------------------------------------------------------------------------

    def CreateIntegration(self, call, p):
        api = self.find(call, p["ApiId"])
        made = {"ConnectionType": "INTERNET", "IntegrationId": ids.api(7), "TimeoutInMillis": 30000}
        _take(made, p, _INTEGRATION_FIELDS)
        _check_integration(made, given=p)
        api.integrations[made["IntegrationId"]] = made
        return made

    def _integration(self, call, p):
        api = self.find(call, p["ApiId"])
        if p["IntegrationId"] not in api.integrations:
            raise AwsError("NotFoundException", "Invalid Integration identifier specified", 404)
        return api, api.integrations[p["IntegrationId"]]

    def GetIntegration(self, call, p):
        return self._integration(call, p)[1]

    def GetIntegrations(self, call, p):
        return _page(list(self.find(call, p["ApiId"]).integrations.values()), p)

    def UpdateIntegration(self, call, p):
        _, found = self._integration(call, p)
        wanted = dict(found)
        _take(wanted, p, _INTEGRATION_FIELDS)
        _check_integration(wanted, given=wanted)
        found.update(wanted)
        return found

    def DeleteIntegration(self, call, p):
        api, found = self._integration(call, p)
        target = f"integrations/{found['IntegrationId']}"
        using = [r["RouteKey"] for r in api.routes.values() if r.get("Target") == target]
        if using:
            raise AwsError("ConflictException", f"Cannot delete Integration '{found['IntegrationId']}' as it is used by a Route", 409)
        del api.integrations[found["IntegrationId"]]
        return {}

    # -- routes ------------------------------------------------------------------------------------------------

    def CreateRoute(self, call, p):
        api = self.find(call, p["ApiId"])
        made = {"ApiKeyRequired": False, "AuthorizationType": "NONE", "RouteId": ids.api(7)}
        _take(made, p, _ROUTE_FIELDS)
        self._check_route(api, made)
        api.routes[made["RouteId"]] = made
        return made

    def _check_route(self, api, route):
        key = route.get("RouteKey", "")
        if not re.fullmatch(r"\$default|(?:ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT) /\S*", key):
            raise _bad(
                "The provided route key is not formatted properly for HTTP protocol. Format should be "
                '"<HTTP METHOD> /<RESOURCE PATH>" or "$default"'
            )
        if any(r["RouteKey"] == key and r["RouteId"] != route["RouteId"] for r in api.routes.values()):
            raise AwsError("ConflictException", f"Route with key {key} already exists for this API", 409)
        target = route.get("Target")
        if target and target.removeprefix("integrations/") not in api.integrations:
            raise _bad(f"Invalid target specified: {target}")

    def _route(self, call, p):
        api = self.find(call, p["ApiId"])
        if p["RouteId"] not in api.routes:
            raise AwsError("NotFoundException", "Invalid Route identifier specified", 404)
        return api, api.routes[p["RouteId"]]

    def GetRoute(self, call, p):
        return self._route(call, p)[1]

    def GetRoutes(self, call, p):
        return _page(list(self.find(call, p["ApiId"]).routes.values()), p)

    def UpdateRoute(self, call, p):
        api, found = self._route(call, p)
        wanted = dict(found)
        _take(wanted, p, _ROUTE_FIELDS)
        self._check_route(api, wanted)
        found.update(wanted)
        return found

    def DeleteRoute(self, call, p):
        api, found = self._route(call, p)
        del api.routes[found["RouteId"]]
        return {}

    # -- stages ------------------------------------------------------------------------------------------------

    def CreateStage(self, call, p):
        api, name = self.find(call, p["ApiId"]), p["StageName"]
        if name != "$default" and not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", name):
            raise _bad("Stage name only allows a-zA-Z0-9_-")
        if name in api.stages:
            raise AwsError("ConflictException", "Stage already exists", 409)
        moment = datetime.now(timezone.utc)
        made = {
            "StageName": name, "CreatedDate": moment, "LastUpdatedDate": moment, "RouteSettings": {}, "StageVariables": {},
            "DefaultRouteSettings": {"DetailedMetricsEnabled": False}, "Tags": dict(p.get("Tags") or {}),
        }
        _take_stage(made, p)
        api.stages[name] = made
        return made

    def _stage(self, call, p):
        api = self.find(call, p["ApiId"])
        if p["StageName"] not in api.stages:
            raise AwsError("NotFoundException", "Invalid stage identifier specified", 404)
        return api, api.stages[p["StageName"]]

    def GetStage(self, call, p):
        return self._stage(call, p)[1]

    def GetStages(self, call, p):
        return _page(list(self.find(call, p["ApiId"]).stages.values()), p)

    def UpdateStage(self, call, p):
        _, found = self._stage(call, p)
        _take_stage(found, p)
        found["LastUpdatedDate"] = datetime.now(timezone.utc)
        return found

    def DeleteStage(self, call, p):
        api, found = self._stage(call, p)
        del api.stages[found["StageName"]]
        return {}

    def GetAuthorizers(self, call, p):
        self.find(call, p["ApiId"])
        return {"Items": []}

    # -- tags --------------------------------------------------------------------------------------------------

    def _tags(self, call, arn):
        found = re.fullmatch(r"arn:aws:apigateway:[a-z0-9-]+::/apis/([a-z0-9]+)(?:/stages/(.+))?", arn)
        if not found:
            raise AwsError("NotFoundException", f"Invalid resource: {arn}", 404)
        api = self.find(call, found.group(1))
        if not found.group(2):
            return api.tags
        return self._stage(call, {"ApiId": found.group(1), "StageName": urllib.parse.unquote(found.group(2))})[1]["Tags"]

    def GetTags(self, call, p):
        return {"Tags": self._tags(call, p["ResourceArn"])}

    def TagResource(self, call, p):
        self._tags(call, p["ResourceArn"]).update(p.get("Tags") or {})
        return {}

    def UntagResource(self, call, p):
        tags = self._tags(call, p["ResourceArn"])
        for key in p.get("TagKeys") or []:
            tags.pop(key, None)
        return {}


_API_FIELDS = (
    "CorsConfiguration", "Description", "DisableExecuteApiEndpoint", "IpAddressType", "Name", "ProtocolType",
    "RouteSelectionExpression", "Version",
)
_INTEGRATION_FIELDS = (
    "ConnectionId", "ConnectionType", "CredentialsArn", "Description", "IntegrationMethod", "IntegrationSubtype",
    "IntegrationType", "IntegrationUri", "PayloadFormatVersion", "RequestParameters", "ResponseParameters",
    "TimeoutInMillis", "TlsConfig",
)
_ROUTE_FIELDS = (
    "ApiKeyRequired", "AuthorizationScopes", "AuthorizationType", "AuthorizerId", "OperationName", "RouteKey", "Target",
)
_STAGE_FIELDS = (
    "AccessLogSettings", "AutoDeploy", "DefaultRouteSettings", "DeploymentId", "Description", "RouteSettings",
    "StageVariables",
)


def _take(into, p, names):
    for name in names:
        if p.get(name) is not None:
            into[name] = p[name]


def _take_stage(stage, p):
    logs = p.get("AccessLogSettings") or {}
    if logs.get("DestinationArn") and not re.fullmatch(r"arn:aws:(logs|firehose):.+", logs["DestinationArn"]):
        raise _bad("Invalid access log destination ARN")
    settings = p.get("DefaultRouteSettings")
    _take(stage, p, _STAGE_FIELDS)
    if settings is not None:
        stage["DefaultRouteSettings"] = {"DetailedMetricsEnabled": False, **settings}
    if stage.get("AutoDeploy"):
        # Every change is deployed by itself and has an id. Source: API reference, Stage.
        stage["DeploymentId"] = ids.api(6)
        stage["LastDeploymentStatusMessage"] = f"Successfully deployed stage with deployment ID '{stage['DeploymentId']}'"


def _check_name(p):
    if p.get("Name") is not None and not 1 <= len(p["Name"]) <= 128:
        raise _bad("Name must have 1 to 128 characters")


def _check_integration(made, given):
    kind = made.get("IntegrationType")
    if kind not in ("AWS_PROXY", "HTTP_PROXY"):
        raise _bad("HTTP APIs only support integration types AWS_PROXY and HTTP_PROXY")
    if not 50 <= made["TimeoutInMillis"] <= 30000:
        raise _bad("Timeout should be between 50 ms and 30000 ms")
    if kind == "AWS_PROXY" and not made.get("IntegrationSubtype"):
        if given.get("PayloadFormatVersion") not in ("1.0", "2.0"):
            raise _bad("PayloadFormatVersion is a required parameter for integration type AWS_PROXY: 1.0 or 2.0")
        uri = made.get("IntegrationUri") or ""
        plain = r"arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[a-zA-Z0-9_-]+(?::[a-zA-Z0-9$_-]+)?"
        wrapped = rf"arn:aws:apigateway:[a-z0-9-]+:lambda:path/2015-03-31/functions/{plain}/invocations"
        if not re.fullmatch(f"{plain}|{wrapped}", uri):
            raise _bad(f"Invalid integration URI specified: {uri}")
    made.setdefault("IntegrationMethod", "POST" if kind == "AWS_PROXY" else "ANY")
    made.setdefault("PayloadFormatVersion", "1.0")


def _page(items, p):
    start, limit = int(p.get("NextToken") or 0), int(p.get("MaxResults") or 25)
    out = {"Items": items[start : start + limit]}
    if start + limit < len(items):
        out["NextToken"] = str(start + limit)
    return out
