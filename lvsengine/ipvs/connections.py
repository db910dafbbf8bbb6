"""The connections that the kernel lists in /proc/net/ip_vs_conn: those worth telling a peer of.

Left out: templates (a persistent client's choice of real server, which have no port at the
client), connections that are over, and what cannot be read, for a later kernel may list more.

Source: ip_vs_conn.c, ip_vs_conn_seq_show; the words for states are ip_vs_state_name's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from lvsengine.net import Address, Protocol

OPEN_STATES = ("ESTABLISHED", "SYN_RECV", "SYN_SENT", "SYNACK", "CLOSE_WAIT", "UDP")
CLOSING_STATES = ("FIN_WAIT", "LAST_ACK")
# The kernel's own sender tells of a change of state within 3 s, so older ones are told of.
LATELY_S = 5

_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP}
_END = r"(?:[0-9A-F]{8}|[0-9a-f:]{39}) (?!0000)[0-9A-F]{4}"


def _rows(states: tuple[str, ...]) -> re.Pattern[str]:
    """Match lines in one of these states: what identifies the row, and its seconds left.

    A director of any size lists mostly connections that are over, so they are passed over here,
    before anything is made of a line.
    """
    return re.compile(
        rf"^((?:TCP|UDP) +{_END} {_END} {_END} (?:{'|'.join(states)})) +(\d+)\b", re.MULTILINE
    )


_OPEN = _rows(OPEN_STATES)
_CLOSING = _rows(CLOSING_STATES)


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a client; `state` is the kernel's word, such as `ESTABLISHED`."""

    protocol: Protocol
    client: Address
    client_port: int
    virtual: Address
    virtual_port: int
    real: Address
    real_port: int
    state: str


def open_rows(listing: str) -> list[str]:
    """Pick the rows of connections that are open, opening, or began to close within 5 s.

    A row is a line without its seconds left: it is the same as long as nothing has changed.
    Behind direct routing a closed connection stays in FIN_WAIT, two minutes by default, and
    may still be half open; the kernel says no better when it got there than by its seconds left.
    """
    rows = [match[1] for match in _OPEN.finditer(listing)]
    closing = [(match[1], int(match[2])) for match in _CLOSING.finditer(listing)]
    longest = max((seconds for _, seconds in closing), default=0)
    return rows + [row for row, seconds in closing if seconds > longest - LATELY_S]


def connection_of(row: str) -> Connection:
    """Read one of `open_rows`."""
    protocol, client, client_port, virtual, virtual_port, real, real_port, state = row.split()
    return Connection(
        _PROTOCOLS[protocol],
        _address(client),
        int(client_port, 16),
        _address(virtual),
        int(virtual_port, 16),
        _address(real),
        int(real_port, 16),
        state,
    )


def _address(text: str) -> Address:
    return IPv6Address(text) if ":" in text else IPv4Address(int(text, 16))
