"""Which service and destination of a table a connection belongs to. Values only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from lvsengine.ipvs.connections import Connection
from lvsengine.ipvs.sync_message import Told
from lvsengine.ipvs.table import AddressKey, DestinationKey, MarkKey, Table
from lvsengine.net import Address, Forwarding

FTP = 21
ANY_PORT = 0


def told_of(table: Table, connections: Iterable[Connection]) -> Iterator[Told]:
    """Say of each connection how its packets are forwarded, and by which mark it came.

    One that belongs to nothing in the table is left out, for the peer's table is the same. So
    are FTP's control connections once they are established: the kernel may have shifted their
    sequence numbers, which it lists nowhere; its own sync daemon tells of them whole.
    """
    owner = _owners(table)
    for one in connections:
        if one.virtual_port == FTP and one.state != "SYN_RECV":
            continue
        found = owner(one)
        if found is not None:
            forwarding, mark = found
            yield Told(one, forwarding, mark)


def _owners(table: Table) -> Callable[[Connection], tuple[Forwarding, int] | None]:
    marked: dict[tuple[Address, int], tuple[Forwarding, int]] = {}
    for key, destination in table.destinations.items():
        if isinstance(key.service, MarkKey):
            found = destination.forwarding, key.service.mark
            marked.setdefault((key.address, key.port), found)

    def owner(one: Connection) -> tuple[Forwarding, int] | None:
        service = AddressKey(one.protocol, one.virtual, one.virtual_port)
        known = table.destinations.get(DestinationKey(service, one.real, one.real_port))
        if known is not None:
            return known.forwarding, 0
        by_end = marked.get((one.real, one.real_port))
        return by_end or marked.get((one.real, ANY_PORT))

    return owner
