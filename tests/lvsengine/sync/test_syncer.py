from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.sync import syncer
from lvsengine.sync.copier import Copier
from lvsengine.sync.received import Installer
from lvsengine.sync.target import HostKeyRefused
from lvsengine.sync.values import HostKey, Revisions, Standing, State
from tests.kernel.lab.waiting import wait_until
from tests.lvsengine.sync.peers import TwoSides, text, two_sides

SYSCTL = "/etc/sysctl.d/lvs.conf"
FORWARD = b"net.ipv4.ip_forward = 1\n"
CUT = EngineError("cut", "the connection was cut")


@pytest.fixture
def sides(tmp_path: Path) -> TwoSides:
    return two_sides(tmp_path)


def test_an_edit_is_due_then_copied_then_in_step(sides: TwoSides) -> None:
    one = sides.syncer()
    assert one.copy().standing is Standing.IN_STEP
    before = sides.theirs.revision
    sides.ours.write(text(2))
    assert one.state().standing is Standing.DUE
    state = one.copy()
    assert (state.standing, state.peer_name, state.automatic) == (Standing.IN_STEP, "backup", True)
    assert sides.theirs.revision == sides.ours.revision
    assert sides.theirs.reloads == [before, sides.ours.revision]  # at first it ran another


def test_both_sides_remember_what_both_have(sides: TwoSides) -> None:
    sides.ours.write(text(2))
    sides.syncer().copy()
    other = TwoSides(sides.theirs, sides.ours).syncer()
    assert other.state().standing is Standing.IN_STEP
    assert other.recorder.base() == sides.syncer().recorder.base() == text(2).encode()


def test_two_that_have_just_met_are_in_step_until_one_is_edited(sides: TwoSides) -> None:
    (sides.ours.folder / "base.lvs.cf").write_text(text(1))
    assert sides.syncer().state().standing is Standing.IN_STEP
    assert not sides.syncer().is_due()
    sides.ours.write(text(2))
    assert sides.syncer().state().standing is Standing.DUE


def test_without_the_syncs_folder_the_two_have_not_met_and_nothing_is_tried(
    sides: TwoSides,
) -> None:
    (sides.ours.folder / "incoming").rmdir()
    sides.ours.folder.rmdir()
    state = sides.syncer().state()
    assert (state.standing, state.peer_name, state.automatic) == (
        Standing.NOT_PAIRED, "backup", True,
    )  # fmt: skip
    assert "have not met" in str(state.trouble and state.trouble.sentence)
    assert state.record.since == 0  # a page that shows it does not change each second
    assert not sides.syncer().is_due()
    sides.ours.write("primary = 192.0.2.11\n")
    assert sides.syncer().state().standing is Standing.ALONE


def test_what_cannot_even_be_kept_is_told_by_the_copier(sides: TwoSides) -> None:
    (sides.ours.folder / "at-work").mkdir()
    copier = Copier(sides.syncer())
    copier.start()
    until(lambda: copier.state().standing is Standing.WAITING)
    assert "cannot be used" in str(copier.state().trouble and copier.state().trouble)
    assert sides.syncer().state().standing is Standing.DUE
    (sides.ours.folder / "at-work").rmdir()
    until(lambda: copier.state().standing is Standing.IN_STEP)
    copier.stop(wait_s=10)


def test_what_failed_is_kept_with_its_pause_and_never_raised(sides: TwoSides) -> None:
    sides.refusal = CUT
    state = sides.syncer().copy()
    assert (state.standing, str(state.trouble and state.trouble.sentence), state.pause_s) == (
        Standing.WAITING, "the connection was cut", 5.0,
    )  # fmt: skip
    assert not sides.syncer().is_due()
    sides.ours.now += 5
    assert sides.syncer().is_due()


def test_a_refused_host_key_waits_for_a_person(sides: TwoSides) -> None:
    key = HostKey("ssh-ed25519", "AAAA", "SHA256:new")
    sides.refusal = HostKeyRefused("192.0.2.12", key, "SHA256:old")
    one = sides.syncer()
    assert one.copy().standing is Standing.HOST_KEY
    with pytest.raises(EngineError, match="is SHA256:new now, not SHA256:other"):
        one.accept_host_key("SHA256:other")
    with pytest.raises(HostKeyRefused):
        one.take_ours(Revisions("", ""))
    assert one.state().standing is Standing.HOST_KEY
    assert one.accept_host_key("SHA256:new").standing is Standing.DUE
    assert (sides.ours.folder / "known_hosts").read_text() == "peer ssh-ed25519 AAAA\n"
    with pytest.raises(EngineError, match="is none now"):
        one.accept_host_key("SHA256:new")


def test_theirs_with_errors_is_not_taken(sides: TwoSides) -> None:
    sides.theirs.write("virtual web {\n")
    seen = sides.syncer().copy().record.revisions
    with pytest.raises(EngineError, match="has errors and is not taken"):
        sides.syncer().take_theirs(seen)
    assert sides.ours.config.read_text() == text(1)


def test_a_preview_says_what_would_be_copied_and_changes_nothing(sides: TwoSides) -> None:
    sides.ours.write(text(2, f"sync_sysctl_file = {SYSCTL}"))
    sides.files[SYSCTL] = FORWARD
    first, second = sides.syncer().preview()
    assert first.does.startswith("is copied: the peer has revision")
    assert second.does.startswith("is copied: the peer has none")
    assert sides.theirs.config.read_text() == text(1)
    sides.theirs.write(text(9))
    with pytest.raises(EngineError, match="was edited there"):
        sides.syncer().preview()
    sides.theirs.write(sides.ours.config.read_text())
    assert sides.syncer().preview()[0].does.startswith("stays")


def test_alone_there_is_nothing_to_copy(sides: TwoSides) -> None:
    sides.ours.write("serial_no = 2\nnetwork = direct\n")
    one = sides.syncer()
    assert one.state().standing is Standing.ALONE
    assert not one.is_due(starting=True)
    assert one.copy().standing is Standing.ALONE
    with pytest.raises(EngineError, match="no other director"):
        one.preview()


def test_sync_0_is_by_hand_only(sides: TwoSides) -> None:
    sides.ours.write(text(2, "sync = 0"))
    one = sides.syncer()
    assert (one.state().automatic, one.is_due(starting=True)) == (False, False)
    assert one.copy().standing is Standing.IN_STEP


def test_a_file_with_errors_or_none_is_said_and_never_sent(sides: TwoSides) -> None:
    sides.ours.write("virtual web {\n")
    state = sides.syncer().copy()
    assert state.trouble is not None
    assert state.trouble.code == "not-sound"
    sides.ours.config.unlink()
    state = sides.syncer().state()
    assert "there is no file" in str(state.trouble)
    assert not sides.syncer().is_due()
    assert sides.theirs.config.read_text() == text(1)


def test_a_folder_that_cannot_be_used_is_said(sides: TwoSides) -> None:
    (sides.ours.folder / "at-work").mkdir()
    with pytest.raises(EngineError) as caught:
        sides.syncer().copy()
    assert caught.value.code == "no-sync-folder"


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"standing": 7}', b"x" * 300_000])
def test_a_record_that_cannot_be_read_is_made_anew(sides: TwoSides, broken: bytes) -> None:
    sides.syncer().copy()
    (sides.ours.folder / "sync.json").write_bytes(broken)
    assert sides.syncer().state().standing is Standing.DUE
    assert sides.syncer().copy().standing is Standing.IN_STEP


def with_sysctl(sides: TwoSides, tmp_path: Path) -> Installer:
    """Let a sysctl file go along, and the peer's root install whenever ours waits."""
    (tmp_path / "etc" / "sysctl.d").mkdir(parents=True)
    sides.files[SYSCTL] = FORWARD
    sides.ours.write(text(2, f"sync_sysctl_file = {SYSCTL}"))
    (sides.theirs.folder / "incoming" / "ready").mkdir()
    return Installer(sides.theirs.folder, root=tmp_path)


class Root(threading.Thread):
    """The peer's root, whom systemd starts when something lies ready."""

    def __init__(self, installer: Installer) -> None:
        super().__init__(daemon=True)
        self._installer = installer
        self._ends = threading.Event()

    def run(self) -> None:
        while not self._ends.wait(0.02):
            self._installer.run()

    def __enter__(self) -> Root:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self.join()


def test_a_sysctl_file_goes_along_and_its_activation_is_said(
    sides: TwoSides, tmp_path: Path
) -> None:
    with Root(with_sysctl(sides, tmp_path)):
        (state,) = sides.syncer().copy().record.files
    assert (state.trouble, state.note) == (None, f"sysctl -p {SYSCTL}")
    assert (tmp_path / "etc/sysctl.d/lvs.conf").read_bytes() == FORWARD
    assert sides.syncer().copy().record.files == (state,)


def test_the_peers_own_sysctl_file_is_replaced_only_when_a_person_says_so(
    sides: TwoSides, tmp_path: Path
) -> None:
    installer = with_sysctl(sides, tmp_path)
    target = tmp_path / "etc/sysctl.d/lvs.conf"
    target.write_bytes(b"net.ipv4.ip_forward = 0\n")
    with Root(installer):
        state = sides.syncer().copy()
        (file,) = state.record.files
        assert state.standing is Standing.IN_STEP
        assert file.trouble is not None
        assert file.trouble.code == "own-file"
        assert state.pause_s == 5.0
        assert target.read_bytes() == b"net.ipv4.ip_forward = 0\n"
        (file,) = sides.syncer().take_ours(state.record.revisions).record.files
    assert file.trouble is None
    assert target.read_bytes() == FORWARD
    kept = target.with_name("lvs.conf.before-sync")
    assert kept.read_bytes() == b"net.ipv4.ip_forward = 0\n"


def test_what_only_root_may_read_here_is_said_and_lvs_cf_goes_all_the_same(
    sides: TwoSides, tmp_path: Path
) -> None:
    with_sysctl(sides, tmp_path)
    sides.files.clear()
    state = sides.syncer().copy()
    assert sides.theirs.revision == sides.ours.revision
    (file,) = state.record.files
    assert file.trouble is not None
    assert "may not be read by this user" in file.trouble.sentence


def test_the_heartbeat_key_is_never_sent_by_this_way(sides: TwoSides, tmp_path: Path) -> None:
    with_sysctl(sides, tmp_path)
    more = f"sync_sysctl_file = {SYSCTL}\nheartbeat_key_file = {SYSCTL}"
    sides.ours.write(text(3, more))
    (file,) = sides.syncer().copy().record.files
    assert file.trouble is not None
    assert "keys are never sent" in file.trouble.sentence
    assert list((sides.theirs.folder / "incoming" / "ready").iterdir()) == []


def test_only_plain_short_files_without_keys_are_read(tmp_path: Path) -> None:
    good, link = tmp_path / "good", tmp_path / "link"
    good.write_bytes(FORWARD)
    link.symlink_to(good)
    assert syncer.read_file(str(good)) == FORWARD
    with pytest.raises(EngineError, match="is no plain file"):
        syncer.read_file(str(link))
    with pytest.raises(EngineError, match="No such file"):
        syncer.read_file(str(tmp_path / "none"))
    for bad in (b"x" * (1 << 20 | 1), b"-----BEGIN OPENSSH PRIVATE KEY-----\n"):
        good.write_bytes(bad)
        with pytest.raises(EngineError, match="larger than 1 MiB, or holds a key"):
            syncer.read_file(str(good))


def until(what: Callable[[], object]) -> None:
    wait_until(what, "the copier has done it")


def test_the_copier_copies_at_its_start_and_after_each_edit(sides: TwoSides) -> None:
    copier = Copier(sides.syncer())
    sides.ours.write(text(2))
    copier.start()
    copier.start()
    until(lambda: sides.theirs.revision == sides.ours.revision)
    until(lambda: sides.syncer().state().standing is Standing.IN_STEP)
    sides.ours.write(text(3))
    copier.edited()
    until(lambda: sides.theirs.revision == sides.ours.revision)
    copier.stop(wait_s=10)


def test_an_edit_in_another_process_wakes_the_copier(sides: TwoSides) -> None:
    copier, other = Copier(sides.syncer()), Copier(sides.syncer())
    copier.start()
    until(lambda: sides.syncer().state().standing is Standing.IN_STEP)
    sides.ours.write(text(2))
    other.edited()
    until(lambda: sides.theirs.revision == sides.ours.revision)
    copier.stop(wait_s=10)
    other.stop()


def test_the_copier_says_once_why_it_fails_and_when_it_is_well_again(
    sides: TwoSides, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sides.refusal = CUT
    copier = Copier(sides.syncer())
    copier.start()
    until(lambda: sides.syncer().state().record.tries == 1)
    sides.ours.now += 6
    until(lambda: sides.syncer().state().record.tries == 2)
    sides.refusal = None
    copier.edited()
    until(lambda: "in step with the peer again" in caplog.text)
    copier.stop(wait_s=10)
    assert caplog.text.count("the connection was cut") == 1


def test_an_edit_that_cannot_be_marked_never_raises(
    sides: TwoSides, caplog: pytest.LogCaptureFixture
) -> None:
    (sides.ours.folder / "wanted").mkdir()
    Copier(sides.syncer()).edited()
    assert "an edit cannot be marked" in caplog.text


def test_an_edit_before_the_two_have_met_is_nothing_to_log(
    sides: TwoSides, caplog: pytest.LogCaptureFixture
) -> None:
    sides.ours.folder.rename(sides.ours.home / "away")
    Copier(sides.syncer()).edited()
    assert caplog.text == ""


def test_a_copier_survives_what_nobody_thought_of(
    sides: TwoSides, caplog: pytest.LogCaptureFixture
) -> None:

    class Broken(syncer.Syncer):
        def copy(self, wait_s: float = 0.0) -> State:
            raise RuntimeError(f"unforeseen {wait_s}")

    copier = Copier(Broken(sides.syncer().places, sides.connect, sides.ours.is_local))
    copier.start()
    until(lambda: "unforeseen" in caplog.text)
    copier.stop(wait_s=10)
