"""A machine of the lab's network with a root folder of its own, to install on and to use by hand.

Its programs are the guest's; its /etc, /var and /opt are its own and know nothing of the product.
It has no init: a service is its unit's own command line, run as the unit says.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.deploy.machine import Machine
from tests.deploy.unit import PATH
from tests.kernel.lab.boot import CHECKOUT
from tests.kernel.lab.namespaces import in_namespace
from tests.kernel.lab.waiting import wait_until

PYTHON = "/usr/bin/python3"
SOURCE = Path("root/piranha-lvs")  # where the admin has the checkout
STEP_S = 300.0
BASE_ETC = Path("/usr/share/base-passwd")
FROM_ETC = ("pam.d", "security", "login.defs", "ssh/sshd_config", "ssl", "shells")


class Console:
    """Root's terminal on one machine; all that is typed and told stands in `transcript`."""

    def __init__(self, namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self.machine = _fresh(folder / namespace)
        self.transcript: list[str] = []
        self._running = ExitStack()

    def type(self, line: str, stdin: str = "", *, ok: bool = True, **environ: str) -> str:
        """Run one line and return what it told.

        Raises:
            AssertionError: It failed though it should not; the whole transcript is in it.
        """
        self.transcript.append(f"{self.namespace}# {line}")
        with in_namespace(self.namespace):
            done = subprocess.run(
                self.machine.enter("sh", "-c", f"cd /{SOURCE} && {line}"),
                input=stdin,
                env={"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root", **environ},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=STEP_S,
            )
        self.transcript.append(done.stdout.rstrip())
        assert (done.returncode == 0) is ok, "\n".join(self.transcript)
        return done.stdout

    def begin(self, line: str) -> subprocess.Popen[str]:
        """Start one line that waits for something."""
        self.transcript.append(f"{self.namespace}# {line}")
        with in_namespace(self.namespace):
            return subprocess.Popen(
                self.machine.enter("sh", "-c", line),
                env={"PATH": PATH, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def start(self, unit: str) -> subprocess.Popen[bytes]:
        """Do what `systemctl start` does; it is stopped with the machine."""
        self.transcript.append(f"{self.namespace}# systemctl start {unit}")
        log = self.log(unit)
        with in_namespace(self.namespace):
            service = self.machine.service(f"{unit}.service", {}, log)
            return self._running.enter_context(service)

    def crash(self, unit: str, running: subprocess.Popen[bytes]) -> None:
        """Kill it, and do what systemd does then, short of starting it again."""
        running.kill()
        running.wait(10)
        with in_namespace(self.namespace):
            after = self.machine.unit_words(f"{unit}.service", "ExecStopPost")
            subprocess.run(
                after, env={"PATH": PATH, "LANG": "C.UTF-8"}, check=True, timeout=STEP_S
            )

    def start_sshd(self) -> None:
        """Debian's package makes host keys, and starts it."""
        self.type("ssh-keygen -A && mkdir -p /run/sshd && chmod 755 /run/sshd")
        with in_namespace(self.namespace):
            process = subprocess.Popen(self.machine.enter("/usr/sbin/sshd", "-D", "-e"))
        self._running.callback(process.wait, 10)
        self._running.callback(process.terminate)

    def log(self, unit: str) -> Path:
        return self.machine.root.with_name(f"{self.namespace}-{unit}.log")

    def lvs_cf(self) -> str:
        return (self.machine.root / "etc/sysconfig/ha/lvs.cf").read_text()

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
            error.add_note(f"{last[0]}\n" + "\n".join(self.transcript))
            raise
        return last[0]

    def __str__(self) -> str:
        logs = (f"--- {log.name}\n{log.read_text()}" for log in self._logs())
        return "\n".join((*self.transcript, *logs))

    def _logs(self) -> list[Path]:
        return sorted(self.machine.root.parent.glob(f"{self.namespace}-*.log"))

    def close(self) -> None:
        self._running.close()


@contextmanager
def consoles(*namespaces: str, folder: Path) -> Iterator[tuple[Console, ...]]:
    with ExitStack() as stack:
        made = []
        for name in namespaces:
            made.append(Console(name, folder))
            stack.callback(made[-1].close)
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
    for name in ("run", "root", "var/lib", "var/log", str(SOURCE)):
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
