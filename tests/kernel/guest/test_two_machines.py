"""From two empty systems to balanced traffic and a takeover, by the documented commands alone.

The manual's chapters 2 to 4 as the README tells them: install, set a password, set up by the web,
pair, start, edit, and lose the active director.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kernel.lab.browser import Browser
from tests.kernel.lab.clients import Load, burst
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.faults import cables_of, cut
from tests.kernel.lab.installed import PYTHON, Console, consoles
from tests.kernel.lab.network import CLIENT, VIRTUAL_IP, Network
from tests.kernel.lab.pair import holders
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until

pytestmark = pytest.mark.drill
PASSWORD = "Wagon-tulip-7-harbour"  # noqa: S105 - of two users who last as long as this test
PRIMARY, BACKUP = "192.168.26.9", "192.168.26.8"
REAL_SERVERS = {"one": "10.11.12.1", "two": "10.11.12.2"}
JOINED_WITHIN_S = 60.0
INSTALL = f"FORWARD=yes make -s install WHEELS=wheels PYTHON={PYTHON}"
RULES = r"*filter\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n"
FILES = {
    "sync_sysctl_file": "etc/sysctl.d/90-piranha.conf",
    "sync_packet_filter_file": "etc/iptables/rules.v4",
}


@pytest.fixture
def machines(
    lab: Network, real_servers: RealServers, tmp_path: Path
) -> Iterator[tuple[Console, Console]]:
    with consoles("dirA", "dirB", folder=tmp_path) as (primary, backup):
        yield primary, backup


@pytest.mark.timeout(1200)
def test_two_empty_systems_become_a_pair_that_balances_and_takes_over(
    machines: tuple[Console, Console],
) -> None:
    primary, backup = machines
    try:
        for console in machines:
            install(console)
        primary.type("systemctl enable --now piranha-gui")
        browser = logged_in()
        set_up(browser)
        primary.type("lvsctl check")
        meet(primary, backup)
        start(primary, backup)
        assert burst(VIRTUAL_IP, 20).keys() == {"rs1", "rs2"}
        an_edit_reaches_the_backup(browser, primary, backup)
        what_root_installs_follows(browser, primary, backup)
        handed_over(primary, backup)
        the_active_dies(backup, primary)
    finally:
        out = Path(os.environ["OUT"])  # what outlives the guest
        (out / "two-machines.txt").write_text("\n".join(map(str, machines)))


@pytest.mark.timeout(600)
def test_an_upgrade_in_place_loses_no_request(
    lab: Network, real_servers: RealServers, tmp_path: Path
) -> None:
    with consoles("dirA", folder=tmp_path) as (console,):
        console.type(INSTALL)
        (console.root / "etc/sysconfig/ha/lvs.cf").write_text(lvs_cf(Virtual("web")))
        console.type("systemctl enable --now pulse")
        console.wait_for("lvsctl status", "● rs3", 60)
        before = console.type("readlink -f /opt/piranha/current")
        with Load(VIRTUAL_IP) as load:
            go_on(load)
            console.type(INSTALL)
            console.type("systemctl kill -s USR1 pulse")
            after = console.type("readlink -f /opt/piranha/current")
            console.wait_for("cat /proc/$(systemctl show -P MainPID pulse)/cmdline", after.strip())
            console.wait_for("lvsctl status", "● rs3", 60)
            go_on(load)
        assert after != before
        assert load.failures == [], str(console)


def install(console: Console) -> None:
    """2.1 and 2.5: the packages, sshd, a password, packets are forwarded."""
    console.type("ssh-keygen -A", shown=False)  # the package does it where it is installed
    console.type(INSTALL)
    console.type("systemctl enable --now ssh")
    console.type("piranha-passwd", stdin=f"{PASSWORD}\n{PASSWORD}\n")


def logged_in() -> Browser:
    """2.3 and 4.2: http://HOST:3636, LOGIN."""
    browser = Browser(CLIENT, f"http://{PRIMARY}:3636")
    wait_until(lambda: browser.get("/").status_code == 200, "the web answers", 60)
    browser.submit("/login/", "password", username="piranha", password=PASSWORD)
    assert "CONTROL" in browser.get("/control/").text
    return browser


def set_up(browser: Browser) -> None:
    """4.4 to 4.6: what the pair is, and what it offers."""
    browser.submit(
        "/global-settings/",
        primary=PRIMARY,
        primary_private="10.11.12.9",
        network="nat",
        nat_router_ip="10.11.12.10",
        nat_router_device="eth1:1",
        nat_nmask="255.255.255.0",
    )
    redundancy = {"backup": BACKUP, "backup_private": "10.11.12.8"}
    browser.submit("/redundancy/?enable=1", "backup", do="enable", **redundancy)
    offer = {"address": VIRTUAL_IP, "device": "eth0:1", "port": "80", "scheduler": "rr"}
    browser.submit("/virtual-server/shop/", "name", **offer)
    for name, address in REAL_SERVERS.items():
        browser.submit(
            f"/virtual-server/shop/real-server/{name}/", "name", address=address, weight="1"
        )
    browser.submit("/virtual-servers/", do="toggle", chosen="shop")


def meet(primary: Console, backup: Console) -> None:
    """`lvsctl pair invite` there, `lvsctl pair join` here, and both show the same fingerprints."""
    invitation = primary.begin("lvsctl pair invite --yes")
    told = _until(invitation, "Waiting")
    code = re.search(r"Code: (\S+)", told)
    assert code is not None, told
    joined = backup.type(f"lvsctl pair join {PRIMARY} -", stdin=f"{code[1]}\n")
    told += invitation.communicate(timeout=JOINED_WITHIN_S)[0]
    primary.transcript.append(told)
    assert invitation.returncode == 0, told
    prints = [set(re.findall(r"SHA256:\S+", one)) for one in (told, joined)]
    assert prints[0] == prints[1]
    assert len(prints[0]) == 2 * (3 + 1), "host keys of three kinds, and the key of the sync"
    assert backup.lvs_cf() == primary.lvs_cf()


def _until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    told = ""
    while word not in told:
        line = process.stdout.readline()
        assert line, told
        told += line
    return told


def start(primary: Console, backup: Console) -> None:
    """4.8: pulse on both."""
    primary.type("systemctl enable --now pulse piranha-received.path")
    backup.type("systemctl enable --now pulse piranha-gui piranha-received.path")
    primary.wait_for("lvsctl status", "primary, ACTIVE", 60)
    primary.wait_for("lvsctl status", "STANDBY, ready", 60)


def an_edit_reaches_the_backup(browser: Browser, primary: Console, backup: Console) -> None:
    """4.7, by itself: ACCEPT in the web, and the backup has the file and runs it."""
    browser.submit("/virtual-server/shop/real-server/two/", "name", weight="3")
    wait_until(lambda: "weight = 3" in backup.lvs_cf(), "the backup's lvs.cf follows", 60)
    assert backup.lvs_cf() == primary.lvs_cf()
    wait_until(lambda: " 3 " in backup.type("lvsctl table"), "the backup runs it", 30)
    browser.submit("/difference/", to="/difference/apply/")
    for console in (primary, backup):
        console.wait_for("lvsctl status", "in step", 60)
    primary.wait_for("lvsctl status", "STANDBY, ready", 60)


def what_root_installs_follows(browser: Browser, primary: Console, backup: Console) -> None:
    """4.7.1 to 4.7.3: kernel settings and rules; what the backup has of its own is asked about."""
    for console in (primary, backup):  # the lab's kernel knows no other kind of rules
        (console.root / "etc/iptables").mkdir()  # as iptables-persistent does
        chosen = console.root / "etc/alternatives/iptables-restore"
        chosen.parent.mkdir()
        chosen.symlink_to("/usr/sbin/iptables-legacy-restore")
    primary.type("echo net.ipv4.conf.all.rp_filter = 0 >> /etc/sysctl.d/90-piranha.conf")
    primary.type(f"printf '{RULES}' > /etc/iptables/rules.v4")
    browser.submit("/redundancy/", "backup", **{key: f"/{path}" for key, path in FILES.items()})
    browser.submit("/difference/", to="/difference/apply/")
    primary.wait_for("lvsctl status", "90-piranha.conf at the peer is not one that the sync", 60)
    primary.type("lvsctl sync --take-ours")
    for path in FILES.values():
        wait_until(partial(have_the_same, primary, backup, path), f"{path} follows", 60)
    primary.wait_for("lvsctl status", "in step", 60)
    primary.wait_for("lvsctl status", "STANDBY, ready", 60)


def have_the_same(one: Console, other: Console, path: str) -> bool:
    texts = [file.read_text() for file in (one.root / path, other.root / path) if file.exists()]
    return len(texts) == 2 and texts[0] == texts[1]


def handed_over(primary: Console, backup: Console) -> None:
    with Load(VIRTUAL_IP) as load:
        primary.type("lvsctl standby")
        backup.wait_for("lvsctl status", "backup, ACTIVE", 60)
        go_on(load)
    assert load.failures == []
    assert holders() == {"dirB"}
    backup.wait_for("lvsctl status", "STANDBY, ready", 60)


def the_active_dies(active: Console, standby: Console) -> None:
    with Load(VIRTUAL_IP) as load:
        active.power_off()
        cut(*cables_of(active.namespace))
        standby.wait_for("lvsctl status", "primary, ACTIVE", 60)
        go_on(load)
    assert "dirA" in holders()
    standby.type("lvsctl history")


def go_on(load: Load) -> None:
    answered = len(load.outcomes)
    wait_until(lambda: len(load.outcomes) > answered + 50, "requests are answered", 30)
