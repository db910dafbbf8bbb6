"""From two empty systems to balanced traffic and a takeover, by the documented commands alone.

The manual's chapters 2 to 4 as the README tells them: install, set a password, set up by the web,
pair, start, edit, and lose the active director.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.lab.boot import OUT
from tests.kernel.lab.browser import Browser
from tests.kernel.lab.clients import burst, request
from tests.kernel.lab.crowd import holders  # type: ignore[attr-defined]
from tests.kernel.lab.installed import PYTHON, Console, consoles
from tests.kernel.lab.network import CLIENT, VIRTUAL_IP, Network
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until

pytestmark = pytest.mark.drill
PASSWORD = "Wagon-tulip-7-harbour"
PRIMARY, BACKUP = "192.168.26.9", "192.168.26.8"


@pytest.fixture
def machines(
    lab: Network, real_servers: RealServers, tmp_path: Path
) -> Iterator[tuple[Console, Console]]:
    with consoles("dirA", "dirB", folder=tmp_path) as (primary, backup):
        yield primary, backup


@pytest.mark.timeout(900)
def test_two_empty_systems_become_a_pair_that_balances_and_takes_over(
    machines: tuple[Console, Console],
) -> None:
    primary, backup = machines
    for console in machines:
        console.start_sshd()
        console.type(f"FORWARD=yes make -s install WHEELS=wheels PYTHON={PYTHON}")
        console.type("piranha-passwd", stdin=f"{PASSWORD}\n{PASSWORD}\n")
        console.start("piranha-gui")
    set_up_by_the_web(primary)
    meet(primary, backup)
    for console in machines:
        console.start("pulse")
    primary.wait_for("lvsctl status", "ACTIVE")
