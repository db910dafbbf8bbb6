from __future__ import annotations

from ipaddress import ip_address

from lvsengine.lvscf.found import Found, FoundReal, FoundVirtual
from lvsengine.lvscf.model import Config, FloatingAddress, RealServer, VirtualServer


def test_a_key_that_is_not_given_has_the_line_of_its_block() -> None:
    real = FoundReal(RealServer("one", ip_address("10.0.0.1")), 7, {"address": 8})
    floating = FloatingAddress(ip_address("192.0.2.1"), "eth0:1")
    virtual = FoundVirtual(VirtualServer("shop", floating), 3, {"port": 4}, (real,), 0)
    found = Found(Config(), {"network": 1}, frozenset(), (virtual,))

    assert (real.line("address"), real.line("port")) == (8, 7)
    assert (virtual.line("port"), virtual.line("address")) == (4, 3)
    assert (found.line("network"), found.line("primary")) == (1, 0)
