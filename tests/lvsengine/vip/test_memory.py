from __future__ import annotations

import asyncio
from ipaddress import ip_address

from lvsengine.vip.diff import PresentAddress
from lvsengine.vip.interfaces import LinkState
from lvsengine.vip.memory import MemoryAddresses, MemoryLinks
from tests.lvsengine.vip.addresses_contract import (
    ALONE,
    WEB,
    AddressesContract,
    Scenario,
    add,
    remove,
)

HERE = ip_address("192.0.2.11")


class TestMemory(AddressesContract):
    def play(self, scenario: Scenario) -> None:
        async def run() -> None:
            plane = MemoryAddresses()
            await scenario(plane)
            await plane.close()

        asyncio.run(run())


async def test_it_starts_with_the_addresses_it_is_given() -> None:
    foreign = PresentAddress(WEB.address, 24, "eth0", "eth0")
    assert await MemoryAddresses(present=[foreign]).read() == (foreign,)


async def test_it_remembers_what_was_done_but_not_what_was_refused() -> None:
    plane = MemoryAddresses(interfaces=["eth0"])
    await plane.apply([*add(WEB), *remove(ALONE)])
    assert plane.applied == add(WEB)


async def test_a_cable_in_memory_is_pulled_and_plugged_and_told_while_open() -> None:
    told: list[LinkState] = []
    links = MemoryLinks(told.append)
    links.watch([HERE])
    links.pull(HERE)
    assert (told, links.states()) == ([], {"192.0.2.11": False})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(links.run())
        await asyncio.sleep(0)
        links.plug(HERE)
        links.plug(HERE)
        links.pull(ip_address("192.0.2.12"))
        links.pull(HERE)
        links.pull(HERE)
        task.cancel()
    assert [state.is_up for state in told] == [True, False]
    assert not links.is_open
