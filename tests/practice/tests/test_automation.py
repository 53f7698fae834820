"""Automation, played: documents that run functions and wait for AWS."""

import json
import time

import pytest

import machines_
import site_

ROLE = "arn:aws:iam::123456789012:role/book"


def step(name, action, **inputs):
    return {"name": name, "action": f"aws:{action}", "inputs": inputs}


def invoke(**more):
    return {**step("call", "invokeLambdaFunction", FunctionName="{{ Function }}", InputPayload={"task": "{{ Task }}", "n": "{{ Count }}"}), **more}


def content(*steps, **more):
    parameters = {
        "Function": {"type": "String", "default": "echo"}, "Task": {"type": "String", "allowedValues": ["tidy", "fail"]},
        "Count": {"type": "Integer", "default": 3}, "AutomationAssumeRole": {"type": "String", "default": ROLE},
    }
    return {"schemaVersion": "0.3", "assumeRole": "{{ AutomationAssumeRole }}", "parameters": parameters, "mainSteps": list(steps), **more}


@pytest.fixture
def client(practice):
    return practice.client("ssm")


@pytest.fixture
def book(practice):
    return machines_.role(practice, "book", "ssm.amazonaws.com", ("lambda:InvokeFunction", machines_.FUNCTION), ("lambda:GetFunctionConfiguration", "*"))


def make(client, document, name="site-book"):
    client.create_document(Name=name, DocumentType="Automation", Content=json.dumps(document))
    while client.describe_document(Name=name)["Document"]["Status"] != "Active":
        pass


def run(client, **parameters):
    parameters = {"Task": ["tidy"], **parameters}
    ident = client.start_automation_execution(DocumentName="site-book", Parameters=parameters)["AutomationExecutionId"]
    seen, until = [], time.monotonic() + 15
    while time.monotonic() < until:
        found = client.get_automation_execution(AutomationExecutionId=ident)["AutomationExecution"]
        seen.append(found["AutomationExecutionStatus"])
        if seen[-1] != "InProgress":
            assert "InProgress" in seen
            return found
        time.sleep(0.02)
    raise AssertionError(seen)


def test_a_document_runs_the_function_with_what_it_was_given(practice, client, book):
    machines_.function(practice)
    make(client, content(invoke(), step("rest", "sleep", Duration="PT10M"), outputs=["call.Payload"]))
    found = run(client)
    assert found["AutomationExecutionStatus"] == "Success", found
    assert json.loads(found["Outputs"]["call.Payload"][0]) == {"got": {"task": "tidy", "n": 3}}
    assert [(s["StepName"], s["StepStatus"]) for s in found["StepExecutions"]] == [("call", "Success"), ("rest", "Success")]
    listed = client.describe_automation_executions(Filters=[{"Key": "DocumentNamePrefix", "Values": ["site"]}])
    assert [e["AutomationExecutionStatus"] for e in listed["AutomationExecutionMetadataList"]] == ["Success"]


def test_a_function_that_fails_or_may_not_be_called_fails_the_execution(practice, client, book):
    machines_.function(practice)
    make(client, content({**step("call", "invokeLambdaFunction", FunctionName="echo", Payload='{"fail": "{{ Task }}"}')}, step("rest", "sleep", Duration="PT1S")))
    found = run(client)
    assert found["AutomationExecutionStatus"] == "Failed" and "as asked" in found["FailureMessage"]
    assert len(found["StepExecutions"]) == 1
    nothing = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    practice.client("iam").put_role_policy(RoleName="book", PolicyName="p", PolicyDocument=json.dumps(nothing))
    assert "not authorized to perform: lambda:InvokeFunction" in run(client)["FailureMessage"]


def test_parameters_and_the_role_are_judged_before_anything_runs(practice, client, refused):
    make(client, content(invoke()))

    def start(**parameters):
        return refused(client.start_automation_execution, DocumentName="site-book", Parameters=parameters)

    wrong = "InvalidAutomationExecutionParametersException"
    assert start(Count=["1"]) == start(Task=["other"]) == start(Task=["tidy"], Nothing=["x"]) == start(Task=["tidy"], Count=["many"]) == wrong
    assert start(Task=["tidy"]) == wrong
    machines_.role(practice, "book", "lambda.amazonaws.com")
    assert start(Task=["tidy"]) == wrong
    assert refused(client.start_automation_execution, DocumentName="none") == "AutomationDefinitionNotFoundException"
    assert refused(client.start_automation_execution, DocumentName="site-book", DocumentVersion="9") == "AutomationDefinitionVersionNotFoundException"
    assert refused(client.get_automation_execution, AutomationExecutionId="0" * 36) == "AutomationExecutionNotFoundException"


def test_the_same_token_is_the_same_execution(client, book, refused):
    make(client, content(step("rest", "sleep", Duration="PT1S")))
    wanted = {"DocumentName": "site-book", "Parameters": {"Task": ["tidy"]}, "ClientToken": "0a0a0a0a-0000-4000-8000-000000000000"}
    first = client.start_automation_execution(**wanted)["AutomationExecutionId"]
    assert client.start_automation_execution(**wanted)["AutomationExecutionId"] == first
    assert refused(client.start_automation_execution, **{**wanted, "Parameters": {"Task": ["fail"]}}) == "IdempotentParameterMismatch"


def test_a_document_waits_for_a_property_and_asserts_one(practice, client, book):
    machines_.function(practice)
    practice.client("lambda").update_function_configuration(FunctionName="echo", MemorySize=256)
    ask = {"Service": "lambda", "Api": "GetFunctionConfiguration", "FunctionName": "{{ Function }}"}
    wait = step("wait", "waitForAwsResourceProperty", **ask, PropertySelector="$.LastUpdateStatus", DesiredValues=["Successful"])
    sure = step("sure", "assertAwsResourceProperty", **ask, PropertySelector="$.MemorySize", DesiredValues=["256"])
    make(client, content(wait, sure))
    assert run(client)["AutomationExecutionStatus"] == "Success"
    practice.client("lambda").update_function_configuration(FunctionName="echo", MemorySize=512)
    found = run(client)
    assert found["AutomationExecutionStatus"] == "Failed" and "512" in found["FailureMessage"]


def test_a_document_waits_for_a_distribution(practice, client, book):
    distribution, _ = site_.publish(practice)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "cloudfront:GetDistribution", "Resource": distribution["ARN"]}]}
    practice.client("iam").put_role_policy(RoleName="book", PolicyName="p", PolicyDocument=json.dumps(policy))
    ask = {"Service": "cloudfront", "Api": "GetDistribution", "Id": distribution["Id"]}
    wait = step("wait", "waitForAwsResourceProperty", **ask, PropertySelector="$.Distribution.Status", DesiredValues=["Deployed"])
    make(client, content(wait))
    assert run(client)["AutomationExecutionStatus"] == "Success"


def test_branches_failures_that_go_on_and_what_is_not_played(practice, client, book):
    choice = {"NextStep": "last", "Variable": "{{ Task }}", "StringEquals": "tidy"}
    steps = [
        step("fork", "branch", Choices=[choice], Default="other"), step("other", "pause"),
        {**step("last", "createStack", StackName="x"), "onFailure": "Continue", "isCritical": False}, {**step("end", "sleep", Duration="PT1S"), "isEnd": True},
    ]
    make(client, content(*steps))
    found = run(client)
    assert [s["StepName"] for s in found["StepExecutions"]] == ["fork", "last", "end"]
    assert "does not play the action aws:createStack" in found["StepExecutions"][1]["FailureMessage"]
    assert found["AutomationExecutionStatus"] == "Success"
    assert run(client, Task=["fail"])["AutomationExecutionStatus"] == "Failed"
