"""The database, for real: TLS, tokens of IAM, sleep. Skipped where there is no PostgreSQL."""

import json
import os
import ssl
import subprocess
import time

import boto3
import pg8000.native
import pytest

import machines_
from database_ import available, cluster_of, running, until

ME = ("practice", "practice")


@pytest.fixture
def place(practice):
    """What the account says of its databases."""
    told = practice.door("GET", "database")
    if not told["postgresql"]:
        pytest.skip("no PostgreSQL is installed")
    return told


@pytest.fixture
def cluster(practice, place):
    made = running(practice.client("rds"))
    sql(practice, "CREATE ROLE arq_app LOGIN; GRANT rds_iam TO arq_app; CREATE ROLE plain LOGIN")
    return made


def sql(practice, text, **more):
    return practice.door("POST", "sql", {"cluster": "shop-db", "sql": text, **more})["rows"]


def token(cluster, user="arq_app", keys=ME, region="us-east-1", port=None):
    session = boto3.Session(*keys[:2], aws_session_token=keys[2] if len(keys) > 2 else None, region_name=region)
    return session.client("rds").generate_db_auth_token("localhost", port or cluster["Port"], user, region)


def connect(cluster, place, password, user="arq_app", encrypted=True):
    context = ssl.create_default_context(cafile=place["ca"]) if encrypted else False
    return pg8000.native.Connection(
        user, host="localhost", port=cluster["Port"], database="app", password=password, ssl_context=context, timeout=30
    )


def refusal(*arguments, **named):
    with pytest.raises(pg8000.native.DatabaseError) as caught:
        connect(*arguments, **named)
    return caught.value.args[0]["C"], caught.value.args[0]["M"]


def test_a_token_lets_in_and_the_bytes_are_postgresqls(practice, place, cluster):
    connection = connect(cluster, place, token(cluster))
    assert connection.run("SELECT current_user, current_database()") == [["arq_app", "app"]]
    big = connection.run("SELECT repeat('x', 3000000)")[0][0]
    assert len(big) == 3000000
    connection.close()


def test_what_is_no_token_is_refused(practice, place, cluster):
    failed = ("28000", 'PAM authentication failed for user "arq_app"')
    good = token(cluster)
    assert refusal(cluster, place, "guess") == failed
    assert refusal(cluster, place, token(cluster, user="plain")) == failed
    assert refusal(cluster, place, token(cluster, port=5432)) == failed
    assert refusal(cluster, place, token(cluster, region="eu-central-1")) == failed
    assert refusal(cluster, place, token(cluster, keys=("practice", "wrong"))) == failed
    assert refusal(cluster, place, token(cluster, keys=("AKIANOBODY", "practice"))) == failed
    assert refusal(cluster, place, good.replace("X-Amz-Expires=900", "X-Amz-Expires=901")) == failed
    assert refusal(cluster, place, good[:-1] + ("0" if good[-1] != "0" else "1")) == failed
    assert len(practice.door("GET", "database")["refused"]) == 8


def test_a_connection_without_tls_is_refused(place, cluster):
    code, text = refusal(cluster, place, token(cluster), encrypted=False)
    assert code == "28000" and text.startswith("no pg_hba.conf entry for host") and text.endswith("no encryption")


def test_a_role_needs_rds_iam_and_the_cluster_needs_iam(practice, place, cluster):
    assert refusal(cluster, place, token(cluster, user="plain"), user="plain")[0] == "28P01"
    sql(practice, "CREATE ROLE team; GRANT rds_iam TO team; GRANT team TO plain")
    connect(cluster, place, token(cluster, user="plain"), user="plain").close()
    assert refusal(cluster, place, token(cluster, user="nobody"), user="nobody")[0] == "28P01"
    rds = practice.client("rds")
    rds.modify_db_cluster(DBClusterIdentifier="shop-db", EnableIAMDatabaseAuthentication=False, ApplyImmediately=True)
    until(lambda: cluster_of(rds), lambda c: not c["IAMDatabaseAuthenticationEnabled"])
    assert refusal(cluster, place, token(cluster))[0] == "28P01"


def test_the_master_user_has_the_secrets_password_and_is_no_superuser(practice, place, cluster):
    value = practice.client("secretsmanager").get_secret_value(SecretId=cluster["MasterUserSecret"]["SecretArn"])
    password = json.loads(value["SecretString"])["password"]
    connection = connect(cluster, place, password, user="arqsite")
    assert connection.run("SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'arqsite'") == [[False, True, True]]
    connection.run("CREATE ROLE one LOGIN")
    connection.run("GRANT rds_iam TO one")
    with pytest.raises(pg8000.native.DatabaseError):
        connection.run("ALTER SYSTEM SET fsync = on")
    connection.close()
    connect(cluster, place, token(cluster, user="one"), user="one").close()
    assert refusal(cluster, place, password + "x", user="arqsite")[0] == "28P01"
    assert refusal(cluster, place, "", user="rdsadmin")[0] == "28000"


def test_a_function_needs_a_policy_that_names_the_user(practice, place, cluster):
    machines_.function(practice, machines_.BOOTSTRAP.replace('{"got": event}', '{"got": dict(os.environ)}'))
    answer = json.load(practice.client("lambda").invoke(FunctionName="echo")["Payload"])["got"]
    assert answer["PGSSLROOTCERT"] == place["ca"]
    keys = [answer[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]

    def allow(user):
        arn = f"arn:aws:rds-db:us-east-1:{machines_.ACCOUNT}:dbuser:{cluster['DbClusterResourceId']}/{user}"
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "rds-db:connect", "Resource": arn}]}
        practice.client("iam").put_role_policy(RoleName="echo", PolicyName="p", PolicyDocument=json.dumps(document))

    assert refusal(cluster, place, token(cluster, keys=keys))[0] == "28000"
    allow("other")
    assert refusal(cluster, place, token(cluster, keys=keys))[0] == "28000"
    allow("arq_app")
    connect(cluster, place, token(cluster, keys=keys)).close()
    assert refusal(cluster, place, token(cluster, keys=keys[:2]))[0] == "28000"


def test_a_cluster_that_sleeps_wakes_when_somebody_comes(practice, place, cluster):
    connection = connect(cluster, place, token(cluster))
    assert practice.door("POST", "pause", {"cluster": "shop-db"})["closed"] == 1
    with pytest.raises(pg8000.native.InterfaceError):
        connection.run("SELECT 1")
    began = time.monotonic()
    connect(cluster, place, token(cluster)).close()
    assert time.monotonic() - began > 0.3


def test_a_cluster_without_an_instance_answers_nobody(practice, place):
    cluster = available(practice.client("rds"))
    assert refusal(cluster, place, "x")[0] == "57P03"


def test_two_clusters_have_two_ports_and_two_databases(practice, place, cluster):
    other = running(practice.client("rds"), DBClusterIdentifier="other")
    assert other["Port"] != cluster["Port"]
    practice.door("POST", "sql", {"cluster": "other", "sql": "CREATE ROLE arq_app LOGIN"})
    assert sql(practice, "SELECT 1 FROM pg_roles WHERE rolname = 'arq_app' AND pg_has_role('arq_app', 'rds_iam', 'MEMBER')") == [[1]]
    assert refusal(other, place, token(other))[0] == "28P01"


def test_nothing_is_left_running(practice, place, cluster):
    folder = sql(practice, "SHOW unix_socket_directories")[0][0]
    assert os.path.isdir(folder)
    practice.door("POST", "reset")
    assert not os.path.exists(folder)
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert folder not in left
