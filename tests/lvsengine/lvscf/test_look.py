from __future__ import annotations

import pytest

from lvsengine.lvscf import look
from lvsengine.lvscf.edits import Where
from lvsengine.lvscf.syntax import parse

TREE = parse(
    """\
keepalive = 6
keepalive = 7
primary =
virtual "the shop" {
     address = 192.0.2.100 eth0:1
     send = "GET / HTTP/1.0\\r\\n\\r\\n"
     server one {
         address = 10.9.9.21
     }
}
failover old {
     stop_cmd = "stop it"
}
""",
    "lvs.cf",
)
SHOP = Where("the shop")


@pytest.mark.parametrize(
    ("where", "key", "text"),
    [
        (Where(), "keepalive", "7"),
        (Where(), "primary", ""),
        (SHOP, "address", "192.0.2.100 eth0:1"),
        (SHOP, "send", "GET / HTTP/1.0\\r\\n\\r\\n"),
        (Where("the shop", "one"), "address", "10.9.9.21"),
        (Where(failover="old"), "stop_cmd", "stop it"),
    ],
)
def test_the_text_is_what_the_last_such_line_says(where: Where, key: str, text: str) -> None:
    assert look.given_text(TREE, where, key) == text
    assert look.text(TREE, where, key) == text


@pytest.mark.parametrize(
    ("where", "key", "default"),
    [
        (Where(), "deadtime", "5"),
        (Where(), "backup_active", "0"),
        (Where(), "network", "nat"),
        (Where(), "witness", ""),
        (SHOP, "scheduler", "wlc"),
        (SHOP, "vip_nmask", ""),
        (Where("nowhere"), "port", "80"),
        (Where("nowhere", "one"), "weight", "1"),
    ],
)
def test_where_the_file_says_nothing_the_default_holds(
    where: Where, key: str, default: str
) -> None:
    assert look.given_text(TREE, where, key) is None
    assert look.text(TREE, where, key) == default


def test_a_block_is_found_by_its_place_or_not_at_all() -> None:
    block = look.block_at(TREE, Where("the shop", "one"))
    assert block is not None
    assert block.name == "one"
    assert look.block_at(TREE, Where("the shop", "two")) is None
    assert look.block_at(TREE, Where("nowhere", "one")) is None
