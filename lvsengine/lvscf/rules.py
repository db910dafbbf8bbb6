"""What each kind of value in lvs.cf may be: text -> value, or a sentence for the operator.

Rules take the text without its quotes. They know nothing of other keys; what fits together
is `sense`. All raise `Refused`, whose sentence begins with "must" so that the key's name, or
a form's field, can stand before it. Those for addresses, masks and devices are written in
`addresses` and offered here too.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeVar

from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.lvscf.addresses import address as address
from lvsengine.lvscf.addresses import address_or_none as address_or_none
from lvsengine.lvscf.addresses import addresses as addresses
from lvsengine.lvscf.addresses import client_mask as client_mask
from lvsengine.lvscf.addresses import device as device
from lvsengine.lvscf.addresses import dotted as dotted
from lvsengine.lvscf.addresses import floating_address as floating_address
from lvsengine.lvscf.addresses import interface as interface
from lvsengine.lvscf.addresses import is_host_name as is_host_name
from lvsengine.lvscf.addresses import mask as mask
from lvsengine.lvscf.addresses import multicast_group as multicast_group
from lvsengine.lvscf.addresses import netmask as netmask
from lvsengine.lvscf.addresses import set_address as set_address
from lvsengine.lvscf.model import Mode
from lvsengine.lvscf.problems import Reason
from lvsengine.lvscf.refused import Refused as Refused
from lvsengine.net import Forwarding, Protocol

MAX_WEIGHT = 65535  # ipvsadm(8), option -w
MAX_MARK = 0xFFFFFFFF  # 32 bits of a packet's mark, linux/skbuff.h
MAX_PORT = 65535
MAX_SYNC_ID = 255  # one byte of the sync message, linux/ip_vs.h
MAX_SYNC_LENGTH = 65_507  # a UDP datagram's payload; ipvsadm(8), --sync-maxlen
MAX_TTL = 255
MAX_KERNEL_SECONDS = (
    2_147_483  # the kernel counts timeouts in ticks of an int, up to 1000 a second
)
MAX_CHECK_SECONDS = 86_400
MAX_FALL = 1000
MAX_SERIAL = 0x7FFFFFFF  # the original keeps it in an int
MAX_TEXT = 4096

# Service names that stand for ports; a fixed list, so that a file means the same everywhere.
PORT_NAMES = {
    "ftp": 21,
    "ssh": 22,
    "telnet": 23,
    "smtp": 25,
    "domain": 53,
    "http": 80,
    "www": 80,
    "kerberos": 88,
    "pop3": 110,
    "ntp": 123,
    "imap": 143,
    "imap2": 143,
    "snmp": 161,
    "ldap": 389,
    "https": 443,
    "submissions": 465,
    "submission": 587,
    "ldaps": 636,
    "imaps": 993,
    "pop3s": 995,
    "mysql": 3306,
    "postgresql": 5432,
    "sip": 5060,
    "http-alt": 8080,
}

E = TypeVar("E", bound=Enum)


# Decimal, 0x hexadecimal or 0 octal, as strtol(3) reads them with base 0.
_INTEGER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_MAX_DIGITS = 20
_DECIMAL = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")


def integer(text: str, low: int, high: int) -> int:
    """Read a whole number as the original does: 10, 0x0a and 012 are the same number."""
    found = _INTEGER.fullmatch(text)
    if found is None:
        raise Refused(
            Reason.INTEGER,
            "must be a whole number from {low} to {high}, not {text!r}",
            low=low,
            high=high,
            text=text,
        )
    sign, digits = found.groups()
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits.startswith("0") else 10
    number = int(digits, base) if len(digits) <= _MAX_DIGITS else high + 1
    number = -number if sign == "-" else number
    if not low <= number <= high:
        raise Refused(
            Reason.ARGUMENT,
            "must be from {low} to {high}, not {text}",
            low=low,
            high=high,
            text=text,
        )
    return number


def is_octal(text: str) -> bool:
    """Whether a number is written with a leading 0, and so counts by eights."""
    return re.fullmatch(r"[+-]?0[0-7]+", text) is not None


def boolean(text: str) -> bool:
    """Read 0 or 1; the original takes no words.

    Raises:
        Refused: `integer expected` for a word, `boolean expected` for another number.
    """
    if text in ("0", "1"):
        return text == "1"
    found = _INTEGER.fullmatch(text)
    if found is not None and not text.strip("+-0"):
        return False
    raise Refused(
        Reason.INTEGER if found is None else Reason.BOOLEAN,
        "must be 0 (no) or 1 (yes), not {text!r}",
        text=text,
    )


def serial(text: str) -> int:
    """Read the counter of edits."""
    return integer(text, 0, MAX_SERIAL)


def weight(text: str) -> int:
    """Read a real server's weight.

    Args:
        text: A whole number of shares, 0 to 65535. A real server of weight 2 gets twice the
            connections of one of weight 1; weight 0 gets no new ones and keeps those it has.

    Source: ipvsadm(8), "-w, --weight"; the kernel itself would take any number.
    """
    return integer(text, 0, MAX_WEIGHT)


def port(text: str) -> int:
    """Read a port: 1 to 65535, or a name from `PORT_NAMES` such as `http`."""
    named = PORT_NAMES.get(text)
    return port_number(text) if named is None else named


def port_number(text: str) -> int:
    """Read a port where the original takes no name: a real server's."""
    return integer(text, 1, MAX_PORT)


def mark(text: str) -> int:
    """Read a firewall mark; 0 is none."""
    return integer(text, 0, MAX_MARK)


def sync_id(text: str) -> int:
    """Read the id of the connection sync, 0 to 255; the kernel would cut a larger one off."""
    return integer(text, 0, MAX_SYNC_ID)


def sync_length(text: str) -> int:
    """Read the most bytes that a message of the connection sync has; 0 leaves it to the MTU."""
    return integer(text, 0, MAX_SYNC_LENGTH)


def sync_ttl(text: str) -> int:
    """Read how many routers a message of the connection sync passes, and one more."""
    return integer(text, 1, MAX_TTL)


def fall(text: str) -> int:
    """Read how many failures in a row take a real server out."""
    return integer(text, 1, MAX_FALL)


def kernel_seconds(text: str) -> int:
    """Read a timeout that the kernel keeps, in seconds; 0 is off, or the kernel's own."""
    return integer(text, 0, MAX_KERNEL_SECONDS)


def seconds(text: str) -> int:
    """Read a time in whole seconds, 0 to one day."""
    return integer(text, 0, MAX_CHECK_SECONDS)


def check_seconds(text: str) -> int:
    """Read a check's interval and deadline in seconds; 0 would check without end."""
    return integer(text, 1, MAX_CHECK_SECONDS)


def interval(text: str) -> float:
    """Read seconds that may have a fraction: 0.05 to one day.

    The fraction is ours; the original takes whole seconds.
    """
    number = float(text) if _DECIMAL.fullmatch(text) else _whole_seconds(text)
    if not MIN_INTERVAL_S <= number <= MAX_CHECK_SECONDS:
        raise Refused(
            Reason.ARGUMENT,
            "must be from {low} to {high} seconds, not {text}",
            low=MIN_INTERVAL_S,
            high=MAX_CHECK_SECONDS,
            text=text,
        )
    return number


MIN_INTERVAL_S = 0.05


def _whole_seconds(text: str) -> float:
    if not _INTEGER.fullmatch(text):
        raise Refused(
            Reason.INTEGER, "must be a number of seconds such as 6 or 0.5, not {text!r}", text=text
        )
    return float(integer(text, -MAX_SERIAL, MAX_SERIAL))


def scheduler(text: str) -> str:
    """Read a scheduler's name, one of `SCHEDULERS`."""
    if text not in SCHEDULERS:
        raise _none_of(SCHEDULERS, text)
    return text


def protocol(text: str) -> Protocol:
    """Read tcp or udp; sctp is ours."""
    return _choice(Protocol, text)


def forwarding(text: str) -> Forwarding:
    """Read how packets reach the real servers."""
    return _choice(Forwarding, text)


def mode(text: str) -> Mode:
    """Read `lvs` or `fos`."""
    return _choice(Mode, text)


def conflict_action(text: str) -> str:
    """Read what the old FOS mode did with a reserved disk."""
    if text not in ("nothing", "preempt"):
        raise _none_of(("nothing", "preempt"), text)
    return text


def _choice(choices: type[E], text: str) -> E:
    try:
        return choices(text)
    except ValueError:
        raise _none_of([choice.value for choice in choices], text) from None


def _none_of(names: object, text: str) -> Refused:
    words = ", ".join(map(str, names)) if isinstance(names, (list, tuple, dict)) else ""
    return Refused(Reason.ARGUMENT, "must be one of {words}; not {text!r}", words=words, text=text)


# Surrogates stand for bytes that are not UTF-8.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]")


def text(value: str) -> str:
    """Read any text of one line, at most 4096 characters."""
    if len(value) > MAX_TEXT:
        raise Refused(
            Reason.ARGUMENT,
            "must be at most {most} characters; it has {count}",
            most=MAX_TEXT,
            count=len(value),
        )
    if _CONTROL.search(value):
        raise Refused(
            Reason.ARGUMENT,
            "must not hold control characters; write a line end as backslash n",
        )
    return value


def path(value: str) -> str:
    """Read the whole path of a file; an empty text is none."""
    if value and not value.startswith("/"):
        raise Refused(
            Reason.ARGUMENT, "must be a whole path that begins with /, not {text!r}", text=value
        )
    return text(value)


SYSCTL_CONF = "/etc/sysctl.conf"
PACKET_FILTER_FILES = (
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
    "/etc/iptables/rules.v4",
    "/etc/iptables/rules.v6",
    "/etc/nftables.conf",
)
_SYSCTL_D = re.compile(r"/etc/sysctl\.d/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.conf")


def sysctl_file(value: str) -> str:
    """Read which sysctl file is copied to the peer; an empty text is none."""
    if value and value != SYSCTL_CONF and not _SYSCTL_D.fullmatch(value):
        raise Refused(
            Reason.ARGUMENT,
            "must be /etc/sysctl.conf or /etc/sysctl.d/NAME.conf, not {text!r}",
            text=value,
        )
    return value


def packet_filter_file(value: str) -> str:
    """Read which file of packet filter rules is copied to the peer; an empty text is none."""
    if value and value not in PACKET_FILTER_FILES:
        raise _none_of(PACKET_FILTER_FILES, value)
    return value


def name(value: str) -> str:
    """Read the name of a virtual or real server; blanks are allowed, double quotes are not."""
    if not value.strip() or '"' in value:
        raise Refused(
            Reason.ARGUMENT, "must be a name without double quotes, not {text!r}", text=value
        )
    return text(value)


_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def user(value: str) -> str:
    """Read the name of a user who is not root; an empty text is none."""
    if value and (value == "root" or not _USER.fullmatch(value)):
        raise Refused(
            Reason.ARGUMENT, "must be the name of a user, and not root, not {text!r}", text=value
        )
    return value
