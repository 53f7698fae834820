"""Children that cannot outlive the practice account, however it ends."""

import asyncio
import ctypes
import os
import signal

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != _PARENT:
        # The parent was gone before the kernel was asked.
        os._exit(1)


_PARENT = os.getpid()


async def spawn(program, directory, environment):
    """Start a program in a process group of its own; its output comes through pipes.

    Call it on the main thread: the kernel ties the child to the thread that made it.
    """
    return await asyncio.create_subprocess_exec(
        program, cwd=directory, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        preexec_fn=_die_with_parent, limit=1024 * 1024,
    )


def kill(process):
    """End a child and everything that it started."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
