from __future__ import annotations

import errno
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.ipvs.choosing import RoundRobin
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.live import LiveService
from lvsengine.ipvs.refusals import refusal
from lvsengine.ipvs.table import AddressKey, Destination, DestinationKey, MarkKey, Service
from lvsengine.net import Forwarding, Protocol

WEB = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)
DNS = AddressKey(Protocol.UDP, ip_address("192.0.2.1"), 53)
ONE = DestinationKey(WEB, ip_address("10.0.0.1"), 80)
TWO = DestinationKey(WEB, ip_address("10.0.0.2"), 80)
LOST = DestinationKey(DNS, ip_address("10.0.0.1"), 53)
NAT = Destination(1, Forwarding.NAT)
RR = Service("rr")


def held() -> dict[AddressKey | MarkKey, LiveService]:
    """The web service with its first destination."""
    service = LiveService(RR, RoundRobin)
    service.add(ONE, NAT)
    return {WEB: service}


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (Change(Verb.ADD, DNS, RR), 0),
        (Change(Verb.SET, WEB, RR), 0),
        (Change(Verb.REMOVE, WEB), 0),
        (Change(Verb.ADD, TWO, NAT), 0),
        (Change(Verb.SET, ONE, NAT), 0),
        (Change(Verb.REMOVE, ONE), 0),
        (Change(Verb.ADD, WEB, RR), errno.EEXIST),
        (Change(Verb.SET, DNS, RR), errno.ESRCH),
        (Change(Verb.REMOVE, DNS), errno.ESRCH),
        (Change(Verb.ADD, ONE, NAT), errno.EEXIST),
        (Change(Verb.SET, TWO, NAT), errno.ENOENT),
        (Change(Verb.REMOVE, TWO), errno.ENOENT),
        (Change(Verb.ADD, LOST, NAT), errno.ESRCH),
        (Change(Verb.REMOVE, LOST), errno.ESRCH),
        (Change(Verb.ADD, DNS, Service("twos")), errno.ENOENT),
        (Change(Verb.ADD, TWO, replace(NAT, weight=-1)), errno.ERANGE),
        (Change(Verb.ADD, TWO, replace(NAT, upper=1, lower=2)), errno.ERANGE),
        (Change(Verb.ADD, TWO), errno.EINVAL),
        (Change(Verb.ADD, DNS), errno.EINVAL),
    ],
)
def test_what_the_kernel_would_refuse_is_refused_with_its_errno(
    change: Change, number: int
) -> None:
    said = refusal(change, held())
    assert (said.errno if said else 0) == number


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            Change(Verb.ADD, MarkKey(80), RR),
            "virtual server mark 80: the userspace plane cannot see the marks of packets: use the "
            "kernel plane (--plane kernel), or take fwmark out of the virtual server",
        ),
        (
            Change(Verb.ADD, replace(DNS, protocol=Protocol.SCTP), RR),
            "virtual server sctp 192.0.2.1:53: the userspace plane forwards tcp and udp, not "
            "sctp: use the kernel plane (--plane kernel)",
        ),
        (
            Change(Verb.ADD, replace(DNS, port=0), Service("rr", persistence_s=60)),
            "virtual server udp 192.0.2.1:0: the userspace plane cannot listen on all ports: name "
            "one, or use the kernel plane (--plane kernel)",
        ),
        (
            Change(Verb.SET, WEB, Service("mh")),
            "virtual server tcp 192.0.2.1:80: the userspace plane has no scheduler mh: take sh, "
            "or use the kernel plane (--plane kernel)",
        ),
        (
            Change(Verb.ADD, DNS, Service("rr", persistence_s=30, engine="sip")),
            "virtual server udp 192.0.2.1:53: the userspace plane has no persistence engine sip: "
            "use the kernel plane (--plane kernel)",
        ),
        (
            Change(Verb.ADD, TWO, replace(NAT, forwarding=Forwarding.DIRECT)),
            "real server 10.0.0.2:80 of virtual server tcp 192.0.2.1:80: the userspace plane is a "
            "proxy and cannot do network = direct: write network = nat, or use the kernel plane "
            "(--plane kernel)",
        ),
    ],
)
def test_what_no_proxy_can_do_is_refused_with_what_to_do_instead(
    change: Change, sentence: str
) -> None:
    said = refusal(change, held())
    assert said
    assert (said.errno, said.sentence) == (errno.EOPNOTSUPP, sentence)
