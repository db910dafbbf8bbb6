from __future__ import annotations

from ipaddress import ip_address

import pytest

from lvsengine.ipvs.table import AddressKey, DestinationKey, MarkKey, ServiceKey
from lvsengine.net import Protocol


@pytest.mark.parametrize(
    ("key", "written", "family"),
    [
        (AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80), "tcp 192.0.2.1:80", 4),
        (AddressKey(Protocol.UDP, ip_address("2001:db8::1"), 53), "udp [2001:db8::1]:53", 6),
        (MarkKey(7), "mark 7", 4),
        (MarkKey(7, 6), "mark 7 (IPv6)", 6),
    ],
)
def test_a_service_is_written_by_what_it_is_known_by(
    key: ServiceKey, written: str, family: int
) -> None:
    assert (str(key), key.family) == (written, family)


def test_a_destination_is_written_behind_its_service() -> None:
    key = DestinationKey(MarkKey(7), ip_address("10.0.0.1"), 8080)
    assert str(key) == "mark 7 -> 10.0.0.1:8080"
