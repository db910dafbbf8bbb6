"""Addresses as messages: what to tell the kernel, and what it lists. Bytes, no socket.

How an address is kept stands in `kernel`. Sources: rtnetlink(7); linux/if_addr.h; in the kernel,
devinet.c (inet_rtm_newaddr, inet_rtm_deladdr) and addrconf.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from struct import Struct

from lvsengine.net import Address
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, PresentAddress, Verb
from lvsengine.vip.rtnetlink import (
    ADDRESS,
    ATTRIBUTE,
    DEL_ADDRESS,
    HEADER,
    IFA_ADDRESS,
    IFA_LOCAL,
    NEW_ADDRESS,
    REQUEST,
    Message,
    attributes,
)

ACKNOWLEDGE = 0x004
CREATE_EXCLUSIVE = 0x400 | 0x200  # NLM_F_CREATE, NLM_F_EXCL
IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO = 3, 4, 6
IFA_F_SECONDARY, IFA_F_NODAD = 0x01, 0x02
AF_INET, AF_INET6 = 2, 10
SCOPE_GLOBAL, SCOPE_HOST = 0, 254
FOR_EVER = 0xFFFFFFFF  # INFINITY_LIFE_TIME, net/addrconf.h
LARGEST_PREFIX = 255  # what fits its field; the kernel refuses what is too long for the family

_CACHEINFO = Struct("=IIII")  # struct ifa_cacheinfo: preferred, valid, created, updated
_DEPRECATED = _CACHEINFO.pack(0, FOR_EVER, 0, 0)
_BYTES = {AF_INET: 4, AF_INET6: 16}


def request(change: AddressChange, index: int, sequence: int) -> bytes:
    """Ask for one change on the interface with this index; the kernel acknowledges it."""
    held = change.address
    if change.verb is Verb.REMOVE:
        return _message(DEL_ADDRESS, 0, sequence, _header(held, index), _named(held))
    body = _named(held) + _kept(held)
    return _message(NEW_ADDRESS, CREATE_EXCLUSIVE, sequence, _header(held, index), body)


def present(message: Message, names: Mapping[int, str]) -> PresentAddress | None:
    """Read one address of a list; None where its interface went away meanwhile.

    Args:
        names: The interfaces by index.
    """
    if message.kind != NEW_ADDRESS or len(message.payload) < ADDRESS.size:
        return None
    family, prefix, flags, scope, index = ADDRESS.unpack_from(message.payload)
    found = attributes(message.payload[ADDRESS.size :])
    interface = names.get(index)
    # On a point-to-point link IFA_ADDRESS is the other end.
    packed = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS, b"")
    if interface is None or len(packed) != _BYTES.get(family):
        return None
    return PresentAddress(
        ip_address(packed),
        prefix,
        interface,
        found.get(IFA_LABEL, b"").rstrip(b"\0").decode("utf-8", "replace"),
        _broadcast(found),
        scope,
        secondary=family == AF_INET and bool(flags & IFA_F_SECONDARY),
    )


def _broadcast(found: Mapping[int, bytes]) -> Address | None:
    packed = found.get(IFA_BROADCAST, b"")
    return ip_address(packed) if len(packed) == _BYTES[AF_INET] else None


def _header(held: HeldAddress, index: int) -> bytes:
    prefix = min(held.prefix, LARGEST_PREFIX)
    if held.address.version == 6:
        return ADDRESS.pack(AF_INET6, prefix, IFA_F_NODAD, SCOPE_GLOBAL, index)
    scope = SCOPE_HOST if held.address.is_loopback else SCOPE_GLOBAL
    return ADDRESS.pack(AF_INET, prefix, 0, scope, index)


def _named(held: HeldAddress) -> bytes:
    """What tells an address from all others."""
    packed = held.address.packed
    said = _attribute(IFA_LOCAL, packed) + _attribute(IFA_ADDRESS, packed)
    if held.label:
        said += _attribute(IFA_LABEL, held.label.encode() + b"\0")
    return said


def _kept(held: HeldAddress) -> bytes:
    if held.address.version == 6:
        return _attribute(IFA_CACHEINFO, _DEPRECATED)
    if held.broadcast is None:
        return b""
    return _attribute(IFA_BROADCAST, held.broadcast.packed)


def _message(kind: int, flags: int, sequence: int, header: bytes, body: bytes) -> bytes:
    length = HEADER.size + len(header) + len(body)
    flags |= REQUEST | ACKNOWLEDGE
    return HEADER.pack(length, kind, flags, sequence, 0) + header + body


def _attribute(kind: int, payload: bytes) -> bytes:
    length = ATTRIBUTE.size + len(payload)
    return ATTRIBUTE.pack(length, kind) + payload + bytes(-length % 4)
