from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from lvsengine.ipvs.connections import Connection
from lvsengine.ipvs.owners import told_of
from lvsengine.ipvs.sync_message import Told
from lvsengine.ipvs.table import (
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    Table,
)
from lvsengine.net import Forwarding, Protocol

VIRTUAL, REAL = ip_address("192.168.26.10"), ip_address("10.11.12.1")
WEB = AddressKey(Protocol.TCP, VIRTUAL, 80)
CONNECTION = Connection(
    Protocol.TCP, ip_address("192.168.26.100"), 4000, VIRTUAL, 80, REAL, 80, "ESTABLISHED"
)


def table(service: ServiceKey, port: int, forwarding: Forwarding = Forwarding.NAT) -> Table:
    return Table(
        {service: Service()}, {DestinationKey(service, REAL, port): Destination(1, forwarding)}
    )


def told(held: Table, connection: Connection) -> list[Told]:
    return list(told_of(held, [connection]))


def test_a_connection_is_forwarded_as_its_destination_is() -> None:
    assert told(table(WEB, 80, Forwarding.DIRECT), CONNECTION) == [
        Told(CONNECTION, Forwarding.DIRECT)
    ]


def test_one_of_a_mark_is_found_by_its_real_server() -> None:
    assert told(table(MarkKey(7), 80), CONNECTION) == [Told(CONNECTION, Forwarding.NAT, 7)]


def test_a_real_server_of_a_mark_may_take_any_port() -> None:
    assert told(table(MarkKey(7), 0), CONNECTION) == [Told(CONNECTION, Forwarding.NAT, 7)]


def test_a_connection_of_nothing_in_the_table_is_left_out() -> None:
    assert told(table(WEB, 81), CONNECTION) == []


def test_ftp_is_told_of_only_while_it_opens() -> None:
    ftp = AddressKey(Protocol.TCP, VIRTUAL, 21)
    control = replace(CONNECTION, virtual_port=21)
    assert told(table(ftp, 80), control) == []
    opening = replace(control, state="SYN_RECV")
    assert told(table(ftp, 80), opening) == [Told(opening, Forwarding.NAT)]
