"""Tell the pair how many connections the kernel knows here, so that a failback can wait for them.

Only where `auto_failback = 1` asks for it: it costs a reading of all counters every 5 s.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lvsengine.errors import EngineError
from lvsengine.ipvs.syncd_policy import daemon_for
from lvsengine.pair import Pair

if TYPE_CHECKING:
    from lvsengine.engine import Engine

LOOK_S = 5.0
KERNEL = "kernel"  # the only plane that shares connections


async def run(engine: Engine, pair: Pair) -> None:
    """Tell it every 5 s, until cancelled."""
    while True:
        if engine.running.config.auto_failback:
            listens = _listens(engine)
            connections = None if listens is None else await _connections(engine)
            pair.sharing(listens=listens, connections=connections)
        await asyncio.sleep(LOOK_S)


def _listens(engine: Engine) -> bool | None:
    """Whether the kernel here is told of the peer's connections; None: they are not shared."""
    if (
        engine.parts.plane.name != KERNEL
        or daemon_for(engine.running.config, serves=False) is None
    ):
        return None
    return not engine.role.serves and not engine.parts.crossing.failures


async def _connections(engine: Engine) -> int | None:
    try:
        usage = await engine.usage()
    except EngineError:  # the reconciler meets it too, and says it
        return None
    return sum(counters.active for counters in usage.destinations.values())
