"""Every kind of check by its name. To add one: its file, a line here, its test twin."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lvsengine.nanny import none, send_expect, send_program, tcp_connect
from lvsengine.nanny.check import Check

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "tcp_connect": tcp_connect.check,
        "send_expect": send_expect.check,
        "send_program": send_program.check,
        "none": none.check,
    }
)

# Kinds that cost so much that only so many may run at the same time; others are bounded by
# their number, since a check never overlaps itself.
AT_ONCE: Mapping[str, int] = MappingProxyType({"send_program": 64})
