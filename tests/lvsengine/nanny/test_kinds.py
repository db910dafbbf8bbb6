from __future__ import annotations

from lvsengine.nanny.kinds import AT_ONCE, CHECKS


def test_every_kind_that_a_plan_can_name_has_its_check() -> None:
    assert set(CHECKS) == {"tcp_connect", "send_expect", "send_program", "none"}


def test_programs_are_bounded_in_number() -> None:
    assert AT_ONCE == {"send_program": 64}
