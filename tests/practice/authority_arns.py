"""What a call is about, as the ARN by which a role's policy names it.

Source: service authorization reference, one page a service. Operations that no resource can be named for are on `*`.
"""

import re


def asked(account, call):
    """Pairs of action and resource; None when the service is not known here."""
    finder = _FINDERS.get(call.service.name)
    return list(finder(account, call)) if finder else None


def _here(account, call, service, rest):
    return f"arn:aws:{service}:{call.region}:{account.id}:{rest}"


def _secrets(account, call):
    ident = call.params.get("SecretId") or (call.params.get("Name") if call.operation == "CreateSecret" else None)
    resource = "*"
    if ident:
        found = account.secrets.look(call.region, ident)
        resource = found.arn if found else ident if ident.startswith("arn:") else _here(account, call, "secretsmanager", f"secret:{ident}")
    yield f"secretsmanager:{call.operation}", resource


def _ssm(account, call):
    p, operation = call.params, call.operation

    def parameter(name):
        return name if name.startswith("arn:") else _here(account, call, "ssm", f"parameter/{name.removeprefix('/').partition(':')[0]}")

    if operation == "StartAutomationExecution":
        version = p.get("DocumentVersion") or "$DEFAULT"
        resource = _here(account, call, "ssm", f"automation-definition/{p.get('DocumentName')}:{version}")
    elif p.get("AutomationExecutionId"):
        resource = _here(account, call, "ssm", f"automation-execution/{p['AutomationExecutionId']}")
    elif operation in ("GetParameters", "DeleteParameters"):
        for name in p.get("Names") or []:
            yield f"ssm:{operation}", parameter(name)
        return
    elif operation == "GetParametersByPath":
        resource = parameter(p.get("Path") or "/")
    elif "Document" in operation and p.get("Name"):
        resource = _here(account, call, "ssm", f"document/{p['Name']}")
    elif "Parameter" in operation and p.get("Name"):
        resource = parameter(p["Name"])
    elif p.get("ResourceId"):
        kind = "document" if p.get("ResourceType") == "Document" else "parameter"
        resource = parameter(p["ResourceId"]) if kind == "parameter" else _here(account, call, "ssm", f"document/{p['ResourceId']}")
    else:
        resource = "*"
    yield f"ssm:{operation}", resource


_LAMBDA_ACTIONS = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"}


def _lambda(account, call):
    action = f"lambda:{_LAMBDA_ACTIONS.get(call.operation, call.operation)}"
    name = call.params.get("FunctionName") or call.labels.get("FunctionName") or call.params.get("Resource")
    if not name:
        yield action, "*"
        return
    found = re.fullmatch(r"(?:arn:aws:lambda:(?P<region>[a-z0-9-]+):)?(?:\d{12}:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?", name)
    if not found:
        yield action, name
        return
    qualifier = found["qualifier"] or call.params.get("Qualifier") if action == "lambda:InvokeFunction" else None
    region = found["region"] or call.region
    yield action, f"arn:aws:lambda:{region}:{account.id}:function:{found['name']}" + (f":{qualifier}" if qualifier else "")


def _sns(account, call):
    p = call.params
    resource = p.get("TopicArn") or p.get("TargetArn") or p.get("ResourceArn")
    if p.get("SubscriptionArn"):
        resource = p["SubscriptionArn"].rsplit(":", 1)[0]
    if call.operation == "CreateTopic":
        resource = _here(account, call, "sns", p.get("Name") or "")
    yield f"sns:{call.operation}", resource or "*"


def _events(account, call):
    p, operation = call.params, call.operation
    if operation == "PutEvents":
        for bus in {entry.get("EventBusName") or "default" for entry in p.get("Entries") or []}:
            yield "events:PutEvents", bus if bus.startswith("arn:") else _here(account, call, "events", f"event-bus/{bus}")
        return
    rule = p.get("Rule") or (p.get("Name") if "Rule" in operation else None)
    yield f"events:{operation}", _here(account, call, "events", f"rule/{rule}") if rule else p.get("ResourceARN") or "*"


# The kinds of things of CloudFront's, by a word in the operation's name; the first that fits.
_CLOUDFRONT = (
    ("KeyValueStore", "key-value-store", "Name"), ("OriginAccessControl", "origin-access-control", "Id"),
    ("Function", "function", "Name"), ("Invalidation", "distribution", "DistributionId"), ("Distribution", "distribution", "Id"),
)


def _cloudfront(account, call):
    p, resource = {**call.labels, **call.params}, "*"
    for word, kind, name in _CLOUDFRONT:
        if word in call.operation:
            ident = p.get(name)
            if kind == "key-value-store" and ident in account.cloudfront.stores:
                ident = account.cloudfront.stores[ident].id
            resource = account.cloudfront.arn(kind, ident) if ident else "*"
            break
    else:
        resource = p.get("Resource") or "*"
    yield f"cloudfront:{call.operation}", resource


def _kvs(account, call):
    yield f"cloudfront-keyvaluestore:{call.operation}", call.params.get("KvsARN") or call.labels.get("KvsARN") or "*"


def _data_api(account, call):
    """The Data API reads the secret in the caller's name. Source: Aurora user guide, authorizing the Data API."""
    p = call.params
    yield f"rds-data:{call.operation}", p.get("resourceArn") or "*"
    if p.get("secretArn"):
        yield "secretsmanager:GetSecretValue", p["secretArn"]


_FINDERS = {
    "secretsmanager": _secrets, "ssm": _ssm, "lambda": _lambda, "sns": _sns, "events": _events, "cloudfront": _cloudfront,
    "cloudfront-keyvaluestore": _kvs, "rds-data": _data_api,
}
