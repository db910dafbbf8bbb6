"""Read the kernel's IPVS table as the kernel itself shows it, in /proc/net/ip_vs."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from tests.kernel.lab.namespaces import proc_net

HEADER_LINES = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One destination."""

    forwarding: str
    weight: int
    active: int
    inactive: int


Rows = dict[str, Row]


def read_table(namespace: str) -> dict[str, Rows]:
    """Destinations by service: `tcp 192.168.26.10:80` or `mark 7` -> `10.11.12.1:80` -> row."""
    table: dict[str, Rows] = {}
    rows: Rows = {}
    for line in proc_net(namespace, "ip_vs").splitlines()[HEADER_LINES:]:
        words = line.split()
        if words[0] == "->":
            weight, active, inactive = map(int, words[3:6])
            rows[_endpoint(words[1])] = Row(words[2], weight, active, inactive)
        else:
            rows = table[_service(words)] = {}
    return table


def read_weights(namespace: str) -> dict[str, dict[str, int]]:
    """As `read_table`, but only the weights: what stays the same while traffic flows."""
    return {
        service: {key: row.weight for key, row in rows.items()}
        for service, rows in read_table(namespace).items()
    }


def _service(words: list[str]) -> str:
    if words[0] == "FWM":
        return f"mark {int(words[1], 16)}"
    return f"{words[0].lower()} {_endpoint(words[1])}"


def _endpoint(text: str) -> str:
    host, _, port = text.rpartition(":")
    if host.startswith("["):
        return f"[{IPv6Address(host.strip('[]'))}]:{int(port, 16)}"
    return f"{IPv4Address(int(host, 16))}:{int(port, 16)}"
