"""The codec against a real kernel's recorded answers, and against pyroute2's decoder.

pyroute2 0.9.7 types three attributes otherwise than the kernel does; the tests turn those.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import htons
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.generic.ipvs import ipvsmsg

from lvsengine.ipvs import codec, netlink
from lvsengine.ipvs.codec import Command, Info
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.netlink import Message
from lvsengine.ipvs.plane import Counters, Timeouts
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import (
    IPIP,
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    Tunnel,
    TunnelKind,
)
from lvsengine.net import Forwarding, Protocol
from tests.lvsengine.ipvs import recorded

WEB = AddressKey(Protocol.TCP, IPv4Address("127.0.0.1"), 8080)
DNS6 = AddressKey(Protocol.UDP, IPv6Address("2001:db8::1"), 53)
MARKED = MarkKey(7)
ONE = DestinationKey(WEB, IPv4Address("127.0.0.1"), 9090)
TWO = DestinationKey(WEB, IPv4Address("10.9.9.2"), 8080)
GUE = Tunnel(TunnelKind.GUE, 6080, checksum=True)

ADDRESSES = st.ip_addresses()
PORTS = st.integers(0, 65535)
U32 = st.integers(0, 2**32 - 1)

KEYS: st.SearchStrategy[ServiceKey] = st.one_of(
    st.builds(AddressKey, st.sampled_from(Protocol), ADDRESSES, PORTS),
    st.builds(MarkKey, st.integers(1, 2**32 - 1), st.sampled_from([4, 6])),
)


def services(key: ServiceKey) -> st.SearchStrategy[Service]:
    return st.builds(
        Service,
        scheduler=st.sampled_from([*SCHEDULERS, "fifteen-letters"]),
        persistence_s=st.integers(0, 2**31 - 1),
        persistence_prefix=st.integers(0, 32) if key.family == 4 else st.integers(1, 128),
        one_packet=st.booleans(),
        scheduler_flags=st.integers(0, 7),
        engine=st.sampled_from(["", "sip"]),
    )


DESTINATIONS = st.builds(
    Destination,
    weight=st.integers(0, 2**31 - 1),
    forwarding=st.sampled_from(Forwarding),
    upper=U32,
    lower=U32,
    tunnel=st.one_of(
        st.just(IPIP),
        st.builds(Tunnel, st.just(TunnelKind.GUE), st.integers(1, 65535), st.booleans()),
        st.builds(Tunnel, st.just(TunnelKind.GRE), st.just(0), st.booleans()),
    ),
)


def body(payload: bytes) -> dict[int, bytes]:
    return netlink.body_of(Message(28, 0, 1, payload))


def request(change: Change) -> dict[int, bytes]:
    return netlink.attributes(codec.change_request(change)[1])


# What a real kernel says


@pytest.mark.parametrize(
    ("payload", "key", "value"),
    [
        (
            recorded.TCP_SERVICE,
            WEB,
            Service("sh", persistence_s=300, persistence_prefix=24, scheduler_flags=2),
        ),
        (recorded.UDP_SERVICE6, DNS6, Service("rr", 0, 128, one_packet=True)),
        (recorded.MARK_SERVICE, MARKED, Service("wlc")),
    ],
)
def test_a_kernels_service_is_read(payload: bytes, key: ServiceKey, value: Service) -> None:
    assert codec.service_of(body(payload)) == (key, value)


@pytest.mark.parametrize(
    ("payload", "key", "value"),
    [
        (recorded.NAT_DESTINATION, ONE, Destination(5, Forwarding.NAT, 9, 4)),
        (recorded.GUE_DESTINATION, TWO, Destination(1, Forwarding.TUNNEL, tunnel=GUE)),
    ],
)
def test_a_kernels_destination_is_read(
    payload: bytes, key: DestinationKey, value: Destination
) -> None:
    assert codec.destination_of(WEB, body(payload)) == (key, value)


COUNTED = Counters(
    connections=3,
    packets_in=9,
    packets_out=6,
    bytes_in=3492,
    bytes_out=336,
    connections_per_s=0,
    packets_in_per_s=1,
    packets_out_per_s=1,
    bytes_in_per_s=436,
    bytes_out_per_s=42,
)


def test_a_kernels_counters_are_read() -> None:
    assert codec.service_counters(body(recorded.TCP_SERVICE)) == (WEB, COUNTED)
    key, counters = codec.destination_counters(WEB, body(recorded.NAT_DESTINATION))
    assert key == ONE
    assert (counters.active, counters.inactive, counters.persistent) == (3, 0, 1)
    assert counters.bytes_in == COUNTED.bytes_in
    assert codec.destination_counters(WEB, body(recorded.GUE_DESTINATION)) == (TWO, Counters())


def test_a_kernels_timeouts_and_info_are_read() -> None:
    assert codec.timeouts_of(body(recorded.TIMEOUTS)) == Timeouts(900, 121, 300)
    assert codec.info_of(body(recorded.INFO)) == Info("1.2.1", 4096)


# What later, earlier and stranger kernels say


def altered(payload: bytes, outer: int, **changed: tuple[int, bytes]) -> dict[int, bytes]:
    """Replace or add attributes inside the outer one."""
    inside = netlink.attributes(body(payload)[outer])
    inside.update(changed.values())
    return {
        outer: b"".join(netlink.attribute(kind, data) for kind, data in inside.items()),
        77: b"unknown",
    }


def test_attributes_and_flags_of_later_kernels_are_passed_over() -> None:
    newer = altered(
        recorded.TCP_SERVICE,
        codec.SERVICE,
        unknown=(99, b"?"),
        flags=(7, bytes.fromhex("17f00000ffffffff")),
    )
    assert codec.service_of(newer) == (
        WEB,
        Service("sh", 300, 24, one_packet=True, scheduler_flags=2),
    )
    newer = altered(
        recorded.GUE_DESTINATION,
        codec.DESTINATION,
        unknown=(99, b"?"),
        kind=(13, b"\x09"),
    )
    assert codec.destination_of(WEB, newer) == (TWO, Destination(1, Forwarding.TUNNEL))


def test_a_service_of_an_unknown_protocol_is_left_out() -> None:
    strange = altered(recorded.TCP_SERVICE, codec.SERVICE, protocol=(2, b"\x32\0"))
    assert codec.service_of(strange) is None
    assert codec.service_counters(strange) is None


@pytest.mark.parametrize("method", [1, 4, 0x103])
def test_forwarding_that_only_the_kernel_itself_sets_is_read_as_direct(method: int) -> None:
    strange = altered(
        recorded.NAT_DESTINATION, codec.DESTINATION, method=(3, method.to_bytes(4, "little"))
    )
    assert codec.destination_of(WEB, strange)[1].forwarding is Forwarding.DIRECT


def test_a_mask_with_holes_is_read_as_its_leading_bits() -> None:
    strange = altered(recorded.TCP_SERVICE, codec.SERVICE, mask=(9, b"\xff\0\xff\0"))
    read = codec.service_of(strange)
    assert read
    assert read[1].persistence_prefix == 8


def test_a_kernel_without_address_families_and_wide_counters_is_read() -> None:
    inside = netlink.attributes(body(recorded.NAT_DESTINATION)[codec.DESTINATION])
    for since_then in (11, 12, 13, 14, 15):
        del inside[since_then]
    older = {codec.DESTINATION: b"".join(netlink.attribute(*entry) for entry in inside.items())}
    assert codec.destination_of(WEB, older) == (ONE, Destination(5, Forwarding.NAT, 9, 4))
    counters = codec.destination_counters(WEB, older)[1]
    assert (counters.connections, counters.bytes_in, counters.bytes_out) == (3, 3492, 336)


def test_64_bit_counters_are_preferred_and_whole() -> None:
    wide = netlink.attribute(4, (2**40 + 5).to_bytes(8, "little"))
    read = codec.service_counters(altered(recorded.TCP_SERVICE, codec.SERVICE, wide=(12, wide)))
    assert read
    assert read[1] == Counters(bytes_in=2**40 + 5)


# What we say


@pytest.mark.parametrize(
    ("change", "command", "written"),
    [
        (
            Change(Verb.ADD, WEB, Service("sh", 300, 24, scheduler_flags=3, engine="sip")),
            Command.NEW_SERVICE,
            "50000180060001000200000006000200060000000800030"
            "07f000001060004001f9000000700060073680000"
            "08000b00736970000c000700190000003d000000080008002c01000008000900ffffff00",
        ),
        (
            Change(Verb.SET, MarkKey(7, 6), Service("rr", persistence_prefix=64)),
            Command.SET_SERVICE,
            "38000180060001000a00000008000500070000000700060072720000"
            "0c000700000000003d00000008000800000000000800090040000000",
        ),
        (
            Change(Verb.REMOVE, DNS6),
            Command.DEL_SERVICE,
            "30000180060001000a0000000600020011000000"
            "1400030020010db8000000000000000000000001"
            "0600040000350000",
        ),
        (
            Change(Verb.ADD, TWO, Destination(5, Forwarding.TUNNEL, 9, 4, GUE)),
            Command.NEW_DEST,
            "240001800600010002000000060002000600000008000300"
            "7f000001060004001f900000"
            "54000280080001000a090902060002001f90000006000b0002000000080003000200000008000400"
            "05000000080005000900000008000600040000000"
            "5000d000100000006000e0017c0000006000f0001000000",
        ),
        (
            Change(Verb.SET, ONE, Destination(0, Forwarding.NAT)),
            Command.SET_DEST,
            "2400018006000100020000000600020006000000080003007f000001060004001f900000"
            "3c000280080001007f000001060002002382000006000b00020000000800030000000000"
            "080004000000000008000500000000000800060000000000",
        ),
        (
            Change(Verb.REMOVE, ONE),
            Command.DEL_DEST,
            "2400018006000100020000000600020006000000080003007f000001060004001f900000"
            "1c000280080001007f000001060002002382000006000b0002000000",
        ),
    ],
    ids=lambda value: value.verb.value if isinstance(value, Change) else "",
)
def test_a_change_is_written_byte_by_byte(change: Change, command: Command, written: str) -> None:
    assert codec.change_request(change) == (command, bytes.fromhex(written))


def test_timeouts_are_written_all_three() -> None:
    written = netlink.attributes(codec.timeouts_body(Timeouts(udp_s=300)))
    assert written == {4: bytes(4), 5: bytes(4), 6: b"\x2c\x01\0\0"}


@given(KEYS.flatmap(lambda key: st.tuples(st.just(key), services(key))))
def test_a_service_is_read_as_it_was_written(entry: tuple[ServiceKey, Service]) -> None:
    assert codec.service_of(request(Change(Verb.ADD, *entry))) == entry


@given(KEYS, ADDRESSES, PORTS, DESTINATIONS)
def test_a_destination_is_read_as_it_was_written(
    service: ServiceKey, address: IPv4Address | IPv6Address, port: int, value: Destination
) -> None:
    key = DestinationKey(service, address, port)
    assert codec.destination_of(service, request(Change(Verb.SET, key, value))) == (key, value)


def decoded(change: Change) -> ipvsmsg:
    command, written = codec.change_request(change)
    message = ipvsmsg(netlink.message(28, netlink.REQUEST, 1, command, written))
    message.decode()
    assert message["cmd"] == command
    return message


def named(message: ipvsmsg, outer: str) -> dict[str, Any]:
    prefix = {"SERVICE": "IPVS_SVC_ATTR_", "DEST": "IPVS_DEST_ATTR_"}[outer]
    attributes = message.get_attr(f"IPVS_CMD_ATTR_{outer}")["attrs"]
    return {entry[0].removeprefix(prefix): entry[1] for entry in attributes}


@given(KEYS.flatmap(lambda key: st.tuples(st.just(key), services(key))))
def test_pyroute2_reads_the_same_service(entry: tuple[ServiceKey, Service]) -> None:
    key, value = entry
    seen = named(decoded(Change(Verb.ADD, key, value)), "SERVICE")
    assert seen["AF"] == {4: 2, 6: 10}[key.family]
    if isinstance(key, MarkKey):
        assert seen["FWMARK"] == key.mark
    else:
        assert seen["PROTOCOL"] == {"tcp": 6, "udp": 17, "sctp": 132}[key.protocol.value]
        assert (ip_address(seen["ADDR"]), seen["PORT"]) == (key.address, key.port)
    assert seen["SCHED_NAME"] == value.scheduler
    assert seen.get("PE_NAME", "") == value.engine
    assert seen["TIMEOUT"] == value.persistence_s
    flags = value.scheduler_flags * 8 + 4 * value.one_packet + bool(value.persistence_s)
    assert seen["FLAGS"] == {"flags": flags, "mask": 0b111101}
    mask = IPv4Address(seen["NETMASK"])  # also of IPv6, where the kernel has a length
    if key.family == 4:
        assert f"{int(mask):032b}" == "1" * value.persistence_prefix + "0" * (
            32 - value.persistence_prefix
        )
    else:
        assert int.from_bytes(mask.packed, "little") == value.persistence_prefix


@given(KEYS, ADDRESSES, PORTS, DESTINATIONS)
def test_pyroute2_reads_the_same_destination(
    service: ServiceKey, address: IPv4Address | IPv6Address, port: int, value: Destination
) -> None:
    key = DestinationKey(service, address, port)
    seen = named(decoded(Change(Verb.ADD, key, value)), "DEST")
    assert (ip_address(seen["ADDR"]), seen["PORT"]) == (address, port)
    assert seen["ADDR_FAMILY"] == {4: 2, 6: 10}[address.version]
    assert seen["FWD_METHOD"] == {"nat": 0, "tunnel": 2, "direct": 3}[value.forwarding.value]
    assert (seen["WEIGHT"], seen["U_THRESH"], seen["L_THRESH"]) == (
        value.weight,
        value.upper,
        value.lower,
    )
    assert seen.get("TUN_TYPE", 0) == {"ipip": 0, "gue": 1, "gre": 2}[value.tunnel.kind.value]
    assert htons(seen.get("TUN_PORT", 0)) == value.tunnel.port  # read in the wrong order
    assert seen.get("TUN_FLAGS", 0) == value.tunnel.checksum
