"""The Data API on a real PostgreSQL: values, transactions, refusals. Skipped where there is no PostgreSQL."""

import json

import pytest

from database_ import available, running


class Api:
    """The client, with what every call names."""

    def __init__(self, practice, cluster):
        self.client, self.cluster = practice.client("rds-data"), cluster
        self.names = {"resourceArn": cluster["DBClusterArn"], "secretArn": cluster["MasterUserSecret"]["SecretArn"]}

    def run(self, sql, **more):
        return self.client.execute_statement(**{"database": "app", "sql": sql, **self.names, **more})


@pytest.fixture
def api(practice):
    if not practice.door("GET", "database")["postgresql"]:
        pytest.skip("no PostgreSQL is installed")
    return Api(practice, running(practice.client("rds")))


def refusal(method, **arguments):
    with pytest.raises(Exception) as caught:
        method(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_values_go_in_bound_and_come_out_by_their_type(api):
    given = [
        {"name": "n", "value": {"longValue": 7}}, {"name": "t", "value": {"stringValue": "x'; DROP TABLE t; --"}},
        {"name": "f", "value": {"doubleValue": 0.5}}, {"name": "b", "value": {"booleanValue": True}},
        {"name": "d", "value": {"blobValue": b"\x00\xff"}}, {"name": "z", "value": {"isNull": True}},
        {"name": "u", "value": {"stringValue": "6f3c2c3e-0d5c-4d8e-9a55-5c1f6f0f7a11"}, "typeHint": "UUID"},
    ]
    sql = "SELECT :n AS n, :t AS t, :f AS f, :b AS b, :d AS d, :z::text AS z, :u AS u, ':no' AS s, 1.50 AS m, ARRAY[1,2] AS a, :n + 1 AS again"
    row = api.run(sql, parameters=given)["records"][0]
    assert row == [
        {"longValue": 7}, {"stringValue": "x'; DROP TABLE t; --"}, {"doubleValue": 0.5}, {"booleanValue": True},
        {"blobValue": b"\x00\xff"}, {"isNull": True}, {"stringValue": "6f3c2c3e-0d5c-4d8e-9a55-5c1f6f0f7a11"},
        {"stringValue": ":no"}, {"stringValue": "1.50"}, {"arrayValue": {"longValues": [1, 2]}}, {"longValue": 8},
    ]
    assert refusal(api.run, sql="SELECT :missing") == ("BadRequestException", "Cannot find parameter: missing")


def test_statements_say_what_they_changed_and_what_they_found(api):
    assert api.run("CREATE TABLE t (id serial PRIMARY KEY, name text, at timestamptz)")["numberOfRecordsUpdated"] == 0
    assert api.run("INSERT INTO t (name, at) VALUES ('a', '2024-01-02 03:04:05Z'), ('b', NULL)") ["numberOfRecordsUpdated"] == 2
    found = api.run("SELECT id, name, at FROM t ORDER BY id", includeResultMetadata=True)
    assert found["numberOfRecordsUpdated"] == 0 and found["records"][0][2] == {"stringValue": "2024-01-02 03:04:05"}
    columns = found["columnMetadata"]
    assert [(c["name"], c["typeName"], c["tableName"], c["nullable"], c["isAutoIncrement"]) for c in columns[:2]] == [
        ("id", "int4", "t", 0, True), ("name", "text", "t", 1, False),
    ]
    told = api.run("SELECT id, name FROM t ORDER BY id", formatRecordsAs="JSON")
    assert json.loads(told["formattedRecords"]) == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}] and "records" not in told
    assert api.run("UPDATE t SET name = 'c' RETURNING id")["records"] == [[{"longValue": 1}], [{"longValue": 2}]]
    sets = [[{"name": "v", "value": {"stringValue": v}}] for v in ("x", "y")]
    answer = api.client.batch_execute_statement(**api.names, database="app", sql="INSERT INTO t (name) VALUES (:v)", parameterSets=sets)
    assert len(answer["updateResults"]) == 2 and api.run("SELECT count(*) FROM t")["records"] == [[{"longValue": 4}]]


def test_a_transaction_is_kept_or_undone(api):
    api.run("CREATE TABLE t (id int)")

    def begin():
        return {"transactionId": api.client.begin_transaction(**api.names, database="app")["transactionId"]}

    one, two = begin(), begin()
    api.run("INSERT INTO t VALUES (1)", **one)
    api.run("INSERT INTO t VALUES (2)", **two)
    assert api.run("SELECT id FROM t")["records"] == []
    assert api.run("SELECT id FROM t", **one)["records"] == [[{"longValue": 1}]]
    assert refusal(api.run, sql="SELECT 1", **{**one, "database": "postgres"})[0] == "BadRequestException"
    names = {k: api.names[k] for k in ("resourceArn", "secretArn")}
    assert api.client.commit_transaction(**names, **one)["transactionStatus"] == "Transaction Committed"
    assert api.client.rollback_transaction(**names, **two)["transactionStatus"] == "Rollback Complete"
    assert api.run("SELECT id FROM t")["records"] == [[{"longValue": 1}]]
    assert refusal(api.client.commit_transaction, **names, **one)[0] == "TransactionNotFoundException"
    assert refusal(api.run, sql="SELECT 1", transactionId="none")[0] == "TransactionNotFoundException"


def test_refusals_have_postgresqls_words_and_states(api):
    code, text = refusal(api.run, sql="SELECT * FROM nothing")
    assert (code, text) == ("DatabaseErrorException", 'ERROR: relation "nothing" does not exist; Position: 15; SQLState: 42P01')
    assert refusal(api.run, sql="SELECT 1; SELECT 2") == ("ValidationException", "Multistatements aren't supported.")
    code, text = refusal(api.run, sql="SELECT 1", database="none")
    assert code == "DatabaseErrorException" and text.endswith("SQLState: 3D000")
    assert refusal(api.client.execute_statement, sql="SELECT 1", **api.names)[1].startswith('ERROR: database "arqsite" does not exist')
    assert refusal(api.run, sql="ALTER SYSTEM SET fsync = on")[1].endswith("SQLState: 42501")
    api.run("CREATE TABLE t (id uuid)")
    untyped = [{"name": "u", "value": {"stringValue": "6f3c2c3e-0d5c-4d8e-9a55-5c1f6f0f7a11"}}]
    assert refusal(api.run, sql="INSERT INTO t VALUES (:u)", parameters=untyped)[1].endswith("SQLState: 42804")
    assert refusal(api.run, sql="SELECT repeat('x', 2000000)")[0] == "BadRequestException"
    assert api.run("SELECT 1")["records"] == [[{"longValue": 1}]]


def test_the_right_cluster_and_the_right_secret_are_needed(api, practice):
    assert refusal(api.run, sql="SELECT 1", resourceArn=api.names["resourceArn"] + "x")[0] == "NotFoundException"
    assert refusal(api.run, sql="SELECT 1", secretArn=api.names["secretArn"] + "x")[0] == "SecretsErrorException"
    secrets = practice.client("secretsmanager")
    for n, (value, code) in enumerate((("no JSON", "InvalidSecretException"), ('{"username": "arqsite", "password": "wrong"}', "DatabaseErrorException"))):
        arn = secrets.create_secret(Name=f"s{n}", SecretString=value)["ARN"]
        assert refusal(api.run, sql="SELECT 1", secretArn=arn)[0] == code
    rds = practice.client("rds")
    rds.disable_http_endpoint(ResourceArn=api.names["resourceArn"])
    assert refusal(api.run, sql="SELECT 1")[0] == "HttpEndpointNotEnabledException"
    other = Api(practice, available(rds, DBClusterIdentifier="other"))
    assert refusal(other.run, sql="SELECT 1")[0] == "DatabaseNotFoundException"


def test_a_sleeping_database_says_that_it_wakes_up(api, practice):
    api.run("SELECT 1")
    practice.door("POST", "pause", {"cluster": "shop-db"})
    assert refusal(api.run, sql="SELECT 1")[0] == "DatabaseResumingException"
    assert refusal(api.run, sql="SELECT 1")[0] == "DatabaseResumingException"
    assert api.run("SELECT 1")["records"] == [[{"longValue": 1}]]


def test_the_master_user_makes_the_roles_of_a_site(api):
    for _ in range(2):
        for role in ("arq_owner", "arq_app"):
            api.run(f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        api.run(
            "DO $$ BEGIN GRANT arq_owner TO CURRENT_USER; CREATE SCHEMA IF NOT EXISTS app AUTHORIZATION arq_owner; "
            "ALTER SCHEMA app OWNER TO arq_owner; REVOKE ALL ON DATABASE app FROM PUBLIC; GRANT CONNECT ON DATABASE app TO arq_owner, arq_app; "
            "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA app TO arq_app; "
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO arq_app; "
            "ALTER DEFAULT PRIVILEGES FOR ROLE arq_owner IN SCHEMA app GRANT SELECT ON TABLES TO arq_app; "
            "REVOKE arq_owner FROM CURRENT_USER; END $$"
        )
        api.run("ALTER ROLE arq_owner IN DATABASE app SET search_path = app")
        api.run("GRANT rds_iam TO arq_owner, arq_app")
