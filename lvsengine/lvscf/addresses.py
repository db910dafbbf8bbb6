"""The rules for addresses, netmasks and devices: text -> value, or `Refused`.

IPv6 is welcome wherever an address stands. Names are not resolved here (`reading` does).
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

from lvsengine.lvscf.model import FloatingAddress
from lvsengine.lvscf.problems import Reason
from lvsengine.lvscf.refused import Refused
from lvsengine.net import Address

MAX_ADDRESSES = 16  # more witnesses than anyone needs
MAX_DEVICE = 15  # IFNAMSIZ less its closing zero, linux/if.h; counts an alias's `:1` too


def address(text: str) -> Address:
    """Read an IPv4 or IPv6 address; no name, no netmask, no `%eth0`."""
    try:
        found = ip_address(text)
    except ValueError:
        raise Refused(Reason.HOST, _NO_ADDRESS, text=text) from None
    if isinstance(found, IPv6Address) and found.scope_id is not None:
        raise Refused(Reason.HOST, _NO_ADDRESS, text=text)
    return found


_NO_ADDRESS = "must be an IP address such as 192.0.2.10 or 2001:db8::10, not {text!r}"


def address_or_none(text: str) -> Address | None:
    """Read an address; 0.0.0.0 and :: are how the web forms write that there is none."""
    found = address(text)
    return None if found.is_unspecified else found


def set_address(text: str) -> Address:
    """Read an address that must be one; 0.0.0.0 is refused as the original does."""
    found = address(text)
    if found.is_unspecified:
        raise Refused(Reason.HOST, "must be an address of a director, not {text}", text=text)
    return found


def addresses(text: str) -> tuple[Address, ...]:
    """Read addresses of machines with blanks between them, at most 16; none is a text of none."""
    found = tuple(map(_machine, text.split()))
    if len(found) > MAX_ADDRESSES:
        raise Refused(
            Reason.SURPLUS,
            "must be at most {most} addresses; it has {count}",
            most=MAX_ADDRESSES,
            count=len(found),
        )
    return found


def _machine(text: str) -> Address:
    found = address(text)
    is_of_none = found.is_unspecified or found.is_multicast or str(found) == "255.255.255.255"
    # fe80::1 alone does not say on which interface.
    if is_of_none or (found.version == 6 and found.is_link_local):
        raise Refused(Reason.HOST, "must be addresses of machines, not {text}", text=text)
    return found


def multicast_group(text: str) -> Address | None:
    """Read a multicast address; 0.0.0.0 and :: are none."""
    found = address_or_none(text)
    if found is not None and not found.is_multicast:
        raise Refused(
            Reason.HOST,
            "must be a multicast address such as 224.0.0.81 or ff02::81, not {text}",
            text=text,
        )
    return found


_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def is_host_name(text: str) -> bool:
    """Whether a text could be a host's name in the DNS; digits and dots alone are not."""
    labels = text.removesuffix(".").split(".")
    return (
        len(text) <= 253
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )


def netmask(text: str) -> int | None:
    """Read a netmask as a prefix length.

    Args:
        text: `255.255.255.0`, or the prefix length alone for IPv6, such as `64`. `0.0.0.0`
            is how the web forms write that there is none.

    Raises:
        Refused: The ones do not all come first (255.0.255.0), or not four numbers
            (255.255.255, which the original takes for 255.255.0.255).
    """
    return mask(text) or None


def mask(text: str) -> int:
    """Read a netmask or prefix length, 0 to 128."""
    digits = text.removeprefix("/")
    if digits.isascii() and digits.isdigit() and len(digits) < 4 and int(digits) <= 128:
        return int(digits)
    prefix = _MASKS.get(text)
    if prefix is None:
        raise Refused(
            Reason.MASK,
            "must be a netmask such as 255.255.255.0, or a prefix length such as 64 for IPv6,"
            " not {text!r}",
            text=text,
        )
    return prefix


def dotted(prefix: int) -> str:
    """Write an IPv4 prefix length, 0 to 32, as a netmask."""
    bits = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
    return ".".join(str(bits >> shift & 0xFF) for shift in (24, 16, 8, 0))


_MASKS = {dotted(prefix): prefix for prefix in range(33)}


def client_mask(text: str) -> int | None:
    """Read which part of a client's address counts for persistence.

    None is all of it: 255.255.255.255, or 128 for IPv6. So is 0.0.0.0, as the web forms write
    that no mask is wanted.
    """
    prefix = mask(text)
    return None if text == "255.255.255.255" or prefix in (0, 128) else prefix


_INTERFACE = re.compile(r"[^\s/:\x00-\x1f\x7f-\uffff]+")
_DEVICE = re.compile(r"[^\s/:\x00-\x1f\x7f-\uffff]+(:[^\s/:\x00-\x1f\x7f-\uffff]+)?")


def device(text: str) -> str:
    """Read an interface or an alias of one, `eth0` or `eth0:1`, at most 15 characters in all."""
    return _device(text, _DEVICE, "an interface such as eth0, or an alias such as eth0:1")


def interface(text: str) -> str:
    """Read an interface's name, no alias, at most 15 characters."""
    return _device(text, _INTERFACE, "an interface such as eth0")


def _device(text: str, form: re.Pattern[str], wanted: str) -> str:
    if not form.fullmatch(text) or text in (".", ".."):
        raise Refused(Reason.ARGUMENT, "must be {wanted}, not {text!r}", wanted=wanted, text=text)
    if len(text) > MAX_DEVICE:
        raise Refused(
            Reason.ARGUMENT,
            "must be at most {most} characters, for the kernel keeps no more;"
            " {text!r} has {count}",
            most=MAX_DEVICE,
            text=text,
            count=len(text),
        )
    return text


def floating_address(text: str) -> FloatingAddress:
    """Read `192.0.2.100 eth0:1`: an address and the device that carries it."""
    words = text.split()
    if len(words) != 2:
        raise Refused(
            Reason.MISSING if len(words) < 2 else Reason.SURPLUS,
            "must be an address and a device, such as 192.0.2.100 eth0:1, not {text!r}",
            text=text,
        )
    return FloatingAddress(address(words[0]), device(words[1]))
