"""Which addresses the active director should hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface

from lvsengine.lvscf.model import Config, FloatingAddress
from lvsengine.net import Address, Forwarding


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

    def __str__(self) -> str:
        return f"{self.address}/{self.prefix} on {self.label or self.interface}"


def desired(config: Config) -> tuple[HeldAddress, ...]:
    """List each distinct virtual IP once, and the NAT router IP.

    Of several blocks with one address the first enabled one says device and mask. A missing
    mask (or 0.0.0.0, which the original's web forms wrote for it) means the address alone, /32
    or /128: the class mask that the original's ifconfig picked would claim a network that
    nobody named, and a route to it.
    """
    held: dict[Address, HeldAddress] = {}
    for floating, netmask in _floating_addresses(config):
        held.setdefault(floating.address, hold(floating, netmask))
    return tuple(held.values())


def hold(floating: FloatingAddress, netmask: int | None) -> HeldAddress:
    """Say how the kernel should keep a floating address; `netmask` is a prefix length."""
    address = floating.address
    prefix = netmask or address.max_prefixlen
    if address.version == 6:
        return HeldAddress(address, prefix, floating.interface)
    # RFC 3021: a network of two addresses has none to spare for a broadcast.
    network = IPv4Interface((int(address), prefix)).network
    broadcast = network.broadcast_address if prefix < 31 else None
    return HeldAddress(address, prefix, floating.interface, floating.device, broadcast)


def _floating_addresses(config: Config) -> Iterator[tuple[FloatingAddress, int | None]]:
    for virtual in config.enabled_virtual_servers:
        yield virtual.floating, virtual.netmask
    if config.network is Forwarding.NAT and config.nat_router is not None:
        yield config.nat_router, config.nat_netmask
