"""Who may call, what is logged, what goes wrong on demand."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest


def test_the_account_says_who_it_is(practice):
    told = practice.client("sts").get_caller_identity()
    assert (told["Account"], told["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/practice")


@pytest.mark.parametrize(
    "service, call, unknown, wrong",
    [
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        ("iam", "list_roles", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("dynamodb", "list_tables", "UnrecognizedClientException", "InvalidSignatureException"),
        ("lambda", "list_functions", "UnrecognizedClientException", "InvalidSignatureException"),
        ("cloudfront", "list_distributions", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    ],
)
def test_a_key_that_is_not_known_or_a_wrong_secret_is_refused(practice, refused, service, call, unknown, wrong):
    assert refused(getattr(practice.client(service, key="other"), call)) == unknown
    assert refused(getattr(practice.client(service, secret="other"), call)) == wrong


def test_calls_are_logged_by_their_own_names(practice):
    s3 = practice.client("s3")
    s3.create_bucket(Bucket="a-bucket")
    s3.list_objects_v2(Bucket="a-bucket")
    practice.client("iam").list_roles()
    names = [(c["service"], c["operation"], c["changing"]) for c in practice.door("GET", "calls")]
    assert names == [("s3", "CreateBucket", True), ("s3", "ListObjectsV2", False), ("iam", "ListRoles", False)]
    assert [c["resource"] for c in practice.door("GET", "calls?changing=1")] == ["a-bucket"]


def test_a_fault_strikes_as_often_as_it_was_told_in_the_services_own_shape(practice, refused):
    practice.door("POST", "faults", [{"service": "iam", "operation": "ListRoles", "code": "Throttling", "status": 400, "times": 2}])
    iam = practice.client("iam")
    assert [refused(iam.list_roles), refused(iam.list_roles)] == ["Throttling", "Throttling"]
    iam.list_roles()


def test_a_fault_after_the_call_loses_only_the_answer(practice):
    practice.door("POST", "faults", [{"service": "s3", "operation": "CreateBucket", "when": "after"}])
    s3 = practice.client("s3")
    with pytest.raises(Exception, match="onnection"):
        s3.create_bucket(Bucket="a-bucket")
    s3.head_bucket(Bucket="a-bucket")


@pytest.mark.parametrize("when, applied", [("before", False), ("after", True)])
def test_a_held_call_waits_and_others_do_not(practice, when, applied):
    practice.door("POST", "faults", {"operation": "CreateBucket", "match": "held", "when": when, "hold": True})
    s3 = practice.client("s3")
    with ThreadPoolExecutor() as threads:
        held = threads.submit(s3.create_bucket, Bucket="held-bucket")
        assert practice.door("GET", "held")["held"] == 1
        s3.create_bucket(Bucket="other-bucket")
        assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["held-bucket"] * applied + ["other-bucket"]
        assert not held.done()
        practice.door("POST", "resume")
        held.result(10)
    assert practice.door("GET", "faults")["held"] == 0
    s3.head_bucket(Bucket="held-bucket")


@pytest.mark.parametrize("when, applied", [("before", False), ("after", True)])
def test_at_a_stop_point_the_publisher_dies_and_nobody_is_answered(practice, when, applied):
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    practice.door("POST", "faults", {"stop_at": 2, "when": when, "kill_pid": victim.pid})
    s3 = practice.client("s3")
    s3.create_bucket(Bucket="first-bucket")
    for _ in range(2):
        with pytest.raises(Exception, match="onnection"):
            s3.create_bucket(Bucket="second-bucket")
    assert victim.wait(5) == -9
    practice.door("POST", "resume")
    names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert names == ["first-bucket"] + ["second-bucket"] * applied


def test_a_reset_leaves_nothing_and_takes_no_time(practice):
    empty = practice.door("GET", "account")
    practice.client("s3").create_bucket(Bucket="a-bucket")
    practice.client("logs").create_log_group(logGroupName="/a")
    assert practice.door("GET", "account") != empty
    started = time.monotonic()
    practice.door("POST", "reset")
    assert time.monotonic() - started < 0.3
    assert practice.door("GET", "account") == empty


def test_an_account_says_how_it_is_reached(tmp_path):
    ready = tmp_path / "ready.json"
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    command = [sys.executable, "-m", "practice", "--port", "0", "--edges", "2", "--ready-file", str(ready)]
    process = subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, text=True)
    printed = [process.stdout.readline().strip() for _ in range(5)]
    told = json.loads(ready.read_text())
    edges = [f"http://127.0.0.1:{port}" for port in told["edge_ports"]]
    assert (told["edge_port"], told["ARQ_EDGE_ENDPOINT"], len(edges)) == (told["edge_ports"][0], edges[0], 2)
    assert printed[0] == f"export AWS_ENDPOINT_URL=http://127.0.0.1:{told['port']}" and f"export ARQ_EDGE_ENDPOINT={edges[0]}" in printed
    assert printed[4].startswith(f"# the edge: {edges[0]} {edges[1]} ")
    process.terminate()
    assert process.wait(10) == 0


def test_an_account_that_is_killed_takes_its_functions_with_it(tmp_path):
    ready = tmp_path / "ready.json"
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    process = subprocess.Popen([sys.executable, "-m", "practice", "--port", "0", "--ready-file", str(ready)], cwd=here, stdout=subprocess.DEVNULL)
    while not ready.exists():
        time.sleep(0.05)
    from conftest import Practice
    from site_ import invoke, publish

    account = Practice(json.loads(ready.read_text()))
    publish(account)
    child = invoke(account)["pid"]
    os.kill(child, 0)
    process.kill()
    process.wait()
    until = time.monotonic() + 5
    while time.monotonic() < until and _alive(child):
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
