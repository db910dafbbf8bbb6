"""lvs.cf goes to the backup over a bad wire, and onto a full disk."""

from __future__ import annotations

import faulthandler
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from lvsengine.sync import sftp
from lvsengine.sync.places import Places
from lvsengine.sync.plan import Peer
from lvsengine.sync.syncer import Syncer
from lvsengine.sync.target import Target
from lvsengine.sync.values import Standing, State
from tests.kernel.lab.namespaces import in_namespace, proc_net, run
from tests.kernel.lab.network import Network, cable
from tests.kernel.lab.waiting import wait_until
from tests.piranha.fake_engine import listening
from tests.sync.directors import Director

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

PORT = 22022
PUBLIC = cable("dirA", "public"), cable("dirB", "public")
LONG = "# a line of a long file\n" * 8_000
IN_THE_MIDST = 60_000  # bytes sent: far more than all that comes before the file
UNHURRIED_S = 200.0  # the guest starts a program in seconds
Pair = tuple[Director, Director]


@pytest.fixture
def wired(lab: Network, tmp_path: Path) -> Iterator[Pair]:
    """The primary in dirA and the backup in dirB, in step; the backup's sshd runs."""
    addresses = PUBLIC[0].address, PUBLIC[1].address
    primary = Director(tmp_path / "primary", addresses[0], PORT, addresses)
    backup = Director(tmp_path / "backup", addresses[1], PORT, addresses)
    for one, other in ((primary, backup), (backup, primary)):
        one.trust(other)
        one.edit(1)
    with ExitStack() as stack:
        stack.enter_context(listening(backup.engine, backup.socket))
        with in_namespace("dirB"):
            stack.enter_context(backup.sshd(PORT))
        yield primary, backup
    print((backup.home / "sshd.log").read_text()[-5000:])
    lab.plug(PUBLIC[0])


def copied(primary: Director, deadline_s: float = UNHURRIED_S) -> State:
    def connect(peer: Peer, places: Places) -> Target:
        return sftp.connect(peer, sftp.Login(places.folder, places.user), deadline_s)

    own = primary.address
    places = primary.syncer().places
    syncer = Syncer(places, connect, is_local=lambda address: str(address) == own)
    faulthandler.dump_traceback_later(deadline_s * 0.9)  # should it hang: where
    try:
        with in_namespace("dirA"):
            return syncer.copy()
    finally:
        faulthandler.cancel_dump_traceback_later()


def comes_in_step(primary: Director) -> bool:
    """Try once more, as the web does, and print why not."""
    state = copied(primary)
    print(state.trouble)
    return state.standing is Standing.IN_STEP


@contextmanager
def wire(*qualities: str) -> Iterator[None]:
    """Let the primary's public wire be bad, as netem says it."""
    run("dirA", "tc", "qdisc", "add", "dev", "eth0", "root", "netem", *qualities)
    try:
        yield
    finally:
        run("dirA", "tc", "qdisc", "del", "dev", "eth0", "root")


@contextmanager
def in_the_midst(act: Callable[[], object]) -> Iterator[None]:
    """Do something while the file is on its way."""
    begun, over = sent(), threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            if sent() - begun > IN_THE_MIDST:
                act()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def sent() -> int:
    """Count the bytes that the primary has sent by its public wire."""
    lines = proc_net("dirA", "dev").splitlines()
    (line,) = [line for line in lines if line.strip().startswith("eth0:")]
    return int(line.partition(":")[2].split()[8])


def test_a_wire_that_loses_and_delays_makes_it_slow_and_nothing_else(wired: Pair) -> None:
    primary, backup = wired
    text = primary.edit(weight=5)
    with wire("delay", "20ms", "5ms", "loss", "5%"):
        state = copied(primary)
    assert (state.standing, state.trouble) == (Standing.IN_STEP, None), state
    assert backup.text == text


def test_a_cable_pulled_during_the_transfer_leaves_the_old_file_and_is_tried_again(
    wired: Pair, lab: Network
) -> None:
    primary, backup = wired
    old = backup.text
    text = primary.edit(weight=5, more=LONG)
    with wire("rate", "200kbit"), in_the_midst(lambda: lab.pull(PUBLIC[0])):
        state = copied(primary, deadline_s=60.0)
    assert state.standing is Standing.WAITING, state
    assert state.trouble is not None
    assert state.trouble.code == "too-slow"
    assert backup.text == old
    lab.plug(PUBLIC[0])
    # A wire that is plugged in is not up at once.
    wait_until(lambda: comes_in_step(primary), "the next copy gets through", 60.0)
    assert backup.text == text


def test_a_reset_during_the_transfer_leaves_the_old_file_and_is_tried_again(
    wired: Pair,
) -> None:
    primary, backup = wired
    old = backup.text
    text = primary.edit(weight=5, more=LONG)
    rule = ["INPUT", "-p", "tcp", "--dport", str(PORT), "-j", "REJECT"]
    reset = [*rule, "--reject-with", "tcp-reset"]
    with (
        wire("rate", "200kbit"),
        in_the_midst(lambda: run("dirB", "iptables-legacy", "-A", *reset)),
    ):
        state = copied(primary)
    run("dirB", "iptables-legacy", "-D", *reset)
    assert state.standing is Standing.WAITING, state
    assert state.trouble is not None
    assert state.trouble.code == "cut"
    assert backup.text == old
    assert (state := copied(primary)).standing is Standing.IN_STEP, state
    assert backup.text == text


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """Let a folder with its files lie on a disk of `size` bytes."""
    held = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    folders = [path for path in folder.rglob("*") if path.is_dir()]
    mount = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={size},nr_inodes=200,mode=0755",
        "none",
        str(folder),
    ]
    subprocess.run(mount, check=True)
    try:
        for path in folders:
            path.mkdir(parents=True)
        for path, data in held.items():
            path.write_bytes(data)
            path.chmod(0o600)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("where", ["incoming", "lvs.cf"])
def test_a_full_disk_at_the_peer_is_said_and_its_file_is_whole(wired: Pair, where: str) -> None:
    primary, backup = wired
    old = backup.text
    folder = backup.folder / "incoming" if where == "incoming" else backup.config.parent
    with small_disk(folder, 64 * 1024):
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        primary.edit(weight=5, more="# a long comment\n" * 500)
        state = copied(primary)
        assert state.standing is Standing.WAITING, state
        assert "No space left on device" in str(state.trouble)
        assert backup.text == old
        filler.unlink()
        assert (state := copied(primary)).standing is Standing.IN_STEP, state
        assert backup.text == primary.text
