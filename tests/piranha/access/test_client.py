from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from piranha.access import client

PROXIES = client.proxies("10.0.0.5, 10.1.0.0/24 2001:db8::5")


def came_from(peer: str, forwarded: str = "") -> str:
    meta = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})
    return str(client.address(meta, PROXIES))


def test_a_stranger_s_forwarded_for_counts_nothing() -> None:
    assert came_from("203.0.113.9", "127.0.0.1") == "203.0.113.9"


def test_a_trusted_proxy_tells_the_client() -> None:
    assert came_from("10.0.0.5", "192.0.2.7") == "192.0.2.7"
    assert came_from("::ffff:10.0.0.5", "::ffff:192.0.2.7") == "192.0.2.7"


def test_what_a_client_wrote_left_of_the_proxy_s_word_counts_nothing() -> None:
    assert came_from("10.0.0.5", "127.0.0.1, 192.0.2.7, 10.1.0.9") == "192.0.2.7"


def test_a_proxy_that_tells_rubbish_leaves_the_client_unknown() -> None:
    assert came_from("10.0.0.5", "unknown") == "None"
    assert came_from("10.0.0.5", "192.0.2.7:443") == "None"
    assert came_from("") == "None"


def test_a_proxy_itself_is_a_client_where_it_forwards_for_nobody() -> None:
    assert came_from("10.0.0.5") == "10.0.0.5"
    assert came_from("10.0.0.5", "10.1.0.7") == "10.1.0.7"


def test_a_proxy_must_be_an_address() -> None:
    with pytest.raises(ImproperlyConfigured, match="write its address"):
        client.proxies("proxy.example")
