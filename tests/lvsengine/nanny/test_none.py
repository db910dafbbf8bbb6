from __future__ import annotations

from ipaddress import ip_address

import pytest

from lvsengine.nanny import none
from lvsengine.nanny.check import Definition
from lvsengine.net import Protocol


@pytest.mark.parametrize(
    ("protocol", "reason"),
    [
        (Protocol.UDP, "no check is possible for udp without send or send_program"),
        (Protocol.SCTP, "no check is possible for sctp without send_program"),
    ],
)
async def test_what_cannot_be_asked_counts_as_up_and_says_so(
    protocol: Protocol, reason: str
) -> None:
    result = await none.check(Definition("none", ip_address("10.0.0.1"), 53, protocol))
    assert (result.ok, result.reason) == (True, reason)
