from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from lvsengine import role
from lvsengine.errors import EngineError
from lvsengine.health import Health, Override, RealServerKey, Standing
from lvsengine.heartbeat import keys
from lvsengine.heartbeat.udp import Ends
from lvsengine.heartbeat.words import Link
from lvsengine.lvscf.model import Config
from lvsengine.net import Address, Forwarding

A, B = ip_address("192.0.2.11"), ip_address("192.0.2.12")
A_PRIVATE, B_PRIVATE = ip_address("10.9.9.1"), ip_address("10.9.9.2")
PAIR = Config(
    primary=A,
    backup=B,
    primary_private=A_PRIVATE,
    backup_private=B_PRIVATE,
    backup_active=True,
    keepalive_s=0.5,
    deadtime_s=1.5,
)


def here(*addresses: Address) -> Callable[[Address], bool]:
    return lambda address: address in addresses


def test_each_director_finds_its_own_end_of_both_links() -> None:
    of_primary = role.wiring(PAIR, here(A, A_PRIVATE))
    of_backup = role.wiring(PAIR, here(B, B_PRIVATE))
    assert of_primary.settings.primary
    assert not of_backup.settings.primary
    assert of_primary.links == {
        Link.PUBLIC: Ends(A, B),
        Link.PRIVATE: Ends(A_PRIVATE, B_PRIVATE),
    }
    assert of_backup.links[Link.PUBLIC] == Ends(B, A)
    assert (of_primary.settings.keepalive_s, of_primary.port) == (0.5, 539)


def test_by_nat_both_links_are_needed_and_else_only_the_public_one() -> None:
    assert role.wiring(PAIR, here(A)).settings.needs == set(Link)
    for network in (Forwarding.DIRECT, Forwarding.TUNNEL):
        needs = role.wiring(replace(PAIR, network=network), here(A)).settings.needs
        assert needs == {Link.PUBLIC}
    alone = replace(PAIR, primary_private=None)
    assert role.wiring(alone, here(A)).settings.needs == {Link.PUBLIC}


@pytest.mark.parametrize(
    "private", [(None, None), (A_PRIVATE, None), (None, B_PRIVATE), (A, B)], ids=str
)
def test_without_two_private_addresses_of_their_own_there_is_one_link(
    private: tuple[Address | None, Address | None],
) -> None:
    config = replace(PAIR, primary_private=private[0], backup_private=private[1])
    assert set(role.wiring(config, here(A)).links) == {Link.PUBLIC}


def test_a_machine_that_lvs_cf_does_not_name_is_refused() -> None:
    with pytest.raises(EngineError, match=r"neither primary = .* nor backup = .* is an address"):
        role.wiring(PAIR, here())
    with pytest.raises(EngineError, match="name both directors"):
        role.wiring(replace(PAIR, backup=None), here(A))


def test_the_key_file_is_read_where_one_is_named(tmp_path: Path) -> None:
    key = keys.create(tmp_path / "key")
    config = replace(PAIR, heartbeat_key_file=str(tmp_path / "key"))
    assert role.wiring(config, here(A)).keys == (key,)
    assert role.wiring(PAIR, here(A)).keys == ()


def test_a_director_without_primary_in_its_file_is_the_primary() -> None:
    assert role.is_primary(Config(), here())


def standings(*given: Standing) -> dict[RealServerKey, Standing]:
    return {RealServerKey("web", str(number)): one for number, one in enumerate(given)}


UP, DOWN, UNKNOWN = Standing(Health.UP), Standing(Health.DOWN), Standing()


@pytest.mark.parametrize(
    ("given", "failing", "links", "reasons"),
    [
        ((UP, UP), 0, (), ()),
        ((UP, DOWN), 0, (), ()),
        ((), 0, (), ()),
        ((UP, UNKNOWN), 0, (), ("1 real servers are not checked yet",)),
        ((UP, DOWN, DOWN), 0, (), ("2 of 3 real servers are down as seen from here",)),
        ((UP, replace(DOWN, override=Override.DRAIN)), 0, (), ()),
        ((UP,), 2, (), ("2 changes of the kernel fail",)),
        ((UP,), 0, ("no carrier on eth0",), ("no carrier on eth0",)),
    ],
)
def test_readiness_is_what_stands_in_the_way(
    given: tuple[Standing, ...], failing: int, links: tuple[str, ...], reasons: tuple[str, ...]
) -> None:
    assert role.not_ready(standings(*given), failing, links) == reasons


def test_half_of_the_real_servers_down_is_not_most() -> None:
    assert role.reaches_most(standings())
    assert role.reaches_most(standings(UP, DOWN, UNKNOWN, UP))
    assert role.reaches_most(standings(UP, replace(DOWN, override=Override.DRAIN)))
    assert not role.reaches_most(standings(UP, DOWN, DOWN))
