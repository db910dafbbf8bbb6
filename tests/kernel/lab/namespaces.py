"""Network namespaces from Python: make them, enter them, run programs in them. Root only.

A thread that has entered a namespace makes its sockets and starts its programs there; what it
made stays there after it has left. So nothing here needs `ip netns exec`, which is slow.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

RUN_NETNS = Path("/run/netns")
PROC_SYS = Path("/proc/sys")
CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MNT_DETACH = 2
PROGRAM_DEADLINE_S = 20.0

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


@contextmanager
def in_namespace(name: str) -> Iterator[None]:
    """Let this thread be in namespace `name`; in asyncio, never await inside."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        with (RUN_NETNS / name).open("rb") as there:
            _checked(_libc.setns(there.fileno(), CLONE_NEWNET), f"enter {name}")
        yield
    finally:
        _checked(_libc.setns(home, CLONE_NEWNET), "leave a namespace")
        os.close(home)


def make_namespace(name: str) -> None:
    """As `ip netns add`, with lo up."""
    RUN_NETNS.mkdir(parents=True, exist_ok=True)
    mount_point = RUN_NETNS / name
    mount_point.touch(exist_ok=False)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _checked(_libc.unshare(CLONE_NEWNET), "make a namespace")
        here, there = b"/proc/thread-self/ns/net", os.fsencode(mount_point)
        _checked(_libc.mount(here, there, b"", MS_BIND, None), f"keep {name}")
    finally:
        _checked(_libc.setns(home, CLONE_NEWNET), "leave a namespace")
        os.close(home)
    ip_batch(name, "link set lo up")


def remove_namespace(name: str) -> None:
    """As `ip netns del`: it ends when its last socket and process do."""
    mount_point = RUN_NETNS / name
    with suppress(FileNotFoundError):
        _checked(_libc.umount2(os.fsencode(mount_point), MNT_DETACH), f"remove {name}")
        mount_point.unlink()


def run(name: str, *command: str, stdin: str = "", check: bool = True) -> str:
    """Run a program in a namespace and return what it printed.

    Raises:
        subprocess.CalledProcessError: It failed and `check` holds; the notes say what it said.
    """
    with in_namespace(name):
        result = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=PROGRAM_DEADLINE_S
        )
    if check and result.returncode != 0:
        error = subprocess.CalledProcessError(result.returncode, command)
        error.add_note(f"in namespace {name} it said: {result.stderr.strip()}")
        raise error
    return result.stdout


def ip_batch(name: str, *commands: str) -> None:
    """Run several `ip` commands in a namespace by one process."""
    run(name, "ip", "-batch", "-", stdin="\n".join(commands) + "\n")


def sysctl(name: str, key: str, value: int | str) -> None:
    """Set one value, such as `net/ipv4/ip_forward`, in a namespace."""
    with in_namespace(name):
        (PROC_SYS / key).write_text(f"{value}\n")


def proc_net(name: str, file: str) -> str:
    """Read a file of /proc/net as it is in a namespace; empty if it is not there."""
    with in_namespace(name):
        path = Path("/proc/thread-self/net") / file
        return path.read_text() if path.exists() else ""
