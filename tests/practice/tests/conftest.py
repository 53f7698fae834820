"""One practice account for all tests, emptied before each."""

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

_TESTS = Path(__file__).parents[2]
ACCOUNT = "123456789012"


class Practice:
    """A running account: clients of it, its doors, its edge."""

    def __init__(self, told):
        self.url = f"http://127.0.0.1:{told['port']}"
        self.edge_urls = [f"http://127.0.0.1:{port}" for port in told["edge_ports"]]
        self.told, self.edge_url = told, f"http://127.0.0.1:{told['edge_port']}"
        self.pid = told["pid"]

    def client(self, name, key="practice", secret="practice", region="us-east-1", attempts=1):
        """A boto3 client; without retries, so that a test sees what was answered."""
        config = Config(retries={"total_max_attempts": attempts}, s3={"addressing_style": "path"}, signature_version="s3v4" if name == "s3" else None)
        return boto3.client(
            name, endpoint_url=self.url, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret, config=config
        )

    def door(self, method, name, body=None):
        """One of the account's own doors; JSON lines come as a list."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_practice/{name}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
        if name.startswith("calls") and method == "GET":
            return [json.loads(line) for line in text.splitlines()]
        return json.loads(text)

    def visit(self, path, headers=None, data=None, method=None, edge=0):
        """`(status, headers, body)` from an edge; redirects are not followed."""
        request = urllib.request.Request(self.edge_urls[edge] + path, data, headers or {}, method=method)
        try:
            with _OPENER.open(request) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_OPENER = urllib.request.build_opener(_Stay)


@contextlib.contextmanager
def started(folder, *arguments):
    """A running account; `folder` is for the file that says so."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "practice", "--port", "0", "--ready-file", str(ready), *arguments]
    process = subprocess.Popen(command, cwd=_TESTS, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while not ready.exists():
        assert process.poll() is None and time.monotonic() < until, "the practice account did not start"
        time.sleep(0.05)
    yield Practice(json.loads(ready.read_text()))
    process.terminate()
    assert process.wait(10) == 0


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    with started(tmp_path_factory.mktemp("practice")) as account:
        yield account


@pytest.fixture
def practice(running):
    running.door("POST", "reset")
    return running


@pytest.fixture
def refused():
    """Calls what AWS must refuse, and says with which code."""

    def check(method, **arguments):
        with pytest.raises(Exception) as caught:
            method(**arguments)
        return caught.value.response["Error"]["Code"]

    return check
