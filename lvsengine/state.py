"""What the engine must remember over a restart: what it made in the kernel, and the overrides.

One small JSON file in the state folder, replaced whole. Without it a restarted engine could
not tell a service that it made and that lvs.cf no longer names from somebody else's.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.folder import read_bounded, replace_file, set_aside
from lvsengine.health import Override, RealServerKey
from lvsengine.ipvs.table import AddressKey, MarkKey, ServiceKey
from lvsengine.net import Address, Protocol
from lvsengine.plain import PlainError, from_plain

log = logging.getLogger("pulse")

NAME = "engine.json"
LONGEST = 16 << 20  # bytes; 5 000 services and as many overrides are one sixteenth of it


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered.

    Attributes:
        services: That the engine made or adopted, so may remove.
        addresses: Likewise.
        overrides: By real server; those on `auto` are left out.
    """

    services: frozenset[ServiceKey] = frozenset()
    addresses: frozenset[Address] = frozenset()
    overrides: dict[RealServerKey, Override] = field(default_factory=dict)


class Keeper:
    """The one writer of what is kept: each change is on disk before the kernel is changed.

    A disk that takes nothing, or a file that cannot be read, must not keep a director from
    forwarding: both are said, in the log and in `warnings`, and it goes on from memory. What
    that may cost is in the sentence.
    """

    def __init__(self, folder: Path) -> None:
        self.kept = Kept()
        self._folder = folder
        self._forgotten = ""
        self._failure = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know."""
        unwritten = self._failure and (
            f"what is ours and what was ordered is not kept over a restart: {self._failure}"
        )
        return tuple(filter(None, (self._forgotten, unwritten)))

    def load(self) -> None:
        """Read what an earlier engine kept; what cannot be used is set aside, and said."""
        try:
            self.kept = load(self._folder)
        except EngineError as error:
            aside = set_aside(self._folder / NAME)
            self._forgotten = (
                f"{error.sentence}; it is kept as {aside}, and forgotten is which real servers "
                "were drained or forced, and which services are ours that lvs.cf no longer names"
            )
            log.warning("%s", self._forgotten)

    def change(
        self,
        *,
        services: frozenset[ServiceKey] | None = None,
        addresses: frozenset[Address] | None = None,
        overrides: dict[RealServerKey, Override] | None = None,
    ) -> None:
        """Keep what is given in the place of what was."""
        changed = Kept(
            self.kept.services if services is None else services,
            self.kept.addresses if addresses is None else addresses,
            self.kept.overrides if overrides is None else overrides,
        )
        if changed != self.kept:
            self.kept = changed
            self._write()

    def mend(self) -> None:
        """Write again what could not be written, or has vanished meanwhile."""
        vanished = self.kept != Kept() and not (self._folder / NAME).exists()
        if self._failure or vanished:
            self._write()

    def _write(self) -> None:
        before, self._failure = self._failure, ""
        try:
            save(self._folder, self.kept)
        except EngineError as error:
            self._failure = error.sentence
            if self._failure != before:
                log.warning("%s", self.warnings[-1])
        else:
            if before:
                log.info("the state folder %s can be written again", self._folder)


@dataclass(frozen=True, slots=True)
class _Service:
    protocol: str = ""
    address: str = ""
    port: int = 0
    mark: int = 0
    family: int = 4


@dataclass(frozen=True, slots=True)
class _Override:
    virtual: str
    real: str
    override: Override


@dataclass(frozen=True, slots=True)
class _File:
    services: tuple[_Service, ...] = ()
    addresses: tuple[str, ...] = ()
    overrides: tuple[_Override, ...] = ()


def load(folder: Path) -> Kept:
    """Read what was kept; nothing kept yet is an empty `Kept`.

    Raises:
        EngineError: `bad-state`, when the file is there and cannot be read.
    """
    path = folder / NAME
    try:
        file = from_plain(_File, json.loads(read_bounded(path, LONGEST)), NAME)
        return Kept(
            frozenset(map(_key, file.services)),
            frozenset(map(ip_address, file.addresses)),
            {RealServerKey(row.virtual, row.real): row.override for row in file.overrides},
        )
    except FileNotFoundError:
        return Kept()
    except (OSError, PlainError, ValueError, RecursionError) as error:
        raise EngineError(
            "bad-state",
            f"{path} cannot be read: {_why(error)}",
            "move it away; drained real servers must then be drained again",
        ) from error


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def save(folder: Path, kept: Kept) -> None:
    """Replace the file.

    Raises:
        EngineError: `no-state`, when the folder cannot be written.
    """
    replace_file(folder / NAME, _file(kept))


def _file(kept: Kept) -> _File:
    return _File(
        tuple(sorted(map(_row, kept.services), key=repr)),
        tuple(sorted(map(str, kept.addresses))),
        tuple(_Override(*key, override) for key, override in sorted(kept.overrides.items())),
    )


def _row(key: ServiceKey) -> _Service:
    if isinstance(key, MarkKey):
        return _Service(mark=key.mark, family=key.family)
    return _Service(key.protocol.value, str(key.address), key.port, family=key.family)


def _key(row: _Service) -> ServiceKey:
    if row.mark:
        return MarkKey(row.mark, row.family)
    return AddressKey(Protocol(row.protocol), ip_address(row.address), row.port)
