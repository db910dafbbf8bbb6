"""The check of a real server that nothing can be asked: it always counts as up, and says so."""

from __future__ import annotations

from lvsengine.nanny.check import Definition, Result


async def check(definition: Definition) -> Result:
    protocol = definition.protocol.value
    asks = "send or send_program" if protocol == "udp" else "send_program"
    return Result(ok=True, reason=f"no check is possible for {protocol} without {asks}")
