from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from ipaddress import ip_address
from itertools import pairwise

import pytest

from lvsengine.errors import EngineError
from lvsengine.health import Health, Override, RealServerKey, Standing
from lvsengine.nanny import schedule
from lvsengine.nanny.check import Definition, NotTriedError, Result
from lvsengine.nanny.driver import EARLY_S, GRACE_S, Nanny, Transition

EPOCH = 1_700_000_000.0
Answer = Callable[[], Awaitable[Result]]


class Impatient(selectors.DefaultSelector):
    """Never waits: what would have been waited is added to the clock instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for ever"
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The real loop, with a clock that jumps to the next timer."""

    def __init__(self) -> None:
        self.impatient = Impatient()
        super().__init__(self.impatient)

    def time(self) -> float:
        return self.impatient.now


async def ok() -> Result:
    return Result(ok=True, reason="connected")


async def bad() -> Result:
    return Result(ok=False, reason="refused")


async def hung() -> Result:
    await asyncio.sleep(2.0)
    return Result(ok=False, reason="no answer")


async def endless() -> Result:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("never comes")


async def broken() -> Result:
    raise ZeroDivisionError("by design")


async def without_means() -> Result:
    raise NotTriedError("not tried: no socket")


class Ward:
    """A nanny on virtual time, and real servers, known by port, that answer as told."""

    def __init__(self, at_once: Mapping[str, int] | None = None) -> None:
        self.loop = VirtualLoop()
        self.answers: dict[int, Answer] = {}
        self.asked: list[tuple[float, int]] = []
        self.running: Counter[int] = Counter()
        self.most_at_once = 0
        self.changes: list[Transition] = []
        self.nanny = Nanny(
            self.changes.append,
            checks={"fake": self.check},
            at_once=at_once or {},
            clock=self.loop.time,
            wall=lambda: EPOCH + self.loop.time(),
        )

    async def check(self, definition: Definition) -> Result:
        port = definition.port
        self.asked.append((self.loop.time(), port))
        self.running[port] += 1
        self.most_at_once = max(self.most_at_once, self.running.total())
        assert self.running[port] == 1, "a check overlaps itself"
        try:
            return await self.answers.get(port, ok)()
        finally:
            self.running[port] -= 1

    def play(self, seconds: float) -> None:
        async def for_a_while() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.nanny.run()

        self.loop.run_until_complete(for_a_while())

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.loop.call_later(seconds, act)

    def times(self, port: int) -> list[float]:
        return [at for at, asked in self.asked if asked == port]

    def health(self, name: str) -> Health:
        return self.nanny.standings()[key(name)].health


@pytest.fixture
def ward() -> Iterator[Ward]:
    yield from opened(Ward())


@pytest.fixture
def narrow_ward() -> Iterator[Ward]:
    """Where only one check may run at a time."""
    yield from opened(Ward(at_once={"fake": 1}))


def opened(ward: Ward) -> Iterator[Ward]:
    with closing(ward.loop):
        yield ward


def key(name: str) -> RealServerKey:
    return RealServerKey("shop", name)


def fake(port: int, interval_s: float = 2.0, fall: int = 1) -> Definition:
    return Definition(
        "fake",
        ip_address("10.0.0.1"),
        port,
        timeout_s=2.0,
        interval_s=interval_s,
        fall=fall,
        rise=2,
    )


def many(count: int) -> dict[RealServerKey, Definition]:
    return {key(str(port)): fake(port) for port in range(1, count + 1)}


def test_before_its_first_check_nobody_knows(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    assert ward.nanny.standings() == {key("one"): Standing()}
    assert ward.nanny.history(key("one")) == ()


def test_the_first_success_is_reported_with_its_reason_and_time(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    ward.play(1)
    (change,) = ward.changes
    assert (change.key, change.before) == (key("one"), Standing())
    assert change.after == ward.nanny.standings()[key("one")]
    assert (change.after.health, change.after.reason) == (Health.UP, "connected")
    assert EPOCH <= change.after.since < EPOCH + 1


def test_a_thousand_first_checks_are_made_at_once_and_then_spread(ward: Ward) -> None:
    ward.nanny.apply(many(1000))
    ward.play(0.25)
    assert len(ward.changes) == 1000
    ward.asked.clear()
    ward.play(2.0)
    tenths = Counter(int((at - 0.25) * 5) for at, _ in ward.asked)
    assert max(tenths.values()) < 200


def test_a_check_keeps_its_beat_from_start_to_start(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    ward.play(20)
    beats = ward.times(1)[1:]
    assert len(beats) in (9, 10)
    assert all(abs(b - a - 2.0) <= EARLY_S for a, b in pairwise(beats))


def test_a_check_that_outlasts_its_interval_is_followed_at_once(ward: Ward) -> None:
    async def slow() -> Result:
        await asyncio.sleep(2.1)
        return Result(ok=True, reason="connected, slowly")

    ward.answers[1] = slow
    ward.nanny.apply({key("one"): fake(1)})
    ward.play(21)
    gaps = [b - a for a, b in pairwise(ward.times(1))]
    assert gaps == pytest.approx([2.1] * len(gaps), abs=0.03)
    assert len(gaps) >= 8


def test_a_thousand_hung_real_servers_delay_no_other_check(ward: Ward) -> None:
    plan = many(1001)
    for port in range(1, 1001):
        ward.answers[port] = hung
    ward.nanny.apply(plan)
    ward.play(20)
    beats = ward.times(1001)[1:]
    assert all(abs(b - a - 2.0) <= EARLY_S for a, b in pairwise(beats))
    assert (ward.health("1001"), ward.health("7")) == (Health.UP, Health.DOWN)


def test_a_bounded_kind_waits_for_its_turn_and_nobody_is_forgotten(narrow_ward: Ward) -> None:
    narrow_ward.answers[2] = hung
    narrow_ward.nanny.apply(many(5))
    narrow_ward.play(5)
    assert narrow_ward.most_at_once == 1
    assert {change.key for change in narrow_ward.changes} == set(many(5))


def test_a_waiting_check_that_is_no_longer_planned_is_not_made(narrow_ward: Ward) -> None:
    ward, one, two, three = narrow_ward, fake(1), fake(2), fake(3)
    ward.answers[1] = hung
    ward.nanny.apply({key("one"): one})
    ward.later(0.3, lambda: ward.nanny.apply({key("one"): one, key("2"): two, key("3"): three}))
    ward.later(0.6, lambda: ward.nanny.apply({key("one"): one, key("3"): three}))
    ward.play(3)
    assert ward.times(2) == []
    assert len(ward.times(3)) >= 1


def test_a_check_stopped_before_its_first_step_gives_its_turn_back(narrow_ward: Ward) -> None:
    ward = narrow_ward
    meddler = replace(fake(1), kind="meddler")

    async def stop_the_other(_: Definition) -> Result:
        ward.nanny.apply({key("meddler"): meddler})
        ward.later(1, lambda: ward.nanny.apply({key("two"): fake(2)}))
        return await ok()

    ward.nanny = Nanny(
        ward.changes.append,
        checks={"fake": ward.check, "meddler": stop_the_other},
        at_once={"fake": 1},
        clock=ward.loop.time,
    )
    late = max((fake(port) for port in range(2, 99)), key=schedule.share)
    assert schedule.share(meddler) < schedule.share(late)
    ward.nanny.apply({key("meddler"): meddler, key("late"): late})
    ward.loop.impatient.now = 1.0  # both are due: they start in one turn of the loop
    ward.play(3)
    assert ward.times(late.port) == []
    assert len(ward.times(2)) >= 1


def test_real_servers_asked_the_same_share_one_check(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1), RealServerKey("other", "one"): fake(1)})
    ward.play(1.0)
    assert len(ward.times(1)) <= 2
    assert {change.key for change in ward.changes} == {key("one"), RealServerKey("other", "one")}
    assert ward.nanny.history(key("one")) is ward.nanny.history(RealServerKey("other", "one"))


def test_a_real_server_that_fails_is_reported_down_and_later_up(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    ward.later(5, lambda: ward.answers.update({1: bad}))
    ward.later(11, lambda: ward.answers.update({1: ok}))
    ward.play(20)
    seen = [(change.after.health, change.after.reason) for change in ward.changes]
    assert seen == [
        (Health.UP, "connected"),
        (Health.DOWN, "refused"),
        (Health.UP, "connected"),
    ]
    down, up = (change.after.since - EPOCH for change in ward.changes[1:])
    assert 5 <= down <= 7
    assert 13 <= up <= 15  # the second success in a row
    assert ward.changes[1].before == ward.changes[0].after


def test_history_tells_when_and_what(ward: Ward) -> None:
    ward.answers[1] = bad
    ward.nanny.apply({key("one"): fake(1)})
    ward.play(100)
    history = ward.nanny.history(key("one"))
    assert len(history) == 20
    assert history[-1].at > history[0].at > EPOCH
    assert history[-1].result == Result(ok=False, reason="refused")


def test_an_exception_in_a_check_is_a_failed_result(
    ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    ward.answers[1] = broken
    ward.nanny.apply({key("one"): fake(1), key("two"): fake(2)})
    ward.play(9)
    assert ward.nanny.standings()[key("one")].reason == (
        "the check of 10.0.0.1:1 broke: ZeroDivisionError: by design"
    )
    assert len(ward.times(1)) > 3
    assert ward.health("two") is Health.UP
    assert caplog.messages == ["the check of 10.0.0.1:1 broke"]


def test_a_kind_that_does_not_exist_is_a_failed_result(ward: Ward) -> None:
    ward.nanny.apply({key("one"): replace(fake(1), kind="telepathy")})
    ward.play(1)
    assert ward.health("one") is Health.DOWN


def test_a_check_that_forgets_its_deadline_is_ended(ward: Ward) -> None:
    ward.answers[1] = endless
    ward.nanny.apply({key("one"): fake(1)})
    ward.play(10)
    gaps = [b - a for a, b in pairwise(ward.times(1))]
    assert gaps == pytest.approx([2.0 + GRACE_S] * len(gaps), abs=0.02)
    standing = ward.nanny.standings()[key("one")]
    assert standing.health is Health.DOWN
    assert standing.reason == "no answer on 10.0.0.1:1 within 2 s"


def test_a_try_that_could_not_be_made_takes_nobody_out(
    ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    ward.later(3, lambda: ward.answers.update({1: without_means}))
    ward.play(10)
    assert ward.health("one") is Health.UP
    assert len(ward.changes) == 1
    newest = ward.nanny.history(key("one"))[-1].result
    assert (newest.ok, newest.reason) == (False, "not tried: no socket")
    assert caplog.messages == ["10.0.0.1:1: not tried: no socket"]


def test_what_is_found_in_the_table_is_up_until_its_checks_say_otherwise(ward: Ward) -> None:
    ward.nanny.adopt({key("one"): Health.UP, key("gone"): Health.UP})
    ward.nanny.apply({key("one"): fake(1, fall=2), key("two"): fake(2)})
    ward.nanny.adopt({key("two"): Health.UP})
    for name in ("one", "two"):
        standing = ward.nanny.standings()[key(name)]
        assert (standing.health, standing.reason) == (Health.UP, "found in the table at start")
    ward.answers[1] = ward.answers[2] = bad
    ward.play(0.25)
    assert [change.key for change in ward.changes] == [key("two")]
    ward.play(4)
    assert [change.key for change in ward.changes] == [key("two"), key("one")]


def test_one_found_in_the_table_speaks_for_all_that_share_its_check(ward: Ward) -> None:
    other = RealServerKey("other", "one")
    ward.nanny.apply({key("one"): fake(1), other: fake(1)})
    ward.nanny.adopt({key("one"): Health.UP, other: Health.DOWN})
    assert ward.nanny.standings()[other].health is Health.UP

    ward.nanny.apply({})
    ward.nanny.adopt({key("one"): Health.DOWN, other: Health.UP})
    ward.nanny.apply({key("one"): fake(1), other: fake(1)})
    assert ward.nanny.standings()[other].health is Health.UP


def test_a_plan_applied_again_disturbs_nothing(ward: Ward) -> None:
    ward.nanny.apply(many(5))
    ward.later(3, lambda: ward.nanny.apply(many(5)))
    ward.play(10)
    undisturbed = Ward()
    with closing(undisturbed.loop):
        undisturbed.nanny.apply(many(5))
        undisturbed.play(10)
    assert ward.asked == undisturbed.asked


def test_what_is_no_longer_planned_is_stopped_even_in_the_middle(ward: Ward) -> None:
    ward.answers[1] = hung
    ward.nanny.apply({key("one"): fake(1), key("two"): fake(2)})
    ward.later(1, lambda: ward.nanny.apply({key("two"): fake(2)}))
    ward.play(5)
    assert ward.running.total() == 0
    assert len(ward.times(1)) == 1
    assert list(ward.nanny.standings()) == [key("two")]
    assert {change.key for change in ward.changes} == {key("two")}


def test_what_is_planned_anew_is_checked_soon(ward: Ward) -> None:
    ward.nanny.apply({})
    ward.later(30, lambda: ward.nanny.apply({key("one"): fake(1)}))
    ward.play(31)
    assert 30 <= ward.times(1)[0] <= 30.2


def test_new_timing_keeps_health_history_and_count(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    ward.later(5, lambda: ward.answers.update({1: bad}))
    ward.play(8)
    before, tried = ward.nanny.standings(), ward.nanny.history(key("one"))
    ward.nanny.apply({key("one"): fake(1, interval_s=3.0, fall=4)})
    assert ward.nanny.standings() == before
    assert ward.nanny.history(key("one")) == tried
    ward.answers[1] = ok
    ward.play(1)
    assert ward.health("one") is Health.DOWN  # one success of the two it needs


def test_a_new_question_holds_health_until_it_is_answered(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    ward.play(1)
    ward.nanny.apply({key("one"): replace(fake(1), expect="OK")})
    assert ward.health("one") is Health.UP
    ward.answers[1] = bad
    ward.play(0.25)
    assert ward.health("one") is Health.DOWN


def test_another_address_is_another_machine_that_nobody_knows_yet(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    ward.play(1)
    ward.nanny.apply({key("one"): fake(2)})
    assert ward.nanny.standings() == {key("one"): Standing()}


def test_a_renamed_real_server_keeps_its_health(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    ward.play(1)
    ward.nanny.apply({key("first"): fake(1)})
    assert ward.health("first") is Health.UP


def test_an_override_is_reported_and_leaves_health_to_the_checks(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1), RealServerKey("other", "one"): fake(1)})
    ward.play(1)
    ward.changes.clear()
    ward.nanny.override(key("one"), Override.DRAIN)
    (change,) = ward.changes
    assert (change.before.serves, change.after.serves) == (True, False)
    assert change.after.health is Health.UP
    assert change.after.reason == "drained by an operator; its checks say: connected"
    assert ward.nanny.overrides() == {key("one"): Override.DRAIN}
    assert ward.nanny.standings()[RealServerKey("other", "one")].serves


def test_an_override_given_twice_is_reported_once_and_auto_ends_it(ward: Ward) -> None:
    ward.nanny.apply({key("one"): fake(1)})
    for override in (Override.UP, Override.UP, Override.AUTO, Override.AUTO):
        ward.nanny.override(key("one"), override)
    assert [change.after.override for change in ward.changes] == [Override.UP, Override.AUTO]
    assert ward.nanny.overrides() == {}


def test_an_override_survives_a_new_plan_and_ends_with_its_real_server(ward: Ward) -> None:
    ward.nanny.apply(many(2))
    ward.nanny.override(key("1"), Override.DOWN)
    ward.nanny.apply(many(1))
    assert ward.nanny.overrides() == {key("1"): Override.DOWN}
    ward.nanny.apply({})
    ward.nanny.apply(many(1))
    assert ward.nanny.overrides() == {}


def test_a_real_server_that_is_not_planned_is_an_error_for_people(ward: Ward) -> None:
    for act in (
        lambda: ward.nanny.override(key("nobody"), Override.UP),
        lambda: ward.nanny.history(key("nobody")),
    ):
        with pytest.raises(EngineError, match="shop/nobody is not an enabled real") as caught:
            act()
        assert caught.value.code == "unknown-real-server"


def test_an_exception_in_the_report_ends_the_run_loudly(ward: Ward) -> None:
    def fail(_: Transition) -> None:
        raise KeyError("nobody listens")

    nanny = Nanny(fail, checks={"fake": lambda _: ok()}, at_once={}, clock=ward.loop.time)
    nanny.apply({key("one"): fake(1)})
    with pytest.raises(ExceptionGroup):
        ward.loop.run_until_complete(nanny.run())
