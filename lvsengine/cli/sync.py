"""lvsctl sync: copy lvs.cf to the peer now, choose between two edits, or say how it stands."""

from __future__ import annotations

import argparse
import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lvsengine.errors import EngineError
from lvsengine.sync.places import DEFAULT_CONFIG, DEFAULT_FOLDER, USER, Places

if TYPE_CHECKING:
    from lvsengine.sync.syncer import Syncer
    from lvsengine.sync.threeway import Chunk
    from lvsengine.sync.values import FileState, Record, State


def add(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--dry-run", action="store_true", help="say what would be copied")
    choice.add_argument(
        "--take-ours", action="store_true", help="replace the peer's own edits by this lvs.cf"
    )
    choice.add_argument(
        "--take-theirs", action="store_true", help="replace this lvs.cf by the peer's"
    )
    choice.add_argument(
        "--accept-host-key",
        metavar="SHA256:...",
        help="trust the peer's host key, which you have compared at the peer",
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER")
    parser.add_argument("--user", default=USER, help="whom to log in as there: %(default)s")


def run(arguments: argparse.Namespace) -> int:
    from lvsengine.sync.values import Standing

    syncer = _syncer(Places(arguments.config, arguments.folder, arguments.user))
    if arguments.dry_run:
        for step in syncer.preview():
            print(f"{step.path} {step.does}")
        return 0
    state = _done(arguments, syncer)
    told = [*lines(state), *_hints(state)]
    if state.standing is Standing.STOPPED:
        told += difference(syncer.compare().chunks)
    print("\n".join(told))
    return 0 if state.standing in (Standing.IN_STEP, Standing.ALONE) else 1


def _done(arguments: argparse.Namespace, syncer: Syncer) -> State:
    from lvsengine.sync.values import Standing

    if arguments.accept_host_key:
        syncer.accept_host_key(arguments.accept_host_key)
    if not (arguments.take_ours or arguments.take_theirs):
        return syncer.copy()
    state = syncer.state()
    stopped = state.standing is Standing.STOPPED
    seen = state.record.revisions if stopped else syncer.compare().revisions
    return syncer.take_ours(seen) if arguments.take_ours else syncer.take_theirs(seen)


def _syncer(places: Places) -> Syncer:
    """Make the facade; root reads what only root may, then becomes the folder's owner."""
    from lvsengine.sync import syncer

    if os.geteuid() != 0:
        return syncer.Syncer(places)
    held = _held(places, syncer.read_file)
    _become_owner(places.folder)

    def read_file(path: str) -> bytes:
        found = held.get(path) or syncer.read_file(path)
        if isinstance(found, EngineError):
            raise found
        return found

    return syncer.Syncer(places, read_file=read_file)


def _held(places: Places, read: Callable[[str], bytes]) -> dict[str, bytes | EngineError]:
    """Read the files beside lvs.cf as root: packet filter rules are often root's alone."""
    from lvsengine.lvscf import store
    from lvsengine.sync import plan

    config = store.load(places.config).config
    held: dict[str, bytes | EngineError] = {}
    for path in plan.files_of(config) if config is not None else ():
        try:
            held[path] = read(path)
        except EngineError as error:
            held[path] = error
    return held


def _become_owner(folder: Path) -> None:
    owner = _owner(folder)
    if owner != 0:
        user = pwd.getpwuid(owner)
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def _owner(folder: Path) -> int:
    try:
        return folder.stat().st_uid
    except OSError as error:
        from lvsengine.sync.values import not_paired

        raise not_paired() from error


# --- in words ---------------------------------------------------------------------------------


def status_lines(config: Path, folder: Path, peer_runs: str) -> Iterator[str]:
    """Say for `lvsctl status` how the sync stands; nothing where there is no peer.

    Args:
        peer_runs: The revision that the peer tells by its heartbeat; empty: none.
    """
    from lvsengine.sync.syncer import Syncer

    yield from lines(Syncer(Places(config, folder)).state().heard(peer_runs))


def lines(state: State) -> Iterator[str]:
    """Say how it stands, as `lvsctl status` does."""
    from lvsengine.sync.values import Standing

    if state.standing is Standing.ALONE:
        return
    by_hand = "" if state.automatic else " (by hand only: sync = 0)"
    yield f"sync       {_standing(state)}{by_hand}"
    warning = state.record.warning
    if warning is not None:
        yield f"warning    copied, but the peer did not run it then: {warning.sentence}"
    for file in state.record.files:
        yield f"sync       {_file(file)}"


def _standing(state: State) -> str:
    from lvsengine.cli.display import moment
    from lvsengine.sync.values import Standing

    record, since = state.record, moment(state.record.since, state.now)
    match state.standing:
        case Standing.IN_STEP:
            return f"in step with {_peer(state)} since {since}{_runs(record)}"
        case Standing.DUE:
            return f"revision {record.revisions.ours} is to be copied to {_peer(state)}"
        case Standing.COPYING:
            return f"copying to {_peer(state)} since {since}"
        case Standing.STOPPED | Standing.HOST_KEY:
            return f"STOPPED since {since}: {_why(record)}"
    return f"{state.standing.value.upper()}{_late(state)}"


def _late(state: State) -> str:
    from lvsengine.cli.display import moment

    record = state.record
    since = f" since {moment(record.since, state.now)}" if record.since else ""
    again = ""
    if state.automatic and record.retry_at:
        again = f"; tried {record.tries} times, again in {state.pause_s:.0f} s"
    return f"{since}: {_why(record)}{again}"


def _peer(state: State) -> str:
    where = f" ({state.record.peer})" if state.record.peer else ""
    return f"the {state.peer_name}{where}"


def _runs(record: Record) -> str:
    return f", which runs revision {record.runs}" if record.runs else ""


def _why(record: Record) -> str:
    return record.trouble.sentence if record.trouble is not None else "not tried yet"


def _hints(state: State) -> Iterator[str]:
    troubles = [state.trouble, *(file.trouble for file in state.record.files)]
    yield from (one.hint for one in troubles if one is not None and one.hint)
    for file in state.record.files:
        if file.trouble is None and file.note:
            yield f"at the peer, when you want it to count: {file.note}"


def _file(file: FileState) -> str:
    if file.trouble is not None:
        return f"NOT COPIED {file.path}: {file.trouble.sentence}"
    return f"{file.path} is in step, revision {file.installed}"


def difference(chunks: tuple[Chunk, ...]) -> Iterator[str]:
    """Write what differs: `-` what both last had, `<` ours, `>` theirs."""
    from lvsengine.sync.threeway import Changed

    for chunk in chunks:
        if chunk.ours == chunk.theirs:
            continue
        who = {
            Changed.OURS: "changed here",
            Changed.THEIRS: "changed at the peer",
            Changed.BOTH: "changed on both, differently",
        }.get(chunk.who, "differs")
        yield f"{chunk.place or 'global'}, line {chunk.ours_line}: {who}"
        yield from (f"  - {line}" for line in chunk.base)
        yield from (f"  < {line}" for line in chunk.ours)
        yield from (f"  > {line}" for line in chunk.theirs)
