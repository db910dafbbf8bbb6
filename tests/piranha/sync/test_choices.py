from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.lvscf import store
from lvsengine.sync.target import HostKeyRefused
from lvsengine.sync.values import Standing
from piranha import syncing
from piranha.models import AuditEntry
from tests.piranha.conftest import File
from tests.piranha.forms import form, forms
from tests.piranha.peers import BY_HAND, THERE, OtherDirector
from tests.piranha.sync.readers import (
    COMPARE,
    COPY,
    KEY,
    OURS,
    SHOWN,
    THEIRS,
    UNREACHABLE,
    URL,
    choice,
    page_of,
    words,
)

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
