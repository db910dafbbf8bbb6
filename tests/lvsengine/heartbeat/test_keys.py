from __future__ import annotations

import os
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.heartbeat import keys

SECRET = "ab" * 32


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "heartbeat.key"
    path.write_text(text)
    path.chmod(mode)
    return path


def sentence_of(path: Path) -> str:
    with pytest.raises(EngineError) as caught:
        keys.load(path)
    assert caught.value.code == "bad-key-file"
    assert "abab" not in str(caught.value), "a secret is in the message"
    return caught.value.sentence.replace(f"the heartbeat key file {path} ", "")


def test_a_new_key_file_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat.key"
    key = keys.create(path)
    assert keys.load(path) == (key,)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(key.secret) == 32
    assert [entry.name for entry in tmp_path.iterdir()] == ["heartbeat.key"]


def test_a_new_key_file_belongs_to_whom_it_is_made_for(tmp_path: Path) -> None:
    owner = (12345, 12346) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    path = tmp_path / "key"
    keys.create(path, owner)
    assert (path.stat().st_uid, path.stat().st_gid) == owner
    assert path.stat().st_mode & 0o777 == 0o600


def test_keys_as_written_are_read(tmp_path: Path) -> None:
    several = keys.new(), keys.new()
    assert keys.parse(tmp_path, keys.text_of(several).encode()) == several


def test_no_two_new_keys_are_the_same(tmp_path: Path) -> None:
    made = {keys.create(tmp_path / str(number)).secret for number in range(5)}
    assert len(made) == 5


def test_a_key_in_use_is_not_overwritten(tmp_path: Path) -> None:
    path = written(tmp_path, f"1 {SECRET}\n")
    with pytest.raises(EngineError, match="is there already") as caught:
        keys.create(path)
    assert caught.value.code == "key-file-exists"
    assert path.read_text() == f"1 {SECRET}\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_key_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be written: No such file") as caught:
        keys.create(tmp_path / "missing" / "key")
    assert caught.value.code == "no-key-file"


def test_the_first_of_two_keys_comes_first(tmp_path: Path) -> None:
    path = written(tmp_path, f"# old and new\n\n2 {SECRET}\n  1 {'cd' * 16}  \n")
    assert [key.number for key in keys.load(path)] == [2, 1]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, f"1 {SECRET}\n", mode)
    assert sentence_of(path) == f"has mode {mode:04o}: others may read it"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold one or two keys, not 0"),
        (f"1 {SECRET}\n2 {SECRET}\n3 {SECRET}\n", "must hold one or two keys, not 3"),
        (f"1 {SECRET}\n1 {SECRET}cd\n", "has two keys of the number 1"),
        (f"{SECRET}\n", "line 1 is not `NUMBER HEX`"),
        (f"one {SECRET}\n", "line 1 is not `NUMBER HEX`"),
        ("\n1 not-hex\n", "line 2 is not `NUMBER HEX`"),
        (f"1 {SECRET} more\n", "line 1 is not `NUMBER HEX`"),
        (f"65536 {SECRET}\n", "line 1: the number must be between 0 and 65535"),
        (f"-1 {SECRET}\n", "line 1: the number must be between 0 and 65535"),
        ("1 abcd\n", "line 1: the key must have 16 to 64 bytes in hex, not 2"),
        (f"1 {'cd' * 65}\n", "line 1: the key must have 16 to 64 bytes in hex, not 65"),
        ("#" * 5000, "is longer than 4096 bytes"),
    ],
)
def test_what_is_wrong_with_a_key_file_is_said_in_a_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    assert sentence_of(written(tmp_path, text)) == sentence


def test_a_key_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="lvsctl heartbeat-key new") as caught:
        keys.load(tmp_path / "nowhere")
    assert "cannot be read: No such file" in caught.value.sentence
