from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from lvsengine.nanny import send_program, wording
from lvsengine.nanny.check import Definition, NotTriedError


def asked(program: str, expect: str | None = "OK", *, use_regex: bool = False) -> Definition:
    return Definition(
        "send_program",
        ip_address("10.0.0.1"),
        80,
        program=program,
        expect=expect,
        use_regex=use_regex,
        timeout_s=5.0,
    )


def test_only_words_that_are_exactly_a_place_are_replaced() -> None:
    definition = asked("/bin/check  %h %p x%h %%p -h=%h")
    assert send_program.command(definition) == [
        "/bin/check", "10.0.0.1", "80", "x%h", "%%p", "-h=%h",
    ]  # fmt: skip


async def test_a_program_that_prints_what_is_expected_is_a_success() -> None:
    result = await send_program.check(asked("echo %h %p", "10.0.0.1 80"))
    assert (result.ok, result.reason) == (True, "'echo 10.0.0.1 80' printed '10.0.0.1 80'")
    assert (result.sent, result.received) == ("echo 10.0.0.1 80", r"10.0.0.1 80\n")
    assert 0 < result.seconds < 5


async def test_no_shell_reads_the_words() -> None:
    result = await send_program.check(asked("echo $HOME;id", "$HOME;id"))
    assert result.ok


@pytest.mark.parametrize(
    ("text", "expect", "use_regex", "reason"),
    [
        ("exit 127", "OK", False, "exited with status 127: it could not be started, or ended so"),
        ("echo OK", "OK", False, ""),
        ("printf OK", "OK", False, ""),
        ("printf 'OK\\n\\n'", "OK", False, r"printed 'OK\n' where 'OK' was expected"),
        ("echo ok", "OK", False, "printed 'ok' where 'OK' was expected"),
        ("exit 0", "OK", False, "printed nothing where 'OK' was expected"),
        ("echo OK; exit 2", "OK", False, "exited with status 2 (printed 'OK')"),
        ("exit 2", "OK", False, "exited with status 2 (printed nothing)"),
        ("kill -11 $$", "OK", False, "was ended by signal 11 (printed nothing)"),
        ("echo load 0.30", r"load 0\.[0-4]", True, ""),
        ("echo load 0.90", r"load 0\.[0-4]", True,
         r"printed 'load 0.90' where a match of 'load 0\.[0-4]' was expected"),
        ("echo whatever", None, False, ""),
        ("exit 1", None, False, "exited with status 1 (printed nothing)"),
        ("yes", "y", True, "printed more than 4095 bytes and was killed"),
    ],
)  # fmt: skip
async def test_status_and_output_decide_and_say_why(
    script: Callable[[str], str], text: str, expect: str | None, use_regex: bool, reason: str
) -> None:
    path = script(text)
    result = await send_program.check(asked(path, expect, use_regex=use_regex))
    assert result.ok is not bool(reason)
    if reason:
        assert result.reason == f"{wording.quoted(path.encode())} {reason}"


async def test_a_search_that_takes_too_long_is_a_failure() -> None:
    result = await send_program.check(asked(f"echo {'a' * 40}!", "(a+)+$", use_regex=True))
    assert not result.ok
    assert result.reason.endswith("in it took too long and was broken off")


async def test_without_an_expect_the_status_alone_is_told(script: Callable[[str], str]) -> None:
    result = await send_program.check(asked(script("echo whatever"), None))
    assert result.reason.endswith("' exited with status 0")


async def test_a_program_that_hangs_is_killed_at_the_deadline() -> None:
    hung = Definition(
        "send_program", ip_address("10.0.0.1"), 80, program="sleep 60", timeout_s=0.05
    )
    result = await send_program.check(hung)
    assert not result.ok
    assert result.reason == "'sleep 60' did not end within 0.05 s and was killed"
    assert 0.05 <= result.seconds < 2


async def test_a_program_that_does_not_exist_is_a_failure() -> None:
    result = await send_program.check(asked("/nowhere/check %h"))
    assert (result.ok, result.reason) == (
        False,
        "'/nowhere/check 10.0.0.1' is no program that can be found",
    )


async def test_a_file_that_may_not_be_run_is_a_failure(script: Callable[[str], str]) -> None:
    path = script("echo OK")
    Path(path).chmod(0o644)
    result = await send_program.check(asked(path))
    assert not result.ok
    assert result.reason.endswith("could not be started: Permission denied")


async def test_a_pattern_that_is_none_is_a_failure_and_nothing_is_run(tmp_path: Path) -> None:
    result = await send_program.check(asked(f"touch {tmp_path}/run", "(", use_regex=True))
    assert not result.ok
    assert "was not run: expect is not a regular expression: '('" in result.reason
    assert not (tmp_path / "run").exists()


async def test_no_descriptor_left_says_nothing_about_the_real_server() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as taken:
        lowest = taken.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(NotTriedError, match="no program could be started"):
            await send_program.check(asked("true"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_program_that_others_may_write_is_not_run_and_says_nothing_of_the_real_server(
    script: Callable[[str], str],
) -> None:
    path = script("touch $0.run; echo OK")
    Path(path).chmod(0o777)
    with pytest.raises(NotTriedError, match="is not run: everybody may write /"):
        await send_program.check(asked(path))
    assert not Path(f"{path}.run").exists()
    Path(path).chmod(0o755)
    assert (await send_program.check(asked(path))).ok
