"""A director of the original kind, as far as its peer and its clients can tell.

    python -m tests.kernel.lab.peer4 --role backup --keepalive 0.1 --deadtime 0.3

It speaks the heartbeat of four bytes and follows the original's table of states: it starts
inactive, activates by silence or by a peer that is inactive too, yields as the backup, announces
again as the primary, and says no goodbye. Active, it holds the lab's virtual IP and the NAT
router's; its IPVS table is the test's affair. With `--share` it runs the kernel's sync daemon, as
the original does for `syncdaemon = 1`. It says what it does in the original's words.
Runs in the namespace in which it was started, dirA for the primary and dirB for the backup.
"""

from __future__ import annotations

import argparse
import select
import signal
import socket
import struct
import subprocess
import sys
import time

from tests.kernel.lab.network import NAT_ROUTER, VIRTUAL_IP, cable

RUNNING, STOPPED = 0xBDADDBDA, 0xADBDDABD
HELD = ((VIRTUAL_IP, "eth0"), (NAT_ROUTER, "eth1"))
DIRECTOR = {"primary": "dirA", "backup": "dirB"}
OTHER = {"primary": "backup", "backup": "primary"}
NETWORKS = ("public", "private")
EVERYBODY = b"\xff" * 6


class Peer4:
    """One director; `run` never returns."""

    def __init__(
        self, role: str, keepalive_s: float, deadtime_s: float, port: int, sync: str
    ) -> None:
        self._role, self._port, self._sync = role, port, sync
        self._keepalive_s, self._deadtime_s = keepalive_s, deadtime_s
        own, peer = DIRECTOR[role], DIRECTOR[OTHER[role]]
        self._peer = {cable(peer, network).address for network in NETWORKS}
        self._links = [
            (_bound(cable(own, network).address, port), cable(peer, network).address)
            for network in NETWORKS
        ]
        self._active = False

    def run(self) -> None:
        say(f"STARTING PULSE AS {'MASTER' if self._role == 'primary' else 'BACKUP'}")
        hold(up=False)
        self._share("backup")
        heard_at = send_at = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= send_at:
                self._send()
                send_at = now + self._keepalive_s
            if not self._active and now >= heard_at + self._deadtime_s:
                self._activate("partner dead: activating lvs")
            ends = send_at if self._active else min(send_at, heard_at + self._deadtime_s)
            sockets = [link for link, _ in self._links]
            for ready in select.select(sockets, [], [], max(0.0, ends - now))[0]:
                if self._hear(ready):
                    heard_at = time.monotonic()

    def _send(self) -> None:
        value = struct.pack("=I", RUNNING if self._active else STOPPED)
        for link, peer in self._links:
            try:
                link.sendto(value, (peer, self._port))
            except OSError as error:
                say(f"Warning -- failed to send heartbeat: {error.strerror}")

    def _hear(self, link: socket.socket) -> bool:
        """Whether it was a heartbeat of the peer's."""
        data, (address, _) = link.recvfrom(512)
        if address not in self._peer:
            return False
        value = struct.unpack("=I", data)[0] if len(data) == 4 else None
        if value == RUNNING and self._active:
            self._both_active()
        elif value == STOPPED and not self._active:
            self._activate(f"{OTHER[self._role]} inactive: activating lvs")
        elif value not in (RUNNING, STOPPED):
            say("bad heartbeat packet")
            return False
        return True

    def _both_active(self) -> None:
        if self._role == "primary":
            say("partner active: resending arps")
            announce()
        else:
            self._send()
            say("partner active: deactivating LVS")
            self._active = False
            hold(up=False)
            self._share("backup")

    def _activate(self, why: str) -> None:
        say(why)
        self._active = True
        self._share("master")
        hold(up=True)
        announce()
        say("gratuitous lvs arps finished")

    def _share(self, role: str) -> None:
        """Stop both daemons and start one, in the original's order."""
        if self._sync:
            for command in (
                "--stop-daemon backup",
                "--stop-daemon master",
                f"--start-daemon {role} --mcast-interface {self._sync} --syncid 0",
            ):
                words = ["ipvsadm", *command.split()]
                subprocess.run(words, capture_output=True, timeout=10)  # none to stop is no harm


def _bound(address: str, port: int) -> socket.socket:
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.bind((address, port))
    return link


def hold(*, up: bool) -> None:
    verb = "replace" if up else "del"
    commands = "".join(f"addr {verb} {address}/24 dev {device}\n" for address, device in HELD)
    subprocess.run(
        ["ip", "-force", "-batch", "-"], input=commands.encode(), capture_output=True, timeout=10
    )


def announce() -> None:
    """Tell everybody by which device the held addresses are reached now."""
    for address, device in HELD:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind((device, 0))
            wire.send(gratuitous_arp(wire.getsockname()[4], address))


def gratuitous_arp(hardware: bytes, address: str) -> bytes:
    internet = socket.inet_aton(address)
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2)
    return (
        EVERYBODY + hardware + b"\x08\x06" + head + hardware + internet + hardware + internet
    ).ljust(60, b"\0")


def say(line: str) -> None:
    print(f"{time.monotonic():.3f} pulse: {line}", flush=True)


def _terminated(number: int, _frame: object) -> None:
    say(f"Terminating due to signal {number}")
    hold(up=False)
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description="A director of the original kind.")
    parser.add_argument("--role", choices=DIRECTOR, required=True)
    parser.add_argument("--keepalive", type=float, default=2)
    parser.add_argument("--deadtime", type=float, default=5)
    parser.add_argument("--port", type=int, default=539)
    parser.add_argument("--share", default="", metavar="INTERFACE")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    Peer4(options.role, options.keepalive, options.deadtime, options.port, options.share).run()


if __name__ == "__main__":
    main()
