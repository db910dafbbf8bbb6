"""A process that was root: what it has left, and what it cannot get back. CI is root."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lvsengine import privileges
from lvsengine.capabilities import NEEDED, mask
from lvsengine.errors import EngineError
from tests.lvsengine.trusted import a_trusted_folder

DAEMON = 1
NARROWED = f"{mask(NEEDED):016x}"
# All is imported before: the interpreter may lie where the user cannot read it.
BECOME = """
import ctypes, os, pwd, socket, subprocess, sys, threading
from lvsengine import privileges
privileges._need_readable = lambda user: None
privileges.become("daemon", {})
"""


def narrowed(script: str, imports: str = "") -> str:
    """Run this in a process that was root and became daemon; give what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", imports + BECOME + script],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_keeps_three_capabilities_in_every_set_and_no_way_to_more() -> None:
    said = narrowed("print(open('/proc/self/status').read())")
    lines = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
    assert {lines[f"Cap{one}"] for one in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {NARROWED}
    assert lines["NoNewPrivs"] == "1"
    assert lines["Uid"].split() == lines["Gid"].split() == [str(DAEMON)] * 4
    assert "0" not in lines["Groups"].split()


ATTEMPTS = {
    "become root again": "os.setresuid(0, 0, 0)",
    "join root's group": "os.setgroups([0])",
    "read what is root's": "open('/etc/shadow')",
    "write what is root's": "open('/proc/sys/kernel/hostname', 'r+').write('x')",
    "end another's process": "os.kill(1, 0)",
    "give a file away": "os.chown('/etc/passwd', 1, 1)",
    "take a capability back": "privileges._capset(0xffff, 0xffff, 0)",
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_what_takes_root_fails(attempt: str) -> None:
    script = f"try:\n    {attempt}\nexcept PermissionError:\n    print('refused')"
    assert narrowed(script) == "refused\n"


def test_a_set_user_id_program_does_not_make_it_root() -> None:
    with a_trusted_folder() as folder:
        (folder / "id").write_bytes(Path("/usr/bin/id").read_bytes())
        (folder / "id").chmod(0o4755)
        said = narrowed(f"print(subprocess.check_output(['{folder}/id', '-u'], text=True))")
    assert said.strip() == str(DAEMON)


def test_ports_below_1024_and_raw_sockets_are_opened_afterwards() -> None:
    narrowed(
        """
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(700, 1000):
    try:
        udp.bind(("127.0.0.1", port))
        break
    except OSError as error:
        assert not isinstance(error, PermissionError)
socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
"""
    )


def test_a_thread_that_comes_later_and_what_it_starts_have_the_same() -> None:
    said = narrowed(
        """
grep = ["grep", "-h", "CapEff", "/proc/thread-self/status"]
def work():
    print(open("/proc/thread-self/status").read().split("CapEff:")[1].split()[0])
    print(subprocess.check_output(grep, text=True).split()[1])
    with privileges.without_capabilities():
        print(subprocess.check_output(grep, text=True).split()[1])
    print(subprocess.check_output(grep, text=True).split()[1])
thread = threading.Thread(target=work); thread.start(); thread.join()
"""
    )
    assert said.split() == [NARROWED, NARROWED, "0" * 16, NARROWED]


def test_what_it_writes_is_not_for_everybody() -> None:
    assert narrowed("print(oct(os.umask(0)))") == "0o27\n"


def test_a_user_who_is_not_there_is_said() -> None:
    with pytest.raises(EngineError, match="there is no user no-such-user"):
        privileges.become("no-such-user", {})


def test_a_key_file_that_is_still_root_s_is_said_with_what_to_do() -> None:
    with a_trusted_folder() as folder:
        key = folder / "heartbeat.key"
        key.touch(0o600)
        script = f"""
try:
    keys.load(pathlib.Path("{key}"))
except errors.EngineError as error:
    print(error)
"""
        said = narrowed(
            script,
            imports="import pathlib\nfrom lvsengine import errors\n"
            "from lvsengine.heartbeat import keys\n",
        )
    assert said == (
        f"the heartbeat key file {key} cannot be read by user daemon: chown daemon {key}\n"
    )


# --- folders --------------------------------------------------------------------------------


def test_a_folder_is_made_and_given_for_owner_and_group_alone(tmp_path: Path) -> None:
    privileges.hand_over(tmp_path / "state" / "engine", ("engine.json",), DAEMON, DAEMON)
    made = (tmp_path / "state" / "engine").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (DAEMON, DAEMON, 0o750)
    assert (tmp_path / "state").stat().st_uid == os.geteuid()


def test_what_root_left_in_the_folder_is_given_too(tmp_path: Path) -> None:
    (tmp_path / "engine.lock").write_text("")
    privileges.hand_over(tmp_path, ("engine.json", "engine.lock"), DAEMON, DAEMON)
    assert (tmp_path / "engine.lock").stat().st_uid == DAEMON


def test_a_folder_where_anything_else_lies_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("")
    (tmp_path / "engine.lock").write_text("")
    before = tmp_path.stat()
    privileges.hand_over(tmp_path, ("engine.lock",), DAEMON, DAEMON)
    assert tmp_path.stat() == before
    assert (tmp_path / "engine.lock").stat().st_uid == os.geteuid()


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_no_link_in_the_folder_gives_away_what_it_leads_to(tmp_path: Path, link: object) -> None:
    """An engine that was broken into could lay it there for the next start."""
    precious = tmp_path / "shadow"
    precious.write_text("secret")
    (tmp_path / "state").mkdir()
    assert callable(link)
    link(precious, tmp_path / "state" / "engine.json")
    privileges.hand_over(tmp_path / "state", ("engine.json",), DAEMON, DAEMON)
    assert (tmp_path / "state").stat().st_uid == DAEMON
    assert precious.stat().st_uid == os.geteuid()


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "state").symlink_to("etc")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        privileges.hand_over(tmp_path / "state", (), DAEMON, DAEMON)
    assert (tmp_path / "etc").stat().st_uid == os.geteuid()
