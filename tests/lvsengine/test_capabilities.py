from __future__ import annotations

import pytest

from lvsengine.capabilities import NEEDED, Choice, Standing, chosen, mask, standing_of, warnings
from lvsengine.errors import EngineError

STATUS = "Name:\tpulse\nUid:\t990\t990\t990\t990\nCapPrm:\t0000000000003400\nCapEff:\t{}\n"


def test_what_the_kernel_says_of_a_process_is_read() -> None:
    said = STATUS.format("0000000000003400")
    assert standing_of(said) == Standing(990, mask(NEEDED)) == Standing(990, 0x3400)


def test_a_user_with_the_three_capabilities_is_as_it_should_be() -> None:
    assert warnings(Standing(990, mask(NEEDED))) == ()


def test_each_capability_that_is_missing_is_named_with_what_fails() -> None:
    [net_admin, net_raw, ports] = warnings(Standing(990, 0))
    assert net_admin.startswith("pulse has no CAP_NET_ADMIN: it can change neither IPVS,")
    assert net_raw.startswith("pulse has no CAP_NET_RAW: it cannot announce virtual IPs")
    assert ports.startswith("pulse has no CAP_NET_BIND_SERVICE: it cannot use a heartbeat_port")
    assert warnings(Standing(990, 1 << 12 | 1 << 10)) == (net_raw,)


def test_root_has_more_than_it_needs_and_in_a_container_less_too() -> None:
    [too_much] = warnings(Standing(0, 0x1FFFFFFFFFF))
    assert too_much.startswith("pulse runs as root, though")
    assert len(warnings(Standing(0, 1 << 12))) == 3


@pytest.mark.parametrize(
    ("asked", "running_as", "has_usual", "user"),
    [
        (None, "root", True, "pulse"),
        (None, "root", False, ""),
        ("root", "root", True, ""),
        ("checker", "root", True, "checker"),
        (None, "ann", True, ""),
        ("ann", "ann", True, ""),
    ],
)
def test_root_becomes_the_usual_user_or_the_one_asked_for_and_others_stay(
    asked: str | None, running_as: str, has_usual: bool, user: str
) -> None:
    choice = chosen(asked, running_as, "pulse", has_usual=has_usual)
    assert choice.user == user
    assert (user or running_as) in choice.said


def test_staying_root_for_want_of_the_user_is_said() -> None:
    assert chosen(None, "root", "pulse", has_usual=False) == Choice(
        "", "running as root, for there is no user pulse"
    )


def test_only_root_can_become_somebody_else() -> None:
    with pytest.raises(EngineError, match="this is user ann, so it cannot become user pulse"):
        chosen("pulse", "ann", "pulse", has_usual=True)
