"""Turn 'what the plane holds' and 'what it should hold' into a list of changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from lvsengine.ipvs.table import Destination, DestinationKey, Service, ServiceKey, Table

K = TypeVar("K", bound=ServiceKey | DestinationKey)
V = TypeVar("V", bound=Service | Destination)


class Verb(Enum):
    ADD = "add"
    SET = "set"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    verb: Verb
    key: ServiceKey | DestinationKey
    value: Service | Destination | None = None  # None only when removing


def diff(current: Table, desired: Table) -> list[Change]:
    """List the changes that turn `current` into `desired`, in a safe order.

    A service is there before its destinations come, and capacity is added
    before any is taken away, so no step leaves a service emptier than both ends.
    """
    services = _changes(current.services, desired.services)
    destinations = [
        change
        for change in _changes(current.destinations, desired.destinations)
        # The kernel drops a removed service's destinations with it.
        if change.verb is not Verb.REMOVE or _service_stays(change.key, desired)
    ]
    return [
        *_only(Verb.ADD, services),
        *_only(Verb.SET, services),
        *_only(Verb.ADD, destinations),
        *_only(Verb.SET, destinations),
        *_only(Verb.REMOVE, destinations),
        *_only(Verb.REMOVE, services),
    ]


def _changes(current: Mapping[K, V], desired: Mapping[K, V]) -> list[Change]:
    """List what differs; each key is looked up once, for hashing thousands takes its time."""
    changes = []
    found = 0
    for key, value in desired.items():
        held = current.get(key)
        if held is None:
            changes.append(Change(Verb.ADD, key, value))
            continue
        found += 1
        if value != held:
            changes.append(Change(Verb.SET, key, value))
    if found < len(current):
        changes += [Change(Verb.REMOVE, key) for key in current if key not in desired]
    return changes


def _service_stays(key: ServiceKey | DestinationKey, desired: Table) -> bool:
    return isinstance(key, DestinationKey) and key.service in desired.services


def _only(verb: Verb, changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.verb is verb]
