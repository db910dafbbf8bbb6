"""Letting go of virtual IPs in a real kernel, as `pulse --release` does."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

from lvsengine.lvscf.reading import read_text
from lvsengine.vip.desired import desired
from lvsengine.vip.diff import AddressChange, Verb
from lvsengine.vip.netlink import NetlinkAddresses
from lvsengine.vip.release import Released, release
from tests.kernel.lab.namespaces import in_namespace, ip_batch

SIX = ip_address("2001:db8::10")
LVS_CF = """\
network = nat
nat_router = 10.11.12.10 eth1:1
nat_nmask = 255.255.255.0
""" + "".join(
    f"virtual v{number} {{\nactive = 1\naddress = {address}\n{mask}\nport = {number}\n}}\n"
    for number, (address, mask) in enumerate(
        [
            *((f"192.168.26.{n} eth0:{n}", "vip_nmask = 255.255.255.0") for n in range(10, 40)),
            (f"{SIX} eth0", "vip_nmask = 64"),
        ],
        start=1,
    )
)


async def left_by_a_crash_then_released() -> tuple[Released, set[str]]:
    config = read_text(LVS_CF, "lvs.cf").config
    assert config is not None
    plane = NetlinkAddresses()
    raised = [AddressChange(Verb.ADD, held) for held in desired(config)]
    assert await plane.apply(raised) == []
    released = await release(config, plane, {SIX})
    rest = {str(entry.address) for entry in await plane.read() if entry.interface != "lo"}
    again = await release(config, plane, {SIX})
    assert (again.removed, again.sentences) == ((), ())
    await plane.close()
    return released, {text for text in rest if not text.startswith("fe80:")}


def test_a_crashed_directors_virtual_ips_go_and_nothing_else_does(namespace: str) -> None:
    ip_batch(
        namespace,
        "link add eth0 type veth peer name eth1",
        "link set eth0 up",
        "link set eth1 up",
    )
    with in_namespace(namespace):
        released, rest = asyncio.run(left_by_a_crash_then_released())
    assert len(released.removed) == 32
    assert released.sentences == ()
    assert rest == set()


def test_beside_own_addresses_of_the_same_network_too(namespace: str) -> None:
    ip_batch(
        namespace,
        "link add eth0 type veth peer name eth1",
        "link set eth0 up",
        "link set eth1 up",
        "addr add 192.168.26.9/24 dev eth0",
        "addr add 192.168.26.250/24 dev eth0",
    )
    with in_namespace(namespace):
        released, rest = asyncio.run(left_by_a_crash_then_released())
    assert len(released.removed) == 32
    assert rest == {"192.168.26.9", "192.168.26.250"}
