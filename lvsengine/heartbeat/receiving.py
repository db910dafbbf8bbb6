"""May these bytes have an effect? Only the peer's newest word may; the rest is counted by kind.

With a key, three things must hold: the HMAC, the peer's address, and freshness. Freshness
needs no agreed clocks. Each run of a director has a random boot id and counts its words;
each word echoes the newest that its sender has heard of us. So

- the first word of a run that we do not know, and every word after a silence of deadtime,
  must echo a word that we sent within the last deadtime: a recording from before our own
  start, or from before the silence, cannot;
- from then on each word of the run must have a higher counter than the last;
- a run that was followed by another never speaks again.

A stranger, who has the key but no proof yet, is echoed so that it can prove itself.
Without a key there is only the peer's address and the original's four bytes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum

from lvsengine.heartbeat.packet import (
    FOS,
    Echo,
    Flaw,
    FlawError,
    Key,
    Original,
    Packet,
    Sender,
    read_original,
    unseal,
)
from lvsengine.heartbeat.words import Link, Stance, Word
from lvsengine.net import Address

WINDOW = 100  # words over which loss is told
_MASK = (1 << WINDOW) - 1
STRANGERS = 4  # unproven runs echoed at once
RETIRED = 16  # runs remembered as over
SENT = 1024  # own words whose time of sending is remembered
LONG_AGO = float("-inf")


class Rejection(Enum):
    """Why a datagram had no effect."""

    FORGED = "forged"
    REPLAYED = "replayed"
    LATE = "late"
    UNPROVEN = "unproven"
    TRUNCATED = "truncated"
    ELSEWHERE = "elsewhere"
    OLD_FORM = "old form"
    FOREIGN = "foreign family"
    BAD_LENGTH = "bad length"
    UNKNOWN = "unknown"


_OF_FLAW = {flaw: Rejection(flaw.value) for flaw in Flaw}


@dataclass(frozen=True, slots=True)
class Fresh:
    """The peer's newest word.

    Attributes:
        knows: When we sent the newest of our words that the peer acted by when it spoke, by
            our clock; minus infinity when none, or too long ago; None in the original form.
    """

    word: Word
    knows: float | None


@dataclass(frozen=True, slots=True)
class Copy:
    """A word already heard on the other link: it tells only that this link works."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody with our key whose word is not proven to be of today; it deserves an answer."""


Heard = Fresh | Copy | Stranger | Rejection


@dataclass(slots=True)
class LinkState:
    """What came in on one link.

    Attributes:
        heard_at: None before the first word.
        highest: The newest word that came in here. `seen`: one bit for each of the last
            WINDOW words up to that, the newest lowest; `of`: how many of them could have come.
    """

    heard_at: float | None = None
    highest: int = 0
    seen: int = 0
    of: int = 0

    def begin(self, counter: int) -> None:
        """Count from here, where a new run begins."""
        self.highest, self.seen, self.of = counter, 0, 0

    def lost(self, newest: int) -> float | None:
        """The share of the last words up to `newest` that did not come; None when none could."""
        behind = newest - self.highest
        of = min(self.of + behind, WINDOW)
        return 1 - (self.seen << behind & _MASK).bit_count() / of if of else None

    def mark(self, counter: int) -> bool:
        """Note one more word; False when just this one has come before, or long ago."""
        ahead = min(counter - self.highest, WINDOW)
        if ahead > 0:
            self.seen = (self.seen << ahead | 1) & _MASK
            self.of = min(self.of + ahead, WINDOW)
            self.highest = counter
            return True
        bit = 1 << -ahead
        if -ahead >= self.of or self.seen & bit:
            return False
        self.seen |= bit
        return True


@dataclass(slots=True)
class _Run:
    """The peer's run that we believe."""

    boot: int
    counter: int
    heard_at: float


@dataclass(slots=True)
class Receiver:
    """Judges what comes in, and remembers what that takes; all of it bounded.

    Attributes:
        sources: The peer's addresses.
        ours: Which director we are. `boot`: our own run.
        fresh_s: deadtime, in seconds.
        links: Every link that there is.
    """

    sources: Collection[Address]
    keys: Sequence[Key]
    ours: Sender
    boot: int
    fresh_s: float
    rejected: Counter[Rejection] = field(default_factory=Counter)
    links: dict[Link, LinkState] = field(
        default_factory=lambda: {link: LinkState() for link in Link}
    )
    counter: int = 0
    _by_number: dict[int, Key] = field(default_factory=dict)
    _run: _Run | None = None
    _strangers: dict[int, int] = field(default_factory=dict)
    _retired: deque[int] = field(default_factory=lambda: deque(maxlen=RETIRED))
    _sent: deque[float] = field(default_factory=lambda: deque(maxlen=SENT))

    def __post_init__(self) -> None:
        self.rekey(self.keys)

    def rekey(self, keys: Sequence[Key]) -> None:
        """Believe from now on what these keys sign."""
        self.keys = tuple(keys)
        self._by_number = {key.number: key for key in keys}

    def next_packet(self, word: Word, at: float) -> Packet:
        """Number a word that is about to be sent, and echo whom we have heard."""
        self.counter += 1
        self._sent.append(at)
        echoes = [Echo(self._run.boot, self._run.counter)] if self._run else []
        echoes += [
            Echo(boot, counter, believed=False) for boot, counter in self._strangers.items()
        ]
        return Packet(self.ours, self.boot, self.counter, word, tuple(echoes))

    def lost(self, link: Link) -> float | None:
        """The share of the peer's last 100 words that did not come by `link`, 0 to 1.

        None when unknown: nothing believed yet, or the original form, which counts nothing.
        """
        return self.links[link].lost(self._run.counter) if self._run else None

    def receive(self, data: bytes, source: Address, link: Link, at: float) -> Heard:
        """Judge one datagram."""
        heard = self._judge(data, source, link, at)
        if isinstance(heard, Rejection):
            self.rejected[heard] += 1
        elif isinstance(heard, Stranger):
            self.rejected[Rejection.UNPROVEN] += 1
        else:
            self.links[link].heard_at = at
        return heard

    def _judge(self, data: bytes, source: Address, link: Link, at: float) -> Heard:
        if source not in self.sources:
            return Rejection.ELSEWHERE
        try:
            if self.keys:
                return self._judge_packet(unseal(self._by_number, data), link, at)
            return _judge_original(read_original(data))
        except FlawError as error:
            return _OF_FLAW[error.flaw]

    def _judge_packet(self, packet: Packet, link: Link, at: float) -> Heard:
        if packet.sender is self.ours:
            return Rejection.REPLAYED  # our own word, thrown back at us
        if packet.boot in self._retired:
            return Rejection.LATE
        run = self._run
        believed = run is not None and run.boot == packet.boot
        if run is not None and believed:
            if packet.counter <= run.counter:
                return self._judge_old(packet.counter, link)
            believed = at - run.heard_at <= self.fresh_s
        echoed = [echo for echo in packet.echoes if echo.boot == self.boot]
        if not believed and at - self._sent_at(echoed) > self.fresh_s:
            return self._meet(packet)
        self._believe(packet, at)
        self.links[link].mark(packet.counter)
        return Fresh(packet.word, self._sent_at([echo for echo in echoed if echo.believed]))

    def _judge_old(self, counter: int, link: Link) -> Heard:
        """Judge a word that is not newer than the newest: a copy, out of order, or again."""
        state = self.links[link]
        in_order = counter > state.highest
        if not state.mark(counter):
            return Rejection.REPLAYED
        return Copy() if in_order else Rejection.LATE

    def _meet(self, packet: Packet) -> Heard:
        """Remember an unproven run; only a rising counter earns an answer."""
        before = self._strangers.pop(packet.boot, 0)
        if packet.counter <= before:
            self._strangers[packet.boot] = before
            # Equal: most likely the copy that came by the other link.
            return Rejection.UNPROVEN if packet.counter == before else Rejection.REPLAYED
        while len(self._strangers) >= STRANGERS:
            del self._strangers[next(iter(self._strangers))]
        self._strangers[packet.boot] = packet.counter
        return Stranger()

    def _believe(self, packet: Packet, at: float) -> None:
        self._strangers.pop(packet.boot, None)
        if self._run is None or self._run.boot != packet.boot:
            if self._run is not None:
                self._retired.append(self._run.boot)
            for state in self.links.values():
                state.begin(packet.counter - 1)
        self._run = _Run(packet.boot, packet.counter, at)

    def _sent_at(self, echoes: Sequence[Echo]) -> float:
        """When we sent the newest of our words that are echoed."""
        newest = max((echo.counter for echo in echoes), default=0)
        back = self.counter - newest
        return self._sent[-1 - back] if newest and 0 <= back < len(self._sent) else LONG_AGO


def _judge_original(value: Original) -> Heard:
    if value in FOS:
        return Rejection.FOREIGN
    if value is Original.ACTIVE:
        return Fresh(Word(Stance.ACTIVE), None)
    if value is Original.STANDBY:
        return Fresh(Word(Stance.STANDBY), None)
    return Rejection.UNKNOWN
