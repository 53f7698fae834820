"""A role and a function that answers what it was given, for the tests of what calls functions."""

import json

import site_

ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:echo"
# Without boto3, so that it starts at once.
BOOTSTRAP = """#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as answer:
        ident, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(answer.read())
    print("event", json.dumps(event), flush=True)
    kind = "error" if isinstance(event, dict) and event.get("fail") else "response"
    text = json.dumps({"errorType": "Asked", "errorMessage": "as asked"} if kind == "error" else {"got": event})
    urllib.request.urlopen(urllib.request.Request(api + ident + "/" + kind, text.encode(), method="POST"))
"""


def role(practice, name, service, *allowed):
    """A role that a service may assume; `allowed` are pairs of an action and a resource. Its ARN."""
    iam = practice.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=site_.trust(service))
    if allowed:
        statements = [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in allowed]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def function(practice, bootstrap=BOOTSTRAP, *allowed, **variables):
    """The function `echo`, ready."""
    arn = role(practice, "echo", "lambda.amazonaws.com", *allowed)
    client = practice.client("lambda")
    client.create_function(
        FunctionName="echo", Runtime="provided.al2023", Role=arn, Handler="bootstrap", Timeout=10,
        Code={"ZipFile": site_.package(bootstrap)}, Environment={"Variables": variables},
    )
    while client.get_function_configuration(FunctionName="echo")["State"] != "Active":
        pass
    return FUNCTION
