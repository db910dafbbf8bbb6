"""What the engine must remember over a restart: what it made in the kernel, and the overrides.

One small JSON file in the state folder, replaced whole. Without it a restarted engine could
not tell a service that it made and that lvs.cf no longer names from somebody else's.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.health import Override, RealServerKey
from lvsengine.ipvs.table import AddressKey, MarkKey, ServiceKey
from lvsengine.net import Address, Protocol
from lvsengine.plain import PlainError, from_plain, to_plain

NAME = "engine.json"
LOCK = "engine.lock"


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
    """The one writer of what is kept: each change is on disk before it is true here."""

    def __init__(self, folder: Path) -> None:
        self.kept = Kept()
        self._folder = folder

    def load(self) -> None:
        """Read what an earlier engine kept; raises as `load` does."""
        self.kept = load(self._folder)

    def change(
        self,
        *,
        services: frozenset[ServiceKey] | None = None,
        addresses: frozenset[Address] | None = None,
        overrides: dict[RealServerKey, Override] | None = None,
    ) -> None:
        """Keep what is given in the place of what was; raises as `save` does."""
        changed = Kept(
            self.kept.services if services is None else services,
            self.kept.addresses if addresses is None else addresses,
            self.kept.overrides if overrides is None else overrides,
        )
        if changed != self.kept:
            save(self._folder, changed)
            self.kept = changed


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


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one engine.

    Raises:
        EngineError: `already-running`, when another engine holds it; `no-state`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w")
    except OSError as error:
        raise _unwritable(folder, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EngineError(
                "already-running",
                f"another pulse keeps its state in {folder}",
                "stop it, or name another folder by --state",
            ) from error
        yield


def load(folder: Path) -> Kept:
    """Read what was kept; nothing kept yet is an empty `Kept`.

    Raises:
        EngineError: `bad-state`, when the file is there and cannot be read.
    """
    path = folder / NAME
    try:
        file = from_plain(_File, json.loads(path.read_text()), NAME)
        return Kept(
            frozenset(map(_key, file.services)),
            frozenset(map(ip_address, file.addresses)),
            {RealServerKey(row.virtual, row.real): row.override for row in file.overrides},
        )
    except FileNotFoundError:
        return Kept()
    except (OSError, PlainError, ValueError) as error:
        raise EngineError(
            "bad-state",
            f"{path} cannot be read: {error}",
            "move it away; drained real servers must then be drained again",
        ) from error


def save(folder: Path, kept: Kept) -> None:
    """Replace the file.

    Raises:
        EngineError: `no-state`, when the folder cannot be written.
    """
    replace_file(folder / NAME, _file(kept))


def replace_file(path: Path, value: object) -> None:
    """Write a dataclass as JSON in the place of what was there; whole, or not at all.

    Raises:
        EngineError: `no-state`, when the folder cannot be written.
    """
    folder, beside = path.parent, path.with_name(f".{path.name}.new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with beside.open("w") as stream:
            json.dump(to_plain(value), stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> EngineError:
    return EngineError(
        "no-state",
        f"the state folder {folder} cannot be written: {error.strerror}",
        "name another by --state",
    )


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
