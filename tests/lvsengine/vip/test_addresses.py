from __future__ import annotations

import errno
from ipaddress import ip_address

import pytest

from lvsengine.vip.addresses import AddressFailure, refused
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, Verb

WEB = HeldAddress(ip_address("192.168.26.10"), 24, "eth0", "eth0:1")
ADD = AddressChange(Verb.ADD, WEB)
REMOVE = AddressChange(Verb.REMOVE, WEB)


@pytest.mark.parametrize(
    ("failure", "end"),
    [
        (refused(ADD, errno.EPERM), "Run pulse as root, or give it CAP_NET_ADMIN"),
        (refused(ADD, errno.EACCES), "Set net.ipv6.conf.eth0.disable_ipv6 to 0"),
        (refused(ADD, errno.ERANGE), "an alias has at most 15 characters, and eth0:1 has more"),
        (refused(ADD, errno.ETIMEDOUT), "did not answer in time. It is tried again"),
        (refused(ADD, errno.ENODEV), "it has none at all. Correct the device in lvs.cf, or make "
         "the interface"),
        (refused(ADD, errno.ENOBUFS), ": the kernel says errno 105"),
        (refused(ADD, errno.ENOBUFS, detail="No buffer space"), "eth0:1: No buffer space"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do(failure: AddressFailure, end: str) -> None:
    assert failure.sentence.startswith("cannot add 192.168.26.10/24 on eth0:1: ")
    assert failure.sentence.endswith(end)


def test_an_address_that_would_take_others_along_names_them() -> None:
    failure = refused(REMOVE, errno.EBUSY, along=[ip_address("192.168.26.77")])
    assert failure == AddressFailure(
        REMOVE,
        errno.EBUSY,
        "cannot remove 192.168.26.10/24 on eth0:1: the kernel would drop 192.168.26.77 with it. "
        "Set net.ipv4.conf.eth0.promote_secondaries to 1",
    )
