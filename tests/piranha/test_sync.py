from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.lvscf import store
from lvsengine.sync.target import HostKeyRefused
from lvsengine.sync.values import FileState, HostKey, Record, Standing, Trouble
from piranha import director, syncing
from piranha.models import AuditEntry, Role
from piranha.monitoring import board
from tests.kernel.lab.waiting import wait_until
from tests.piranha.conftest import File, LogIn
from tests.piranha.fake_engine import FakeEngine, a_peer, a_snapshot
from tests.piranha.forms import form, forms, submit
from tests.piranha.peers import BY_HAND, HERE, NOON, PAIR, THERE, OtherDirector, paired

URL = reverse("sync")
COPY = reverse("sync-copy")
COMPARE = reverse("sync-compare")
OURS = reverse("sync-take-ours")
THEIRS = reverse("sync-take-theirs")
KEY = reverse("sync-host-key")
UPDATE = reverse("sync-update")
CONTROL = reverse("control")
GLOBAL = reverse("global-settings")
SHOWN = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIA", "SHA256:" + "aB3" * 14 + "x")
UNREACHABLE = EngineError("unreachable", "192.0.2.12 does not answer", "is it switched on?")


@pytest.fixture
def other(
    tmp_path: Path, settings: object, lvs_cf: File, engine: FakeEngine
) -> Iterator[OtherDirector]:
    """A pair whose primary this is, in step; its copier is not started."""
    settings.SYNC = tmp_path / "sync"  # type: ignore[attr-defined]
    lvs_cf.write(PAIR)
    made = paired(tmp_path / "peer", tmp_path / "sync")
    made.write(PAIR)
    syncing.current().syncer.copy()
    yield made
    syncing.stop()


@pytest.fixture
def by_hand(other: OtherDirector, lvs_cf: File) -> OtherDirector:
    """The same, where nothing is copied but by the button."""
    lvs_cf.write(BY_HAND)
    other.write(BY_HAND)
    syncing.current().syncer.copy()
    return other


@pytest.fixture
def torn(by_hand: OtherDirector, lvs_cf: File) -> OtherDirector:
    """Both were edited, the peer by hand."""
    lvs_cf.write(BY_HAND.replace("weight = 1\n", "weight = 5\n", 1))
    by_hand.write(BY_HAND.replace("deadtime = 18", "deadtime = 30"))
    syncing.current().syncer.copy()
    return by_hand


@pytest.fixture
def strange(by_hand: OtherDirector, lvs_cf: File) -> OtherDirector:
    """The peer shows a host key that nobody has compared."""
    by_hand.refusal = HostKeyRefused(THERE, SHOWN, "")
    lvs_cf.write(BY_HAND + "# more\n")
    syncing.current().syncer.copy()
    return by_hand


def page_of(client: Client, url: str = URL) -> str:
    return client.get(url).content.decode()


def words(client: Client, url: str = URL) -> str:
    """Return a page as it is read, without its marks."""
    return " ".join(re.sub(r"<[^>]*>", " ", page_of(client, url)).split())


def in_header(client: Client) -> str:
    """Return what the header says of the sync; empty where it says nothing."""
    found = re.search(r'<a class="sync".*?</a>', page_of(client, reverse("revisions")), re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split()) if found else ""


def choice(client: Client, url: str) -> dict[str, str]:
    """Return the fields of one of the forms of the comparison, with its tick."""
    (found,) = [one.fields for one in forms(client.get(COMPARE)) if one.action == url]
    return {**found, "understood": "1"}


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


# --- whose file ------------------------------------------------------------------------------


def test_the_comparison_says_who_changed_what(admin: Client, torn: OtherDirector) -> None:
    said = words(admin, COMPARE)
    assert "1 place was changed here alone" in said
    assert "1 place was changed on the backup alone" in said
    assert "on both, differently" not in said
    assert "virtual shop server one changed here" in said
    assert "global part changed on the backup" in said


def test_without_what_both_last_had_nobody_is_said_to_have_changed_it(
    admin: Client, torn: OtherDirector, tmp_path: Path
) -> None:
    (tmp_path / "sync" / "base.lvs.cf").unlink()
    said = words(admin, COMPARE)
    assert "it cannot be said who changed what" in said
    assert "2 places differ." in said
    assert "What both last had" not in said.replace("What both last had is not known", "")


def test_ours_wins_where_an_admin_says_so(
    admin: Client, torn: OtherDirector, lvs_cf: File
) -> None:
    theirs = torn.revision
    assert admin.post(OURS, choice(admin, OURS)).headers["Location"] == URL
    assert torn.lvs_cf.read_text() == lvs_cf.text
    assert f"kept there as revision {theirs}" in words(admin)
    assert store.revision_text(torn.lvs_cf, theirs) != lvs_cf.text  # the promise is true
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after, entry.outcome) == (
        "take ours",
        theirs,
        lvs_cf.revision,
        "on the backup",
    )


def test_theirs_wins_where_an_admin_says_so(
    admin: Client, torn: OtherDirector, lvs_cf: File
) -> None:
    ours, text = lvs_cf.revision, lvs_cf.text
    assert admin.post(THEIRS, choice(admin, THEIRS)).headers["Location"] == URL
    assert lvs_cf.text == torn.lvs_cf.read_text()
    assert f"kept as revision {ours}" in words(admin)
    assert store.revision_text(lvs_cf.path, ours) == text
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after) == ("take theirs", ours, lvs_cf.revision)
    assert {row["key"] for row in entry.changes} == {"weight", "deadtime"}
    assert "the-admin" in page_of(admin, reverse("revisions"))  # who made the newest one


@pytest.mark.parametrize("url", [OURS, THEIRS])
def test_a_choice_must_be_said_to_be_understood(
    admin: Client, torn: OtherDirector, lvs_cf: File, url: str
) -> None:
    before = torn.lvs_cf.read_text(), lvs_cf.text
    response = admin.post(url, choice(admin, url) | {"understood": ""})
    assert response.status_code == 422
    assert "say also that you have read what is lost" in response.content.decode()
    assert (torn.lvs_cf.read_text(), lvs_cf.text) == before


@pytest.mark.parametrize("url", [OURS, THEIRS])
@pytest.mark.parametrize("side", ["here", "there"])
def test_a_file_that_changed_meanwhile_is_compared_again(
    admin: Client, torn: OtherDirector, lvs_cf: File, url: str, side: str
) -> None:
    mine = choice(admin, url)
    if side == "here":
        lvs_cf.write(lvs_cf.text + "# later\n")
    else:
        torn.write(torn.lvs_cf.read_text() + "# later\n")
    before = torn.lvs_cf.read_text(), lvs_cf.text
    response = admin.post(url, mine)
    assert response.status_code == 409
    page = response.content.decode()
    assert "changed since you looked, so nothing was overwritten" in page
    assert "# later" in page
    assert (torn.lvs_cf.read_text(), lvs_cf.text) == before
    again = next(one.fields for one in forms(response) if one.action == url)
    assert again != {key: text for key, text in mine.items() if key != "understood"}


@pytest.mark.parametrize("url", [OURS, THEIRS])
@pytest.mark.parametrize("revision", ["", "0" * 12, "../../etc/passwd", "<script>"])
def test_a_made_up_revision_overwrites_nothing(
    admin: Client, torn: OtherDirector, lvs_cf: File, url: str, revision: str
) -> None:
    before = torn.lvs_cf.read_text(), lvs_cf.text
    response = admin.post(url, choice(admin, url) | {"theirs": revision})
    assert response.status_code == 409
    assert "<script>" not in response.content.decode()
    assert (torn.lvs_cf.read_text(), lvs_cf.text) == before


def test_a_peers_file_with_errors_is_not_taken(
    admin: Client, torn: OtherDirector, lvs_cf: File
) -> None:
    before = lvs_cf.text
    torn.write(torn.lvs_cf.read_text().replace("weight = 1", "weight = heavy"))
    response = admin.post(THEIRS, choice(admin, THEIRS))
    assert response.status_code == 409
    assert "Nothing was overwritten." in response.content.decode()
    assert lvs_cf.text == before
    outcome = AuditEntry.objects.get().outcome
    assert "error: " in outcome
    assert "warning" not in outcome  # one stands before it in the file


def test_a_peer_that_is_away_cannot_be_compared_with(admin: Client, torn: OtherDirector) -> None:
    torn.refusal = UNREACHABLE
    response = admin.get(COMPARE)
    assert response.status_code == 409
    page = response.content.decode()
    assert "192.0.2.12 does not answer" in page
    assert "is it switched on?" in page
    assert OURS not in page


def test_two_that_are_the_same_leave_nothing_to_choose(
    admin: Client, other: OtherDirector
) -> None:
    assert "There is nothing to choose." in words(admin, COMPARE)
    assert OURS not in page_of(admin, COMPARE)


def test_a_script_in_the_peers_file_is_shown_as_text(admin: Client, torn: OtherDirector) -> None:
    evil = "<script>alert(1)</script>"
    torn.write(torn.lvs_cf.read_text().replace("virtual shop", f'virtual "{evil}"') + f"# {evil}")
    page = page_of(admin, COMPARE)
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_a_peers_file_without_end_is_cut(admin: Client, torn: OtherDirector) -> None:
    many = "".join(f"virtual v{n} {{\n port = 80\n}}\n" for n in range(1500))
    torn.write(torn.lvs_cf.read_text() + many + BY_HAND.replace("virtual shop", "virtual two"))
    said = words(admin, COMPARE)
    assert "more place" in said
    assert len(said) < 200_000


def test_bytes_that_are_no_text_do_not_break_the_comparison(
    admin: Client, torn: OtherDirector
) -> None:
    torn.lvs_cf.write_bytes(torn.lvs_cf.read_bytes() + b"# caf\xe9\n")
    assert "caf\ufffd" in page_of(admin, COMPARE)


def test_of_many_who_wait_for_the_peer_the_third_is_sent_away(
    admin: Client, torn: OtherDirector
) -> None:
    said: list[str] = []

    def deeper() -> None:  # each asks while the one before is still waiting
        assert len(torn.asked) < 20
        said.append(page_of(admin, COMPARE))

    torn.at_connect = deeper
    page_of(admin, COMPARE)
    assert any("Others are waiting for the other director" in page for page in said)
    torn.at_connect = lambda: None
    assert OURS in page_of(admin, COMPARE)  # who waited makes room again


# --- the host key ----------------------------------------------------------------------------


def test_an_unknown_host_key_is_shown_with_what_to_type_there(
    admin: Client, strange: OtherDirector
) -> None:
    assert KEY in page_of(admin)
    said = words(admin, KEY)
    assert SHOWN.fingerprint in said
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in said
    assert "another host key than before" not in said


@pytest.mark.parametrize(
    ("kind", "name"),
    [("ecdsa-sha2-nistp256", "ecdsa"), ("rsa-sha2-512", "rsa"), ("odd", "ed25519")],
)
def test_the_command_is_for_the_kind_of_key_that_was_shown(
    admin: Client, strange: OtherDirector, kind: str, name: str
) -> None:
    strange.refusal = HostKeyRefused(THERE, replace(SHOWN, kind=kind), "")
    syncing.current().syncer.copy()
    assert f"ssh-keygen -lf /etc/ssh/ssh_host_{name}_key.pub" in words(admin, KEY)


def test_a_changed_host_key_is_shown_with_the_old_one_and_a_warning(
    admin: Client, strange: OtherDirector
) -> None:
    strange.refusal = HostKeyRefused(THERE, SHOWN, "SHA256:before")
    syncing.current().syncer.copy()
    said = words(admin, KEY)
    assert "SHA256:before" in said
    assert "Do not go on unless you know why the key changed." in said


def test_a_compared_host_key_is_trusted_from_then_on(
    admin: Client, strange: OtherDirector, lvs_cf: File, tmp_path: Path
) -> None:
    typed = form(admin.get(KEY), "fingerprint") | {"compared": "1"}
    assert admin.post(KEY, typed).headers["Location"] == URL
    assert SHOWN.blob in (tmp_path / "sync" / "known_hosts").read_text()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == ("accept host key", f"backup {THERE}")
    assert entry.outcome == SHOWN.fingerprint
    strange.refusal = None
    admin.post(COPY)
    assert strange.lvs_cf.read_text() == lvs_cf.text


def test_a_host_key_that_nobody_compared_is_not_trusted(
    admin: Client, strange: OtherDirector, tmp_path: Path
) -> None:
    response = admin.post(KEY, form(admin.get(KEY), "fingerprint"))
    assert response.status_code == 422
    assert "compare the fingerprint first" in response.content.decode()
    assert syncing.state().standing is Standing.HOST_KEY


@pytest.mark.parametrize("fingerprint", ["", "SHA256:other", "<script>", "x" * 9000])
def test_another_host_key_than_the_one_that_was_shown_is_not_trusted(
    admin: Client, strange: OtherDirector, fingerprint: str
) -> None:
    response = admin.post(KEY, {"fingerprint": fingerprint, "compared": "1"})
    assert response.status_code == 409
    page = response.content.decode()
    assert "It was not accepted." in page
    assert SHOWN.fingerprint in page  # the one to compare
    assert "<script>" not in page
    assert syncing.state().standing is Standing.HOST_KEY
    assert "other-host-key" not in AuditEntry.objects.get().outcome  # a sentence, no code


def test_where_no_host_key_waits_there_is_nothing_to_trust(
    admin: Client, other: OtherDirector
) -> None:
    assert "No host key of the backup waits" in words(admin, KEY)
    assert admin.post(KEY, {"fingerprint": "x", "compared": "1"}).status_code == 409
