from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine import limits
from lvsengine.lvscf.model import Config, Failover, FloatingAddress, Mode, VirtualServer

WEB = VirtualServer("web", FloatingAddress(ip_address("192.0.2.1"), "eth0:1"), enabled=True)
SOUND = Config(virtual_servers=(WEB,))


def test_an_ordinary_file_is_run_without_a_word() -> None:
    assert limits.refusal(SOUND) is None
    assert limits.warnings(SOUND) == ()


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (replace(SOUND, service=Mode.FOS), "set service = lvs"),
        (replace(SOUND, failovers=(Failover("db", enabled=True),)), "set service = lvs"),
        (Config(), "no active lvs services defined"),
    ],
)
def test_what_cannot_be_run_is_refused_with_what_to_do(config: Config, told: str) -> None:
    assert told in str(limits.refusal(config))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (replace(SOUND, virtual_servers=(replace(WEB, load_monitor="rup"),)), "load_monitor"),
        (replace(SOUND, virtual_servers=(replace(WEB, client_monitor="/x"),)), "client_monitor"),
    ],
)
def test_what_is_passed_over_is_said_aloud(config: Config, told: str) -> None:
    (sentence,) = limits.warnings(config)
    assert told in sentence
