"""Let go of every address that only the active director may hold: at start as standby, at the end.

A director that crashed leaves its virtual IPs on its interfaces, and answers for them when it
comes back while the other director serves. What is ours is told as in `diff`: by the alias that
lvs.cf gives the address, or by the engine's state file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from lvsengine.lvscf.model import Config, FloatingAddress
from lvsengine.net import Address
from lvsengine.vip.addresses import AddressFailure, AddressPlane
from lvsengine.vip.diff import AddressChange, PresentAddress, Verb

LOOPBACK = "lo"  # where a real server of direct routing has its virtual IPs, and may keep them


@dataclass(frozen=True, slots=True)
class Released:
    """What came of it.

    Attributes:
        removed: The addresses that are gone now.
        failures: Those of ours that could not be removed.
        left: A sentence for each address of lvs.cf that is still here and not known as ours.
    """

    removed: tuple[AddressChange, ...] = ()
    failures: tuple[AddressFailure, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a person should hear of: nothing where all went well."""
        return (*(failure.sentence for failure in self.failures), *self.left)


async def release(config: Config, plane: AddressPlane, ours: Collection[Address] = ()) -> Released:
    """Remove every virtual IP and NAT router IP of ours from this machine.

    Those of disabled virtual servers too, for they may have been enabled when they were raised.

    Args:
        ours: What the state file says that we added; removed even where lvs.cf has forgotten it.

    Raises:
        EngineError: The kernel cannot be asked about addresses.
    """
    floating = tuple(_floating(config))
    changes = releases(await plane.read(), floating, ours)
    failures = await plane.apply(changes) if changes else []
    failed = {failure.change for failure in failures}
    return Released(
        tuple(change for change in changes if change not in failed),
        tuple(failures),
        tuple(_left(await plane.read(), floating, failed)),
    )


def releases(
    present: Iterable[PresentAddress],
    floating: Collection[FloatingAddress],
    ours: Collection[Address],
) -> list[AddressChange]:
    """List the removals, secondaries before the primaries that would take them along."""
    mine = [entry for entry in present if _is_ours(entry, floating, ours)]
    mine.sort(key=lambda entry: not entry.secondary)
    return [AddressChange(Verb.REMOVE, entry.held) for entry in mine]


def _is_ours(
    entry: PresentAddress, floating: Collection[FloatingAddress], ours: Collection[Address]
) -> bool:
    places = [one for one in floating if one.address == entry.address]
    if ":" in entry.label and any(one.device == entry.label for one in places):
        return True
    if entry.address not in ours:
        return False
    # The state file may be older than the last boot: what an admin has put elsewhere is not ours.
    if places:
        return any(one.interface == entry.interface for one in places)
    return entry.interface != LOOPBACK


def _floating(config: Config) -> Iterator[FloatingAddress]:
    yield from (virtual.floating for virtual in config.virtual_servers)
    if config.nat_router is not None:
        yield config.nat_router


def _left(
    present: Iterable[PresentAddress],
    floating: Collection[FloatingAddress],
    failed: Collection[AddressChange],
) -> Iterator[str]:
    """Word what is still here, but for those whose removal has failed with a sentence already."""
    moving = {one.address for one in floating}
    told = {change.address for change in failed}
    for entry in present:
        if entry.address in moving and entry.interface != LOOPBACK and entry.held not in told:
            held = entry.held
            yield (
                f"this machine holds {held}, which lvs.cf gives to the active director, and"
                " nothing shows that pulse has added it: it is left as it is. Remove it:"
                f" ip addr del {held.address}/{held.prefix} dev {held.interface}"
            )
