"""A keepalived pair in the lab's network, with the services that our pair has: to be measured.

Both start as backups that do not pre-empt, as a pair that never fails back by itself. The virtual
IP and the NAT router's move together, connections are shared over the private network.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.kernel.lab.configuration import Virtual, real_address
from tests.kernel.lab.faults import cables_of, cut
from tests.kernel.lab.namespaces import in_namespace
from tests.kernel.lab.network import DIRECTORS, NAT_ROUTER, VIRTUAL_IP
from tests.kernel.lab.pair import holders
from tests.kernel.lab.waiting import wait_until

PROGRAM = "keepalived"
PRIORITY = {"dirA": 150, "dirB": 100}
KIND = {"nat": "NAT", "direct": "DR"}
ENDED_WITHIN_S = 15.0
SETTLED_S = 0.5  # its own first announcements are out


def installed() -> bool:
    return shutil.which(PROGRAM) is not None


def keepalived_conf(
    name: str, advert_s: float, virtuals: Sequence[Virtual], network: str = "nat"
) -> str:
    """Write the whole keepalived.conf of one director."""
    parts = [
        "global_defs {",
        "  lvs_sync_daemon eth1 public",
        "  vrrp_version 3",  # or no fraction of a second
        "}",
        "vrrp_sync_group both { group { public private } }",
        _instance("public", "eth0", 51, f"{VIRTUAL_IP}/24 dev eth0", name, advert_s),
        _instance("private", "eth1", 52, f"{NAT_ROUTER}/24 dev eth1", name, advert_s),
        *(_virtual_server(virtual, network) for virtual in virtuals),
    ]
    return "\n".join(parts) + "\n"


def _instance(
    instance: str, device: str, number: int, address: str, name: str, advert_s: float
) -> str:
    return f"""vrrp_instance {instance} {{
  state BACKUP
  nopreempt
  interface {device}
  virtual_router_id {number}
  priority {PRIORITY[name]}
  advert_int {advert_s:g}
  virtual_ipaddress {{ {address} }}
}}"""


def _virtual_server(virtual: Virtual, network: str) -> str:
    real_servers = "\n".join(
        f"""  real_server {real_address(name, network)} {virtual.port} {{
    weight {weight}
    TCP_CHECK {{ connect_timeout {virtual.timeout_s} }}
  }}"""
        for name, weight in virtual.servers.items()
    )
    return f"""virtual_server {virtual.address} {virtual.port} {{
  delay_loop {virtual.timeout_s}
  lvs_sched {virtual.scheduler}
  lvs_method {KIND[network]}
  protocol {virtual.protocol.upper()}
{real_servers}
}}"""


class Keepalived:
    """One keepalived with its two children, in a director's namespace."""

    def __init__(self, namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, conf: str) -> None:
        """Start it; it is of use a few announcements later."""
        file = self._folder / "keepalived.conf"
        file.write_text(conf)
        pids = [word for flag in "prc" for word in (f"-{flag}", str(self._folder / f"{flag}.pid"))]
        command = [PROGRAM, "--dont-fork", "--log-console", "-f", str(file), *pids]
        with (self._folder / "log").open("ab") as log, in_namespace(self.namespace):
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def crash(self) -> None:
        """Cut the director off and kill all three at once.

        They are stopped first: a child that saw its parent die would tidy up.
        """
        pids = self._pids()
        _signal(pids, signal.SIGSTOP)
        cut(*cables_of(self.namespace))
        _signal(pids, signal.SIGKILL)
        self._wait()

    def terminate(self) -> None:
        """Stop by SIGTERM; returns at once."""
        assert self._process
        self._process.terminate()

    def end(self) -> None:
        """End it in whatever way works."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._wait()

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    def _wait(self) -> None:
        assert self._process
        self._process.wait(ENDED_WITHIN_S)

    def _pids(self) -> list[int]:
        assert self._process
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [pid, *map(int, children.split())]


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class KeepalivedPair:
    """Both, on dirA and dirB."""

    def __init__(self, folder: Path) -> None:
        self.directors: dict[str, Keepalived] = {}
        for name in DIRECTORS:
            (folder / name).mkdir()
            self.directors[name] = Keepalived(name, folder / name)

    def __getitem__(self, name: str) -> Keepalived:
        return self.directors[name]

    def start(self, advert_s: float, *virtuals: Virtual, network: str = "nat") -> None:
        """Start dirA, wait until it is active, start dirB, and give both time to settle."""
        self["dirA"].start(keepalived_conf("dirA", advert_s, virtuals, network))
        wait_until(lambda: holders() == {"dirA"}, "dirA is active", 10 + 5 * advert_s)
        backup = self["dirB"]
        backup.start(keepalived_conf("dirB", advert_s, virtuals, network))
        wait_until(lambda: "Entering BACKUP STATE" in backup.log, "dirB stands by")
        time.sleep(2 * advert_s + SETTLED_S)

    def crash(self, name: str) -> None:
        self[name].crash()


@contextmanager
def a_keepalived_pair() -> Iterator[KeepalivedPair]:
    """A pair that is not started yet; ended at the end."""
    folder = Path(tempfile.mkdtemp(prefix="keepalived-"))
    pair = KeepalivedPair(folder)
    try:
        yield pair
    finally:
        for director in pair.directors.values():
            director.end()
        shutil.rmtree(folder)
