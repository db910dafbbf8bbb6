"""What the tests of lvs.cf share: a sound file, and a way to ask what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings

from lvsengine.lvscf import reading

# A loaded machine is no fault of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

SOUND = """\
serial_no = 7
primary = 192.0.2.11
primary_private = 10.9.9.1
service = lvs
backup_active = 1
backup = 192.0.2.12
backup_private = 10.9.9.2
heartbeat = 1
heartbeat_port = 539
keepalive = 6
deadtime = 18
network = nat
nat_router = 10.9.9.254 eth1:1
nat_nmask = 255.255.255.0
debug_level = NONE
monitor_links = 1
virtual shop {
     active = 1
     address = 192.0.2.100 eth0:1
     vip_nmask = 255.255.255.0
     port = 80
     send = "GET / HTTP/1.0\\r\\n\\r\\n"
     expect = "HTTP"
     use_regex = 0
     load_monitor = none
     scheduler = wlc
     protocol = tcp
     timeout = 6
     reentry = 15
     quiesce_server = 0
     server one {
         address = 10.9.9.21
         active = 1
         weight = 1
     }
}
"""


@pytest.fixture
def sound() -> str:
    """A pair with one virtual server, in the canonical layout, without a warning."""
    return SOUND


@pytest.fixture
def problems_of() -> Callable[[str], list[str]]:
    """Read a file and list its problems as an operator sees them."""

    def read(text: str) -> list[str]:
        return [str(problem) for problem in reading.read_text(text, "lvs.cf").problems]

    return read
