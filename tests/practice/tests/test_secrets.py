"""Secrets Manager, played: values, versions, deletions, and who may read."""

import hashlib
import json
import sys

import pytest

import machines_

TOKEN, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def client(practice):
    return practice.client("secretsmanager")


def test_a_secret_is_made_once_and_its_token_is_its_version(client, refused):
    wanted = {"Name": "site/db", "SecretString": "x", "ClientRequestToken": TOKEN, "Tags": [{"Key": "k", "Value": "v"}]}
    made = client.create_secret(**wanted)
    assert made["VersionId"] == TOKEN and made["ARN"].startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:site/db-")
    assert client.create_secret(**wanted)["ARN"] == made["ARN"]
    assert refused(client.create_secret, **{**wanted, "SecretString": "y"}) == "ResourceExistsException"
    assert refused(client.create_secret, Name="site/db", SecretString="x") == "ResourceExistsException"
    assert refused(client.create_secret, Name="a b") == "ValidationException"
    assert refused(client.create_secret, Name="two", SecretString="x", SecretBinary=b"x") == "InvalidParameterException"
    for ident in ("site/db", made["ARN"], made["ARN"][:-7]):
        assert client.get_secret_value(SecretId=ident)["SecretString"] == "x"
    assert client.describe_secret(SecretId="site/db")["Tags"] == [{"Key": "k", "Value": "v"}]


def test_a_new_value_moves_the_stages(client, refused):
    client.create_secret(Name="s")
    assert refused(client.get_secret_value, SecretId="s") == "ResourceNotFoundException"
    client.put_secret_value(SecretId="s", SecretString="1", ClientRequestToken=TOKEN)
    client.put_secret_value(SecretId="s", SecretString="1", ClientRequestToken=TOKEN)
    assert refused(client.put_secret_value, SecretId="s", SecretString="2", ClientRequestToken=TOKEN) == "ResourceExistsException"
    client.update_secret(SecretId="s", SecretBinary=b"2", ClientRequestToken=OTHER, Description="d")
    assert client.get_secret_value(SecretId="s")["SecretBinary"] == b"2"
    assert client.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")["SecretString"] == "1"
    assert client.describe_secret(SecretId="s")["VersionIdsToStages"] == {TOKEN: ["AWSPREVIOUS"], OTHER: ["AWSCURRENT"]}
    client.put_secret_value(SecretId="s", SecretString="3")
    assert len(client.list_secret_version_ids(SecretId="s")["Versions"]) == 2
    assert len(client.list_secret_version_ids(SecretId="s", IncludeDeprecated=True)["Versions"]) == 3


def test_a_deletion_can_be_taken_back_and_blocks_the_name(client, refused):
    client.create_secret(Name="s", SecretString="x")
    assert refused(client.delete_secret, SecretId="s", RecoveryWindowInDays=3) == "InvalidParameterException"
    assert refused(client.delete_secret, SecretId="s", RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True) == "InvalidParameterException"
    client.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    with pytest.raises(client.exceptions.InvalidRequestException) as caught:
        client.create_secret(Name="s", SecretString="x")
    assert "already scheduled for deletion" in str(caught.value)
    assert refused(client.get_secret_value, SecretId="s") == "InvalidRequestException"
    assert client.describe_secret(SecretId="s")["DeletedDate"]
    assert client.list_secrets()["SecretList"] == [] and len(client.list_secrets(IncludePlannedDeletion=True)["SecretList"]) == 1
    client.restore_secret(SecretId="s")
    assert client.get_secret_value(SecretId="s")["SecretString"] == "x"


def test_a_deletion_without_recovery_takes_a_moment(client, refused):
    client.create_secret(Name="s", SecretString="x")
    client.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    assert [refused(client.create_secret, Name="s") for _ in range(2)] == ["InvalidRequestException"] * 2
    client.create_secret(Name="s", SecretString="y")
    client.delete_secret(SecretId="absent", ForceDeleteWithoutRecovery=True)
    assert refused(client.delete_secret, SecretId="absent") == "ResourceNotFoundException"


def test_policies_filters_tags_and_passwords(client, refused):
    client.create_secret(Name="site-a", Tags=[{"Key": "site", "Value": "a"}])
    client.create_secret(Name="other")

    def names(*filters):
        return [s["Name"] for s in client.list_secrets(Filters=[{"Key": k, "Values": v} for k, v in filters])["SecretList"]]

    assert names(("name", ["site"])) == names(("tag-key", ["site"]), ("tag-value", ["a"])) == ["site-a"]
    assert names(("name", ["!site"])) == ["other"]
    open_policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]})
    assert refused(client.put_resource_policy, SecretId="other", ResourcePolicy="{") == "MalformedPolicyDocumentException"
    assert refused(client.put_resource_policy, SecretId="other", ResourcePolicy=open_policy, BlockPublicPolicy=True) == "PublicPolicyException"
    client.put_resource_policy(SecretId="other", ResourcePolicy=open_policy)
    assert client.get_resource_policy(SecretId="other")["ResourcePolicy"] == open_policy
    client.delete_resource_policy(SecretId="other")
    assert "ResourcePolicy" not in client.get_resource_policy(SecretId="other")
    client.untag_resource(SecretId="site-a", TagKeys=["site"])
    assert "Tags" not in client.describe_secret(SecretId="site-a")
    assert len(client.get_random_password(PasswordLength=40, ExcludePunctuation=True)["RandomPassword"]) == 40


READER = machines_.BOOTSTRAP.replace("api = ", 'import sys; sys.path[:0] = os.environ["PACKAGES"].split(":")\nimport boto3\napi = ').replace(
    '{"got": event}', "read(event)"
).replace("while True:", '''def read(event):
    try: return {"value": boto3.client("secretsmanager").get_secret_value(SecretId=event["id"])["SecretString"]}
    except Exception as error: return {"denied": error.response["Error"]["Code"]}
while True:''')


def test_a_running_function_reads_only_the_secret_that_its_role_names(practice, client):
    arn = client.create_secret(Name="mine", SecretString="x")["ARN"]
    client.create_secret(Name="yours", SecretString="y")
    packages = ":".join(p for p in sys.path if p.endswith("-packages"))
    machines_.function(practice, READER, ("secretsmanager:GetSecretValue", arn), PACKAGES=packages)

    def ask(ident):
        answer = practice.client("lambda").invoke(FunctionName="echo", Payload=json.dumps({"id": ident}))
        return json.loads(answer["Payload"].read())

    assert ask("mine") == {"value": "x"}
    assert ask("yours") == {"denied": "AccessDeniedException"}


def test_the_snapshot_shows_hashes_and_never_a_value(practice, client):
    client.create_secret(Name="s", SecretString="very secret")
    shown = practice.door("GET", "account")["secrets"]
    assert shown["us-east-1/s"]["values"] == {"AWSCURRENT": hashlib.sha256(b"very secret").hexdigest()}
    assert "very secret" not in json.dumps(shown)
    told = {c["operation"]: c["changing"] for c in practice.door("GET", "calls")}
    assert told == {"CreateSecret": True}


def test_two_accounts_made_in_different_orders_have_the_same_snapshot(practice):
    def make(names):
        practice.door("POST", "reset")
        client, sns = practice.client("secretsmanager"), practice.client("sns")
        for name in names:
            arn = client.create_secret(Name=name, SecretString=name)["ARN"]
            practice.client("ssm").put_parameter(Name=f"/arn/{name}", Value=arn, Type="String")
            topic = sns.create_topic(Name=name)["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=f"{name}@example.com")
        return practice.door("GET", "account")

    assert make(["one", "two"]) == make(["two", "one"])
