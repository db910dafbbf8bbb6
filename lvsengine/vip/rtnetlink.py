"""The kernel's news of interfaces and addresses, as bytes: what to ask, and what it says.

By `struct`: a change must be known within milliseconds, and in the process that sends the
heartbeats. What watching links needs is here; setting addresses is in `address_messages`.

Sources: rtnetlink(7); linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from struct import Struct

from lvsengine.net import Address

# Groups that a socket listens to, as bits of sockaddr_nl.nl_groups
LINKS = 0x001  # RTMGRP_LINK
ADDRESSES = 0x010 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR

NEW_LINK, DEL_LINK, GET_LINK = 16, 17, 18
NEW_ADDRESS, DEL_ADDRESS, GET_ADDRESS = 20, 21, 22
ERROR, DONE = 2, 3
REQUEST, DUMP = 0x001, 0x300
INTERRUPTED = 0x010  # NLM_F_DUMP_INTR: what is listed changed while it was

IFF_UP = 0x1  # an admin has switched it on
IFF_RUNNING = 0x40  # it can carry packets, linux/if.h
IFLA_IFNAME, IFLA_CARRIER = 3, 33
IFA_ADDRESS, IFA_LOCAL = 1, 2
KIND_MASK = 0x3FFF  # NLA_TYPE_MASK
FOUR, SIX = 4, 16  # bytes in an address

HEADER = Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
LINK = Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
ADDRESS = Struct("=BBBBI")  # struct ifaddrmsg: family, prefix, flags, scope, index
ATTRIBUTE = Struct("=HH")  # struct rtattr: length, type
_GENERAL = Struct("=B3x")  # struct rtgenmsg, padded
_INT = Struct("=i")


@dataclass(frozen=True, slots=True)
class LinkNews:
    """How an interface is now; `gone` when there is none of this index any more."""

    index: int
    name: str
    is_on: bool  # switched on by an admin
    has_carrier: bool
    gone: bool = False


@dataclass(frozen=True, slots=True)
class AddressNews:
    """An interface has an address now, or (`gone`) has it no more."""

    index: int
    address: Address
    gone: bool = False


@dataclass(frozen=True, slots=True)
class EndOfAnswer:
    """The last message of what was asked for; `errno` is 0, or why there is no answer."""

    sequence: int
    errno: int = 0


News = LinkNews | AddressNews | EndOfAnswer


def ask_all(kind: int, sequence: int) -> bytes:
    """Write the request for all links (`GET_LINK`) or all addresses (`GET_ADDRESS`)."""
    length = HEADER.size + _GENERAL.size
    return HEADER.pack(length, kind, REQUEST | DUMP, sequence, 0) + _GENERAL.pack(0)


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `payload` is what follows its netlink header."""

    kind: int
    flags: int
    sequence: int
    payload: bytes


def messages(datagram: bytes) -> Iterator[Message]:
    """Split a datagram; what is cut short ends it."""
    at = 0
    while len(datagram) - at >= HEADER.size:
        length, kind, flags, sequence, _ = HEADER.unpack_from(datagram, at)
        if not HEADER.size <= length <= len(datagram) - at:
            return
        yield Message(kind, flags, sequence, datagram[at + HEADER.size : at + length])
        at += -length % 4 + length


def news(datagram: bytes) -> Iterator[News]:
    """Read one datagram. What is cut short or means nothing here is passed over."""
    for message in messages(datagram):
        said = end_of(message) or _said(message.kind, message.payload)
        if said is not None:
            yield said


def end_of(message: Message) -> EndOfAnswer | None:
    """Read the end of an answer; None where the message is none."""
    if message.kind not in (DONE, ERROR):
        return None
    told = len(message.payload) >= _INT.size
    errno = -_INT.unpack_from(message.payload)[0] if told else 0
    return EndOfAnswer(message.sequence, errno)


def _said(kind: int, payload: bytes) -> News | None:
    if kind in (NEW_LINK, DEL_LINK):
        return _link(payload, gone=kind == DEL_LINK)
    if kind in (NEW_ADDRESS, DEL_ADDRESS):
        return _address(payload, gone=kind == DEL_ADDRESS)
    return None


def _link(payload: bytes, *, gone: bool) -> LinkNews | None:
    if len(payload) < LINK.size:
        return None
    family, _, index, flags, _ = LINK.unpack_from(payload)
    if family:
        # A bridge tells of its ports in the same words, family AF_BRIDGE: DEL_LINK then only
        # means that an interface is a port no more.
        return None
    found = attributes(payload[LINK.size :])
    carrier = found.get(IFLA_CARRIER, b"\x01")
    return LinkNews(
        index,
        found.get(IFLA_IFNAME, b"").rstrip(b"\0").decode("ascii", "replace"),
        is_on=bool(flags & IFF_UP),
        has_carrier=bool(flags & IFF_RUNNING) and carrier != b"\x00",
        gone=gone,
    )


def _address(payload: bytes, *, gone: bool) -> AddressNews | None:
    if len(payload) < ADDRESS.size:
        return None
    *_, index = ADDRESS.unpack_from(payload)
    found = attributes(payload[ADDRESS.size :])
    # On a point-to-point link IFA_ADDRESS is the other end.
    packed = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS, b"")
    if len(packed) not in (FOUR, SIX):
        return None
    return AddressNews(index, ip_address(packed), gone=gone)


def attributes(data: bytes) -> dict[int, bytes]:
    """Split attributes by kind; what is cut short ends them."""
    found = {}
    at = 0
    while len(data) - at >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if not ATTRIBUTE.size <= length <= len(data) - at:
            break
        found[kind & KIND_MASK] = data[at + ATTRIBUTE.size : at + length]
        at += -length % 4 + length
    return found
