"""What stays in Latin letters on a Chinese page."""

from __future__ import annotations

# Whole texts: names of protocols, keys and commands.
SAME_IN_CHINESE = {
    "Heartbeat", "NAT", "PIRANHA CONFIGURATION TOOL", "Piranha Configuration Tool", "a FIFO",
    "failover",
    "server", "virtual",
}  # fmt: skip
