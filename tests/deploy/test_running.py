"""The units' own command lines, as their own users with their own capabilities."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.machine import Machine, owner_and_mode
from tests.journeys.director import LVS_CF
from tests.kernel.lab.waiting import wait_until

DEADLINE_S = 30.0
WATCHDOG_S = 1.0
# Nobody listens at these addresses of the loopback network, so checks end at once.
TEXT = LVS_CF.replace("10.9.9.2", "127.9.9.2").replace(
    "primary = 192.0.2.11", "primary = 127.0.0.1"
)
THREE = (1 << 12) | (1 << 13) | (1 << 10)  # net_admin, net_raw, net_bind_service


@dataclass
class Manager:
    """systemd's side of Type=notify."""

    listening: socket.socket
    told: list[str] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        name = self.listening.getsockname()
        return {
            "NOTIFY_SOCKET": "@" + name[1:].decode(),
            "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
        }

    def wait_for(self, word: str) -> None:
        self.listening.settimeout(DEADLINE_S)
        while word not in self.told:
            self.told += self.listening.recv(4096).decode().splitlines()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{os.getpid()}-{tmp_path.name}")
        yield Manager(listening)


@pytest.fixture
def director(machine: Machine) -> Machine:
    """The installed machine, configured: one virtual server, which nothing forwards."""
    (machine.root / "etc/sysconfig/ha/lvs.cf").write_text(TEXT)
    (machine.root / "etc/sysconfig/pulse").write_text('OPTIONS="--plane memory"\n')
    return machine


@dataclass(frozen=True, slots=True)
class Pulse:
    machine: Machine
    process: subprocess.Popen[bytes]
    manager: Manager
    log: Path

    def lvsctl(self, user: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.machine.as_user(user, "lvsctl", *words)


@pytest.fixture
def pulse(director: Machine, manager: Manager, tmp_path: Path) -> Iterator[Pulse]:
    log = tmp_path / "pulse.log"
    with director.service("pulse.service", manager.environ, log) as process:
        manager.wait_for("READY=1")
        yield Pulse(director, process, manager, log)


def status_of(process: subprocess.Popen[bytes]) -> dict[str, str]:
    rows = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return dict(row.split(":\t", 1) for row in rows if ":\t" in row)


def until(true: Callable[[], bool]) -> None:
    wait_until(true, "the service has done it", DEADLINE_S)


def test_pulse_comes_up_and_goes_on_telling_that_it_is_well(pulse: Pulse) -> None:
    pulse.manager.wait_for("READY=1")
    pulse.manager.told.clear()
    for _ in range(3):
        pulse.manager.wait_for("WATCHDOG=1")
        pulse.manager.told.clear()


def test_pulse_has_its_three_capabilities_and_can_get_no_other(pulse: Pulse) -> None:
    status = status_of(pulse.process)
    for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == THREE, name
    assert status["NoNewPrivs"] == "1"
    assert "0" not in status["Uid"].split()
    assert "0" not in status["Groups"].split()


def test_only_the_web_s_group_reaches_the_engine(pulse: Pulse) -> None:
    assert owner_and_mode(pulse.machine, "run/piranha/pulse.sock") == "pulse:piranha 0660"
    answered = pulse.lvsctl("piranha", "status")
    assert answered.returncode == 0, answered.stderr
    assert "virtual server shop" in answered.stdout
    asked = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    refused = pulse.machine.run(*asked, "lvsctl", "status")
    assert refused.returncode == 3
    assert "you may not use /run/piranha/pulse.sock" in refused.stderr


def test_its_state_is_where_the_web_cannot_write(pulse: Pulse) -> None:
    until((pulse.machine.root / "var/lib/piranha/engine/engine.json").exists)
    assert pulse.machine.as_user("piranha", "ls", "/var/lib/piranha/engine").returncode != 0
    assert pulse.machine.as_user("piranha", "touch", "/var/lib/piranha/x").returncode != 0


@pytest.mark.parametrize(
    ("number", "left"), [(signal.SIGUSR1, "leaving addresses and services as they are"),
                         (signal.SIGTERM, "")],
)  # fmt: skip
def test_told_to_end_it_says_so_and_leaves_the_kernel_alone_only_before_an_upgrade(
    pulse: Pulse, number: int, left: str
) -> None:
    pulse.process.send_signal(number)
    assert pulse.process.wait(DEADLINE_S) == 0
    pulse.manager.wait_for("STOPPING=1")
    log = pulse.log.read_text()
    assert "pulse has stopped" in log
    assert ("leaving addresses and services as they are" in log) is bool(left)


def test_after_the_end_the_unit_s_last_command_finds_nothing_to_do(director: Machine) -> None:
    """A director without a peer keeps what a crash left: the kernel goes on."""
    words = director.unit_words("pulse.service", "ExecStopPost")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd="/")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def web(machine: Machine, manager: Manager, tmp_path: Path) -> Iterator[tuple[Machine, str]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = machine.root / "etc/sysconfig/piranha-gui"
    file.write_text(f'OPTIONS="--bind 127.0.0.1 --port {port}"\n')
    with ExitStack() as stack:
        log = tmp_path / "web.log"
        process = stack.enter_context(machine.service("piranha-gui.service", manager.environ, log))
        manager.wait_for("READY=1")
        assert int(status_of(process)["CapBnd"], 16) == 0
        assert int(status_of(process)["CapPrm"], 16) == 0
        yield machine, f"http://127.0.0.1:{port}/"


def test_the_web_answers_without_any_capability(web: tuple[Machine, str]) -> None:
    machine, address = web
    with urllib.request.urlopen(address, timeout=DEADLINE_S) as answer:  # noqa: S310 - http, ours
        assert answer.status == 200
        assert b"Piranha" in answer.read()
    assert owner_and_mode(machine, "var/lib/piranha/web/web.sqlite3").startswith("piranha:piranha")
