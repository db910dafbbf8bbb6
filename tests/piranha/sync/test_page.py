from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.lvscf import store
from lvsengine.sync.target import HostKeyRefused
from lvsengine.sync.values import FileState, Record, Standing, Trouble
from piranha import director, syncing
from piranha.models import AuditEntry, Role
from piranha.monitoring import board
from tests.kernel.lab.waiting import wait_until
from tests.piranha.conftest import File, LogIn
from tests.piranha.fake_engine import FakeEngine, a_peer, a_snapshot
from tests.piranha.forms import form, submit
from tests.piranha.peers import BY_HAND, HERE, NOON, PAIR, THERE, OtherDirector
from tests.piranha.sync.readers import (
    COMPARE,
    CONTROL,
    COPY,
    GLOBAL,
    KEY,
    OURS,
    SHOWN,
    THEIRS,
    UNREACHABLE,
    UPDATE,
    URL,
    in_header,
    page_of,
    words,
)


def test_before_the_two_have_met_it_says_so_at_once_and_a_press_of_the_button_too(
    admin: Client, other: OtherDirector, lvs_cf: File
) -> None:
    syncing.places().folder.rename(lvs_cf.path.with_name("away"))
    submit(admin, GLOBAL, tcp_timeout="300")
    assert "The two directors do not know one another yet" in words(admin)
    admin.post(COPY)
    assert "lvsctl pair join" in words(admin)
    assert "in a moment" not in words(admin)


# --- after a save ----------------------------------------------------------------------------


def test_an_accept_on_any_panel_wants_a_copy(
    admin: Client, other: OtherDirector, lvs_cf: File
) -> None:
    before = syncing.current().syncer.recorder.mark()
    assert submit(admin, GLOBAL, tcp_timeout="300").status_code == 303
    assert syncing.current().syncer.recorder.mark() > before
    assert syncing.state().standing is Standing.DUE
    assert other.revision == store.revision_of(PAIR.encode())  # no request has copied it


@pytest.mark.parametrize("text", ["", "# nothing\nserial_no = 1\nprimary = 192.0.2.11\n"])
def test_a_first_lvs_cf_wants_a_copy_too(
    admin: Client, other: OtherDirector, lvs_cf: File, text: str
) -> None:
    lvs_cf.path.unlink()
    before = syncing.current().syncer.recorder.mark()
    director.replace("", text or PAIR)
    assert syncing.current().syncer.recorder.mark() > before


def test_a_save_that_is_refused_wants_none(
    admin: Client, other: OtherDirector, lvs_cf: File
) -> None:
    before = syncing.current().syncer.recorder.mark()
    assert submit(admin, GLOBAL, tcp_timeout="soon").status_code == 422
    assert submit(admin, GLOBAL).status_code == 303  # nothing was changed
    assert syncing.current().syncer.recorder.mark() == before


def test_a_file_that_was_edited_by_hand_goes_there_once_it_is_applied(
    admin: Client, other: OtherDirector, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(PAIR + "# by hand\n")
    before = syncing.current().syncer.recorder.mark()
    engine.answers[messages.Plan] = messages.Planned("", ())
    engine.answers[messages.Reload] = messages.Reloaded(lvs_cf.revision, ())
    apply = reverse("apply")
    assert admin.post(apply, form(admin.get(reverse("difference")))).status_code == 303
    assert syncing.current().syncer.recorder.mark() > before


def test_the_copier_copies_what_a_panel_saved(
    admin: Client, other: OtherDirector, lvs_cf: File
) -> None:
    syncing.start()
    syncing.start()  # once is enough, and twice does no harm
    submit(admin, GLOBAL, tcp_timeout="300")
    wait_until(lambda: other.lvs_cf.read_text() == lvs_cf.text, "the peer has it", 10.0)


def test_looking_starts_no_copier(admin: Client, other: OtherDirector) -> None:
    page_of(admin)
    assert syncing.current().copier._thread is None


# --- the header ------------------------------------------------------------------------------


def test_in_step_the_header_says_since_when_without_seconds(
    admin: Client, other: OtherDirector
) -> None:
    assert re.fullmatch(r"Sync ● in step since (\S+ )?\d\d:\d\d", in_header(admin))


def test_a_saved_file_is_said_to_be_saved_and_not_copied(
    admin: Client, other: OtherDirector
) -> None:
    submit(admin, GLOBAL, tcp_timeout="300")
    assert in_header(admin) == "Sync ▲ saved, not copied yet"


def test_while_it_copies_the_header_says_so(admin: Client, other: OtherDirector) -> None:
    seen = []
    other.at_connect = lambda: seen.append(in_header(admin))
    submit(admin, GLOBAL, tcp_timeout="300")
    syncing.current().syncer.copy()
    assert seen == ["Sync ◐ copying"]


def test_a_failure_is_told_with_why_and_when_it_is_tried_again(
    admin: Client, other: OtherDirector
) -> None:
    other.refusal = UNREACHABLE
    submit(admin, GLOBAL, tcp_timeout="300")
    syncing.current().syncer.copy()
    said = in_header(admin)
    assert said.startswith("Sync ■ saved, not copied: 192.0.2.12 does not answer; tried again at")
    other.now += 1
    assert in_header(admin) == said  # the clock's time, no countdown


def test_the_peers_own_edits_stop_it(admin: Client, torn: OtherDirector) -> None:
    assert in_header(admin) == "Sync ■ stopped: the backup was edited by hand"
    assert f'class="sync" href="{URL}"' in page_of(admin)


def test_a_host_key_stops_it(admin: Client, strange: OtherDirector, lvs_cf: File) -> None:
    assert in_header(admin) == "Sync ■ stopped: the host key is unknown"
    strange.refusal = HostKeyRefused(THERE, SHOWN, "SHA256:before")
    syncing.current().syncer.copy()
    assert in_header(admin) == "Sync ■ stopped: the host key changed"


def test_two_that_never_met_are_not_paired(
    admin: Client, other: OtherDirector, lvs_cf: File
) -> None:
    other.refusal = EngineError("not-paired", "there is no key for 192.0.2.12", "pair them")
    lvs_cf.write(PAIR + "# more\n")
    syncing.current().syncer.copy()
    assert in_header(admin) == "Sync ○ not paired"
    lvs_cf.write(BY_HAND)
    assert "not paired" not in in_header(admin)  # somebody decided against it


def test_alone_the_header_says_nothing_of_it(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    assert in_header(admin) == ""


def test_an_unsound_file_is_not_said_to_be_uncopied(
    admin: Client, other: OtherDirector, lvs_cf: File
) -> None:
    lvs_cf.write(PAIR.replace("weight = 1", "weight = heavy"))
    assert in_header(admin) == ""
    assert "lvs.cf does not tell now who the other director is" in words(admin)


def test_a_peer_that_runs_the_new_file_first_is_not_to_be_copied_to(
    admin: Client, other: OtherDirector, lvs_cf: File, engine: FakeEngine
) -> None:
    """It was copied there, and its engine runs it; here it waits for Apply."""
    peer = a_peer(revision=lvs_cf.revision)
    engine.answers[messages.Status] = a_snapshot(peer=peer)
    director.forget_picture()
    strip = re.search(r'<span class="strip".*?\n</span>\n', page_of(admin), re.DOTALL)
    assert strip is not None
    assert "is not yet the same as" in strip[0]
    assert "> copy<" not in strip[0]


# --- the live update -------------------------------------------------------------------------


def looked(client: Client, url: str, seen: str) -> tuple[int, str]:
    director.forget_picture()
    board.forget()
    response = client.get(url, {"seen": seen})
    return response.status_code, response.headers["X-Seen"]


@pytest.mark.parametrize("name", ["control-update", "head", "sync-update"])
def test_a_pause_that_grows_shorter_is_no_news(
    admin: Client, other: OtherDirector, name: str
) -> None:
    other.refusal = UNREACHABLE
    submit(admin, GLOBAL, tcp_timeout="300")
    syncing.current().syncer.copy()
    url = reverse(name)
    status, token = looked(admin, url, "")
    assert status == 200
    other.now += 2
    assert looked(admin, url, token) == (204, token)
    other.refusal = None
    syncing.current().syncer.copy()
    status, newer = looked(admin, url, token)
    assert (status, newer != token) == (200, True)


def test_the_page_renews_its_words_and_no_form(admin: Client, other: OtherDirector) -> None:
    page = page_of(admin)
    assert f'data-poll="{UPDATE}"' in page
    assert page.count("data-poll") == 1  # the header comes along
    update = page_of(admin, UPDATE)
    assert 'id="facts"' in update
    assert 'id="sync-standing"' in update
    assert "<form" not in update  # what somebody ticks is never taken away


# --- the trouble list of CONTROL -------------------------------------------------------------


def test_control_tells_what_keeps_it_from_being_copied(admin: Client, torn: OtherDirector) -> None:
    page = page_of(admin, CONTROL)
    assert "lvs.cf on the backup has edits of its own" in page
    assert f'href="{URL}"' in page


def test_control_is_quiet_in_step(admin: Client, other: OtherDirector) -> None:
    assert "All is well" in page_of(admin, CONTROL)


# --- the page --------------------------------------------------------------------------------


def test_in_step_the_page_names_the_revision_and_what_the_peer_runs(
    viewer: Client, other: OtherDirector, lvs_cf: File
) -> None:
    said = words(viewer)
    assert f"Both directors have the same lvs.cf, revision {lvs_cf.revision}" in said
    assert "by itself after each ACCEPT" in said


def test_alone_there_is_nobody_to_copy_to(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    assert "There is no backup director" in words(admin)
    assert COPY not in page_of(admin)


def test_a_pair_that_never_met_is_told_what_to_type(
    admin: Client, other: OtherDirector, lvs_cf: File
) -> None:
    other.refusal = EngineError("not-paired", "there is no key for 192.0.2.12", "pair them")
    lvs_cf.write(PAIR + "# more\n")
    syncing.current().syncer.copy()
    said = words(admin)
    assert "lvsctl pair invite" in said
    assert f"lvsctl pair join {HERE} CODE" in said


def test_a_failure_says_why_and_that_editing_goes_on(admin: Client, other: OtherDirector) -> None:
    other.refusal = UNREACHABLE
    submit(admin, GLOBAL, tcp_timeout="300")
    syncing.current().syncer.copy()
    said = words(admin)
    assert "192.0.2.12 does not answer is it switched on? 1 try has failed since" in said
    assert "Editing goes on as always" in said


def test_files_that_go_along_are_told_with_what_to_do(admin: Client, other: OtherDirector) -> None:
    files = (
        FileState("/etc/sysctl.conf", "aaaaaaaaaaaa", "aaaaaaaaaaaa", NOON, "sysctl -p"),
        FileState("/etc/sysconfig/iptables", "bbbbbbbbbbbb", "cccccccccccc", NOON),
        FileState("/etc/nftables.conf", "d" * 12, "", 0.0, "", Trouble("own-file", "is not ours")),
    )
    syncing.current().syncer.recorder.change(lambda record: _with_files(record, files))
    said = words(admin)
    assert "As root there: sysctl -p" in said
    assert "an older one, cccccccccccc" in said
    assert "is not ours Compare and choose" in said
    assert "/etc/nftables.conf" in words(admin, COMPARE)


def _with_files(record: Record, files: tuple[FileState, ...]) -> Record:
    return replace(record, files=files)


# --- the button ------------------------------------------------------------------------------


def test_the_button_is_named_after_the_peer(
    operator: Client, other: OtherDirector, lvs_cf: File
) -> None:
    assert "Copy to the backup" in words(operator)
    other.here = THERE
    syncing.current().syncer.copy()
    assert "Copy to the primary" in words(operator)


def test_an_operator_copies_at_once_where_it_is_not_copied_by_itself(
    operator: Client, by_hand: OtherDirector, lvs_cf: File
) -> None:
    lvs_cf.write(BY_HAND + "# more\n")
    assert in_header(operator) == "Sync ▲ saved, not copied yet"
    assert operator.post(COPY).headers["Location"] == URL
    assert by_hand.lvs_cf.read_text() == lvs_cf.text
    assert "Both directors have the same lvs.cf" in words(operator)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.after, entry.outcome) == (
        "copy",
        "lvs.cf",
        lvs_cf.revision,
        "in step",
    )


def test_the_button_leaves_it_to_the_copier_where_that_copies_by_itself(
    operator: Client, other: OtherDirector, lvs_cf: File
) -> None:
    before, asked = syncing.current().syncer.recorder.mark(), list(other.asked)
    assert operator.post(COPY).status_code == 303
    assert syncing.current().syncer.recorder.mark() > before
    assert other.asked == asked  # no request waits for the network
    assert AuditEntry.objects.get().outcome == "ordered"


def test_a_copy_that_fails_is_told_and_audited(
    operator: Client, by_hand: OtherDirector, lvs_cf: File
) -> None:
    by_hand.refusal = UNREACHABLE
    lvs_cf.write(BY_HAND + "# more\n")
    operator.post(COPY)
    assert "could not be copied to the backup" in words(operator)
    assert AuditEntry.objects.get().outcome == "waiting: 192.0.2.12 does not answer"


def test_a_viewer_sees_everything_and_does_nothing(
    viewer: Client, torn: OtherDirector, lvs_cf: File
) -> None:
    before = torn.lvs_cf.read_text(), lvs_cf.text
    assert "form=" not in page_of(viewer)
    assert "Somebody with the role operator can copy" in words(viewer)
    assert OURS not in page_of(viewer, COMPARE)
    both = {"ours": lvs_cf.revision, "theirs": torn.revision, "understood": "1"}
    for url in (COPY, OURS, THEIRS):
        assert viewer.post(url, both).status_code == 403
    assert viewer.post(KEY, {"fingerprint": "x", "compared": "1"}).status_code == 403
    assert (torn.lvs_cf.read_text(), lvs_cf.text) == before


def test_an_operator_copies_and_takes_no_side(
    operator: Client, torn: OtherDirector, lvs_cf: File
) -> None:
    before = torn.lvs_cf.read_text(), lvs_cf.text
    assert operator.post(COPY).status_code == 303
    both = {"ours": lvs_cf.revision, "theirs": torn.revision, "understood": "1"}
    for url in (OURS, THEIRS):
        assert operator.post(url, both).status_code == 403
    assert operator.post(KEY, {"fingerprint": "x", "compared": "1"}).status_code == 403
    assert (torn.lvs_cf.read_text(), lvs_cf.text) == before


@pytest.mark.parametrize("url", [COPY, OURS, THEIRS, KEY])
def test_no_other_site_can_order_anything(
    log_in: LogIn, torn: OtherDirector, lvs_cf: File, url: str
) -> None:
    before = torn.lvs_cf.read_text(), lvs_cf.text
    client = log_in(Role.ADMIN)
    client.handler.enforce_csrf_checks = True
    both = {"ours": lvs_cf.revision, "theirs": torn.revision, "understood": "1", "compared": "1"}
    assert client.post(url, both).status_code == 403
    assert (torn.lvs_cf.read_text(), lvs_cf.text) == before
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("url", [COPY, OURS, THEIRS])
def test_looking_at_an_address_changes_nothing(
    admin: Client, torn: OtherDirector, lvs_cf: File, url: str
) -> None:
    before = torn.lvs_cf.read_text(), lvs_cf.text
    assert admin.get(url).status_code in (303, 405)
    assert (torn.lvs_cf.read_text(), lvs_cf.text) == before


@pytest.mark.django_db
@pytest.mark.parametrize("url", [URL, UPDATE, COMPARE, KEY])
def test_nobody_looks_without_logging_in(client: Client, other: OtherDirector, url: str) -> None:
    assert client.get(url).headers["Location"].startswith(reverse("login"))
