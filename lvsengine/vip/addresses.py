"""What sets addresses promises: the kernel's netlink, and the one in memory.

`tests/lvsengine/vip/addresses_contract.py` is this promise as tests.
"""

from __future__ import annotations

import errno as numbers
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from lvsengine.errors import Sentence
from lvsengine.net import Address
from lvsengine.vip.diff import AddressChange, PresentAddress


@dataclass(frozen=True, slots=True)
class AddressFailure:
    """One change that was refused: the kernel's errno, and a sentence for people."""

    change: AddressChange
    errno: int
    sentence: str


class AddressPlane(Protocol):
    """Reads and sets the addresses of this machine.

    Both methods may raise `EngineError` when the kernel cannot be asked at all; each answers
    within a deadline of its own. They may be called one at a time only.
    """

    async def read(self) -> tuple[PresentAddress, ...]:
        """Read all addresses of this machine, foreign ones too."""

    async def apply(self, changes: Sequence[AddressChange]) -> list[AddressFailure]:
        """Make the changes in order. One that fails does not keep the rest from being made.

        A missing interface fails with ENODEV; ADD of what is there with EEXIST (IPv4: address
        and prefix on the interface; IPv6: the address on it); REMOVE of what is not there, by
        address, prefix and label, with EADDRNOTAVAIL; a prefix that is too long with EINVAL;
        a label of more than 15 characters with ERANGE. No change takes another address along:
        where the kernel would drop secondaries with their primary, they are promoted, or the
        change fails with EBUSY.
        """

    async def close(self) -> None:
        """Let go of the kernel; addresses stay as they are."""


def refused(
    change: AddressChange,
    errno: int,
    *,
    interfaces: Collection[str] = (),
    along: Collection[Address] = (),
    detail: str = "",
) -> AddressFailure:
    """Word a refusal.

    Args:
        interfaces: Those that this machine has, for ENODEV.
        along: The addresses that would go along with this one, for EBUSY.
        detail: The kernel's own words, where no better sentence is known.
    """
    template = _REASONS.get(errno, "{detail}")
    reason = Sentence(
        template,
        {
            "label": change.address.label,
            "interface": change.address.interface,
            "interfaces": ", ".join(sorted(interfaces)) or "none at all",
            "along": ", ".join(map(str, along)),
            "detail": detail or f"the kernel says errno {errno}",
        },
    )
    return AddressFailure(change, errno, f"cannot {change}: {reason}")


_REASONS: dict[int, str] = {
    numbers.ENODEV: (
        "this machine has no interface {interface}; it has {interfaces}. "
        "Correct the device in lvs.cf, or make the interface"
    ),
    numbers.EPERM: "not permitted. Run pulse as root, or give it CAP_NET_ADMIN",
    numbers.EACCES: (
        "IPv6 is switched off on {interface}. Set net.ipv6.conf.{interface}.disable_ipv6 to 0"
    ),
    numbers.EEXIST: "it is there already. It was added while we looked; it is left as it is",
    numbers.EADDRNOTAVAIL: "it is not there any more. Someone else took it away; nothing to do",
    numbers.EBUSY: (
        "the kernel would drop {along} with it. "
        "Set net.ipv4.conf.{interface}.promote_secondaries to 1"
    ),
    numbers.ETIMEDOUT: "the kernel did not answer in time. It is tried again",
    numbers.ERANGE: "an alias has at most 15 characters, and {label} has more",
    numbers.EINVAL: "the kernel refuses the address or its mask. Correct them in lvs.cf",
}
