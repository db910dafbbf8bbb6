from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.lvscf.model import Config, FloatingAddress, VirtualServer
from lvsengine.net import Address, Forwarding
from lvsengine.vip.addresses import AddressFailure, refused
from lvsengine.vip.desired import HeldAddress, desired
from lvsengine.vip.diff import AddressChange, PresentAddress, Verb
from lvsengine.vip.memory import MemoryAddresses
from lvsengine.vip.release import release, releases

WEB = FloatingAddress(ip_address("192.0.2.100"), "eth0:1")
OLD = FloatingAddress(ip_address("192.0.2.101"), "eth0:2")
SIX = FloatingAddress(ip_address("2001:db8::100"), "eth0")
ROUTER = FloatingAddress(ip_address("10.9.9.254"), "eth1:1")
CONFIG = Config(
    network=Forwarding.NAT,
    nat_router=ROUTER,
    nat_netmask=24,
    virtual_servers=(
        VirtualServer("web", WEB, enabled=True, netmask=24),
        VirtualServer("old", OLD, netmask=24),
        VirtualServer("six", SIX, enabled=True),
    ),
)
OWN = PresentAddress(ip_address("192.0.2.11"), 24, "eth0", "eth0")


def present(address: str, prefix: int, interface: str, label: str = "") -> PresentAddress:
    return PresentAddress(ip_address(address), prefix, interface, label)


AS_RAISED = tuple(
    PresentAddress(held.address, held.prefix, held.interface, held.label, held.broadcast)
    for held in desired(CONFIG)
)


async def rest(plane: MemoryAddresses) -> list[str]:
    return [str(entry.held) for entry in await plane.read()]


async def test_all_that_a_crashed_director_left_goes_and_its_own_addresses_stay() -> None:
    plane = MemoryAddresses(present=[OWN, *AS_RAISED])
    released = await release(CONFIG, plane, {SIX.address})
    assert await rest(plane) == ["192.0.2.11/24 on eth0"]
    assert {change.address.address for change in released.removed} == {
        WEB.address, SIX.address, ROUTER.address,
    }  # fmt: skip
    assert released.sentences == ()


async def test_what_a_disabled_virtual_server_left_under_its_alias_goes_too() -> None:
    plane = MemoryAddresses(present=[present("192.0.2.101", 32, "eth0", "eth0:2")])
    await release(CONFIG, plane)
    assert await rest(plane) == []


async def test_what_lvs_cf_has_forgotten_goes_by_the_state_file() -> None:
    plane = MemoryAddresses(present=[present("192.0.2.77", 24, "eth0", "eth0:7")])
    released = await release(Config(), plane, {ip_address("192.0.2.77")})
    assert len(released.removed) == 1


async def test_a_virtual_ip_that_may_be_anyones_stays_and_is_told() -> None:
    foreign = [
        present("192.0.2.100", 24, "eth0", "eth0"),
        present("192.0.2.101", 24, "eth1", "eth1:2"),
    ]
    plane = MemoryAddresses(present=foreign)
    released = await release(CONFIG, plane)
    assert released.removed == ()
    assert len(released.left) == 2
    assert released.sentences[0] == (
        "this machine holds 192.0.2.100/24 on eth0, which lvs.cf gives to the active director,"
        " and nothing shows that pulse has added it: it is left as it is. Remove it:"
        " ip addr del 192.0.2.100/24 dev eth0"
    )


@pytest.mark.parametrize("ours", [(), (WEB.address,)])
async def test_a_real_server_keeps_its_virtual_ip_on_lo(ours: tuple[Address, ...]) -> None:
    plane = MemoryAddresses(present=[present("192.0.2.100", 32, "lo", "lo")])
    released = await release(CONFIG, plane, ours)
    assert await rest(plane) == ["192.0.2.100/32 on lo"]
    assert released.sentences == ()


async def test_on_lo_even_a_forgotten_address_of_an_old_state_file_stays() -> None:
    plane = MemoryAddresses(present=[present("192.0.2.77", 32, "lo", "lo")])
    assert (await release(Config(), plane, {ip_address("192.0.2.77")})).removed == ()


async def test_with_nothing_to_release_nothing_is_changed() -> None:
    plane = MemoryAddresses(present=[OWN])
    assert (await release(CONFIG, plane)).sentences == ()
    assert plane.applied == []


async def test_what_cannot_be_removed_is_told_once() -> None:
    class Stuck(MemoryAddresses):
        async def apply(self, changes: Sequence[AddressChange]) -> list[AddressFailure]:
            return [refused(change, 1) for change in changes]

    released = await release(CONFIG, Stuck(present=AS_RAISED[:1]))
    assert released.removed == ()
    assert released.sentences == (
        "cannot remove 192.0.2.100/24 on eth0:1: not permitted. Run pulse as root, or give it"
        " CAP_NET_ADMIN",
    )


def test_secondaries_go_before_their_primary() -> None:
    first = present("192.0.2.100", 24, "eth0", "eth0:1")
    second = replace(present("192.0.2.101", 24, "eth0", "eth0:2"), secondary=True)
    assert releases([first, second], [WEB, OLD], ()) == [
        AddressChange(Verb.REMOVE, second.held),
        AddressChange(Verb.REMOVE, first.held),
    ]
    held = HeldAddress(WEB.address, 24, "eth0", "eth0:1")
    assert releases([first], [WEB], ()) == [AddressChange(Verb.REMOVE, held)]
