from __future__ import annotations

import asyncio

from lvsengine.vip.diff import PresentAddress
from lvsengine.vip.memory import MemoryAddresses
from tests.lvsengine.vip.addresses_contract import (
    ALONE,
    WEB,
    AddressesContract,
    Scenario,
    add,
    remove,
)


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
