"""What this version does not do though lvs.cf can ask for it: refused, or said aloud."""

from __future__ import annotations

from lvsengine.errors import EngineError
from lvsengine.lvscf.model import Config, Mode


def refusal(config: Config) -> EngineError | None:
    """Say why a sound file cannot be run, or None."""
    if config.service is Mode.FOS or any(block.enabled for block in config.failovers):
        return EngineError(
            "not-runnable",
            "failover services (service = fos, failover blocks) are kept in the file but not run",
            "set service = lvs and describe what clients use as virtual blocks",
        )
    if not config.enabled_virtual_servers:
        return EngineError(
            "not-runnable",
            "no active lvs services defined",
            "set active = 1 in at least one virtual block",
        )
    return None


def warnings(config: Config) -> tuple[str, ...]:
    """List what the file asks for and this version passes over."""
    asked = {
        "load_monitor is not run yet: weights stay as written": any(
            virtual.load_monitor != "none" for virtual in config.enabled_virtual_servers
        ),
        "client_monitor is passed over: the checks are built in": any(
            virtual.client_monitor for virtual in config.enabled_virtual_servers
        ),
    }
    return tuple(sentence for sentence, wanted in asked.items() if wanted)
