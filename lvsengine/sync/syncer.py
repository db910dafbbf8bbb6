"""The sync as the web and lvsctl use it: how it stands, copy, compare, choose, trust a host.

All waits end: a copy within 30 s. Several processes may hold a `Syncer` on the same folder: a
lock lets one of them act, and all see the same state.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.local import is_local
from lvsengine.lvscf import files, reading, store, syntax
from lvsengine.lvscf.model import Config
from lvsengine.lvscf.names import Resolver
from lvsengine.lvscf.problems import first_error
from lvsengine.sync import exchange, known_hosts, plan, threeway
from lvsengine.sync.exchange import Ours, Outcome
from lvsengine.sync.host import MAX_FILE
from lvsengine.sync.places import Places as Places
from lvsengine.sync.plan import BUSY_AT_MOST_S, IsLocal, Peer, Verdict
from lvsengine.sync.record import Recorder
from lvsengine.sync.target import HostKeyRefused, Target
from lvsengine.sync.threeway import Chunk
from lvsengine.sync.values import (
    LVS_CF,
    Record,
    Revisions,
    Standing,
    State,
    Step,
    Trouble,
)


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """Three files, and the revisions that a choice refers to. `base`: None where not known."""

    revisions: Revisions
    base: str | None
    ours: str
    theirs: str
    chunks: tuple[Chunk, ...]


Connect = Callable[[Peer, Places], Target]
ReadFile = Callable[[str], bytes]


def by_ssh(peer: Peer, places: Places) -> Target:
    from lvsengine.sync import sftp  # paramiko takes a while to load

    return sftp.connect(peer, sftp.Login(places.folder, places.user))


def read_file(path: str) -> bytes:
    """Read a file that goes along with lvs.cf.

    Raises:
        EngineError: It is no plain file of at most 1 MiB, or may not be read.
    """
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise EngineError("not-a-file", f"{path} is no plain file", "links are not followed")
    except OSError as error:
        raise EngineError("no-file", f"{path} is not copied: {error.strerror}") from error
    data = files.read_whole(Path(path))
    if len(data) > MAX_FILE or b"PRIVATE KEY-----" in data:
        raise EngineError("not-sent", f"{path} is larger than 1 MiB, or holds a key")
    return data


@dataclass(slots=True)
class _Looked:
    """lvs.cf as last read, and what told that it is still the same."""

    stamp: tuple[int, ...]
    data: bytes
    config: Config | None
    problem: str


class Syncer:
    """One per process is enough; it is cheap, holds nothing open, and may be shared by threads.

    Args:
        connect, is_local, clock, read_file: For tests, and for root, which reads files first.
    """

    def __init__(
        self,
        places: Places,
        connect: Connect = by_ssh,
        is_local: IsLocal = is_local,
        clock: Callable[[], float] = time.time,
        read_file: ReadFile = read_file,
    ) -> None:
        self.places = places
        self.recorder = Recorder(places.folder)
        self._connect = connect
        self._is_local = is_local
        self._clock = clock
        self._read_file = read_file
        self._looked: _Looked | None = None

    def state(self) -> State:
        """Tell how it stands, from files alone: no network, a millisecond. Never raises."""
        now = self._clock()
        try:
            looked = self._look()
            config = looked.config
            peer = plan.peer_of(config, self._is_local) if config is not None else None
        except EngineError as error:
            unknown = Record(Standing.WAITING, now, trouble=Trouble.of(error))
            return State(automatic=False, peer_name="", record=unknown, now=now)
        automatic = config is not None and config.copies_to_peer
        revision = store.revision_of(looked.data)
        if config is not None and peer is None:
            alone = Record(Standing.ALONE, revisions=Revisions(revision, ""))
            return State(automatic, "", alone, now)
        try:
            record = plan.shown(self.recorder.read(), self.recorder.mark(), revision, now)
        except EngineError as error:
            record = plan.unkept(Trouble.of(error), revision)
        return State(automatic, peer.name if peer is not None else "", record, now)

    def copy(self, wait_s: float = BUSY_AT_MOST_S) -> State:
        """Copy now what is due, automatic or not, and tell how it stands then.

        What fails at the peer or on the way does not raise: it is the state's `trouble`.

        Raises:
            EngineError: `busy`: another process has been copying for `wait_s` seconds;
                `no-sync-folder`.
        """
        with self.recorder.at_work(wait_s):
            self._try()
        return self.state()

    def preview(self) -> tuple[Step, ...]:
        """Tell what `copy` would do, file by file: the network is used, nothing is changed.

        Raises:
            EngineError: Why nothing could be copied.
        """
        ours, peer = self._ours()
        with closing(self._connect(peer, self.places)) as target:
            status = target.status()
        verdict = plan.judge(
            Revisions(ours.revision, status.revision), self.recorder.read().base, ours.earlier
        )
        if verdict is Verdict.ASK:
            raise _own_edits(status.revision).error()
        installed = {state.path: state.installed for state in status.files}
        steps = [_step(LVS_CF, status.revision, ours.revision)]
        for path in plan.files_of(ours.config):
            revision = store.revision_of(self._read_file(path))
            steps.append(_step(path, installed.get(path, ""), revision))
        return tuple(steps)

    def compare(self) -> ThreeWay:
        """Fetch the peer's lvs.cf and lay the three beside one another.

        Raises:
            EngineError: The peer cannot be asked; no file here or there.
        """
        ours, peer = self._ours()
        with closing(self._connect(peer, self.places)) as target:
            theirs = target.fetch()
        kept = self.recorder.base()
        texts = _text(ours.data), _text(theirs)
        base = _text(kept) if kept is not None else None
        return ThreeWay(
            Revisions(ours.revision, store.revision_of(theirs)),
            base,
            *texts,
            threeway.chunks(base, *texts),
        )

    def take_ours(self, expected: Revisions) -> State:
        """Put our lvs.cf in the place of the peer's own edits; it keeps them as a revision.

        Also the files beside lvs.cf, whatever the peer has there.

        Args:
            expected: What the person was shown, of `ThreeWay.revisions` or the state's record.

        Raises:
            EngineError: `changed-meanwhile` where either file is another one now: show again;
                whatever else kept it from being copied; `busy`.
        """
        with self._chosen() as record:
            ours, peer = self._ours()
            with closing(self._connect(peer, self.places)) as target:
                outcome = exchange.overwrite(target, ours, record, expected)
                self._note(ours, target.address, outcome)
        return self.state()

    def take_theirs(self, expected: Revisions) -> State:
        """Put the peer's lvs.cf in the place of ours, which is kept as a revision.

        The engine here is not told: as after a save, it runs what it ran until it is applied.

        Raises:
            EngineError: As `take_ours`; `not-sound` where theirs has errors.
        """
        with self._chosen():
            ours, peer = self._ours()
            with closing(self._connect(peer, self.places)) as target:
                theirs, runs = target.fetch(), target.status().runs
            found = Revisions(ours.revision, store.revision_of(theirs))
            exchange.need(expected, found)
            _judge(_text(theirs))
            store.save(self.places.config, _text(theirs), ours.revision)
            self.recorder.keep_base(theirs)
            now = self._clock()
            self.recorder.change(lambda record: plan.in_step(record, found.theirs, now, runs))
        return self.state()

    def accept_host_key(self, fingerprint: str) -> State:
        """Trust the host key that the peer showed; a person has compared it.

        Args:
            fingerprint: As shown (`State.fingerprint`); any other key stays refused.

        Raises:
            EngineError: `other-host-key`: the peer has shown another one since;
                `no-sync-folder` where it cannot be kept.
        """
        offered = self.recorder.read().offered
        if offered is None or offered.fingerprint != fingerprint:
            shown = offered.fingerprint if offered is not None else "none"
            raise EngineError(
                "other-host-key",
                f"the host key to be accepted is {shown} now, not {fingerprint}",
                "compare again",
            )
        self.recorder.pin(known_hosts.with_key(offered))
        self.recorder.change(
            lambda record: replace(
                record, standing=Standing.DUE, offered=None, pinned="", trouble=None, retry_at=0.0
            )
        )
        return self.state()

    def is_due(self, *, starting: bool = False) -> bool:
        """Whether the copier should copy now. Never raises."""
        try:
            looked = self._look()
            record, mark = self.recorder.read(), self.recorder.mark()
            if looked.config is None or not looked.config.copies_to_peer:
                return False
            if plan.peer_of(looked.config, self._is_local) is None:
                return False
        except EngineError:
            return False
        revision = store.revision_of(looked.data)
        if starting and plan.is_due_at_start(record, revision):
            return True
        return plan.is_due(record, mark, revision, self._clock())

    def _try(self) -> None:
        """Copy once, and keep what came of it."""
        mark, now = self.recorder.mark(), self._clock()
        record = self.recorder.change(lambda kept: plan.began(kept, mark, now))
        address = ""
        try:
            ours, peer = self._ours()
            address = peer.addresses[0]
            with closing(self._connect(peer, self.places)) as target:
                address = target.address
                outcome = exchange.copy(target, ours, record)
            self._note(ours, address, outcome)
        except EngineError as error:
            self._note_failure(error, address)
        finally:
            self._settle()

    def _note(self, ours: Ours, address: str, outcome: Outcome) -> None:
        now = self._clock()
        if outcome.verdict is Verdict.ASK:
            trouble = _own_edits(outcome.revisions.theirs)

            def edit(record: Record) -> Record:
                return plan.stopped(record, outcome.revisions, trouble, now)
        else:
            self.recorder.keep_base(ours.data)

            def edit(record: Record) -> Record:
                record = plan.in_step(record, ours.revision, now, outcome.runs, outcome.warning)
                return plan.with_files(record, outcome.files, now)

        self.recorder.change(lambda record: replace(edit(record), peer=address))

    def _note_failure(self, error: EngineError, address: str) -> None:
        now = self._clock()

        def edit(record: Record) -> Record:
            if isinstance(error, HostKeyRefused):
                trouble = Trouble.of(error)
                return plan.distrusting(record, error.offered, error.pinned, trouble, now)
            return plan.waiting(record, Trouble.of(error), now)

        self.recorder.change(lambda record: replace(edit(record), peer=address or record.peer))

    def _settle(self) -> None:
        """Whatever became of a try, it is over."""
        self.recorder.change(lambda record: replace(record, busy_since=0.0))

    @contextmanager
    def _chosen(self) -> Iterator[Record]:
        """Carry out a person's choice, alone; what a host key tells is kept."""
        with self.recorder.at_work(BUSY_AT_MOST_S):
            now = self._clock()
            record = self.recorder.change(lambda kept: replace(kept, busy_since=now))
            try:
                yield record
            except HostKeyRefused as error:
                self._note_failure(error, "")
                raise
            finally:
                self._settle()

    def _ours(self) -> tuple[Ours, Peer]:
        looked = self._look()
        if looked.config is None:
            raise EngineError(
                "not-sound",
                f"lvs.cf has errors and is not copied: {looked.problem}",
                "lvsctl check lists them all",
            )
        peer = plan.peer_of(looked.config, self._is_local)
        if peer is None:
            raise EngineError(
                "no-peer",
                "there is no other director to copy to",
                "write backup_active = 1, primary and backup",
            )
        earlier = tuple(kept.revision for kept in store.revisions(self.places.config))
        return Ours(looked.data, looked.config, earlier, self._read_file), peer

    def _look(self) -> _Looked:
        """Read lvs.cf, again only when it is another file."""
        stamp = _stamp(self.places.config)
        looked = self._looked
        if looked is not None and looked.stamp == stamp:
            return looked
        data = files.read_whole(self.places.config)
        found = reading.read(syntax.parse(_text(data), str(self.places.config)), Resolver())
        problem = first_error(found.problems) if found.config is None else ""
        self._looked = looked = _Looked(stamp, data, found.config, problem)
        return looked


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


def _judge(text: str) -> None:
    found = reading.read(syntax.parse(text, LVS_CF), Resolver())
    if found.config is None:
        problem = first_error(found.problems)
        raise EngineError(
            "not-sound",
            f"the peer's lvs.cf has errors and is not taken: {problem}",
            "mend it there",
        )


def _own_edits(revision: str) -> Trouble:
    return Trouble(
        "own-edits",
        f"lvs.cf at the peer was edited there: it is at revision {revision}, which this director"
        " never had",
        "compare them, then take ours or take theirs",
    )


def _step(path: str, theirs: str, ours: str) -> Step:
    if theirs == ours:
        return Step(path, f"stays: the peer has revision {ours}")
    if not theirs:
        return Step(path, f"is copied: the peer has none, it gets revision {ours}")
    return Step(path, f"is copied: the peer has revision {theirs}, it gets {ours}")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
