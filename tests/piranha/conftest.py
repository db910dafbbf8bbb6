from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from lvsengine.control import messages
from lvsengine.lvscf import store
from piranha import director
from piranha.models import Role, User
from piranha.monitoring import board
from tests.piranha.fake_engine import FakeEngine, a_snapshot, listening

LVS_CF = """\
# the shop's director
serial_no = 7
primary = 192.0.2.11
primary_private = 10.9.9.1
service = lvs
backup_active = 0
heartbeat = 1
heartbeat_port = 539
keepalive = 6
deadtime = 18
network = nat
nat_router = 10.9.9.254 eth1:1
nat_nmask = 255.255.255.0
debug_level = NONE

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
     server two {
         address = 10.9.9.22
         active = 1
         weight = 1
     }
}
"""


class File:
    """The lvs.cf of the web under test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str) -> str:
        self.path.write_text(text)
        return self.revision

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def revision(self) -> str:
        return store.current_revision(self.path)

    def differing(self, before: str = LVS_CF) -> list[str]:
        """Return the lines that `before` does not have, in order, without blanks around."""
        old = before.splitlines()
        return [line.strip() for line in self.text.splitlines() if line not in old]


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    director.forget_picture()
    board.forget()
    cache.clear()
    yield
    director.forget_picture()


@pytest.fixture
def lvs_cf(tmp_path: Path, settings: object) -> File:
    path = tmp_path / "lvs.cf"
    settings.LVS_CF = path  # type: ignore[attr-defined]
    file = File(path)
    file.write(LVS_CF)
    return file


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """An engine that answers a status, at the web's socket."""
    fake = FakeEngine({messages.Status: a_snapshot()})
    with listening(fake, settings.ENGINE_SOCKET):
        yield fake


LogIn = Callable[[Role], Client]


@pytest.fixture
def log_in(db: None) -> LogIn:
    """Give a browser in which a user of a role is logged in."""

    def logged_in(role: Role) -> Client:
        user, _made = User.objects.get_or_create(username=f"the-{role}", role=role)
        client = Client()
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        return client

    return logged_in


@pytest.fixture
def admin(log_in: LogIn) -> Client:
    return log_in(Role.ADMIN)


@pytest.fixture
def operator(log_in: LogIn) -> Client:
    return log_in(Role.OPERATOR)


@pytest.fixture
def viewer(log_in: LogIn) -> Client:
    return log_in(Role.VIEWER)
