"""What no plane takes. What every plane must refuse is in plane_contract.py; here, the words."""

from __future__ import annotations

import errno
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.errors import RuleError
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.plane import Timeouts
from lvsengine.ipvs.rules import check_timeouts, explained, refusal
from lvsengine.ipvs.table import (
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

WEB = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)
WEB6 = AddressKey(Protocol.TCP, ip_address("2001:db8::1"), 80)
DNS = AddressKey(Protocol.UDP, ip_address("192.0.2.1"), 53)
ONE = DestinationKey(WEB, ip_address("10.0.0.1"), 80)
NAT, TUNNEL = Destination(1, Forwarding.NAT), Destination(1, Forwarding.TUNNEL)
GUE, GRE = TunnelKind.GUE, TunnelKind.GRE


def said(change: Change) -> tuple[int, str] | None:
    """What is said after the subject, with its errno."""
    refused = refusal(change)
    if refused is None:
        return None
    subject, _, sentence = refused.sentence.partition(": ")
    assert str(getattr(change.key, "service", change.key)) in subject
    return refused.errno, sentence


def adding(key: ServiceKey | DestinationKey, value: Service | Destination) -> Change:
    return Change(Verb.ADD, key, value)


SOUND = [
    adding(WEB, Service("wlc", 300, 0)),
    adding(WEB, Service("fifteen-letters")),
    adding(WEB6, Service("wlc", 2_147_483, 128, scheduler_flags=7)),
    adding(DNS, Service("rr", one_packet=True)),
    adding(MarkKey(2**32 - 1, 6), Service("rr", one_packet=True)),
    adding(replace(WEB, port=0), Service("rr", 1)),
    adding(ONE, Destination(65535, Forwarding.NAT, 2**32 - 1, 2**32 - 1)),
    adding(replace(ONE, port=0), NAT),
    adding(ONE, Destination(0, Forwarding.DIRECT)),
    adding(replace(ONE, address=ip_address("2001:db8::9")), TUNNEL),
    adding(ONE, replace(TUNNEL, tunnel=Tunnel(GUE, 65535, checksum=True))),
    adding(ONE, replace(TUNNEL, tunnel=Tunnel(GRE, checksum=True))),
    adding(replace(ONE, service=MarkKey(1), port=0), Destination(1, Forwarding.DIRECT)),
    adding(replace(ONE, service=MarkKey(1), port=99), TUNNEL),
    adding(DestinationKey(WEB6, ip_address("::1"), 80), NAT),
    Change(Verb.REMOVE, WEB),
    Change(Verb.REMOVE, ONE),
]


@pytest.mark.parametrize("change", SOUND, ids=str)
def test_what_makes_sense_is_not_refused(change: Change) -> None:
    assert refusal(change) is None


REFUSED_SERVICES = [
    (WEB, Service("rr", one_packet=True), "one-packet scheduling is for udp only, not tcp"),
    (replace(WEB, port=0), Service(), "port 0, that is all ports, needs persistence"),
    (WEB, Service("rr", 1, 33), "the persistence mask must have 0 to 32 bits, not 33"),
    (WEB6, Service("rr", 1, 0), "the persistence mask must have 1 to 128 bits, not 0"),
    (WEB6, Service("rr", 0, 129), "the persistence mask must have 1 to 128 bits, not 129"),
    (WEB, Service("rr", 2_147_484), "persistence must last 0 to 2147483 seconds, not 2147484"),
    (WEB, Service("rr", scheduler_flags=8), "scheduler flags must be 0 to 7, not 8"),
    (WEB, NAT, "to add or set it, its values are needed"),
    (MarkKey(0), Service(), "a firewall mark must be 1 to 4294967295"),
    (MarkKey(2**32), Service(), "a firewall mark must be 1 to 4294967295"),
    (MarkKey(1, 5), Service(), "its family must be 4 or 6"),
    (replace(WEB, port=65536), Service(), "a port must be 0 to 65535, not 65536"),
    (
        replace(WEB6, address=ip_address("fe80::1%eth0")),
        Service("rr", 0, 128),
        "an address cannot name an interface: write it without %eth0",
    ),
]


@pytest.mark.parametrize(("key", "value", "sentence"), REFUSED_SERVICES)
def test_a_service_that_makes_no_sense_is_refused_in_words(
    key: ServiceKey, value: Service | Destination, sentence: str
) -> None:
    assert said(adding(key, value)) == (errno.EINVAL, sentence)
    assert said(Change(Verb.SET, key, value)) == (errno.EINVAL, sentence)


REFUSED_DESTINATIONS = [
    (ONE, Service(), "to add or set it, its values are needed"),
    (replace(ONE, port=-1), NAT, "a port must be 0 to 65535, not -1"),
    (replace(ONE, address=ip_address("0.1.2.3")), NAT, "0.1.2.3 is not one machine's address"),
    (
        replace(ONE, address=ip_address("255.255.255.255")),
        NAT,
        "255.255.255.255 is not one machine's address",
    ),
    (replace(ONE, address=ip_address("239.0.0.1")), NAT, "239.0.0.1 is not one machine's address"),
    (DestinationKey(WEB6, ip_address("::"), 80), NAT, ":: is not one machine's address"),
    (DestinationKey(WEB6, ip_address("fe80::1"), 80), NAT, "fe80::1 is not one machine's address"),
    (DestinationKey(WEB6, ip_address("ff02::1"), 80), NAT, "ff02::1 is not one machine's address"),
    (DestinationKey(WEB6, ip_address("10.0.0.1"), 80), NAT, "IPv4 and IPv6 mix by tunnel only"),
    (
        replace(ONE, port=81),
        Destination(1, Forwarding.DIRECT),
        "direct keeps the packet's port, so it must be 80, not 81",
    ),
    (
        replace(ONE, port=81),
        TUNNEL,
        "tunnel keeps the packet's port, so it must be 80, not 81",
    ),
    (ONE, replace(NAT, tunnel=Tunnel(GRE)), "nat knows no gre"),
    (
        ONE,
        replace(TUNNEL, tunnel=Tunnel(GUE)),
        "a gue tunnel needs a port, 1 to 65535, not 0",
    ),
    (
        ONE,
        replace(TUNNEL, tunnel=Tunnel(GUE, 65536)),
        "a gue tunnel needs a port, 1 to 65535, not 65536",
    ),
    (ONE, replace(TUNNEL, tunnel=Tunnel(GRE, 1)), "a port is for gue only, not for gre"),
    (
        ONE,
        replace(TUNNEL, tunnel=Tunnel(TunnelKind.IPIP, checksum=True)),
        "ipip has no checksum",
    ),
    (
        replace(ONE, service=MarkKey(0)),
        NAT,
        "a firewall mark must be 1 to 4294967295",
    ),
]


@pytest.mark.parametrize(("key", "value", "sentence"), REFUSED_DESTINATIONS)
def test_a_destination_that_makes_no_sense_is_refused_in_words(
    key: DestinationKey, value: Service | Destination, sentence: str
) -> None:
    assert said(adding(key, value)) == (errno.EINVAL, sentence)


OUT_OF_RANGE = [
    (replace(NAT, weight=65536), "a weight must be 0 to 65535, not 65536"),
    (replace(NAT, weight=-1), "a weight must be 0 to 65535, not -1"),
    (replace(NAT, upper=2**32), "the upper threshold must be 0 to 4294967295, not 4294967296"),
    (replace(NAT, lower=-1), "the lower threshold must be 0 to 4294967295, not -1"),
    (replace(NAT, upper=5, lower=6), "the lower threshold 6 is above the upper 5"),
]


@pytest.mark.parametrize(("value", "sentence"), OUT_OF_RANGE)
def test_a_number_out_of_range_is_refused_in_words(value: Destination, sentence: str) -> None:
    assert said(adding(ONE, value)) == (errno.ERANGE, sentence)


@pytest.mark.parametrize("name", ["", "sixteen--letters", "r\0r", "wr\xe9"])
def test_a_name_that_cannot_be_asked_for_is_unknown(name: str) -> None:
    assert said(adding(WEB, Service(name))) == (
        errno.ENOENT,
        f"the kernel does not know the scheduler {name!r}",
    )
    if name:
        assert said(adding(WEB, Service("rr", engine=name))) == (
            errno.ENOENT,
            f"the kernel does not know the persistence engine {name!r}",
        )


def test_a_removal_is_refused_only_where_its_key_could_hit_another() -> None:
    assert said(Change(Verb.REMOVE, replace(ONE, port=65536)))
    assert said(Change(Verb.REMOVE, replace(WEB6, address=ip_address("fe80::1%eth0"))))
    assert said(Change(Verb.REMOVE, replace(ONE, address=ip_address("224.0.0.1")))) is None


# The kernel's own refusals

MIXED = replace(ONE, address=ip_address("2001:db8::9"))
EXPLAINED = [
    (adding(WEB, Service()), errno.EEXIST, "virtual server tcp 192.0.2.1:80: it is there already"),
    (Change(Verb.REMOVE, WEB), errno.ESRCH, "virtual server tcp 192.0.2.1:80: it is not there"),
    (
        Change(Verb.REMOVE, ONE),
        errno.ESRCH,
        "real server 10.0.0.1:80 of virtual server tcp 192.0.2.1:80: "
        "there is no such virtual server",
    ),
    (
        Change(Verb.REMOVE, ONE),
        errno.ENOENT,
        "real server 10.0.0.1:80 of virtual server tcp 192.0.2.1:80: it is not there",
    ),
    (
        adding(WEB, Service("foo")),
        errno.ENOENT,
        "virtual server tcp 192.0.2.1:80: the kernel does not know the scheduler 'foo'",
    ),
    (
        adding(WEB, Service("foo", engine="bar")),
        errno.ENOENT,
        "virtual server tcp 192.0.2.1:80: the kernel does not know the scheduler 'foo' "
        "or the persistence engine 'bar'",
    ),
    (
        adding(MIXED, TUNNEL),
        errno.EINVAL,
        "real server [2001:db8::9]:80 of virtual server tcp 192.0.2.1:80: "
        "IPv4 and IPv6 do not mix while the connection-sync daemon runs",
    ),
    (
        adding(ONE, NAT),
        errno.EINVAL,
        "real server 10.0.0.1:80 of virtual server tcp 192.0.2.1:80: the kernel does not take "
        "10.0.0.1 as one machine's address: it may be a broadcast address here",
    ),
    (
        adding(WEB, Service()),
        errno.EINVAL,
        "virtual server tcp 192.0.2.1:80: the kernel does not take these values",
    ),
    (
        adding(WEB, Service()),
        errno.EPERM,
        "virtual server tcp 192.0.2.1:80: only root (CAP_NET_ADMIN) may change it",
    ),
    (
        adding(WEB6, Service()),
        errno.EAFNOSUPPORT,
        "virtual server tcp [2001:db8::1]:80: the kernel does not balance this family or protocol",
    ),
    (
        adding(WEB, Service()),
        errno.ENOMEM,
        "virtual server tcp 192.0.2.1:80: the kernel has no memory left for it",
    ),
]


@pytest.mark.parametrize(("change", "number", "sentence"), EXPLAINED)
def test_the_kernels_errno_is_put_into_words(change: Change, number: int, sentence: str) -> None:
    assert explained(change, number, "what the system says") == (number, sentence)


def test_an_errno_without_a_meaning_here_is_told_as_the_system_tells_it() -> None:
    assert explained(adding(WEB, Service()), 99, "odd").sentence.endswith("errno 99 (odd)")
    assert explained(adding(WEB, Service()), 99).sentence.endswith("errno 99")


def test_timeouts_are_checked_each() -> None:
    check_timeouts(Timeouts(2_147_483, 0, 1))
    with pytest.raises(RuleError, match="the udp timeout must be 0 to 2147483 seconds"):
        check_timeouts(Timeouts(udp_s=2_147_484))
