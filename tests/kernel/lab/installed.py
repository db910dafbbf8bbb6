"""A machine of the lab's network with a root folder of its own, to install on and to use by hand.

Its programs are the guest's; its /etc, /var and /opt are its own and know nothing of the product.
systemd has booted it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.deploy.machine import PROGRAM_FILES, Machine
from tests.deploy.unit import PATH
from tests.kernel.lab.boot import CHECKOUT
from tests.kernel.lab.systemd import JOURNAL, STEP_S, Booted, booted
from tests.kernel.lab.waiting import wait_until

PYTHON = "/usr/bin/python3"
SOURCE = Path("root/piranha-lvs")  # where the admin has the checkout
ENVIRON = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root", "PYTHONUNBUFFERED": "1"}
UNITS = ("pulse", "piranha-gui", "piranha-received", "ssh")
FOLDERS = tuple(
    name
    for name in (*PROGRAM_FILES, "usr/share", "dev")
    if Path("/", name).is_dir() and not Path("/", name).is_symlink()
)
BASE_ETC = Path("/usr/share/base-passwd")
FROM_ETC = ("pam.d", "security", "login.defs", "ssh/sshd_config", "ssl", "shells")


class Console:
    """Root's terminal on one machine; all that is typed and told stands in `transcript`."""

    def __init__(self, namespace: str, root: Path, booted: Booted) -> None:
        self.namespace = namespace
        self.root = root
        self.transcript: list[str] = []
        self._booted = booted

    def type(self, line: str, stdin: str = "", *, shown: bool = True) -> str:
        """Run one line and return what it told.

        Raises:
            AssertionError: It failed; the whole transcript is in it.
        """
        before = len(self.transcript)
        self.transcript.append(f"{self.namespace}# {line}")
        done = subprocess.run(
            self._words(line),
            input=stdin,
            env=ENVIRON,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_S,
        )
        self.transcript.append(done.stdout.rstrip())
        assert done.returncode == 0, str(self)
        if not shown:
            del self.transcript[before:]
        return done.stdout

    def begin(self, line: str) -> subprocess.Popen[str]:
        """Start one line that waits for something."""
        self.transcript.append(f"{self.namespace}# {line}")
        return subprocess.Popen(
            self._words(line),
            env=ENVIRON,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _words(self, line: str) -> list[str]:
        return self._booted.enter("sh", "-c", line, folder=f"/{SOURCE}")

    def power_off(self) -> None:
        """As by pulling the plug; the network is another's to cut."""
        self.transcript.append(f"{self.namespace}: the power is gone")
        self._booted.power_off()

    def lvs_cf(self) -> str:
        return (self.root / "etc/sysconfig/ha/lvs.cf").read_text()

    def wait_for(self, line: str, told: str, within_s: float = 30.0) -> str:
        """Type a line again and again until it tells what is waited for; keep the last time."""
        last = [""]

        def tells() -> bool:
            mark = len(self.transcript)
            last[0] = self.type(f"{line} || true")
            if told not in last[0]:
                del self.transcript[mark:]
            return told in last[0]

        try:
            wait_until(tells, f"{line} tells {told!r}", within_s)
        except AssertionError as error:
            error.add_note(f"{last[0]}\n{self}")
            raise
        return last[0]

    def __str__(self) -> str:
        return "\n".join((*self.transcript, f"--- journal of {self.namespace}", self.journal()))

    def journal(self) -> str:
        """What the product's units have said; it outlives the machine."""
        units = [f"--unit={name}" for name in UNITS]
        folder = f"--directory={self.root}/{JOURNAL}"
        told = subprocess.run(
            ["journalctl", folder, "--no-pager", *units], capture_output=True, text=True
        )
        return told.stdout + told.stderr


@contextmanager
def consoles(*namespaces: str, folder: Path) -> Iterator[tuple[Console, ...]]:
    with ExitStack() as stack:
        made = []
        for name in namespaces:
            root = _fresh(folder / name).root
            made.append(Console(name, root, stack.enter_context(booted(name, root, FOLDERS))))
        yield tuple(made)


def _fresh(root: Path) -> Machine:
    """Make a system as after its own installation, the packages of the README in it."""
    machine = Machine.made(root)
    for name in ("passwd", "group"):
        shutil.copy(BASE_ETC / f"{name}.master", root / "etc" / name)
    with (root / "etc/passwd").open("a") as passwd:
        passwd.write("sshd:x:64980:65534::/run/sshd:/usr/sbin/nologin\n")
    for name in FROM_ETC:
        _copy(Path("/etc") / name, root / "etc" / name)
    for name in ("root", "var/lib", str(SOURCE)):
        (root / name).mkdir(parents=True, exist_ok=True)
    ignored = shutil.ignore_patterns(".git", ".venv", ".build", "__pycache__", ".*_cache", "tests")
    shutil.copytree(CHECKOUT, root / SOURCE, ignore=ignored, dirs_exist_ok=True)
    shutil.copytree(CHECKOUT / ".build" / "wheels", root / SOURCE / "wheels")
    return machine


def _copy(here: Path, there: Path) -> None:
    there.parent.mkdir(parents=True, exist_ok=True)
    if here.is_dir():
        shutil.copytree(here, there, symlinks=True)
    elif here.exists():
        shutil.copy(here, there)
