from __future__ import annotations

from collections.abc import Callable

import pytest

ProblemsOf = Callable[[str], list[str]]

PAIR = "primary = 192.0.2.11\nbackup = 192.0.2.12\nbackup_active = 1\nnetwork = direct\n"


def advised(said: list[str]) -> list[str]:
    return [line.partition(": warning: advice: ")[2] for line in said]


@pytest.mark.parametrize(
    "settings",
    [
        "heartbeat_key_file = /etc/piranha/heartbeat.key",
        "standby_checks = 0",
        "auto_failback = 1\nfailback_delay = 5\nsyncdaemon = 1",
        "witness = 192.0.2.1 192.0.2.2 2001:db8::1",
        "witness = 192.0.2.1\nyield_when_isolated = 1",
        "syncdaemon = 1\nsyncd_maxlen = 1400\nsyncd_group = 224.0.0.9\nsyncd_ttl = 2",
        "manage_sysctls = 1",
        "keepalive = 0.05\ndeadtime = 0.15",
        "keepalive = 2\ndeadtime = 4.1",
    ],
)
def test_what_will_do_as_meant_is_passed_over(settings: str, problems_of: ProblemsOf) -> None:
    assert problems_of(PAIR + settings) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("keepalive = 2\ndeadtime = 2", "deadtime 2 is not longer than keepalive 2"),
        ("keepalive = 2\ndeadtime = 4", "deadtime 4 is not longer than twice keepalive 2: one"),
        ("keepalive = 3", "deadtime 5 is not longer than twice keepalive 3: one lost heartbeat"),
        ("keepalive = 0.05\ndeadtime = 0.14", "deadtime 0.14 is shorter than 0.15: a director"),
        ("monitor_links = 1", "monitor_links = 1 without primary_private and backup_private"),
        ("auto_failback = 1", "auto_failback = 1 without syncdaemon = 1: each failback cuts"),
        ("failback_delay = 60", "failback_delay does nothing without auto_failback = 1"),
        ("yield_when_isolated = 1", "yield_when_isolated = 1 does nothing without witness"),
        ("witness = 192.0.2.1 192.0.2.12", "witness 192.0.2.12 is a director (backup)"),
        ("witness = 192.0.2.11 192.0.2.11", "witness 192.0.2.11 is a director (primary)"),
        ("syncd_maxlen = 1400", "syncd_maxlen does nothing without syncdaemon = 1"),
        ("syncd_group = 224.0.0.9", "syncd_group does nothing without syncdaemon = 1"),
        ("syncd_port = 8849", "syncd_port does nothing without syncdaemon = 1"),
        ("syncd_ttl = 2", "syncd_ttl does nothing without syncdaemon = 1"),
    ],
)
def test_one_thing_that_will_not_do_as_meant_brings_one_advice(
    settings: str, said: str, problems_of: ProblemsOf
) -> None:
    (found,) = advised(problems_of(PAIR + settings))
    assert found.startswith(said)


@pytest.mark.parametrize(
    "settings",
    [
        "monitor_links = 1",
        "syncdaemon = 1",
        "heartbeat_key_file = /k",
        "standby_checks = 0",
        "auto_failback = 1",
        "witness = 192.0.2.1",
        "yield_when_isolated = 1",
        "sync_sysctl_file = /etc/sysctl.conf",
        "sync_packet_filter_file = /etc/nftables.conf",
    ],
)
def test_alone_a_director_needs_nothing_of_the_pair(
    settings: str, problems_of: ProblemsOf
) -> None:
    key = settings.partition(" ")[0]
    alone = f"primary = 192.0.2.11\nnetwork = direct\n{settings}\n"
    assert advised(problems_of(alone)) == [f"{key} does nothing without backup_active = 1"]
    assert problems_of("network = direct\nmanage_sysctls = 1\nkeepalive = 3\n") == []


@pytest.mark.parametrize(
    "settings",
    [
        "monitor_links = 1\nbackup_private = x",
        "auto_failback = 1\nsyncdaemon = x",
        "failback_delay = 5\nauto_failback = x",
        "yield_when_isolated = 1\nwitness = x",
        "syncd_ttl = 2\nsyncdaemon = x",
    ],
)
def test_nothing_is_advised_about_what_could_not_be_read(
    settings: str, problems_of: ProblemsOf
) -> None:
    assert [": error: " in line for line in problems_of(PAIR + settings)].count(True) == 1
    assert [line for line in advised(problems_of(PAIR + settings)) if line] == []


def test_an_address_that_moves_with_the_active_director_is_no_witness(
    sound: str, problems_of: ProblemsOf
) -> None:
    for address in ("192.0.2.100", "10.9.9.254"):
        text = sound.replace("monitor_links = 1\n", f"witness = {address}\n")
        (found,) = advised(problems_of(text))
        assert found.startswith(f"witness {address} moves with the active director")
    asleep = sound.replace("monitor_links = 1\n", "witness = 192.0.2.100\n")
    assert problems_of(asleep.replace("     active = 1", "     active = 0")) == []


def test_without_nat_its_router_may_be_a_witness(problems_of: ProblemsOf) -> None:
    text = PAIR + "nat_router = 10.9.9.254 eth1:1\nwitness = 10.9.9.254"
    assert advised(problems_of(text)) == ["nat_router does nothing with network = direct"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("keepalive = 6", "keepalive = 18", "deadtime 18 is not longer than keepalive 18"),
        ("deadtime = 18\n", "", "deadtime 5 is not longer than keepalive 6"),
        ("primary = 192.0.2.11\n", "", "primary is not given: neither director is the primary"),
        ("backup = 192.0.2.12\n", "", "backup_active is 1 and backup is not given"),
        ("backup = 192.0.2.12", "backup = 0.0.0.0", "backup_active is 1 and backup is not given"),
        ("192.0.2.12", "192.0.2.11", "backup and primary are both 192.0.2.11"),
        ("10.9.9.2", "10.9.9.1", "backup_private and primary_private are both 10.9.9.1"),
        ("192.0.2.12", "fd00::2", "backup and primary are of different address families"),
        ("primary_private = 10.9.9.1\n", "", "only one director has a private address"),
        ("backup_private = 10.9.9.2\n", "", "only one director has a private address"),
    ],
)
def test_one_change_to_a_sound_pair_brings_one_advice(
    old: str, new: str, said: str, sound: str, problems_of: ProblemsOf
) -> None:
    (found,) = advised(problems_of(sound.replace(old, new)))
    assert found.startswith(said)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("keepalive = 6", "keepalive = x"),
        ("deadtime = 18", "deadtime = x"),
        ("backup_active = 1", "backup_active = x"),
        ("primary = 192.0.2.11", "primary = x"),
        ("backup = 192.0.2.12", "backup = x"),
        ("backup_private = 10.9.9.2", "backup_private = x"),
    ],
)
def test_a_director_or_a_time_that_could_not_be_read_is_judged_no_further(
    old: str, new: str, sound: str, problems_of: ProblemsOf
) -> None:
    (found,) = problems_of(sound.replace(old, new))
    assert ": error: " in found


def test_a_backup_that_is_not_active_is_pointed_out(problems_of: ProblemsOf) -> None:
    alone = "primary = 192.0.2.11\nbackup = 192.0.2.12\nnetwork = direct\n"
    (found,) = advised(problems_of(alone))
    assert found == "a backup is given, but backup_active is not 1: this director runs alone"
