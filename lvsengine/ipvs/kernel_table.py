"""Read and change the kernel's table over one `Exchange`. Blocking.

The kernel lists a service's destinations last added first; they are turned, for the table keeps
the order in which they were added. The order of services is that of the kernel's hash table.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from types import MappingProxyType

from lvsengine.ipvs import codec
from lvsengine.ipvs.codec import Command
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.exchange import MOST_AT_ONCE, Exchange, NoAnswer, patiently
from lvsengine.ipvs.netlink import body_of
from lvsengine.ipvs.plane import Counters, Failure, Usage
from lvsengine.ipvs.rules import Refusal, explained, refusal, subject
from lvsengine.ipvs.table import Destination, DestinationKey, Service, ServiceKey, Table

FEW = 16  # so many services are asked for one by one; of more, all are listed


def read_table(exchange: Exchange, only: Collection[ServiceKey] | None = None) -> Table:
    """Read all services with their destinations, or those of `only` that are there.

    Raises:
        OSError: The kernel refused.
        NoAnswer: An answer was lost, twice.
    """
    return patiently(lambda: _read_table(exchange, only))


def _read_table(exchange: Exchange, only: Collection[ServiceKey] | None) -> Table:
    services = _services(exchange, only)
    destinations: dict[DestinationKey, Destination] = {}
    for service in services:
        found = [codec.destination_of(service, body) for body in _list(exchange, service)]
        destinations.update(reversed(found))
    return Table(MappingProxyType(services), MappingProxyType(destinations))


def _services(
    exchange: Exchange, only: Collection[ServiceKey] | None
) -> dict[ServiceKey, Service]:
    if only is not None and len(only) <= FEW:
        answered = (_ask_for(exchange, key) for key in only)
        return {key: value for found in answered for key, value in found}
    listed = (codec.service_of(body_of(reply)) for reply in exchange.dump(Command.GET_SERVICE))
    return {entry[0]: entry[1] for entry in listed if entry and (only is None or entry[0] in only)}


def _ask_for(exchange: Exchange, key: ServiceKey) -> list[tuple[ServiceKey, Service]]:
    try:
        replies = exchange.ask(Command.GET_SERVICE, codec.service_body(key))
    except OSError as error:
        if error.errno != errno.ESRCH:
            raise
        return []
    found = (codec.service_of(body_of(reply)) for reply in replies)
    return [entry for entry in found if entry]


def _list(exchange: Exchange, service: ServiceKey) -> Iterator[dict[int, bytes]]:
    return map(body_of, exchange.dump(Command.GET_DEST, codec.service_body(service)))


def read_counters(exchange: Exchange) -> Usage:
    """Read the counters of every service and destination. Raises as `read_table`."""
    return patiently(lambda: _read_counters(exchange))


def _read_counters(exchange: Exchange) -> Usage:
    services: dict[ServiceKey, Counters] = {}
    destinations: dict[DestinationKey, Counters] = {}
    for reply in exchange.dump(Command.GET_SERVICE):
        entry = codec.service_counters(body_of(reply))
        if entry:
            services[entry[0]] = entry[1]
    for service in services:
        found = [codec.destination_counters(service, body) for body in _list(exchange, service)]
        destinations.update(reversed(found))
    return Usage(MappingProxyType(services), MappingProxyType(destinations))


def make(exchange: Exchange, changes: Sequence[Change]) -> list[Failure]:
    """Make the changes in order; what is refused does not keep the rest from being made.

    Raises:
        NoAnswer: The answer to some of them was lost, and then the table could not be read.
    """
    refused: dict[int, Refusal] = {}
    sound: list[int] = []
    for place, change in enumerate(changes):
        no = refusal(change)
        if no:
            refused[place] = no
        else:
            sound.append(place)
    for places in _in_chunks(sound):
        refused.update(_make_some(exchange, changes, places))
    return [Failure(changes[place], *refused[place]) for place in sorted(refused)]


def _in_chunks(places: list[int]) -> Iterator[list[int]]:
    rest = iter(places)
    while chunk := list(islice(rest, MOST_AT_ONCE)):
        yield chunk


def _make_some(
    exchange: Exchange, changes: Sequence[Change], places: Sequence[int]
) -> dict[int, Refusal]:
    try:
        refused = exchange.many([codec.change_request(changes[place]) for place in places])
    except NoAnswer:
        return _unanswered(exchange, changes, places)
    return {
        places[number]: explained(changes[places[number]], why, os.strerror(why))
        for number, why in refused.items()
    }


def _unanswered(
    exchange: Exchange, changes: Sequence[Change], places: Sequence[int]
) -> dict[int, Refusal]:
    """Find out by the table what was made. Of several changes to one entry the last tells."""
    table = read_table(exchange, {_service(changes[place]) for place in places})
    last = {changes[place].key: place for place in places}
    return {
        place: Refusal(
            errno.ETIMEDOUT,
            f"{subject(key)}: the kernel did not answer, and its table does not show the change",
        )
        for key, place in last.items()
        if not _shows(table, changes[place])
    }


def _service(change: Change) -> ServiceKey:
    return change.key.service if isinstance(change.key, DestinationKey) else change.key


def _shows(table: Table, change: Change) -> bool:
    held: Service | Destination | None
    if isinstance(change.key, DestinationKey):
        held = table.destinations.get(change.key)
    else:
        held = table.services.get(change.key)
    return held is None if change.verb is Verb.REMOVE else held == change.value
