from __future__ import annotations

import contextlib
import itertools
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from lvsengine.errors import EngineError
from lvsengine.lvscf import files, store

OLD = "serial_no = 1\n" * 3000
NEW = "serial_no = 2\n" * 4000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lvs.cf"
    path.write_text(OLD)
    return path


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as caught:
        attempt()
    return caught.value.code


def revision(text: str) -> str:
    return store.revision_of(text.encode())


def test_a_revision_is_the_first_12_digits_of_the_sha_256() -> None:
    assert store.revision_of(b"") == "e3b0c44298fc"


def test_a_sound_file_is_loaded_with_all_there_is_to_know(path: Path, sound: str) -> None:
    path.write_text(sound)
    loaded = store.load(path)
    assert (loaded.path, loaded.text, loaded.problems) == (path, sound, ())
    assert loaded.revision == revision(sound)
    assert str(loaded.tree) == sound
    assert loaded.config is not None
    assert loaded.config.serial_no == 7


def test_the_current_revision_needs_no_sound_file(path: Path) -> None:
    path.write_text("keepalive 6\n")
    assert store.current_revision(path) == revision("keepalive 6\n")
    path.unlink()
    assert code_of(lambda: store.current_revision(path)) == "no-file"


def test_what_is_known_of_a_file_serves_the_next_load(path: Path, sound: str) -> None:
    path.write_text(sound)
    first = store.load(path)
    again = store.load(path, known=first.known)
    assert again == first
    assert first.config is not None
    assert again.config is not None
    assert again.config.virtual_servers[0] is first.config.virtual_servers[0]


def test_a_bad_file_is_loaded_with_its_problems_and_no_config(path: Path) -> None:
    path.write_text("keepalive 6\n")
    loaded = store.load(path)
    assert loaded.config is None
    assert str(loaded.problems[0]).startswith(f"{path}:1: error: ")


def test_bytes_that_are_not_utf_8_are_said_and_survive_a_save(path: Path) -> None:
    data = b"# caf\xe9\r\nserial_no = 1\r\n"
    path.write_bytes(data)
    loaded = store.load(path)
    assert loaded.config is not None
    assert "holds bytes that are not UTF-8; they are kept" in str(loaded.problems[0])

    store.save(path, loaded.text + "keepalive = 1\r\n", expected=loaded.revision)
    assert path.read_bytes() == data + b"keepalive = 1\r\n"


def test_a_file_with_a_nul_byte_is_no_text(path: Path) -> None:
    path.write_bytes(b"a = 1\nb = \0\n")
    with pytest.raises(EngineError, match="line 2 holds a NUL byte") as caught:
        store.load(path)
    assert caught.value.code == "not-text"


def test_names_go_to_the_resolver_that_is_given(path: Path) -> None:
    path.write_text("primary = one.example\n")
    loaded = store.load(path, resolve=lambda _: ip_address("192.0.2.1"))
    assert loaded.config is not None
    assert loaded.config.primary == ip_address("192.0.2.1")


def test_without_a_resolver_the_systems_is_asked(path: Path) -> None:
    path.write_text("primary = localhost\n")
    assert "localhost is a name" in str(store.load(path).problems[0])


def test_a_save_against_the_known_revision_replaces_the_file(path: Path) -> None:
    assert store.save(path, NEW, expected=revision(OLD)) == revision(NEW)
    assert path.read_text() == NEW


def test_a_save_against_another_revision_changes_nothing(path: Path) -> None:
    with pytest.raises(
        EngineError, match=f"is at revision {revision(OLD)} now, not at abc"
    ) as caught:
        store.save(path, NEW, expected="abc")
    assert caught.value.code == "changed-meanwhile"
    assert path.read_text() == OLD


def test_a_file_is_created_where_none_is_expected(tmp_path: Path) -> None:
    path = tmp_path / "lvs.cf"
    store.save(path, NEW, expected="")
    assert path.read_text() == NEW
    assert store.revisions(path) == ()
    assert code_of(lambda: store.save(path, OLD, expected="")) == "changed-meanwhile"
    assert code_of(lambda: store.save(tmp_path / "no", OLD, expected="a")) == "changed-meanwhile"


def test_what_says_the_same_already_is_not_written(path: Path) -> None:
    before = path.stat()
    store.save(path, OLD, expected=revision(OLD))
    assert path.stat().st_ino == before.st_ino
    assert store.revisions(path) == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [("a\0", "not-text"), ("a\ud800", "not-text"), ("x" * (files.MAX_BYTES + 1), "too-large")],
)
def test_what_could_not_be_loaded_again_is_not_saved(path: Path, text: str, code: str) -> None:
    assert code_of(lambda: store.save(path, text, expected=revision(OLD))) == code
    assert path.read_text() == OLD


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    assert code_of(lambda: store.save(tmp_path, NEW, expected="")) == "not-a-file"


def test_a_symbolic_link_stays_one_and_its_file_is_replaced(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.cf"
    link.parent.mkdir()
    link.symlink_to("../lvs.cf")

    store.save(link, NEW, expected=revision(OLD))

    assert link.is_symlink()
    assert path.read_text() == NEW
    assert [kept.revision for kept in store.revisions(link)] == [revision(OLD)]
    assert store.revision_text(path, revision(OLD)) == OLD


def test_mode_and_owner_are_kept_and_those_of_earlier_revisions_too(path: Path) -> None:
    path.chmod(0o660)
    if os.geteuid() == 0:
        os.chown(path, 12, 34)
    store.save(path, NEW, expected=revision(OLD))

    folder = path.with_name(".lvs.cf.revisions")
    assert len(list(folder.iterdir())) == 2
    for file in (path, *folder.iterdir()):
        found = file.stat()
        assert stat.S_IMODE(found.st_mode) == 0o660
        if os.geteuid() == 0:
            assert (found.st_uid, found.st_gid) == (12, 34)


def test_the_last_20_revisions_are_kept_newest_first(path: Path) -> None:
    texts = [OLD, *(f"serial_no = {number}\n" for number in range(25))]
    for before, after in itertools.pairwise(texts):
        store.save(path, after, expected=revision(before))

    kept = store.revisions(path)

    assert [entry.revision for entry in kept] == [revision(text) for text in texts[-2:-22:-1]]
    assert all(entry.kept_at > 0 for entry in kept)
    assert store.revision_text(path, kept[0].revision) == texts[-2]
    assert store.revision_text(path, revision(texts[-1])) == texts[-1]
    assert code_of(lambda: store.revision_text(path, revision(OLD))) == "no-revision"


def test_a_save_that_was_cut_off_leaves_no_second_copy_of_a_revision(path: Path) -> None:
    store.save(path, NEW, expected=revision(OLD))
    path.write_text(OLD)  # as if killed after the old one was kept, before it was replaced
    (path.with_name(".lvs.cf.revisions") / f"000002.{revision(NEW)}").unlink()
    store.save(path, NEW, expected=revision(OLD))
    assert [kept.revision for kept in store.revisions(path)] == [revision(OLD)]


def test_what_was_saved_outlives_an_edit_by_hand(path: Path) -> None:
    store.save(path, NEW, expected=revision(OLD))
    path.write_text("serial_no = 99\n")
    assert [kept.revision for kept in store.revisions(path)] == [revision(NEW), revision(OLD)]
    assert store.revision_text(path, revision(NEW)) == NEW
    path.unlink()
    assert store.revisions(path)[0].revision == revision(NEW)


def test_a_save_that_cannot_keep_its_own_text_is_a_save(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bytes] = []

    def keep_once(_target: Path, data: bytes) -> None:
        if kept:
            raise EngineError("not-saved", "the disk is full")
        kept.append(data)

    monkeypatch.setattr(store, "_keep", keep_once)
    assert store.save(path, NEW, expected=revision(OLD)) == revision(NEW)
    assert path.read_text() == NEW


def test_half_a_revision_that_a_killed_process_left_is_cleared_away(path: Path) -> None:
    store.save(path, NEW, expected=revision(OLD))
    half = path.with_name(".lvs.cf.revisions") / ".000002.0123456789ab.new"
    half.write_text("half")
    store.save(path, OLD, expected=revision(NEW))
    assert not half.exists()


def test_what_is_not_ours_in_the_folder_of_revisions_is_left_alone(path: Path) -> None:
    folder = path.with_name(".lvs.cf.revisions")
    folder.mkdir()
    for stranger in ("README", "000001.short", "00000x.0123456789ab"):
        (folder / stranger).write_text("mine")
    store.save(path, NEW, expected=revision(OLD))
    assert [entry.revision for entry in store.revisions(path)] == [revision(OLD)]
    assert len(list(folder.iterdir())) == 5


def test_where_no_revision_can_be_kept_nothing_is_saved(path: Path) -> None:
    path.with_name(".lvs.cf.revisions").write_text("in the way")
    assert code_of(lambda: store.save(path, NEW, expected=revision(OLD))) == "not-readable"
    path.with_name(".lvs.cf.revisions").unlink()
    path.with_name(".lvs.cf.revisions").symlink_to("nowhere")
    assert code_of(lambda: store.save(path, NEW, expected=revision(OLD))) == "not-readable"
    assert path.read_text() == OLD


def test_of_many_who_save_at_once_each_revision_has_one_winner(path: Path) -> None:
    won: list[int] = []

    def save(number: int) -> None:
        try:
            store.save(path, f"serial_no = {number}\n", expected=revision(OLD))
        except EngineError as error:
            if error.code != "changed-meanwhile":
                raise
        else:
            won.append(number)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(won) == 1
    assert path.read_text() == f"serial_no = {won[0]}\n"


def killed_at(step: int, path: Path) -> bool:
    """Save in a child process that kills itself at its n-th line; tell whether it got there."""
    child = os.fork()
    if child == 0:
        left = step

        def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
            nonlocal left
            if not frame.f_code.co_filename.endswith(("lvscf/store.py", "lvscf/files.py")):
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        store.save(path, NEW, expected=revision(OLD))
        sys.settrace(None)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_killed_at_any_line_the_file_is_the_old_or_the_new_one_whole(tmp_path: Path) -> None:
    seen: list[str] = []
    was_killed = True
    while was_killed:
        path = tmp_path / str(len(seen)) / "lvs.cf"
        path.parent.mkdir()
        path.write_text(OLD)
        was_killed = killed_at(len(seen) + 1, path)
        seen.append(path.read_text())
        # Whatever the dead one left behind does not hinder the next one.
        store.save(path, OLD + NEW, expected=revision(seen[-1]))
        folder = path.with_name(".lvs.cf.revisions")
        assert set(path.parent.iterdir()) == {path, folder}
        assert len(list(folder.iterdir())) == len(store.revisions(path)) + 1  # the present one
    assert len(seen) > 50
    assert seen == [OLD] * seen.count(OLD) + [NEW] * seen.count(NEW)  # one moment decides
    assert NEW in seen
    assert seen[0] == OLD


SAVER = """
import sys
from pathlib import Path
from lvsengine.lvscf import store
path, old, new = Path(sys.argv[1]), *(Path(name).read_text() for name in sys.argv[2:])
print("ready", flush=True)
texts = {store.revision_of(old.encode()): new, store.revision_of(new.encode()): old}
revision = store.load(path).revision
while True:
    revision = store.save(path, texts[revision], expected=revision)
"""


def test_killed_at_any_time_the_file_is_the_old_or_the_new_one_whole(
    path: Path, tmp_path: Path
) -> None:
    (tmp_path / "old").write_text(OLD)
    (tmp_path / "new").write_text(NEW)
    for delay_s in (0.0, 0.011, 0.027, 0.053, 0.089):
        saver = subprocess.Popen(
            [sys.executable, "-c", SAVER, path, tmp_path / "old", tmp_path / "new"],
            stdout=subprocess.PIPE,
            cwd=Path(store.__file__).parents[2],
        )
        assert saver.stdout is not None
        assert saver.stdout.readline() == b"ready\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            saver.wait(delay_s)
        saver.kill()
        saver.wait(10)
        saver.stdout.close()
        assert path.read_text() in (OLD, NEW)
