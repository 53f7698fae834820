"""Systems Manager, played: parameters and documents. Automations: test_automation.py."""

import hashlib
import json

import pytest

CONTENT = {"schemaVersion": "0.3", "description": "d", "mainSteps": [{"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}]}


@pytest.fixture
def client(practice):
    return practice.client("ssm")


def put(client, name="/site/x", value="v", **more):
    return client.put_parameter(**{"Name": name, "Value": value, "Type": "String", **more})


def test_a_parameter_is_made_once_and_overwritten_on_purpose(client, refused):
    tags = [{"Key": "k", "Value": "v"}]
    assert put(client, Tags=tags)["Version"] == 1
    with pytest.raises(client.exceptions.ParameterAlreadyExists):
        put(client)
    wanted = {"Name": "/site/x", "Value": "w", "Type": "String", "Overwrite": True}
    assert refused(client.put_parameter, **wanted, Tags=tags) == "ValidationException"
    assert client.put_parameter(**wanted)["Version"] == 2
    assert refused(client.put_parameter, **{**wanted, "Type": "SecureString"}) == "HierarchyTypeMismatchException"
    found = client.get_parameter(Name="/site/x")["Parameter"]
    assert (found["Value"], found["ARN"]) == ("w", "arn:aws:ssm:us-east-1:123456789012:parameter/site/x")
    assert client.get_parameter(Name="/site/x:1")["Parameter"]["Value"] == "v"
    assert refused(client.get_parameter, Name="/site/x:9") == "ParameterVersionNotFound"
    assert client.list_tags_for_resource(ResourceType="Parameter", ResourceId="/site/x")["TagList"] == tags
    assert [v["Value"] for v in client.get_parameter_history(Name="/site/x")["Parameters"]] == ["v", "w"]
    client.delete_parameter(Name="/site/x")
    assert refused(client.delete_parameter, Name="/site/x") == "ParameterNotFound"


@pytest.mark.parametrize(
    "wrong, code",
    [
        ({"Name": "/aws/x"}, "AccessDeniedException"), ({"Name": "ssm-x"}, "ValidationException"), ({"Name": "a/b"}, "ValidationException"),
        ({"Name": "/a b"}, "ValidationException"), ({"Name": "/a" * 16}, "HierarchyLevelLimitExceededException"),
        ({"Value": "x" * 4097}, "ValidationException"), ({"Value": "{{x}}"}, "ValidationException"), ({"Type": "Text"}, "ValidationException"),
        ({"AllowedPattern": "[0-9]+"}, "ParameterPatternMismatchException"),
    ],
)
def test_a_parameter_that_is_none_is_refused(client, refused, wrong, code):
    assert refused(client.put_parameter, **{"Name": "/x", "Value": "v", "Type": "String", **wrong}) == code


def test_secure_values_are_decrypted_only_when_asked_and_never_in_the_snapshot(practice, client):
    put(client, "/site/key", "hidden", Type="SecureString")
    assert client.get_parameter(Name="/site/key")["Parameter"]["Value"] != "hidden"
    assert client.get_parameter(Name="/site/key", WithDecryption=True)["Parameter"]["Value"] == "hidden"
    shown = practice.door("GET", "account")["parameters"]["us-east-1//site/key"]
    assert shown["value"] == "sha256 " + hashlib.sha256(b"hidden").hexdigest()


def test_parameters_are_found_by_path_and_filter(client, refused):
    for name in ("/site/a", "/site/b/c", "/other"):
        put(client, name)
    assert [p["Name"] for p in client.get_parameters_by_path(Path="/site")["Parameters"]] == ["/site/a"]
    assert len(client.get_parameters_by_path(Path="/site", Recursive=True)["Parameters"]) == 2
    found = client.describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/site"]}])
    assert [p["Name"] for p in found["Parameters"]] == ["/site/a", "/site/b/c"]
    assert client.get_parameters(Names=["/site/a", "/none"])["InvalidParameters"] == ["/none"]
    client.add_tags_to_resource(ResourceType="Parameter", ResourceId="/other", Tags=[{"Key": "k", "Value": "v"}])
    assert len(client.describe_parameters(ParameterFilters=[{"Key": "tag:k", "Values": ["v"]}])["Parameters"]) == 1
    client.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/other", TagKeys=["k"])
    assert refused(client.list_tags_for_resource, ResourceType="Parameter", ResourceId="/none") == "InvalidResourceId"
    assert client.delete_parameters(Names=["/site/a", "/none"])["DeletedParameters"] == ["/site/a"]


def document(client, content=None, **more):
    return client.create_document(**{"Name": "site-book", "DocumentType": "Automation", "Content": json.dumps(content or CONTENT), **more})


def test_a_document_is_created_in_its_time_and_updated_by_its_latest_version(client, refused):
    made = document(client, Tags=[{"Key": "k", "Value": "v"}])["DocumentDescription"]
    assert (made["Status"], made["HashType"]) == ("Creating", "Sha256")
    assert refused(client.start_automation_execution, DocumentName="site-book") == "AutomationDefinitionNotFoundException"
    assert [client.describe_document(Name="site-book")["Document"]["Status"] for _ in range(2)] == ["Creating", "Active"]
    again = {"Name": "site-book", "DocumentType": "Automation", "Content": json.dumps(CONTENT)}
    assert refused(client.create_document, **again) == "DocumentAlreadyExists"
    update = {"Name": "site-book", "DocumentVersion": "$LATEST"}
    assert refused(client.update_document, **update, Content=json.dumps(CONTENT)) == "DuplicateDocumentContent"
    changed = json.dumps({**CONTENT, "description": "other"})
    assert client.update_document(**update, Content=changed)["DocumentDescription"]["Status"] == "Updating"
    assert refused(client.update_document, **update, Content="{}") == "InvalidDocumentOperation"
    found = client.describe_document(Name="site-book")["Document"]
    assert (found["DefaultVersion"], found["LatestVersion"], found["DocumentVersion"]) == ("1", "2", "1")
    assert json.loads(client.get_document(Name="site-book")["Content"])["description"] == "d"
    client.describe_document(Name="site-book")
    assert refused(client.update_document, Name="site-book", Content="{}") == "InvalidDocumentVersion"
    assert refused(client.update_document_default_version, Name="site-book", DocumentVersion="7") == "InvalidDocumentVersion"
    client.update_document_default_version(Name="site-book", DocumentVersion="2")
    assert json.loads(client.get_document(Name="site-book")["Content"])["description"] == "other"
    assert len(client.list_document_versions(Name="site-book")["DocumentVersions"]) == 2
    mine = [{"Key": "Owner", "Values": ["Self"]}, {"Key": "tag:k", "Values": ["v"]}]
    assert [d["Name"] for d in client.list_documents(Filters=mine)["DocumentIdentifiers"]] == ["site-book"]
    client.delete_document(Name="site-book")
    assert refused(client.describe_document, Name="site-book") == "InvalidDocument"


@pytest.mark.parametrize(
    "wrong, code",
    [
        ({"schemaVersion": "2.2"}, "InvalidDocumentSchemaVersion"), ({"mainSteps": []}, "InvalidDocumentContent"), ({"other": 1}, "InvalidDocumentContent"),
        ({"mainSteps": [{"name": "x y", "action": "aws:pause"}]}, "InvalidDocumentContent"),
        ({"mainSteps": [{"name": "abc", "action": "aws:dance"}]}, "InvalidDocumentContent"),
        ({"mainSteps": [{"name": "abc", "action": "aws:pause"}] * 2}, "InvalidDocumentContent"),
        ({"mainSteps": [{"name": "abc", "action": "aws:pause", "nextStep": "none"}]}, "InvalidDocumentContent"),
        ({"mainSteps": [{"name": "abc", "action": "aws:invokeLambdaFunction", "inputs": {}}]}, "InvalidDocumentContent"),
        ({"mainSteps": [{"name": "abc", "action": "aws:invokeLambdaFunction", "inputs": {"FunctionName": "{{ F }}"}}]}, "InvalidDocumentContent"),
        ({"parameters": {"P": {"type": "Text"}}}, "InvalidDocumentContent"),
    ],
)
def test_a_document_that_is_none_is_refused(client, refused, wrong, code):
    wanted = {"Name": "site-book", "DocumentType": "Automation", "Content": json.dumps({**CONTENT, **wrong})}
    assert refused(client.create_document, **wanted) == code


def test_documents_may_be_yaml_and_are_in_the_snapshot(practice, client, refused):
    text = "schemaVersion: '0.3'\nmainSteps:\n- name: rest\n  action: aws:sleep\n  inputs:\n    Duration: PT1S\n"
    assert refused(client.create_document, Name="site-book", DocumentType="Automation", Content=text) == "InvalidDocumentContent"
    document(client, Content=text, DocumentFormat="YAML", TargetType="/AWS::Lambda::Function")
    shown = practice.door("GET", "account")["documents"]["us-east-1/site-book"]
    assert shown["default"]["mainSteps"][0]["name"] == "rest" and shown["latest"] is None
    told = {c["operation"]: c["changing"] for c in practice.door("GET", "calls")}
    assert told == {"CreateDocument": True}
