from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

from lvsengine.health import Health, Override, RealServerKey, Standing
from lvsengine.ipvs.desired import desired, destination_of, destinations_of, service_of
from lvsengine.ipvs.table import (
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
)
from lvsengine.lvscf.model import Config, FloatingAddress, RealServer, VirtualServer
from lvsengine.net import Forwarding, Protocol

VIP = FloatingAddress(ip_address("192.0.2.1"), "eth0:1")
ONE = RealServer("one", ip_address("10.0.0.1"), enabled=True, weight=2)
TWO = RealServer("two", ip_address("10.0.0.2"), enabled=True, weight=1)
WEB = VirtualServer("web", VIP, enabled=True, real_servers=(ONE, TWO))
SORRY = ip_address("10.0.0.9")
HTTP = replace(WEB, name="http", mark=80)
HTTPS = replace(WEB, name="https", mark=80, port=443)

UP = Standing(Health.UP)
DOWN = Standing(Health.DOWN)
UNKNOWN = Standing(Health.UNKNOWN)
DRAINED = Standing(Health.UP, Override.DRAIN)
FORCED_DOWN = Standing(Health.UP, Override.DOWN)


def a_config(*virtuals: VirtualServer, network: Forwarding = Forwarding.NAT) -> Config:
    return Config(network=network, virtual_servers=virtuals)


def standings(**each: Standing) -> dict[RealServerKey, Standing]:
    """Read `web__one=UP` as the standing of real server one of virtual server web."""
    return {RealServerKey(*name.split("__")): standing for name, standing in each.items()}


def weights(config: Config, found: Mapping[RealServerKey, Standing]) -> dict[str, int]:
    """The destinations as `address:port` and their weights, in order."""
    return {
        f"{key.address}:{key.port}": value.weight
        for key, value in desired(config, found).destinations.items()
    }


def test_a_real_server_that_serves_is_in_with_its_weight() -> None:
    table = desired(a_config(WEB), standings(web__one=UP, web__two=UP))

    service = AddressKey(Protocol.TCP, VIP.address, 80)
    assert dict(table.services) == {service: Service("wlc")}
    assert list(table.destinations.items()) == [
        (DestinationKey(service, ONE.address, 80), Destination(2, Forwarding.NAT)),
        (DestinationKey(service, TWO.address, 80), Destination(1, Forwarding.NAT)),
    ]


def test_what_is_disabled_takes_no_part() -> None:
    disabled_real = replace(WEB, real_servers=(replace(ONE, enabled=False), TWO))
    found = standings(web__one=UP, web__two=UP)

    assert weights(a_config(disabled_real), found) == {"10.0.0.2:80": 1}
    assert desired(a_config(replace(WEB, enabled=False)), found).services == {}


def test_failed_forced_down_and_unchecked_real_servers_are_out() -> None:
    for standing in (DOWN, FORCED_DOWN, UNKNOWN):
        found = standings(web__one=standing, web__two=UP)
        assert weights(a_config(WEB), found) == {"10.0.0.2:80": 1}
    assert weights(a_config(WEB), standings(web__two=UP)) == {"10.0.0.2:80": 1}


def test_quiesce_keeps_what_failed_at_weight_0_but_not_what_was_never_checked() -> None:
    config = a_config(replace(WEB, quiesce=True))
    kept = {"10.0.0.1:80": 0, "10.0.0.2:80": 1}

    assert weights(config, standings(web__one=DOWN, web__two=UP)) == kept
    assert weights(config, standings(web__one=FORCED_DOWN, web__two=UP)) == kept
    assert weights(config, standings(web__one=UNKNOWN, web__two=UP)) == {"10.0.0.2:80": 1}


def test_a_drained_real_server_is_in_at_weight_0_whatever_its_health() -> None:
    for health in Health:
        found = standings(web__one=Standing(health, Override.DRAIN), web__two=UP)
        assert weights(a_config(WEB), found) == {"10.0.0.1:80": 0, "10.0.0.2:80": 1}


def test_forced_up_serves_though_its_checks_fail() -> None:
    found = standings(web__one=Standing(Health.DOWN, Override.UP))
    assert weights(a_config(replace(WEB, quiesce=True)), found) == {"10.0.0.1:80": 2}


def test_the_sorry_server_stands_in_while_nobody_takes_connections() -> None:
    virtual = replace(WEB, port=8080, sorry_server=SORRY, quiesce=True)
    config = a_config(virtual)

    assert weights(config, {}) == {"10.0.0.9:8080": 1}
    assert weights(config, standings(web__one=DOWN, web__two=DRAINED)) == {
        "10.0.0.1:8080": 0,
        "10.0.0.2:8080": 0,
        "10.0.0.9:8080": 1,
    }
    assert weights(config, standings(web__two=UP)) == {"10.0.0.2:8080": 1}


def test_the_sorry_server_stands_in_for_real_servers_of_weight_0_too() -> None:
    virtual = replace(WEB, sorry_server=SORRY, real_servers=(replace(ONE, weight=0),))
    found = weights(a_config(virtual), standings(web__one=UP))
    assert found == {"10.0.0.1:80": 0, "10.0.0.9:80": 1}


def test_a_drained_real_server_stays_drained_though_it_is_the_sorry_server() -> None:
    config = a_config(replace(WEB, sorry_server=ONE.address))
    assert weights(config, standings(web__one=DRAINED)) == {"10.0.0.1:80": 0}


def test_the_port_is_the_real_servers_with_nat_and_the_virtual_servers_otherwise() -> None:
    real = replace(ONE, port=8080)
    virtual = replace(WEB, real_servers=(real,))

    assert destination_of(a_config(virtual), virtual, real).port == 8080
    for network in (Forwarding.DIRECT, Forwarding.TUNNEL):
        config = a_config(virtual, network=network)
        assert destination_of(config, virtual, real).port == 80
        found = desired(config, standings(web__one=UP)).destinations
        assert list(found.values()) == [Destination(2, network)]


def test_persistence_without_a_mask_is_for_each_client_by_itself() -> None:
    v6 = replace(WEB, name="six", floating=FloatingAddress(ip_address("2001:db8::1"), "eth0"))

    def prefix(virtual: VirtualServer) -> int:
        (service,) = desired(a_config(virtual), {}).services.values()
        return service.persistence_prefix

    assert prefix(replace(WEB, persistence_s=300)) == 32
    assert prefix(replace(v6, persistence_s=300)) == 128
    assert prefix(replace(WEB, persistence_s=300, persistence_prefix=24)) == 24
    assert prefix(replace(WEB, persistence_prefix=24)) == 32  # means nothing by itself


def test_a_marked_virtual_server_is_a_service_of_its_family() -> None:
    v6 = replace(HTTP, floating=FloatingAddress(ip_address("2001:db8::1"), "eth0"))
    assert service_of(HTTP) == MarkKey(80, 4)
    assert service_of(v6) == MarkKey(80, 6)
    assert len(desired(a_config(HTTP, v6), {}).services) == 2


def test_virtual_servers_that_share_a_mark_are_one_service_by_the_first_of_them() -> None:
    first = replace(HTTP, scheduler="rr", persistence_s=60, persistence_prefix=24)
    table = desired(a_config(first, replace(HTTPS, scheduler="lc")), {})
    assert dict(table.services) == {MarkKey(80): Service("rr", 60, 24)}


def test_the_real_servers_of_a_shared_mark_are_the_union_by_address() -> None:
    three = RealServer("three", ip_address("10.0.0.3"), enabled=True)
    http = replace(HTTP, real_servers=(ONE, three))
    https = replace(HTTPS, real_servers=(replace(ONE, weight=9), TWO))
    found = standings(http__one=UP, http__three=UP, https__one=UP, https__two=UP)
    assert weights(a_config(http, https), found) == {
        "10.0.0.1:0": 2,
        "10.0.0.3:0": 1,
        "10.0.0.2:0": 1,
    }


def test_behind_a_shared_mark_one_failure_anywhere_takes_a_real_server_out() -> None:
    config = a_config(HTTP, HTTPS)
    found = standings(http__one=UP, https__one=DOWN, http__two=UP, https__two=UP)
    assert weights(config, found) == {"10.0.0.2:0": 1}

    quiescing = a_config(HTTP, replace(HTTPS, quiesce=True))
    assert weights(quiescing, found) == {"10.0.0.1:0": 0, "10.0.0.2:0": 1}


def test_behind_a_shared_mark_quiesce_counts_only_where_the_real_server_failed() -> None:
    config = a_config(HTTP, replace(HTTPS, quiesce=True))
    found = standings(http__one=DOWN, https__one=UP, http__two=UP, https__two=UP)
    assert weights(config, found) == {"10.0.0.2:0": 1}


def test_drained_in_one_virtual_server_is_drained_for_the_mark() -> None:
    found = standings(http__one=UP, https__one=DRAINED, http__two=UP, https__two=UP)
    assert weights(a_config(HTTP, HTTPS), found) == {"10.0.0.1:0": 0, "10.0.0.2:0": 1}


def test_a_real_server_disabled_in_one_virtual_server_is_judged_by_the_others() -> None:
    https = replace(HTTPS, real_servers=(replace(ONE, enabled=False), TWO))
    found = standings(http__one=UP, http__two=UP, https__two=UP)
    assert weights(a_config(HTTP, https), found) == {"10.0.0.1:0": 2, "10.0.0.2:0": 1}


def test_a_mark_of_one_port_keeps_the_real_servers_port_as_the_first_lists_it() -> None:
    mapped = replace(HTTP, real_servers=(replace(ONE, port=8080),))
    elsewhere = replace(
        HTTP, name="other", floating=FloatingAddress(ip_address("192.0.2.2"), "eth0:2")
    )
    found = standings(http__one=UP, other__one=UP, other__two=UP)
    assert weights(a_config(mapped), found) == {"10.0.0.1:8080": 2}
    assert weights(a_config(mapped, elsewhere), found) == {"10.0.0.1:8080": 2, "10.0.0.2:80": 1}


def test_where_a_marked_packet_keeps_its_port_anyway_the_port_is_0() -> None:
    found = standings(http__one=UP, http__two=UP)
    sticky = replace(HTTP, persistence_s=60, sorry_server=SORRY)
    assert weights(a_config(sticky), found) == {"10.0.0.1:0": 2, "10.0.0.2:0": 1}
    assert weights(a_config(sticky), {}) == {"10.0.0.9:0": 1}
    for network in (Forwarding.DIRECT, Forwarding.TUNNEL):
        config = replace(a_config(HTTP), network=network)
        assert weights(config, found) == {"10.0.0.1:0": 2, "10.0.0.2:0": 1}
        unmarked = replace(a_config(WEB), network=network)
        assert weights(unmarked, standings(web__one=UP)) == {"10.0.0.1:80": 2}


def test_the_sorry_server_of_a_shared_mark_is_the_first_named() -> None:
    other = replace(HTTPS, sorry_server=ip_address("10.0.0.8"))
    assert weights(a_config(HTTP, other), {}) == {"10.0.0.8:0": 1}
    sorry = replace(HTTP, sorry_server=SORRY)
    assert weights(a_config(sorry, other), {}) == {"10.0.0.9:0": 1}
    assert weights(a_config(sorry), {}) == {"10.0.0.9:80": 1}


def test_every_enabled_real_server_has_one_destination_key() -> None:
    config = a_config(HTTP, HTTPS, WEB)
    keys = destinations_of(config)

    assert keys == {
        RealServerKey(virtual.name, real.name): destination_of(config, virtual, real)
        for virtual in config.virtual_servers
        for real in virtual.real_servers
    }
    mark: ServiceKey = MarkKey(80)
    assert keys[RealServerKey("https", "two")] == DestinationKey(mark, TWO.address, 0)


def test_a_disabled_real_server_has_the_key_that_it_would_get() -> None:
    idle = replace(HTTP, enabled=False, real_servers=(replace(ONE, enabled=False),))
    key = destination_of(a_config(idle), idle, idle.real_servers[0])
    assert key == DestinationKey(MarkKey(80), ONE.address, 80)
