"""The promise of lvsengine/ipvs/plane.py as tests: every plane's tests run all of them.

    class TestMemory(PlaneContract):
        @asynccontextmanager
        async def open_plane(self) -> AsyncIterator[Plane]:
            yield MemoryPlane()

What a plane cannot do it declares in `lacks`, and then it must refuse it with EOPNOTSUPP and a
sentence that names what was asked: nothing is skipped.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from enum import Enum
from ipaddress import ip_address
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lvsengine.ipvs.diff import Change, Verb, diff
from lvsengine.ipvs.plane import Counters, Failure, Plane, Timeouts
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import (
    EMPTY,
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    Table,
    Tunnel,
    TunnelKind,
)
from lvsengine.net import Forwarding, Protocol
from tests.lvsengine.ipvs import plane_tables

Planes = Callable[[], AbstractAsyncContextManager[Plane]]

A_SERVICE = Service("wrr")
A_DESTINATION = Destination(1, Forwarding.NAT)
REAL_SERVERS = tuple(ip_address(f"10.11.12.{last}") for last in (1, 2, 3))
REAL_SERVERS6 = tuple(ip_address(f"2001:db8:12::{last}") for last in (1, 2, 3))


class Ability(Enum):
    """What a plane may lack, in the words that its refusal must contain."""

    MARK = "mark"
    SCTP = "sctp"
    DIRECT = "direct"
    TUNNEL = "tunnel"
    ALL_PORTS = "port"
    ENGINE = "sip"
    MAGLEV = "mh"


def add(key: ServiceKey | DestinationKey, value: Service | Destination) -> Change:
    return Change(Verb.ADD, key, value)


def change_to(key: ServiceKey | DestinationKey, value: Service | Destination) -> Change:
    return Change(Verb.SET, key, value)


def remove(key: ServiceKey | DestinationKey) -> Change:
    return Change(Verb.REMOVE, key)


def errnos(failures: list[Failure]) -> list[int]:
    return [failure.errno for failure in failures]


async def build(plane: Plane, table: Table) -> None:
    assert await plane.apply(diff(EMPTY, table)) == []


class PlaneContract:
    """Give `open_plane`, which yields an empty plane, and what else is your own."""

    lacks: ClassVar[frozenset[Ability]] = frozenset()
    virtual_ip: ClassVar[str] = "192.0.2.1"
    virtual_ip6: ClassVar[str] = "2001:db8::1"
    keeps_service_order: ClassVar[bool] = True
    examples: ClassVar[int] = 100

    def open_plane(self) -> AbstractAsyncContextManager[Plane]:
        raise NotImplementedError

    def port(self, number: int) -> int:
        """Give the port of the service of this number, 0 to 3."""
        return 8000 + number

    # What the tests are made of

    def service(self, number: int = 0, protocol: Protocol = Protocol.TCP) -> AddressKey:
        return AddressKey(protocol, ip_address(self.virtual_ip), self.port(number))

    def service6(self, number: int = 0) -> AddressKey:
        return AddressKey(Protocol.TCP, ip_address(self.virtual_ip6), self.port(number))

    def real(self, number: int = 0, service: ServiceKey | None = None) -> DestinationKey:
        key = service or self.service()
        addresses = REAL_SERVERS if key.family == 4 else REAL_SERVERS6
        return DestinationKey(key, addresses[number], 80)

    def a_table(self) -> Table:
        """Two services, of which the first has two destinations and the second one."""
        first, second = self.service(0), self.service(1, Protocol.UDP)
        return Table(
            {first: A_SERVICE, second: Service("rr")},
            {
                self.real(0, first): Destination(3, Forwarding.NAT),
                self.real(1, first): Destination(0, Forwarding.NAT, upper=20, lower=10),
                self.real(0, second): A_DESTINATION,
            },
        )

    # Reading

    async def test_a_new_plane_is_empty(self) -> None:
        async with self.open_plane() as plane:
            assert await plane.read() == EMPTY

    async def test_what_was_added_is_read_back_equal(self) -> None:
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            assert await plane.read() == self.a_table()

    async def test_only_the_services_asked_for_are_read(self) -> None:
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            first, missing = self.service(0), self.service(2)
            table = await plane.read({first, missing})
            assert set(table.services) == {first}
            assert set(table.destinations) == {self.real(0), self.real(1)}
            assert await plane.read(set()) == EMPTY

    async def test_ipv6_services_have_ipv6_destinations(self) -> None:
        key = self.service6()
        wanted = Table({key: A_SERVICE}, {self.real(0, key): A_DESTINATION})
        async with self.open_plane() as plane:
            await build(plane, wanted)
            assert await plane.read() == wanted

    async def test_destinations_keep_the_order_in_which_they_were_added(self) -> None:
        reals = [self.real(number) for number in (1, 0, 2)]
        async with self.open_plane() as plane:
            await build(
                plane,
                Table({self.service(): A_SERVICE}, dict.fromkeys(reals, A_DESTINATION)),
            )
            assert list((await plane.read()).destinations) == reals
            await plane.apply([change_to(reals[0], replace(A_DESTINATION, weight=7))])
            assert list((await plane.read()).destinations) == reals
            await plane.apply([remove(reals[0]), add(reals[0], A_DESTINATION)])
            assert list((await plane.read()).destinations) == [*reals[1:], reals[0]]

    async def test_services_keep_their_order_where_the_plane_can(self) -> None:
        keys = [self.service(number) for number in (2, 0, 1)]
        async with self.open_plane() as plane:
            await build(plane, Table(dict.fromkeys(keys, A_SERVICE)))
            services = list((await plane.read()).services)
            assert services == keys if self.keeps_service_order else set(services) == set(keys)

    # Changing

    async def test_set_changes_every_value_of_a_service(self) -> None:
        other = Service("sh", 300, 24, scheduler_flags=2)
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            assert await plane.apply([change_to(self.service(), other)]) == []
            assert (await plane.read()).services[self.service()] == other
            assert await plane.apply([change_to(self.service(), A_SERVICE)]) == []
            assert await plane.read() == self.a_table()

    async def test_set_changes_every_value_of_a_destination(self) -> None:
        other = Destination(65535, Forwarding.NAT, upper=9, lower=4)
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            assert await plane.apply([change_to(self.real(), other)]) == []
            assert (await plane.read()).destinations[self.real()] == other
            assert (
                await plane.apply([change_to(self.real(), Destination(3, Forwarding.NAT))]) == []
            )
            assert await plane.read() == self.a_table()

    async def test_a_removed_service_takes_its_destinations_along(self) -> None:
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            assert await plane.apply([remove(self.service())]) == []
            table = await plane.read()
            assert set(table.services) == {self.service(1, Protocol.UDP)}
            assert set(table.destinations) == {self.real(0, self.service(1, Protocol.UDP))}
            assert await plane.apply([add(self.service(), A_SERVICE)]) == []
            assert not await self.destinations_of(plane, self.service())

    async def destinations_of(
        self, plane: Plane, key: ServiceKey
    ) -> Mapping[DestinationKey, Destination]:
        return (await plane.read({key})).destinations

    async def test_one_packet_scheduling_is_kept_and_taken_back(self) -> None:
        key = self.service(0, Protocol.UDP)
        async with self.open_plane() as plane:
            await build(plane, Table({key: Service("rr", one_packet=True)}))
            assert (await plane.read()).services[key].one_packet
            assert await plane.apply([change_to(key, Service("rr"))]) == []
            assert not (await plane.read()).services[key].one_packet

    # Refusing

    async def test_adding_what_is_there_is_eexist(self) -> None:
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            again = [add(self.service(), A_SERVICE), add(self.real(), A_DESTINATION)]
            assert errnos(await plane.apply(again)) == [errno.EEXIST] * 2
            assert await plane.read() == self.a_table()

    async def test_a_missing_service_is_esrch_for_it_and_for_its_destinations(self) -> None:
        changes = [
            change_to(self.service(), A_SERVICE),
            remove(self.service()),
            add(self.real(), A_DESTINATION),
            change_to(self.real(), A_DESTINATION),
            remove(self.real()),
        ]
        async with self.open_plane() as plane:
            assert errnos(await plane.apply(changes)) == [errno.ESRCH] * 5
            assert await plane.read() == EMPTY

    async def test_a_missing_destination_is_enoent(self) -> None:
        missing = self.real(2)
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            failures = await plane.apply([change_to(missing, A_DESTINATION), remove(missing)])
            assert errnos(failures) == [errno.ENOENT] * 2

    async def test_an_unknown_scheduler_is_enoent_and_named(self) -> None:
        async with self.open_plane() as plane:
            for name in ("foo", "", "much-too-long-for-it", "r\0r"):
                [failure] = await plane.apply([add(self.service(), Service(name))])
                assert failure.errno == errno.ENOENT
                assert "scheduler" in failure.sentence
                assert name.partition("\0")[0] in failure.sentence
            await build(plane, self.a_table())
            assert errnos(await plane.apply([change_to(self.service(), Service("foo"))])) == [
                errno.ENOENT
            ]
            assert await plane.read() == self.a_table()

    @pytest.mark.parametrize(
        "value",
        [
            Destination(-1, Forwarding.NAT),
            Destination(65536, Forwarding.NAT),
            Destination(2**31, Forwarding.NAT),
            Destination(1, Forwarding.NAT, upper=5, lower=6),
            Destination(1, Forwarding.NAT, upper=2**32),
            Destination(1, Forwarding.NAT, upper=-1, lower=-1),
        ],
        ids=str,
    )
    async def test_weights_and_thresholds_out_of_range_are_erange(
        self, value: Destination
    ) -> None:
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            failures = await plane.apply([add(self.real(2), value), change_to(self.real(), value)])
            assert errnos(failures) == [errno.ERANGE] * 2
            assert await plane.read() == self.a_table()

    @pytest.mark.parametrize(
        "value",
        [
            Service("rr", one_packet=True),
            Service("rr", persistence_s=-1),
            Service("rr", persistence_s=2**31),
            Service("rr", persistence_s=60, persistence_prefix=33),
            Service("rr", persistence_s=60, persistence_prefix=-1),
            Service("rr", scheduler_flags=8),
            Service("rr", scheduler_flags=-1),
            Destination(1, Forwarding.NAT),
            None,
        ],
        ids=str,
    )
    async def test_a_service_that_makes_no_sense_is_einval(
        self, value: Service | Destination | None
    ) -> None:
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            changes = [
                Change(Verb.ADD, self.service(2), value),
                Change(Verb.SET, self.service(), value),
            ]
            assert errnos(await plane.apply(changes)) == [errno.EINVAL] * 2
            assert await plane.read() == self.a_table()

    @pytest.mark.parametrize(
        "address", ["224.0.0.1", "0.0.0.0", "255.255.255.255", "2001:db8::80"]
    )
    async def test_a_destination_that_is_no_machine_of_the_family_is_einval(
        self, address: str
    ) -> None:
        key = DestinationKey(self.service(), ip_address(address), 80)
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            assert errnos(await plane.apply([add(key, A_DESTINATION)])) == [errno.EINVAL]
            assert await plane.read() == self.a_table()

    @pytest.mark.parametrize("value", [A_SERVICE, None], ids=str)
    async def test_a_destination_without_its_values_is_einval(self, value: Service | None) -> None:
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            changes = [
                Change(Verb.ADD, self.real(2), value),
                Change(Verb.SET, self.real(), value),
            ]
            assert errnos(await plane.apply(changes)) == [errno.EINVAL] * 2

    @pytest.mark.parametrize("port", [-1, 65536])
    async def test_a_port_that_is_none_is_einval_whatever_is_asked(self, port: int) -> None:
        service = replace(self.service(), port=port)
        real = replace(self.real(), port=port)
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            changes = [
                add(service, A_SERVICE),
                remove(service),
                add(real, A_DESTINATION),
                remove(real),
            ]
            assert errnos(await plane.apply(changes)) == [errno.EINVAL] * 4

    async def test_one_refused_change_does_not_keep_the_rest_from_being_made(self) -> None:
        changes = [
            add(self.service(), A_SERVICE),
            add(self.service(), A_SERVICE),
            add(self.real(0), A_DESTINATION),
            add(self.real(1), Destination(-1, Forwarding.NAT)),
            remove(self.real(2)),
            add(self.real(2), A_DESTINATION),
        ]
        async with self.open_plane() as plane:
            failures = await plane.apply(changes)
            assert [failure.change for failure in failures] == [changes[1], changes[3], changes[4]]
            assert errnos(failures) == [errno.EEXIST, errno.ERANGE, errno.ENOENT]
            assert set((await plane.read()).destinations) == {self.real(0), self.real(2)}

    async def test_a_failure_names_its_service_and_its_destination(self) -> None:
        async with self.open_plane() as plane:
            service, destination = await plane.apply([remove(self.service()), remove(self.real())])
            assert str(self.service()) in service.sentence
            assert str(self.service()) in destination.sentence

    # What a plane may lack

    def needing(self, ability: Ability) -> Table:
        """A table that only a plane of this ability can hold."""
        service, real = self.service(), self.real()
        on_its_port = replace(real, port=service.port)
        gue = Tunnel(TunnelKind.GUE, 6080, checksum=True)
        match ability:
            case Ability.MARK:
                return Table(
                    {MarkKey(7): A_SERVICE, MarkKey(7, 6): A_SERVICE},
                    {
                        self.real(0, MarkKey(7)): A_DESTINATION,
                        self.real(0, MarkKey(7, 6)): A_DESTINATION,
                    },
                )
            case Ability.SCTP:
                return Table({self.service(0, Protocol.SCTP): A_SERVICE})
            case Ability.DIRECT:
                return Table(
                    {service: A_SERVICE}, {on_its_port: Destination(1, Forwarding.DIRECT)}
                )
            case Ability.TUNNEL:
                return Table(
                    {service: A_SERVICE},
                    {on_its_port: Destination(1, Forwarding.TUNNEL, tunnel=gue)},
                )
            case Ability.ALL_PORTS:
                return Table({replace(service, port=0): Service("rr", persistence_s=60)})
            case Ability.ENGINE:
                key = self.service(0, Protocol.UDP)
                return Table({key: Service("rr", persistence_s=60, engine="sip")})
            case Ability.MAGLEV:
                return Table({service: Service("mh", scheduler_flags=3)})

    @pytest.mark.parametrize("ability", Ability)
    async def test_what_a_plane_lacks_it_refuses_and_the_rest_it_holds(
        self, ability: Ability
    ) -> None:
        wanted = self.needing(ability)
        async with self.open_plane() as plane:
            failures = await plane.apply(diff(EMPTY, wanted))
            if ability not in self.lacks:
                assert failures == []
                assert await plane.read() == wanted
                return
            assert failures[0].errno == errno.EOPNOTSUPP
            assert ability.value in failures[0].sentence

    @pytest.mark.parametrize("name", SCHEDULERS)
    async def test_every_scheduler_that_is_not_declared_missing_is_known(self, name: str) -> None:
        missing = name == "mh" and Ability.MAGLEV in self.lacks
        async with self.open_plane() as plane:
            failures = await plane.apply([add(self.service(), Service(name))])
            assert errnos(failures) == ([errno.EOPNOTSUPP] if missing else [])

    # Counters and timeouts

    async def test_every_entry_has_counters_that_begin_at_zero(self) -> None:
        async with self.open_plane() as plane:
            await build(plane, self.a_table())
            usage = await plane.counters()
            assert dict(usage.services) == dict.fromkeys(self.a_table().services, Counters())
            assert dict(usage.destinations) == dict.fromkeys(
                self.a_table().destinations, Counters()
            )

    async def test_timeouts_can_be_set_one_by_one(self) -> None:
        async with self.open_plane() as plane:
            await plane.set_timeouts(Timeouts(tcp_s=900))
            await plane.set_timeouts(Timeouts(tcpfin_s=120, udp_s=300))

    # The property that the reconciler stands on

    def test_any_table_reaches_any_other_and_then_rests(self) -> None:
        # Defined in here: hypothesis runs one function for one class only.
        @settings(
            max_examples=self.examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
        @given(current=self.tables(), desired=self.tables())
        def reaches(current: Table, desired: Table) -> None:
            asyncio.run(self.reach(current, desired))

        reaches()

    async def reach(self, current: Table, desired: Table) -> None:
        async with self.open_plane() as plane:
            await build(plane, current)
            assert await plane.apply(diff(current, desired)) == []
            held = await plane.read()
            assert held == desired
            assert diff(held, desired) == []

    def tables(self) -> st.SearchStrategy[Table]:
        """Draw tables of what this plane can hold, of few keys so that they clash."""
        return plane_tables.tables(
            self.keys(),
            self.real,
            marks_forward=Ability.TUNNEL not in self.lacks,
            maglev=Ability.MAGLEV not in self.lacks,
        )

    def keys(self) -> list[ServiceKey]:
        keys: list[ServiceKey] = [
            self.service(0),
            self.service(1),
            self.service(0, Protocol.UDP),
            self.service6(0),
        ]
        if Ability.SCTP not in self.lacks:
            keys.append(self.service(0, Protocol.SCTP))
        if Ability.MARK not in self.lacks:
            keys += [MarkKey(7), MarkKey(7, 6)]
        return keys


@asynccontextmanager
async def closing(plane: Plane) -> AsyncIterator[Plane]:
    """Close the plane after use, as `open_plane` should."""
    try:
        yield plane
    finally:
        await plane.close()
