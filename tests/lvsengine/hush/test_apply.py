from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.hush import apply
from lvsengine.hush.apply import Ended, Hushing, Iptables, Nft, run
from lvsengine.hush.rules import NFT_REMOVAL, OFF, ON, Hush

HUSH = Hush((ip_address("192.168.26.10"),), ((ip_address("10.11.12.1"), 80),))
HUSH6 = Hush((ip_address("192.168.26.10"), ip_address("2001:db8::10")))


class Machine:
    """A machine with some of the programs; iptables' chains are there or not, by table."""

    def __init__(self, *programs: str, left: int = 0) -> None:
        self._programs = programs
        self.asked: list[tuple[str, str]] = []
        self.switched: list[tuple[int, int]] = []  # version, mark
        self.jumps = {
            (program, table): left
            for program in programs
            for table in ("filter", "mangle")
            if program != "nft"
        }

    async def run(self, words: Sequence[str], text: str) -> Ended:
        program = words[0]
        self.asked.append((program, text))
        if program not in self._programs:
            return Ended(ok=False, said=f"{program} is not installed")
        return Ended(ok=program == "nft" or "--test" in words or self._restored(program, text))

    def _restored(self, program: str, text: str) -> bool:
        tables = [line[1:] for line in text.splitlines() if line.startswith("*")]
        change = -1 if "\n-X " in text else 1
        if any(self.jumps[program, table] + change < 0 for table in tables):
            return False
        for table in tables:
            self.jumps[program, table] += change
        return True

    def iptables(self, *, others_rules: bool = False) -> Iptables:
        """Give the tool; with `others_rules` nothing is dropped that knocks."""

        def switch(version: int, mark: int) -> None:
            if others_rules:
                raise FileNotFoundError(0, "the rules are not there any more")
            self.switched.append((version, mark))

        return Iptables("iptables-legacy", self.run, switch)


BOTH = "iptables-legacy-restore", "ip6tables-legacy-restore"


async def test_the_first_tool_that_works_is_taken() -> None:
    machine = Machine(*BOTH)
    hushing = Hushing([Nft(machine.run), machine.iptables()])
    assert hushing.tool == ""
    await hushing.prepare(HUSH, 5)
    assert hushing.tool == "iptables-legacy"


async def test_where_none_works_it_says_why_and_what_it_costs() -> None:
    machine = Machine()
    hushing = Hushing([Nft(machine.run), machine.iptables()])
    with pytest.raises(EngineError) as caught:
        await hushing.prepare(HUSH, 5)
    assert str(caught.value) == (
        "in a planned handover some clients will be reset, for neither nft nor iptables works "
        "here (nft is not installed; iptables-legacy-restore is not installed): "
        "install nftables, or let the kernel load ip_tables and ip6_tables when it starts"
    )
    await hushing.begin(HUSH, 5)
    await hushing.end()


async def test_nft_loads_once_and_removes_its_table() -> None:
    machine = Machine("nft")
    hushing = Hushing([Nft(machine.run)])
    await hushing.prepare(HUSH, 5)
    await hushing.begin(HUSH, 5)
    await hushing.end()
    [removal, (_, rules), last] = machine.asked
    assert removal == last == ("nft", NFT_REMOVAL)
    assert "10.11.12.1 . 80 timeout 5s" in rules


async def test_iptables_takes_out_all_that_a_crashed_process_left_and_loads_once() -> None:
    machine = Machine(*BOTH, left=3)
    await Hushing([machine.iptables()]).prepare(HUSH, 5)
    assert machine.jumps == {
        (program, table): int(program == BOTH[0])
        for program in BOTH
        for table in ("filter", "mangle")
    }


async def test_iptables_is_switched_on_and_off_without_a_program() -> None:
    machine = Machine(*BOTH)
    hushing = Hushing([machine.iptables()])
    await hushing.prepare(HUSH6, 5)
    asked = len(machine.asked)
    await hushing.begin(HUSH6, 5)
    assert machine.switched == [(4, ON), (6, ON)]
    await hushing.end()
    assert machine.switched[2:] == [(4, OFF), (6, OFF)]
    assert len(machine.asked) == asked


async def test_what_is_prepared_is_not_prepared_again_but_something_else_is() -> None:
    machine = Machine(*BOTH)
    hushing = Hushing([machine.iptables()])
    await hushing.prepare(HUSH, 5)
    asked = len(machine.asked)
    await hushing.prepare(HUSH, 5)
    assert len(machine.asked) == asked
    await hushing.prepare(HUSH6, 5)
    assert set(machine.jumps.values()) == {1}


async def test_what_was_not_prepared_is_when_it_begins() -> None:
    machine = Machine(*BOTH)
    hushing = Hushing([machine.iptables()])
    await hushing.begin(HUSH, 5)
    assert machine.switched == [(4, ON)]


async def test_nothing_is_left_behind_and_nothing_removed_twice() -> None:
    machine = Machine(*BOTH)
    hushing = Hushing([machine.iptables()])
    await hushing.prepare(HUSH6, 5)
    await hushing.remove()
    assert set(machine.jumps.values()) == {0}
    asked = len(machine.asked)
    await hushing.remove()
    assert len(machine.asked) == asked


async def test_ipv6_is_only_touched_where_there_are_such_virtual_ips() -> None:
    machine = Machine(*BOTH)
    await machine.iptables().prepare(HUSH, 5)
    loaded = [program for program, text in machine.asked if "\n-A " in text]
    assert loaded == ["iptables-legacy-restore"]


async def test_rules_that_load_for_one_family_only_are_taken_back() -> None:
    machine = Machine("iptables-legacy-restore")
    hushing = Hushing([machine.iptables()])
    with pytest.raises(EngineError, match="ip6tables-legacy-restore is not installed"):
        await hushing.prepare(HUSH6, 5)
    assert set(machine.jumps.values()) == {0}


async def test_rules_that_do_not_answer_the_knock_are_said() -> None:
    hushing = Hushing([Machine(*BOTH).iptables(others_rules=True)])
    await hushing.prepare(HUSH, 5)
    with pytest.raises(EngineError, match="IPv4: the rules are not there any more"):
        await hushing.begin(HUSH, 5)


def test_iptables_locks_what_all_others_lock_if_it_may_else_a_file_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "LOCK", tmp_path / "xtables.lock")
    assert apply.lock_in(Path("/state")) is None  # it can be made
    monkeypatch.setattr(apply, "LOCK", Path("/nowhere/xtables.lock"))
    assert apply.lock_in(Path("/state")) == Path("/state/xtables.lock")


async def test_iptables_is_told_of_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, '[ "$XTABLES_LOCKFILE" = /state/xtables.lock ]')
    monkeypatch.setattr(apply, "PATH", f"{tmp_path}:/usr/bin:/bin")
    assert (await run(("restore",), "", Path("/state/xtables.lock"))).ok
    assert not (await run(("restore",), "")).ok


def test_the_tools_of_a_real_machine_are_tried_in_this_order() -> None:
    assert [tool.name for tool in Hushing()._tools] == ["nft", "iptables-legacy", "iptables"]


def a_program(folder: Path, script: str) -> None:
    program = folder / "restore"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


async def ended(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Ended:
    a_program(folder, script)
    monkeypatch.setattr(apply, "PATH", f"{folder}:/usr/bin:/bin")
    return await run(("restore", "-f"), "rules\n")


async def test_a_program_reads_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await ended(tmp_path, '[ "$(cat)" = rules ] && [ "$1" = -f ]', monkeypatch) == Ended(
        ok=True
    )


async def test_a_program_that_fails_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "cat > /dev/null; echo no such table >&2; echo more >&2; exit 1"
    assert await ended(tmp_path, script, monkeypatch) == Ended(ok=False, said="no such table")


async def test_a_program_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "DEADLINE_S", 0.2)
    told = await ended(tmp_path, "exec sleep 60", monkeypatch)
    assert told == Ended(ok=False, said="restore did not end within 0.2 s")


async def test_a_program_that_cannot_be_started_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "restore").write_bytes(b"#!/no/such/shell\n")
    (tmp_path / "restore").chmod(0o755)
    monkeypatch.setattr(apply, "PATH", str(tmp_path))
    assert await run(("restore",), "") == Ended(
        ok=False, said="restore: No such file or directory"
    )


async def test_a_program_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "PATH", "/nowhere")
    assert await run(("restore",), "") == Ended(ok=False, said="restore is not installed")
