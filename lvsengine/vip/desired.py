"""Which addresses the active director should hold."""

from __future__ import annotations

from dataclasses import dataclass

from lvsengine.net import Address


@dataclass(frozen=True, slots=True)
class HeldAddress:
    """One address on one interface, as the kernel keeps it.

    Attributes:
        interface: `eth0`, never an alias.
        label: The alias, `eth0:1`; empty for IPv6, which has no labels.
        broadcast: None for IPv6, /32 and /31.
    """

    address: Address
    prefix: int
    interface: str
    label: str = ""
    broadcast: Address | None = None
