"""One machine played by hand: time passes tick by tick, the peer speaks, the engine works."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lvsengine.heartbeat import machine as machines
from lvsengine.heartbeat.state import Machine, State, begun
from lvsengine.heartbeat.values import (
    Action,
    AddressesDown,
    AddressesUp,
    Answer,
    Event,
    Give,
    Order,
    OrderKind,
    PeerWord,
    Ready,
    Say,
    SendHeartbeat,
    Settings,
    Tick,
    Told,
    WitnessAnswer,
)
from lvsengine.heartbeat.words import Handover, Stance, Step, Word

PRIMARY = Settings(primary=True, keepalive_s=1.0, deadtime_s=3.0)
BACKUP = replace(PRIMARY, primary=False)
OLD_PRIMARY = replace(PRIMARY, original=True)
OLD_BACKUP = replace(BACKUP, original=True)
GIVES = Give("handing over to the backup")
STOP, STANDBY, TAKEOVER = OrderKind.STOP, OrderKind.STANDBY, OrderKind.TAKEOVER
SINCE_NOW = -1.0


@dataclass
class Play:
    """Attributes:
    words: What was sent, with its time. `actions`: the rest, since the last look.
    """

    settings: Settings
    now: float = 0.0
    words: list[tuple[float, Word]] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    machine: Machine = field(default_factory=lambda: begun(0.0))

    @property
    def state(self) -> State:
        return self.machine.state

    @property
    def said(self) -> Word:
        return self.words[-1][1]

    def feed(self, event: Event) -> list[Action]:
        """Let one thing happen; answer what must be done, heartbeats and sayings left out."""
        self.now = event.at
        self.machine, actions = machines.step(self.settings, self.machine, event)
        self.words += [(event.at, one.word) for one in actions if isinstance(one, SendHeartbeat)]
        done = [one for one in actions if not isinstance(one, SendHeartbeat)]
        self.actions += done
        return [one for one in done if not isinstance(one, Say)]

    def wait(self, until: float) -> list[Action]:
        """Let time pass, with a tick whenever one is due."""
        done: list[Action] = []
        while self.machine.due_at < until:
            done += self.feed(Tick(self.machine.due_at))
        return done + self.feed(Tick(until))

    def sleep(self, until: float) -> list[Action]:
        """Let time pass without any tick."""
        return self.feed(Tick(until))

    def hear(
        self,
        stance: Stance,
        *,
        ready: bool = True,
        knows: float = SINCE_NOW,
        handover: tuple[int, Step] | None = None,
        force: bool = False,
        link_failed: bool = False,
        reasons: str = "",
    ) -> list[Action]:
        """Hear the peer now; unless said otherwise it has heard all that we sent."""
        if self.settings.original:
            return self.feed(PeerWord(self.now, Word(stance)))
        said = None if handover is None else Handover(handover[0], handover[1], force)
        word = Word(stance, ready, link_failed, said, reasons)
        return self.feed(PeerWord(self.now, word, self.now if knows == SINCE_NOW else knows))

    def listen(self, stance: Stance, until: float) -> list[Action]:
        """Hear the peer say the same every second until then."""
        done: list[Action] = []
        while self.now < until:
            done += self.wait(min(self.now + 1.0, until))
            done += self.hear(stance)
        return done

    def be_ready(self, *, ok: bool = True, reasons: str = "") -> list[Action]:
        return self.feed(Ready(self.now, ok, reasons, "abc123"))

    def up(self) -> list[Action]:
        return self.feed(AddressesUp(self.now))

    def told(self) -> list[Action]:
        return self.feed(Told(self.now))

    def down(self) -> list[Action]:
        return self.feed(AddressesDown(self.now))

    def order(self, kind: OrderKind, *, force: bool = False, number: int = 1) -> list[Action]:
        return self.feed(Order(self.now, number, kind, force))

    def sayings(self) -> list[str]:
        return [one.sentence for one in self.actions if isinstance(one, Say)]

    def answers(self) -> list[tuple[bool, str]]:
        return [(one.ok, one.sentence) for one in self.actions if isinstance(one, Answer)]


def number(play: Play) -> int:
    """The exchange that it speaks of."""
    assert play.said.handover is not None
    return play.said.handover.number


def saying(play: Play) -> tuple[Stance, Step | None]:
    said = play.said.handover
    return play.said.stance, said.step if said is not None else None


def standing_by(settings: Settings, *, ready: bool = True) -> Play:
    """A standby whose peer is active, 10 s after its start."""
    play = Play(settings)
    play.wait(0.0)
    play.be_ready(ok=ready, reasons="" if ready else "its table differs")
    play.hear(Stance.ACTIVE)
    play.listen(Stance.ACTIVE, 10.0)
    assert play.state is State.STANDBY
    play.actions.clear()
    return play


def serving(settings: Settings) -> Play:
    """An active director whose peer stands by, 20 s after its start."""
    play = standing_by(settings)
    play.wait(13.0)
    if settings.witness:
        play.feed(WitnessAnswer(13.0, reached=True))
    play.up()
    assert play.state is State.ACTIVE
    play.hear(Stance.STANDBY)
    play.listen(Stance.STANDBY, 20.0)
    play.actions.clear()
    return play
