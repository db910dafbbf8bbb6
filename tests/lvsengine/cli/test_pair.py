"""lvsctl pair as two operators type it, each at a machine that is a folder."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lvsengine.cli import lvsctl, pair
from lvsengine.lvscf import store
from lvsengine.pairing.own import Home
from lvsengine.pairing.telling import START
from tests.lvsengine.pairing.directors import LVS_CF, a_pair

LVSCTL = [sys.executable, "-m", "lvsengine.cli.lvsctl"]
WAIT_S = 20.0
AT_A_TERMINAL = ("env", "--default-signal=INT")  # whatever these tests were started by
Inviting = Callable[..., "Operator"]


class Operator:
    """Somebody who types `lvsctl pair invite` and reads along."""

    def __init__(self, home: Home, *words: str) -> None:
        self.process = subprocess.Popen(
            [
                *AT_A_TERMINAL,
                *LVSCTL,
                "pair",
                "invite",
                "--root",
                str(home.paths.root),
                "--port",
                "0",
                *words,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.read = ""

    def read_until(self, pattern: str) -> str:
        """Read lines until one matches; give its group."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.read += line
            found = re.search(pattern, line)
            if found:
                return found.group(1)
        raise AssertionError(f"no {pattern!r} in: {self.read}")

    def invitation(self) -> tuple[str, str]:
        """Give the code and the port."""
        return self.read_until(r"Code: (\S+)"), self.read_until(r"TCP port (\d+)")

    def end(self) -> int:
        assert self.process.stdout is not None
        status = self.process.wait(WAIT_S)
        self.read += self.process.stdout.read()
        return status


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Home, Home]:
    return a_pair(tmp_path)


@pytest.fixture
def inviting() -> Iterator[Inviting]:
    with contextlib.ExitStack() as stack:

        def invite(home: Home, *words: str) -> Operator:
            operator = Operator(home, *words)
            stack.enter_context(operator.process)
            stack.callback(operator.process.kill)
            return operator

        yield invite


def joining(home: Home, port: str, *words: str) -> list[str]:
    root = str(home.paths.root)
    return [
        "pair",
        "join",
        "127.0.0.1",
        *words,
        "--port",
        port,
        "--root",
        root,
        "--bind",
        "127.0.0.2",
    ]


def fingerprints(text: str) -> list[str]:
    return re.findall(r"^  (?:primary|backup) .*SHA256:.{43}$", text, re.MULTILINE)


def test_invite_and_join_make_a_pair_and_say_the_same_fingerprints(
    homes: tuple[Home, Home], inviting: Inviting, capsys: pytest.CaptureFixture[str]
) -> None:
    primary = inviting(homes[0], "--yes")
    code, port = primary.invitation()
    assert lvsctl.main(joining(homes[1], port, code.lower())) == 0
    assert primary.end() == 0
    out = capsys.readouterr().out
    assert len(fingerprints(out)) == 4
    assert fingerprints(out) == fingerprints(primary.read)
    assert "lvsctl pair join 127.0.0.1 --port" in primary.read
    assert primary.read.splitlines()[-1].endswith(f"on the backup: {START}")
    assert out.splitlines()[-1].endswith(f"type here: {START}")
    for home in homes:
        assert home.paths.base.read_bytes() == home.paths.lvs_cf.read_bytes()
        assert code not in "".join(
            path.read_text() for path in home.paths.root.rglob("*") if path.is_file()
        )


def test_the_peer_runs_this_very_lvsctl(homes: tuple[Home, Home], inviting: Inviting) -> None:
    primary = inviting(homes[0], "--yes")
    code, port = primary.invitation()
    assert lvsctl.main(joining(homes[1], port, code)) == 0
    primary.end()
    command = Path(sys.executable).parent / "lvsctl"
    for home in homes:
        assert f'command="{command} pair answer"' in home.paths.authorized_keys.read_text()


def test_a_second_meeting_says_that_it_renews(
    homes: tuple[Home, Home], inviting: Inviting, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        primary = inviting(homes[0], "--yes")
        code, port = primary.invitation()
        capsys.readouterr()
        assert lvsctl.main(joining(homes[1], port, code)) == 0
        assert primary.end() == 0
    assert "was paired before" in capsys.readouterr().out
    assert "was paired before" in primary.read


def test_a_mistyped_code_is_told_without_contacting_anybody(
    homes: tuple[Home, Home], capsys: pytest.CaptureFixture[str]
) -> None:
    assert lvsctl.main(joining(homes[1], "1", "0000-0000-0000-0000-0000-0001")) == 1
    err = capsys.readouterr().err
    assert "the code is mistyped" in err
    assert "nobody was contacted" in err


def test_a_code_may_come_on_standard_input(
    homes: tuple[Home, Home],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("0" * 24 + "\n"))
    assert lvsctl.main(joining(homes[1], "1", "-")) == 1
    assert "nobody waits at 127.0.0.1, TCP port 1: Connection refused" in capsys.readouterr().err


def typed_at_a_terminal(words: list[str], typed: str, asks: str) -> tuple[str, int]:
    """Run lvsctl at a terminal of its own; type a line each time it asks."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [*LVSCTL, *words], stdin=end, stdout=end, stderr=end, start_new_session=True
    )
    os.close(end)
    said, answers = b"", typed.splitlines(keepends=True)
    with contextlib.suppress(OSError):  # how a terminal ends
        while data := os.read(terminal, 4096):
            said += data
            if answers and said.count(asks.encode()) > len(typed.splitlines()) - len(answers):
                os.write(terminal, answers.pop(0).encode())
    os.close(terminal)
    return said.decode(), process.wait(WAIT_S)


def test_at_a_terminal_the_code_is_asked_for_until_it_is_right_and_never_shown(
    homes: tuple[Home, Home],
) -> None:
    typed = f"0000-1111\n{'0' * 24}\n"
    said, status = typed_at_a_terminal(joining(homes[1], "1"), typed, "shows: ")
    assert status == 1
    assert "it has 8 characters, not 24" in said
    assert "nobody waits at 127.0.0.1" in said
    assert "0000" not in said


@pytest.mark.parametrize(("answer", "goes_on"), [("n", False), ("", False), ("y", True)])
def test_at_a_terminal_lvs_cf_is_changed_only_when_agreed(
    homes: tuple[Home, Home], answer: str, goes_on: bool
) -> None:
    words = [
        "pair",
        "invite",
        "--root",
        str(homes[0].paths.root),
        "--port",
        "0",
        "--minutes",
        "0.001",
    ]
    said, status = typed_at_a_terminal(words, f"{answer}\n", "[y/N] ")
    assert status == 1
    assert ("Code: " in said) is goes_on
    assert ("nobody joined within" in said) is goes_on
    assert ("Nothing was changed." in said) is not goes_on
    assert homes[0].paths.lvs_cf.read_text() == LVS_CF


def test_without_a_terminal_nobody_is_asked_and_nothing_is_changed(
    homes: tuple[Home, Home], inviting: Inviting
) -> None:
    primary = inviting(homes[0])
    assert primary.end() == 1
    assert "no terminal to ask at" in primary.read
    assert "Code:" not in primary.read


def test_ctrl_c_ends_the_invitation_with_a_sentence(
    homes: tuple[Home, Home], inviting: Inviting
) -> None:
    primary = inviting(homes[0], "--yes")
    primary.invitation()
    primary.process.send_signal(2)
    assert primary.end() == 1
    assert "its code worthless; no backup has confirmed" in primary.read


def limited_join(home: Home, port: str, code: str, largest: int) -> tuple[int, str]:
    """Join where no file may be larger than so many bytes, as on a disk that fills up."""
    limits = (largest, largest)
    done = subprocess.run(
        [*LVSCTL, *joining(home, port, code)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("largest", "primary_has"),
    [(100, False), (500, True)],  # no room for a key; room for all but lvs.cf
)
def test_a_full_disk_leaves_whole_files_and_both_commands_again_mend_it(
    homes: tuple[Home, Home], inviting: Inviting, largest: int, primary_has: bool
) -> None:
    homes[0].paths.lvs_cf.write_text(LVS_CF + "# more\n" * 100)
    primary = inviting(homes[0], "--yes")
    code, port = primary.invitation()
    status, err = limited_join(homes[1], port, code, largest)
    assert (status, "File too large" in err) == (1, True)
    assert homes[0].paths.authorized_keys.exists() is primary_has
    assert not homes[1].paths.lvs_cf.exists()
    assert not homes[1].paths.authorized_keys.exists()
    assert not [path for path in homes[1].paths.root.rglob(".*") if path.is_file()]
    assert lvsctl.main(joining(homes[1], port, code)) == 0
    assert primary.end() == 0
    assert "File too large" in primary.read
    assert homes[1].paths.lvs_cf.read_bytes() == homes[0].paths.lvs_cf.read_bytes()


def test_an_lvs_cf_that_was_replaced_is_named(
    homes: tuple[Home, Home], inviting: Inviting, capsys: pytest.CaptureFixture[str]
) -> None:
    own = homes[1].paths.lvs_cf
    own.parent.mkdir(parents=True)
    own.write_text("serial_no = 5\n")
    revision = store.current_revision(own)
    primary = inviting(homes[0], "--yes")
    code, port = primary.invitation()
    assert lvsctl.main(joining(homes[1], port, code)) == 1
    assert "join with --replace" in capsys.readouterr().err
    assert lvsctl.main(joining(homes[1], port, code, "--replace")) == 0
    assert f"earlier revision {revision}" in capsys.readouterr().out
    assert primary.end() == 0


def test_an_address_that_lvs_cf_names_otherwise_stays_and_is_said(
    homes: tuple[Home, Home], inviting: Inviting
) -> None:
    homes[0].paths.lvs_cf.write_text(
        LVS_CF.replace("network", "backup_active = 1\nbackup = 127.0.0.3\nnetwork")
    )
    primary = inviting(homes[0], "--yes")
    code, port = primary.invitation()
    assert lvsctl.main(joining(homes[1], port, code)) == 0
    assert primary.end() == 0
    assert "which stays: backup = 127.0.0.3" in primary.read
    assert "first type there: systemctl stop pulse" in primary.read


@pytest.mark.parametrize(
    "words", ["invite --minutes 0", "invite --minutes x", "join 127.0.0.1 --port 65536", "rest"]
)
def test_wrong_usage_is_told_with_status_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        lvsctl.main(["pair", *words.split()])
    assert caught.value.code == 2
    assert "usage: lvsctl pair" in capsys.readouterr().err


@pytest.mark.parametrize("subcommand", ["", *pair.SUBCOMMANDS])
def test_help_is_there_for_each_and_needs_nothing_heavy(subcommand: str) -> None:
    script = (
        "import sys; from lvsengine.cli import lvsctl\n"
        "try: lvsctl.main(sys.argv[1:])\n"
        "except SystemExit: sys.exit(sorted({'cryptography', 'asyncio', 'lvsengine.lvscf.reading'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "pair", *subcommand.split(), "--help"],
        capture_output=True,
        text=True,
    )
    assert done.stderr == "[]\n"
    assert f"usage: lvsctl pair {subcommand}".strip() in done.stdout
