from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from lvsengine.ipvs.diff import Change, Verb, diff
from lvsengine.ipvs.memory import MemoryPlane
from lvsengine.ipvs.table import (
    EMPTY,
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    Table,
)
from lvsengine.net import Forwarding, Protocol

WEB = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)
MARKED = MarkKey(7)
KEYS: tuple[ServiceKey, ...] = (WEB, MARKED)
ONE, TWO, THREE = (DestinationKey(WEB, ip_address(f"10.0.0.{n}"), 80) for n in (1, 2, 3))


def a_table(**weights: int) -> Table:
    keys = {"one": ONE, "two": TWO, "three": THREE}
    return Table(
        {WEB: Service()},
        {keys[name]: Destination(weight, Forwarding.NAT) for name, weight in weights.items()},
    )


def test_equal_tables_need_no_change() -> None:
    assert diff(a_table(one=1), a_table(one=1)) == []


def test_another_order_is_no_change() -> None:
    assert diff(a_table(one=1, two=1), a_table(two=1, one=1)) == []


def test_a_new_weight_is_one_set_and_touches_nothing_else() -> None:
    assert diff(a_table(one=1, two=1), a_table(one=5, two=1)) == [
        Change(Verb.SET, ONE, Destination(5, Forwarding.NAT))
    ]


def test_a_new_scheduler_is_one_set_and_leaves_the_destinations() -> None:
    current = a_table(one=1)
    desired = Table({WEB: Service("rr")}, current.destinations)
    assert diff(current, desired) == [Change(Verb.SET, WEB, Service("rr"))]


def test_a_swapped_destination_comes_before_the_old_one_goes() -> None:
    verbs = [(change.verb, change.key) for change in diff(a_table(one=1), a_table(two=1))]
    assert verbs == [(Verb.ADD, TWO), (Verb.REMOVE, ONE)]


def test_removing_a_service_takes_its_destinations_along() -> None:
    assert diff(a_table(one=1), EMPTY) == [Change(Verb.REMOVE, WEB)]


def test_changes_come_services_first_and_removals_last() -> None:
    current = Table({WEB: Service(), MARKED: Service()}, a_table(one=1, two=1).destinations)
    desired = Table(
        {MarkKey(8): Service(), WEB: Service("rr")}, a_table(two=2, three=1).destinations
    )
    assert [(change.verb, change.key) for change in diff(current, desired)] == [
        (Verb.ADD, MarkKey(8)),
        (Verb.SET, WEB),
        (Verb.ADD, THREE),
        (Verb.SET, TWO),
        (Verb.REMOVE, ONE),
        (Verb.REMOVE, MARKED),
    ]


def tables() -> st.SearchStrategy[Table]:
    services = st.builds(Service, st.sampled_from(["rr", "wlc"]))
    destinations = st.builds(Destination, st.integers(0, 2), st.just(Forwarding.NAT))

    def of(keys: set[ServiceKey]) -> st.SearchStrategy[Table]:
        reals = [
            DestinationKey(key, ip_address(f"10.0.0.{n}"), 80) for key in keys for n in (1, 2, 3)
        ]
        return st.builds(
            Table,
            st.fixed_dictionaries(dict.fromkeys(keys, services)),
            st.fixed_dictionaries({}, optional=dict.fromkeys(reals, destinations)),
        )

    return st.sets(st.sampled_from(KEYS)).flatmap(of)


@given(current=tables(), desired=tables())
async def test_no_step_leaves_a_service_emptier_than_both_ends(
    current: Table, desired: Table
) -> None:
    plane = MemoryPlane(current)
    least = {
        key: min(_size(current, key), _size(desired, key))
        for key in current.services.keys() & desired.services.keys()
    }
    for change in diff(current, desired):
        assert await plane.apply([change]) == []
        held = await plane.read()
        assert all(_size(held, key) >= size for key, size in least.items())
    held = await plane.read()
    assert held == desired
    assert diff(held, desired) == []


def _size(table: Table, service: ServiceKey) -> int:
    return sum(key.service == service for key in table.destinations)
