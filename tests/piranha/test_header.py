from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from piranha import director
from piranha.header import strip
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine, a_peer, a_snapshot


def words(client: Client) -> str:
    """Return the strip as a reader hears it."""
    page = client.get(reverse("introduction")).content.decode()
    (found,) = re.findall(r'<span class="strip".*?\n</span>\n', page, re.DOTALL)
    labelled = re.sub(r'<span[^>]*aria-label="([^"]*)">.</span>', r" \1 ", found)
    return " ".join(re.sub(r"<[^>]*>", " ", labelled).split())


def test_in_step_all_three_are_the_same(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    revision = lvs_cf.revision
    engine.answers[messages.Status] = a_snapshot(revision=revision, peer=a_peer(revision=revision))
    short = revision[:6]
    assert words(admin) == (
        f"lvs.cf {short} is the same as running {short} is the same as peer {short}"
    )


def test_a_saved_file_is_to_be_applied(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    assert "differs from what runs: apply running 012345" in words(admin)


def test_an_unsound_file_is_to_be_mended(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    lvs_cf.write(LVS_CF.replace("weight = 1", "weight = heavy"))
    assert "unsound" in words(admin)
    assert "differs from what runs: running" in words(admin)


def test_a_mended_file_is_unsound_no_longer(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(LVS_CF.replace("weight = 1", "weight = heavy"))
    assert "unsound" in words(admin)
    lvs_cf.write(LVS_CF)
    assert "unsound" not in words(admin)


def test_another_file_at_the_peer_is_to_be_copied(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    peer = a_peer(revision="eeeeeeeeeeee")
    engine.answers[messages.Status] = a_snapshot(revision=lvs_cf.revision, peer=peer)
    assert words(admin).endswith("differs from the peer's: copy peer eeeeee")
    page = admin.get(reverse("introduction")).content.decode()
    assert f'href="{reverse("difference")}#backup"' in page


@pytest.mark.parametrize(
    ("peer", "says"),
    [({"revision": ""}, "not told"), ({"revision": "", "silent": True}, "not heard")],
)
def test_what_is_not_known_of_the_peer_is_said(
    admin: Client, lvs_cf: File, engine: FakeEngine, peer: dict[str, object], says: str
) -> None:
    engine.answers[messages.Status] = a_snapshot(peer=a_peer(**peer))
    assert words(admin).endswith(f"is not known to be the same as peer {says}")


def test_without_an_engine_nothing_runs(admin: Client, lvs_cf: File) -> None:
    assert words(admin).endswith("is not known to be the same as running nothing")


def test_a_file_that_cannot_be_read_is_said(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.path.unlink()
    assert words(admin).startswith("lvs.cf missing")
    lvs_cf.path.write_bytes(b"\0")
    assert words(admin).startswith("lvs.cf unreadable")


def test_a_file_is_judged_once_and_not_for_each_page(lvs_cf: File) -> None:
    first = director.load()
    assert director.load() is first
    lvs_cf.write(LVS_CF + "# more\n")
    assert director.load() is not first
    assert strip(None).file == lvs_cf.revision
