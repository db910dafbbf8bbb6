"""What a check's program can still do: programs that try, as root starts them and as a user does.

CI is root. There a user's engine is a child process that has become one, with the three
capabilities, before it starts the program.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from lvsengine.nanny import confinement, send_program
from lvsengine.nanny.check import Definition, NotTriedError, Result
from tests.lvsengine.trusted import a_trusted_folder

NOBODY = 65534
NO_CAPABILITY = "0000000000000000"
Script = Callable[[str], str]


async def ran(program: str, user: str = "", timeout_s: float = 10.0) -> Result:
    return await send_program.check(
        Definition(
            "send_program", ip_address("10.0.0.1"), 80, program=program, user=user,
            timeout_s=timeout_s,
        )
    )  # fmt: skip


async def printed(program: str, user: str = "") -> str:
    result = await ran(program, user)
    assert result.ok, result
    return result.received


STATUS = "grep -E '^(Uid|Groups|NoNewPrivs|Cap)' /proc/self/status | tr -s '\\t\\n' ' .'"


async def test_root_s_check_is_nobody_without_capabilities_and_never_gets_one(
    script: Script,
) -> None:
    said = await printed(script(STATUS))
    assert f"Uid: {NOBODY} {NOBODY} {NOBODY} {NOBODY}." in said
    assert "Groups: ." in said
    assert "NoNewPrivs: 1." in said
    for one in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
        assert f"Cap{one}: {NO_CAPABILITY}." in said


async def test_another_user_may_be_named(script: Script) -> None:
    assert await printed(script("id -un"), user="daemon") == r"daemon\n"


@pytest.mark.parametrize(
    ("user", "says"), [("no-such-user", "there is no user no-such-user"), ("root", "root is root")]
)
async def test_a_user_who_is_not_there_or_is_root_runs_nothing(
    script: Script, user: str, says: str
) -> None:
    with pytest.raises(NotTriedError, match=says):
        await ran(script("id"), user=user)


async def test_without_the_programs_that_confine_it_nothing_is_run(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    confinement._tool.cache_clear()
    monkeypatch.setattr(confinement, "PATH", "/nowhere")
    with pytest.raises(NotTriedError, match="prlimit is not installed"):
        await ran(script("id"))


@pytest.mark.parametrize(
    "attempt",
    [
        "cat /etc/shadow",
        "echo x > /proc/sys/net/ipv4/ip_forward",
        f"kill -9 {os.getpid()}",
        "ip link add dummy7 type dummy",
        "chroot / id",
        "su -c id",
    ],
)
async def test_what_takes_root_fails(script: Script, attempt: str) -> None:
    result = await ran(script(f"{attempt} && echo done || exit 9"))
    assert result.reason.endswith("exited with status 9 (printed nothing)")


@pytest.mark.parametrize(
    "attempt",
    [
        "head -c 20000000 /dev/zero > big || exit 9",  # 20 MB; ended by a signal, or refused
        "tail /dev/zero",  # takes memory without end
    ],
    ids=["file", "memory"],
)
async def test_a_file_and_memory_have_bounds(script: Script, attempt: str) -> None:
    path = script(f"cd $(mktemp -d) || exit 8; trap 'rm -rf $PWD' EXIT; {attempt}; exit 9")
    result = await ran(path, timeout_s=60.0)
    assert not result.ok
    assert "status 9" in result.reason


async def test_open_files_processes_and_core_dumps_have_bounds(script: Script) -> None:
    assert await printed(script("ulimit -n; ulimit -c; ulimit -v")) == r"256\n0\n1048576\n"
    limits = await printed(script("grep -E 'processes|cpu' /proc/self/limits | tr -s ' '"))
    assert "Max processes 512 512 processes" in limits
    assert "Max cpu time 11 11 seconds" in limits


async def test_what_outlives_its_deadline_uses_no_processor_for_ever(script: Script) -> None:
    """It leaves its session, so that its group's end does not reach it."""
    with a_trusted_folder() as told:
        told.chmod(0o777)
        path = script(f"setsid sh -c 'echo $$ > {told}/pid; while :; do :; done' & wait")
        await ran(path, timeout_s=0.3)
        pid = int((told / "pid").read_text())
    async with asyncio.timeout(20):
        while _runs(pid):
            await asyncio.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# An engine that became a user, and holds the capabilities for what it starts.
AS_A_USER = """
import asyncio, grp, os, pwd, shutil, subprocess, sys
from ipaddress import ip_address
from lvsengine import privileges
from lvsengine.nanny import send_program
from lvsengine.nanny.check import Definition
definition = Definition("send_program", ip_address("10.0.0.1"), 80, program=sys.argv[1])
async def main():
    privileges._need_readable = lambda user: None  # all is imported
    privileges.become("daemon", {})
    print((await send_program.check(definition)).received)
    kept = subprocess.run(["grep", "CapEff", "/proc/self/status"], capture_output=True).stdout
    print(kept.decode())
asyncio.run(main())
"""


def test_an_engine_that_is_a_user_gives_checks_none_of_its_capabilities(script: Script) -> None:
    path = script(STATUS)
    done = subprocess.run(
        [sys.executable, "-c", AS_A_USER, path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    check, other = done.stdout.splitlines()[:2]
    for one in ("Inh", "Prm", "Eff", "Amb"):
        assert f"Cap{one}: {NO_CAPABILITY}." in check
    assert "NoNewPrivs: 1." in check
    assert "Uid: 1 1 1 1." in check
    assert (
        other == "CapEff:\t0000000000003400"
    )  # but what it starts otherwise has them, as iptables


def test_the_words_before_a_program_are_those_of_util_linux() -> None:
    assert confinement.limits(6.0)[0] == "--cpu=7"
    assert confinement.limits(0.05)[0] == "--cpu=2"
    assert confinement.becoming(1, 2)[:3] == ["--reuid=1", "--regid=2", "--clear-groups"]
