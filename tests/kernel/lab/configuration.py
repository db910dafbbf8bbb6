"""Write the lvs.cf that a kernel test needs, in the canonical layout, from a few values.

It is text on purpose: what the engine's own reader and writer think of lvs.cf has no say here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.kernel.lab.network import NAT_ROUTER, REAL_SERVERS, VIRTUAL_IP, cable

ALL = dict.fromkeys(REAL_SERVERS, 1)
ALONE = ("backup_active = 0",)
HTTP_CHECK = ('send = "GET / HTTP/1.0\\r\\n\\r\\n"', 'expect = "HTTP/1.0 200"')


@dataclass(frozen=True, slots=True)
class Virtual:
    """One virtual server.

    Attributes:
        servers: Weight by the name of the real server.
        lines: Further lines, such as `persistent = 300`.
        check: The lines that say how to check; none checks that the port is open.
        timeout_s: Between two checks, and for each; twice that re-admits.
    """

    name: str = "web"
    address: str = VIRTUAL_IP
    device: str = "eth0:1"
    port: int = 80
    protocol: str = "tcp"
    scheduler: str = "rr"
    servers: Mapping[str, int] = field(default_factory=lambda: dict(ALL))
    lines: Sequence[str] = ()
    check: Sequence[str] = HTTP_CHECK
    timeout_s: int = 1

    def key(self) -> str:
        """As `table.read_table` names its service, where it has no mark."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol} {host}:{self.port}"

    def rows(self, network: str = "nat", /, **weights: int) -> dict[str, int]:
        """What the kernel's rows should be: `rows(rs1=5)` may be `{"10.11.12.1:80": 5}`."""
        six = ":" in self.address
        wrap = "[{}]:{}" if six else "{}:{}"
        return {
            wrap.format(real_address(name, network, six=six), self.port): weight
            for name, weight in weights.items()
        }


def lvs_cf(*virtuals: Virtual, network: str = "nat", redundancy: Sequence[str] = ALONE) -> str:
    """Write the whole file; dirA is the primary, and alone unless `redundancy` says more."""
    lines = [
        "serial_no = 1",
        f"primary = {cable('dirA', 'public').address}",
        "service = lvs",
        *redundancy,
        f"network = {network}",
    ]
    if network == "nat":
        lines += [f"nat_router = {NAT_ROUTER} eth1:1", "nat_nmask = 255.255.255.0"]
    for virtual in virtuals:
        lines += _virtual_lines(virtual, network)
    return "\n".join(lines) + "\n"


def real_address(name: str, network: str, *, six: bool = False) -> str:
    """By which address the director reaches a real server."""
    plug = cable(name, "private" if network == "nat" else "public")
    return plug.address6 if six else plug.address


def _virtual_lines(virtual: Virtual, network: str) -> list[str]:
    own = [
        "active = 1",
        f"address = {virtual.address} {virtual.device}",
        f"port = {virtual.port}",
        *virtual.check,
        f"scheduler = {virtual.scheduler}",
        f"protocol = {virtual.protocol}",
        f"timeout = {virtual.timeout_s}",
        f"reentry = {2 * virtual.timeout_s}",
        *virtual.lines,
    ]
    six = ":" in virtual.address
    lines = [f"virtual {virtual.name} {{", *(f"     {line}" for line in own)]
    for name, weight in virtual.servers.items():
        lines += [
            f"     server {name} {{",
            f"         address = {real_address(name, network, six=six)}",
            "         active = 1",
            f"         weight = {weight}",
            "     }",
        ]
    return [*lines, "}"]
