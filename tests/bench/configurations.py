"""The same virtual servers, as our lvs.cf and as keepalived's configuration.

They are ports of one virtual IP (which pulse sets and keepalived's checker does not); every real
server has an address of its own, all in one network that is to be routed to lo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

# Benchmarking addresses (RFC 2544). In the guest they are routed to lo; on the host it is 127/8.
GUEST_NETWORK = IPv4Network("198.18.0.0/16")
HOST_NETWORK = IPv4Network("127.18.0.0/16")
GUEST_VIRTUAL_IP = "198.19.0.1"
HOST_VIRTUAL_IP = "127.0.0.1"
FIRST_PORT = 2001


@dataclass(frozen=True, slots=True)
class Plan:
    """So many virtual servers of so many real servers each.

    Attributes:
        interval_s: Whole seconds between two checks of one real server; each may take as long.
        port: Where every real server listens.
    """

    virtuals: int
    reals: int
    interval_s: int
    network: IPv4Network = GUEST_NETWORK
    virtual_ip: str = GUEST_VIRTUAL_IP
    port: int = 1999

    @property
    def total(self) -> int:
        return self.virtuals * self.reals

    def real(self, virtual: int, number: int) -> IPv4Address:
        return self.network[1 + virtual * self.reals + number]


def lvs_cf(plan: Plan, weight: Callable[[int, int], int] = lambda virtual, number: 1) -> str:
    """Write lvs.cf; `weight` tells each real server's."""
    lines = ["serial_no = 1", "service = lvs", "backup_active = 0", "network = nat"]
    for virtual in range(plan.virtuals):
        lines += [
            f"virtual v{virtual} {{",
            "     active = 1",
            f"     address = {plan.virtual_ip} lo:1",
            "     vip_nmask = 255.255.255.255",
            f"     port = {FIRST_PORT + virtual}",
            "     scheduler = wlc",
            "     protocol = tcp",
            f"     timeout = {plan.interval_s}",
            f"     reentry = {plan.interval_s}",
        ]
        for number in range(plan.reals):
            lines += [
                f"     server r{number} {{",
                f"         address = {plan.real(virtual, number)}",
                "         active = 1",
                f"         port = {plan.port}",
                f"         weight = {weight(virtual, number)}",
                "     }",
            ]
        lines.append("}")
    return "\n".join([*lines, ""])


def keepalived_conf(plan: Plan, *, checked_first: bool) -> str:
    """Write keepalived's configuration.

    Args:
        checked_first: Let no real server in before a check has passed, as ours never does;
            by default keepalived takes all for up at start.
    """
    lines = ["global_defs {", "    router_id bench", "}"]
    for virtual in range(plan.virtuals):
        lines += [
            f"virtual_server {plan.virtual_ip} {FIRST_PORT + virtual} {{",
            f"    delay_loop {plan.interval_s}",
            "    lb_algo wlc",
            "    lb_kind NAT",
            "    protocol TCP",
            *(["    alpha"] if checked_first else []),
        ]
        for number in range(plan.reals):
            lines += [
                f"    real_server {plan.real(virtual, number)} {plan.port} {{",
                "        weight 1",
                "        TCP_CHECK {",
                f"            connect_timeout {plan.interval_s}",
                "        }",
                "    }",
            ]
        lines.append("}")
    return "\n".join([*lines, ""])
