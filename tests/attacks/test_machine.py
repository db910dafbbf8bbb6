"""The machine under the director fails it: no disk, no descriptors, no threads; and signals."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from lvsengine.errors import EngineError
from tests.attacks.victim import NOTHING, Victim
from tests.kernel.lab.waiting import hold_for, wait_until
from tests.ports import free_port

LESS_THAN_A_STACK = 4 << 20  # bytes; a thread's is 8 MiB


def descriptors(pid: int) -> int:
    """How many it holds at rest: a check or an order that is under way holds one more."""
    seen: list[int] = []

    def looked() -> bool:
        seen.append(len(os.listdir(f"/proc/{pid}/fd")))
        return True

    hold_for(0.5, looked, "it lives")
    return min(seen)


def answers(victim: Victim) -> bool:
    with suppress(EngineError):
        return victim.status().state == "active"
    return False


def test_with_a_full_disk_every_order_is_carried_out_and_the_loss_is_said(
    victim: Victim,
) -> None:
    victim.start()
    port = free_port()
    with victim.bounded(resource.RLIMIT_FSIZE, NOTHING):
        victim.lvs_cf.write_text(victim.text(port))
        assert victim.lvsctl("reload").returncode == 0
        wait_until(lambda: victim.forwards(port), "the new virtual server is served")
        drained = victim.lvsctl("drain", f"more{port}/one")
        assert drained.returncode == 0
        assert "ordered drain" in drained.stdout
        warning = victim.lvsctl("status").stdout
        assert f"the state folder {victim.state} cannot be written" in warning
        assert victim.forwards()
        assert victim.log.count("cannot be written") == 1
    victim.lvsctl("undrain", f"more{port}/one")
    assert "cannot be written" not in victim.lvsctl("status").stdout
    assert f"more{port}" not in (victim.state / "engine.json").read_text()


def test_with_a_full_disk_a_stop_takes_everything_away(victim: Victim) -> None:
    victim.start()
    with victim.bounded(resource.RLIMIT_FSIZE, NOTHING):
        assert victim.end() == 0
    assert "shutting down virtual service" in victim.log
    assert "pulse has stopped" in victim.log


def test_with_a_full_disk_below_the_log_it_goes_on(victim: Victim) -> None:
    victim.start(log=Path("/dev/full"))
    assert victim.lvsctl("reload").returncode == 0
    assert victim.forwards()
    os.kill(victim.pid, signal.SIGTERM)
    victim.end()


def test_without_descriptors_it_neither_spins_nor_dies_and_recovers_by_itself(
    victim: Victim,
) -> None:
    victim.start()
    with victim.bounded(resource.RLIMIT_NOFILE, descriptors(victim.pid)):
        lines, used = victim.log.count("\n"), cpu_s(victim.pid)
        wait_until(lambda: not answers(victim), "nobody is accepted")
        hold_for(1.5, lambda: victim.runs, "it lives")
        assert victim.log.count("\n") - lines < 10, victim.log
        assert cpu_s(victim.pid) - used < 1.5
    wait_until(lambda: answers(victim) and victim.forwards(), "it answers and forwards again")
    assert "connections are not accepted: Too many open files" in victim.log
    assert "Traceback" not in victim.log


def test_checks_leave_descriptors_for_the_control_socket(victim: Victim) -> None:
    victim.start()
    with victim.bounded(resource.RLIMIT_NOFILE, descriptors(victim.pid) + 2):
        victim.wait_for_log("not tried: too few file descriptors are left")
        status = victim.status()
        (real,) = status.virtual_servers[0].real_servers
        assert real.health == "up"  # the machine here is short of something, not the real server
    assert victim.runs


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_without_memory_for_more_threads_or_programs_it_goes_on(victim: Victim) -> None:
    program = victim.text().replace(
        'send = "GET / HTTP/1.0\\r\\n\\r\\n"\n     expect = "HTTP"',
        'send_program = "/bin/true"',
    )
    assert "send_program" in program
    victim.lvs_cf.write_text(program)
    victim.start()
    status = Path(f"/proc/{victim.pid}/status").read_text()
    (size,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmSize")]
    with victim.bounded(resource.RLIMIT_AS, int(size) * 1024):
        answers(victim)  # or not: even the request may find no room
        hold_for(1.5, lambda: victim.runs, "it lives")
    with victim.bounded(resource.RLIMIT_AS, int(size) * 1024 + LESS_THAN_A_STACK):
        assert victim.lvsctl("reload").returncode == 0, victim.log
        assert answers(victim)
    assert victim.serves()
    assert victim.forwards()


def ignores_hangup(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    masks = dict(line.split()[:2] for line in status.splitlines() if line.startswith("Sig"))
    hangup = 1 << (signal.SIGHUP - 1)
    return bool((int(masks["SigIgn:"], 16) | int(masks["SigCgt:"], 16)) & hangup)


def test_a_hangup_amid_the_start_ends_nothing(victim: Victim) -> None:
    victim.launch()
    wait_until(lambda: ignores_hangup(victim.pid), "pulse has begun", 20)
    deadline = time.monotonic() + 20
    while not victim.serves() and time.monotonic() < deadline:
        victim.reload()
        time.sleep(0.01)
    assert victim.runs, victim.log
    assert victim.forwards()


def test_a_stop_at_any_moment_of_the_start_leaves_nothing_and_repeated_ones_do_no_harm(
    victim: Victim,
) -> None:
    victim.launch()
    victim.wait_for_log("STARTING PULSE", 20)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        with suppress(ProcessLookupError):
            victim.send(number)
    assert victim.end() == 0
    assert not victim.socket.exists()
    assert "Traceback" not in victim.log


def test_lvsctl_into_a_full_disk_or_closed_pipe_is_no_traceback(victim: Victim) -> None:
    command = [sys.executable, "-m", "lvsengine.cli.lvsctl", "check", str(victim.lvs_cf)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, check=False, timeout=20
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"No space left on device" in done.stderr
