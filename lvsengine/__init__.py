"""The engine of a director: heartbeat, checks, IPVS and virtual IPs. Never imports Django."""

__version__ = "0.1.0"
