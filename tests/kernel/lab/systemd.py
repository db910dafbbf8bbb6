"""A root folder booted by systemd, in a network namespace of the lab: units run as they are meant.

It has processes, mounts, a name and control groups of its own; kernel and clock are the guest's.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.unit import PATH
from tests.kernel.lab.namespaces import in_namespace
from tests.kernel.lab.waiting import wait_until

SCRIPT = Path(__file__).with_suffix(".sh")
CGROUPS = Path("/sys/fs/cgroup")
OWN = ("--pid", "--fork", "--kill-child", "--mount", "--cgroup", "--uts", "--ipc")
NOT_WANTED = ("getty.target", "systemd-udevd.service", "systemd-logind.service")
BOOT_S = 60.0
STEP_S = 300.0
JOURNAL = "var/log/journal"


class Booted:
    """A machine that runs; `leader` is its process 1, as the guest numbers it."""

    def __init__(self, leader: int) -> None:
        self.leader = leader

    def power_off(self) -> None:
        """As by pulling the plug."""
        os.kill(self.leader, signal.SIGKILL)

    def enter(self, *words: str, folder: str = "/") -> list[str]:
        """Give the words that run something there, as root."""
        spaces = ("--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net")
        there = f"--wd=/proc/{self.leader}/root{folder}"
        return ["nsenter", f"--target={self.leader}", *spaces, "--root", there, *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.enter(*words),
            env={"PATH": PATH, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STEP_S,
        )


@contextmanager
def booted(namespace: str, root: Path, folders: Sequence[str]) -> Iterator[Booted]:
    """Boot it, and take its power away at the end of the block.

    Args:
        folders: Such as usr/bin, relative to /: where it sees the guest's own.
    """
    _prepare(root, namespace)
    script = [str(SCRIPT), str(root), *folders]
    join = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(_own_group(namespace) / "cgroup.procs")]
    with in_namespace(namespace):
        init = subprocess.Popen([*join, "unshare", *OWN, "sh", *script], env={"PATH": PATH})
    with init:
        try:
            machine = Booted(_leader(init))
            _wait_until_up(machine)
            yield machine
        finally:
            init.kill()


def _prepare(root: Path, name: str) -> None:
    for folder in ("etc/systemd/system", "mnt", "run", "sys", JOURNAL):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/machine-id").write_text(f"{os.urandom(16).hex()}\n")  # so it is no first boot
    (root / "etc/hostname").write_text(f"{name}\n")
    (root / "etc/fstab").touch()
    for unit in NOT_WANTED:
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")


def _own_group(name: str) -> Path:
    if not CGROUPS.is_mount():
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUPS)], check=True)
    group = CGROUPS / f"machine-{name}"
    group.mkdir(exist_ok=True)
    return group


def _leader(init: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{init.pid}/task/{init.pid}/children")
    wait_until(lambda: init.poll() is not None or children.read_text(), "systemd is process 1")
    assert init.poll() is None, "the machine did not start"
    return int(children.read_text().split()[0])


def _wait_until_up(machine: Booted) -> None:
    """Wait as an admin waits for the prompt."""
    state = ""

    def is_up() -> bool:
        nonlocal state
        state = machine.run("systemctl", "is-system-running").stdout.strip()
        return state in {"running", "degraded"}

    wait_until(is_up, "systemd has booted", BOOT_S)
    failed = machine.run("systemctl", "--failed", "--no-legend", "--plain").stdout
    assert not failed, failed
