"""The servers that the measurements talk to, and the count of what was said.

    tool -> nginx (counts) -> SeaweedFS            objects
                           -> practice account     everything else of AWS, also what a bucket has as a whole

Every run of a tool gets all three anew and empty.
"""

import json
import os
import shutil
import socket
import subprocess
import time
import typing
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import calls
import tools

# arqsite's site, and the bucket that it gives it in the practice account; the other tools' bucket.
SITE = "measure"
SITE_BUCKET = f"{SITE}-site-123456789012"
PLAIN_BUCKET = "plain"

GRPC = ("s3", "master", "volume", "filer")

# A bucket as a whole is the account's, but lists and deletions of many are about objects.
NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error warn;
{user}
events {{ worker_connections 4096; }}
http {{
  log_format calls '$request_method $request_length $status $place $request_uri';
  access_log {log} calls;
  map "$request_method $request_uri" $place {{
    default account;
    ~^\\S+\\ /{site_bucket}/[^?] objects;
    ~^\\S+\\ /{site_bucket}/?\\?(.*&)?(list-type|delete|versions|uploads)([=&]|$) objects;
    ~^\\S+\\ /{plain_bucket}([/?]|$) objects;
  }}
  upstream objects {{ server 127.0.0.1:{objects}; keepalive 512; keepalive_requests 1000000; }}
  upstream account {{ server 127.0.0.1:{account}; keepalive 64; keepalive_requests 1000000; }}
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  client_body_timeout 600s;
  keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /.mark {{ return 204; }}
    location / {{
      proxy_pass http://$place;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_buffers 32 64k;
      proxy_max_temp_file_size 0;
      proxy_read_timeout 600s;
      proxy_send_timeout 600s;
      proxy_next_upstream off;
    }}
  }}
}}
"""


# The identity that the practice account knows, too; without identities SeaweedFS refuses what is signed. Whoever
# signs nothing is this script and the edge.
IDENTITIES = {
    "identities": [
        {"name": "practice", "credentials": [{"accessKey": "practice", "secretKey": "practice"}], "actions": ["Admin"]},
        {"name": "anonymous", "actions": ["Admin", "Read", "Write", "List"]},
    ]
}


class Ran(typing.NamedTuple):
    """A tool's run: wall time, processor time, the greatest resident set in bytes, and what it said."""

    seconds: float
    processor: float
    memory: int
    count: calls.Count

    def value(self):
        """As JSON."""
        return {
            "seconds": round(self.seconds, 3), "processor_seconds": round(self.processor, 3),
            "peak_memory": self.memory, **self.count.value(),
        }


class Lab:
    """What is running: `url` for the tools, `objects` for a look round the proxy, `edge` for visitors."""

    def __init__(self, folder, url, objects, edge, log):
        self.folder, self.url, self.objects, self.edge, self._log, self._read = folder, url, objects, edge, log, 0

    def environment(self):
        """What every tool gets, and nothing of whoever runs this. rclone's provider is not AWS, because that one
        sends checksums in trailers, for which it wants TLS."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1",
            "AWS_ACCESS_KEY_ID": "practice", "AWS_SECRET_ACCESS_KEY": "practice", "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true",
            "ARQ_EDGE_ENDPOINT": self.edge,
            "RCLONE_CONFIG": str(home / "rclone.conf"), "RCLONE_CONFIG_LAB_TYPE": "s3",
            "RCLONE_CONFIG_LAB_PROVIDER": "SeaweedFS", "RCLONE_CONFIG_LAB_ENV_AUTH": "true",
            "RCLONE_CONFIG_LAB_REGION": "us-east-1", "RCLONE_CONFIG_LAB_ENDPOINT": self.url,
            "RCLONE_CONFIG_LAB_FORCE_PATH_STYLE": "true",
        }

    def run(self, command, cwd):
        """Run a tool to its end; SystemExit when it fails."""
        said = self.folder / "said"
        with said.open("w") as out:
            began = time.monotonic()
            streams = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
            child = subprocess.Popen(command, cwd=cwd, env=self.environment(), **streams)
            try:
                _, status, used = os.wait4(child.pid, 0)
            except BaseException:
                child.kill()
                raise
            seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            shutil.copy(said, tools.PLACE / "failed.txt")
            end = said.read_text()[-3000:]
            raise SystemExit(f"{' '.join(map(str, command))} ended with {child.returncode}:\n{end}")
        return Ran(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, self._count())

    def _count(self):
        """The calls since the last count. One worker logs in the order of answers, so the mark comes last."""
        urllib.request.urlopen(f"{self.url}/.mark", timeout=30).close()
        while True:
            with self._log.open() as log:
                log.seek(self._read)
                lines = log.readlines()
            if lines and lines[-1].endswith(" /.mark\n"):
                self._read += sum(map(len, lines))
                return calls.Count(lines[:-1])
            time.sleep(0.01)

    def stored(self, bucket):
        """The number of a bucket's objects."""
        number, token = 0, ""
        while True:
            with _get(f"{self.objects}/{bucket}?list-type=2&max-keys=1000{token}") as answer:
                text = answer.read().decode()
            number += text.count("<Key>")
            if "<NextContinuationToken>" not in text:
                return number
            token = "&continuation-token=" + urllib.request.quote(text.split("NextContinuationToken>")[1][:-2], safe="")

    def object(self, bucket, key):
        """An object's bytes."""
        with _get(f"{self.objects}/{bucket}/{key}") as answer:
            return answer.read()

    def page(self, path):
        """What a visitor of the site gets."""
        with _get(f"{self.edge}/{path}") as answer:
            return answer.read()


def _get(url):
    return urllib.request.urlopen(url, timeout=60)


@contextmanager
def laboratory(program):
    """All three servers, empty; they end with the block. `program` finds SeaweedFS."""
    tools.PLACE.mkdir(exist_ok=True)
    folder = tools.PLACE / f"lab-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    running, ports = [], _free_ports(11)
    try:
        yield _start(folder, program, running, ports)
    finally:
        for child in reversed(running):
            child.terminate()
        for child in reversed(running):
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        shutil.rmtree(folder, ignore_errors=True)
        # SeaweedFS leaves these, whatever it is told.
        for kind, port in zip(GRPC, ports[7:]):
            Path(f"/tmp/seaweedfs-{kind}-grpc-{port}.sock").unlink(missing_ok=True)


def _start(folder, program, running, ports):
    objects, account, edge, port = (f"http://127.0.0.1:{n}" for n in ports[:4])
    _spawn(running, folder, "seaweedfs", _seaweedfs(folder, program("weed"), ports[0], ports[4:]))
    os.environ["ARQ_MEASURE_OBJECTS"] = objects
    ready = folder / "ready"
    command = [tools.practice_python(), tools.HERE / "account.py"]
    command += ["--port", ports[1], "--edge-port", ports[2], "--ready-file", ready]
    _spawn(running, folder, "account", command)
    conf, log = folder / "nginx.conf", folder / "calls.log"
    values = {"folder": folder, "log": log, "port": ports[3], "objects": ports[0], "account": ports[1]}
    user = "user root;" if os.geteuid() == 0 else ""
    conf.write_text(NGINX.format(**values, user=user, site_bucket=SITE_BUCKET, plain_bucket=PLAIN_BUCKET))
    _wait("SeaweedFS", running[0], folder, lambda: _ready(objects))
    _wait("the practice account", running[1], folder, ready.exists)
    _spawn(running, folder, "nginx", [tools.nginx(), "-p", folder, "-c", conf])
    lab = Lab(folder, port, objects, edge, log)
    _wait("nginx", running[2], folder, lambda: lab._count() is not None)
    return lab


def _seaweedfs(folder, weed, port, ports):
    master, volume, filer, *grpc = ports
    data = folder / "data"
    data.mkdir()
    (folder / "identities.json").write_text(json.dumps(IDENTITIES))
    # Each bucket takes seven volumes; without enough of them a PUT waits for ever.
    command = [weed, "-logtostderr=true", "server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={data}"]
    command += [f"-s3.port={port}", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"]
    command += [f"-{name}.port.grpc={number}" for name, number in zip(GRPC, grpc)]
    # What is not needed listens nowhere, and nothing is reported to the project.
    command += ["-volume.max=200", "-master.volumeSizeLimitMB=1024", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += ["-master.telemetry=false", f"-s3.config={folder}/identities.json"]
    return command + [f"-s3.localSocket={folder}/s3.sock", f"-filer.localSocket={folder}/filer.sock"]


def _ready(objects):
    """Whether a PUT arrives; buckets for everybody. arqsite makes its own in the account, and finds it here."""
    for bucket in (SITE_BUCKET, PLAIN_BUCKET):
        probe = f"{bucket}/probe"
        for method, path, body in (("PUT", bucket, b""), ("PUT", probe, b"x"), ("DELETE", probe, None)):
            request = urllib.request.Request(f"{objects}/{path}", body, method=method)
            try:
                urllib.request.urlopen(request, timeout=20).close()
            except urllib.error.HTTPError as error:
                # The bucket is there from the last attempt.
                if error.code != 409:
                    return False
    return True


def _spawn(running, folder, name, command):
    with (folder / f"{name}.log").open("w") as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        running.append(subprocess.Popen([str(part) for part in command], cwd=folder, **streams))


def _wait(what, child, folder, ready):
    end = time.monotonic() + 90
    while time.monotonic() < end and child.poll() is None:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.1)
    logs = "\n".join(path.read_text()[-1500:] for path in folder.glob("*.log") if path.name != "calls.log")
    raise SystemExit(f"{what} did not start:\n{logs}")


def _free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
