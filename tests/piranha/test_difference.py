from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from lvsengine.errors import EngineError
from piranha import director
from piranha.models import AuditEntry
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine, a_peer, a_snapshot
from tests.piranha.forms import form, submit

URL = reverse("difference")
APPLY = reverse("apply")
GLOBAL = reverse("global-settings")
PLANNED = messages.Planned(
    "ffffffffffff",
    (messages.PlannedLine("-d -t 192.0.2.100:80 -r 10.9.9.22:80", 312, "to be cut"),),
    addresses=("add 192.0.2.101/24 on eth0:1",),
)
PAIR = LVS_CF.replace("backup_active = 0", "backup_active = 1\nbackup = 192.0.2.12")


def page_of(client: Client) -> str:
    response = client.get(URL)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def edited(admin: Client, lvs_cf: File, engine: FakeEngine) -> str:
    """Let the engine run the file of before an edit; gives the revision that runs."""
    running = lvs_cf.revision
    engine.answers[messages.Status] = a_snapshot(revision=running)
    engine.answers[messages.Plan] = PLANNED
    submit(admin, GLOBAL, tcp_timeout="300")
    director.forget_picture()
    return running


def test_lines_keys_and_the_plan_are_shown(admin: Client, edited: str) -> None:
    page = page_of(admin)

    assert "tcp_timeout = 300" in page
    assert '<span class="visually-hidden">added</span>' in page
    assert "not there" in page  # the key's value before
    assert "-d -t 192.0.2.100:80 -r 10.9.9.22:80" in page
    assert "add 192.0.2.101/24 on eth0:1" in page
    assert "2 changes; 312 live connections will be cut." in page


def test_the_plan_is_of_the_text_that_is_shown(
    admin: Client, lvs_cf: File, engine: FakeEngine, edited: str
) -> None:
    page_of(admin)
    (asked,) = [one for one in engine.asked if isinstance(one, messages.Plan)]
    assert asked.text == lvs_cf.text


def test_in_step_there_is_nothing_to_apply(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    engine.answers[messages.Status] = a_snapshot(revision=lvs_cf.revision)
    page = page_of(admin)
    assert "The engine runs the file on the disk" in page
    assert APPLY not in page


def test_apply_reloads_and_shows_the_engines_answer(
    admin: Client, lvs_cf: File, engine: FakeEngine, edited: str
) -> None:
    engine.answers[messages.Reload] = messages.Reloaded(
        lvs_cf.revision,
        ("-e -t 192.0.2.100:80 -r 10.9.9.21:80 -m -w 5",),
        ("cannot add 192.0.2.101: no interface eth7",),
        ("witness is not given",),
        ("add 192.0.2.101/24 on eth0:1",),
    )
    response = admin.post(APPLY, form(admin.get(URL)))
    assert response.status_code == 303

    page = page_of(admin)
    assert f"the engine runs revision {lvs_cf.revision} now" in page
    assert "-e -t 192.0.2.100:80 -r 10.9.9.21:80 -m -w 5" in page
    assert "no interface eth7" in page
    assert "1 change was refused and is tried again." in page
    assert "witness is not given" in page
    assert "no interface eth7" not in page_of(admin)  # told once


def test_apply_is_in_the_audit_log_with_what_came_of_it(
    admin: Client, lvs_cf: File, engine: FakeEngine, edited: str
) -> None:
    engine.answers[messages.Reload] = messages.Reloaded(lvs_cf.revision, ("-A x",))
    admin.post(APPLY, form(admin.get(URL)))

    entry = AuditEntry.objects.get(action="apply")
    assert (entry.who, entry.before, entry.after) == ("the-admin", edited, lvs_cf.revision)
    assert entry.outcome.splitlines() == [
        "1 changes of the table, 0 of virtual IPs, 0 failed",
        "-A x",
    ]


def test_a_refusal_keeps_everything_and_says_why(
    admin: Client, lvs_cf: File, engine: FakeEngine, edited: str
) -> None:
    engine.answers[messages.Reload] = EngineError("not-runnable", "restart pulse for that", "so")
    before = lvs_cf.text
    response = admin.post(APPLY, form(admin.get(URL)))

    assert response.status_code == 409
    page = response.content.decode()
    assert "Not applied. The engine goes on with what it ran" in page
    assert "restart pulse for that" in page
    assert lvs_cf.text == before
    entry = AuditEntry.objects.get(action="apply")
    assert entry.outcome == "refused: restart pulse for that: so"
    assert entry.after == ""


def test_a_file_that_changed_since_it_was_looked_at_is_not_applied(
    admin: Client, lvs_cf: File, engine: FakeEngine, edited: str
) -> None:
    shown = form(admin.get(URL))
    submit(admin, GLOBAL, tcp_timeout="301")

    response = admin.post(APPLY, shown)

    assert response.status_code == 409
    assert "changed since you looked" in response.content.decode()
    assert not any(isinstance(one, messages.Reload) for one in engine.asked)


def test_only_an_admin_applies(
    operator: Client, viewer: Client, lvs_cf: File, engine: FakeEngine, edited: str
) -> None:
    for client in (operator, viewer):
        assert "Somebody with the role admin can apply it." in page_of(client)
        assert client.post(APPLY, {"revision": lvs_cf.revision}).status_code == 403
    assert not any(isinstance(one, messages.Reload) for one in engine.asked)


def test_a_refusal_foreseen_by_the_plan_leaves_nothing_to_press(
    admin: Client, engine: FakeEngine, edited: str
) -> None:
    engine.answers[messages.Plan] = EngineError("not-runnable", "marks are not supported yet")
    page = page_of(admin)
    assert "marks are not supported yet" in page
    assert APPLY not in page


def test_a_running_revision_that_is_not_kept_leaves_the_plan(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    engine.answers[messages.Plan] = PLANNED
    page = page_of(admin)
    assert "Revision 0123456789ab, which runs, is not kept on this machine" in page
    assert "-d -t 192.0.2.100:80" in page


def test_an_unsound_file_is_shown_with_all_its_problems_and_cannot_be_applied(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(LVS_CF.replace("weight = 1", "weight = heavy"))
    page = page_of(admin)
    assert page.count("weight must be a whole number") == 2
    assert 'id="L33"' in page
    assert APPLY not in page
    assert "unsound" in page  # the strip


def test_without_an_engine_the_page_says_so(admin: Client, lvs_cf: File) -> None:
    page = page_of(admin)
    assert "pulse does not answer, so there is nothing to compare with" in page
    assert APPLY not in page


def test_the_peers_revision_is_compared_where_it_is_kept(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(PAIR)
    theirs = lvs_cf.revision
    submit(admin, GLOBAL, udp_timeout="20")
    ours = lvs_cf.revision
    engine.answers[messages.Status] = a_snapshot(revision=ours, peer=a_peer(revision=theirs))
    director.forget_picture()

    page = page_of(admin)
    assert f"The peer runs revision {theirs}" in page
    assert "udp_timeout = 20" in page
    assert f'href="{reverse("sync")}"' in page
    assert "scp " not in page


def test_a_peer_that_runs_what_runs_here_has_no_difference_of_its_own(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(PAIR)
    running = lvs_cf.revision
    submit(admin, GLOBAL, udp_timeout="20")
    engine.answers[messages.Status] = a_snapshot(revision=running, peer=a_peer(revision=running))
    engine.answers[messages.Plan] = PLANNED
    director.forget_picture()
    page = page_of(admin)
    assert "what this director runs too" in page
    assert page.count("line by line") == 1


def test_a_revision_that_is_not_kept_here_is_compared_on_the_page_of_the_sync(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(PAIR)
    engine.answers[messages.Status] = a_snapshot(peer=a_peer(revision="eeeeeeeeeeee"))
    page = page_of(admin)
    assert "is not kept here" in page
    assert "The page Sync compares the two." in page


@pytest.mark.parametrize(
    ("peer", "says"),
    [
        ({"revision": ""}, "its heartbeats are unsigned"),
        ({"revision": "", "heard_s": None}, "never heard"),
    ],
)
def test_a_peer_that_tells_nothing_is_said_to(
    admin: Client, lvs_cf: File, engine: FakeEngine, peer: dict[str, object], says: str
) -> None:
    lvs_cf.write(PAIR)
    engine.answers[messages.Status] = a_snapshot(peer=a_peer(**peer))
    assert says in page_of(admin)


def test_a_script_in_a_name_or_a_comment_is_shown_as_text(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    evil = "<script>alert(1)</script>"
    lvs_cf.write(LVS_CF.replace("virtual shop", f'virtual "{evil}"'))
    engine.answers[messages.Status] = a_snapshot(revision=lvs_cf.revision)
    submit(admin, GLOBAL, udp_timeout="20")
    lvs_cf.write(
        lvs_cf.text.replace("# the shop", f"# {evil}").replace("timeout = 6", "timeout = 7")
    )
    director.forget_picture()
    for url in (URL, reverse("revisions"), reverse("audit"), reverse("edit-file")):
        page = admin.get(url).content.decode()
        assert evil not in page
    assert "&lt;script&gt;alert(1)" in admin.get(URL).content.decode()


def test_bytes_that_are_no_text_do_not_break_the_page(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    running = lvs_cf.revision
    engine.answers[messages.Status] = a_snapshot(revision=running)
    submit(admin, GLOBAL, udp_timeout="20")
    lvs_cf.path.write_bytes(lvs_cf.path.read_bytes().replace(b"# the", b"# caf\xe9"))
    assert "caf�" in page_of(admin)


def test_a_difference_without_end_is_cut_and_says_so(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    engine.answers[messages.Status] = a_snapshot(revision=lvs_cf.revision)
    engine.answers[messages.Plan] = PLANNED
    submit(admin, GLOBAL, udp_timeout="20")
    lvs_cf.write(lvs_cf.text + "# more\n" * 5000)
    page = page_of(admin)
    assert page.count("# more") < 2100
    assert re.search(r"30\d\d more lines are not shown", page)


def test_looking_at_applys_address_applies_nothing(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    assert admin.get(APPLY).headers["Location"] == URL
    assert engine.asked == []
