from __future__ import annotations

from ipaddress import ip_address

from lvsengine.ipvs import live as books
from lvsengine.ipvs.choosing import Call, Chooser
from lvsengine.ipvs.live import LiveService, Seat
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import AddressKey, Destination, DestinationKey, Service
from lvsengine.net import Address, Forwarding, Protocol

VIP = ip_address("192.0.2.1")
WEB = AddressKey(Protocol.TCP, VIP, 80)
ONE = DestinationKey(WEB, ip_address("10.0.0.1"), 80)
TWO = DestinationKey(WEB, ip_address("10.0.0.2"), 80)
ANNA = ip_address("198.51.100.1")
BERT = ip_address("198.51.100.2")
CLEO = ip_address("203.0.113.1")
PERSISTENT = Service("rr", persistence_s=60)


def nothing() -> None:
    """Stands for a connection that need not be cut."""


def model(name: str) -> type[Chooser]:
    found = SCHEDULERS[name].model
    assert found
    return found


def a_service(value: Service, *keys: DestinationKey) -> LiveService:
    service = LiveService(value, model(value.scheduler))
    for key in keys or (ONE, TWO):
        service.add(key, Destination(1, Forwarding.NAT))
    return service


def admitted(service: LiveService, client: Address = ANNA, now_s: float = 0.0) -> Seat:
    seat = service.admit(Call(client, 40000, VIP, now_s), nothing, active=True)
    assert seat
    return seat


def visit(service: LiveService, client: Address = ANNA, now_s: float = 0.0) -> DestinationKey:
    """Connect and leave at once; where did it go?"""
    seat = admitted(service, client, now_s)
    seat.leave(now_s)
    return seat.destination.key


def test_a_seat_is_counted_until_it_is_left_and_only_once() -> None:
    service = a_service(Service("rr"), ONE)
    seat, other = admitted(service), admitted(service)
    seat.fade()
    seat.fade()
    assert (service.counters().active, service.counters().inactive) == (1, 1)
    for _ in range(2):
        seat.leave(0.0)
    seat.fade()
    other.leave(0.0)
    counters = service.counters()
    assert (counters.connections, counters.active, counters.inactive) == (2, 0, 0)


def test_nobody_is_admitted_where_nobody_takes_connections() -> None:
    service = LiveService(Service("rr"), model("rr"))
    assert service.admit(Call(ANNA, 1, VIP), nothing, active=True) is None
    assert service.counters().connections == 0


def test_what_passes_is_counted_for_the_destination_and_its_service() -> None:
    service = a_service(Service("rr"))
    admitted(service).inward(10)
    admitted(service).outward(3)
    first, second = (service.destinations[key].counters() for key in (TWO, ONE))
    assert (first.packets_in, first.bytes_in) == (1, 10)
    assert (second.packets_out, second.bytes_out) == (1, 3)
    whole = service.counters()
    assert (whole.packets_in, whole.packets_out, whole.bytes_in, whole.bytes_out) == (1, 1, 10, 3)


def test_rates_approach_what_goes_through_each_second_and_fade() -> None:
    service = a_service(Service("rr"), ONE)
    for _ in range(30):
        for _ in range(20):  # in 2 s
            visit(service)
        service.tick(0.0)
    assert service.counters().connections_per_s == 10
    assert service.destinations[ONE].counters().connections_per_s == 10
    service.tick(0.0)
    assert service.counters().connections_per_s in (7, 8)
    for _ in range(30):
        service.tick(0.0)
    assert service.counters().connections_per_s == 0


def test_without_persistence_a_client_goes_round() -> None:
    service = a_service(Service("rr"))
    assert [visit(service) for _ in range(3)] == [TWO, ONE, TWO]


def test_a_persistent_client_stays_until_its_time_is_over() -> None:
    service = a_service(PERSISTENT)
    assert [visit(service, now_s=now) for now in (0, 59, 118)] == [TWO, TWO, TWO]
    assert service.destinations[TWO].persistent == 1
    assert visit(service, now_s=178) == ONE
    assert (service.destinations[TWO].persistent, service.destinations[ONE].persistent) == (0, 1)


def test_an_open_connection_keeps_the_bond_and_its_end_renews_it() -> None:
    service = a_service(PERSISTENT)
    seat = admitted(service)
    service.tick(1000.0)
    assert visit(service, now_s=1000.0) == TWO
    seat.leave(2000.0)
    assert visit(service, now_s=2059.0) == TWO
    service.tick(2118.0)
    assert service.destinations[TWO].persistent == 1
    service.tick(2119.0)
    assert service.destinations[TWO].persistent == 0


def test_persistent_clients_that_share_the_prefix_are_one() -> None:
    service = a_service(Service("rr", persistence_s=60, persistence_prefix=24))
    assert [visit(service, client) for client in (ANNA, BERT, CLEO)] == [TWO, TWO, ONE]
    assert service.counters().persistent == 2


def test_a_prefix_wider_than_the_family_means_each_client_by_itself() -> None:
    service = a_service(Service("rr", persistence_s=60, persistence_prefix=128))
    assert [visit(service, client) for client in (ANNA, BERT)] == [TWO, ONE]


def test_a_bond_holds_at_weight_0_but_not_beyond_removal() -> None:
    service = a_service(PERSISTENT)
    visit(service)
    service.set(TWO, Destination(0, Forwarding.NAT))
    assert visit(service) == TWO
    service.remove(TWO)
    assert visit(service) == ONE


def test_bonds_are_bounded_and_the_longest_unseen_goes_first() -> None:
    service = a_service(PERSISTENT)
    assert [visit(service, client) for client in (ANNA, BERT)] == [TWO, ONE]
    for number in range(books.MOST_CLIENTS - 2):
        visit(service, ip_address(0x0A000000 + number))
    visit(service, ANNA)
    visit(service, CLEO)  # one too many: the place of BERT, unseen for longest, is taken
    assert service.counters().persistent == books.MOST_CLIENTS

    assert visit(service, ANNA) == TWO
    service.set(ONE, Destination(0, Forwarding.NAT))  # would keep whoever is bound to it
    assert visit(service, BERT) == TWO


def test_a_removed_destination_cuts_its_connections_and_no_others() -> None:
    service = a_service(Service("rr"))
    cut: list[str] = []
    service.admit(Call(ANNA, 1, VIP), lambda: cut.append("at two"), active=True)
    service.admit(Call(ANNA, 1, VIP), lambda: cut.append("at one"), active=True)
    service.remove(ONE)
    assert cut == ["at one"]
    assert list(service.destinations) == [TWO]


def test_the_same_scheduler_keeps_its_place_in_the_round() -> None:
    service = a_service(Service("rr"))
    visit(service)
    service.edit(Service("rr", one_packet=True), model("rr"))
    assert visit(service) == ONE


def test_another_scheduler_takes_over_the_destinations() -> None:
    service = a_service(Service("rr"))
    admitted(service)
    service.edit(Service("lc"), model("lc"))
    assert visit(service) == ONE


def test_a_new_timeout_holds_for_bonds_that_are_there() -> None:
    service = a_service(PERSISTENT)
    visit(service)
    service.edit(Service("rr", persistence_s=600), model("rr"))
    assert visit(service, now_s=599.0) == TWO


def test_another_prefix_or_no_persistence_dissolves_all_bonds() -> None:
    for value in (Service("rr", 60, 24), Service("rr")):
        service = a_service(PERSISTENT)
        visit(service)
        service.edit(value, model("rr"))
        assert service.counters().persistent == 0
        assert visit(service) == ONE


def test_a_connection_outlives_the_end_of_its_bond() -> None:
    service = a_service(PERSISTENT)
    seat = admitted(service)
    service.edit(Service("rr"), model("rr"))
    seat.leave(0.0)
    assert service.counters().active == 0


def test_a_new_weight_shifts_the_shares() -> None:
    service = a_service(Service("wrr"))
    service.set(ONE, Destination(3, Forwarding.NAT))
    chosen = [visit(service) for _ in range(8)]
    assert (chosen.count(ONE), chosen.count(TWO)) == (6, 2)
