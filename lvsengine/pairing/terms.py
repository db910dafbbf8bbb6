"""The terms of an invitation: where, how long, how often."""

from __future__ import annotations

from dataclasses import dataclass

PORT = 3637
MINUTES = 10.0
MOST_WRONG_CODES = 5
MESSAGE_S = 10.0


@dataclass(frozen=True, slots=True)
class Terms:
    """How long an invitation holds: seconds, wrong codes, and seconds for one message."""

    lasts_s: float = MINUTES * 60
    wrong_codes: int = MOST_WRONG_CODES
    message_s: float = MESSAGE_S
