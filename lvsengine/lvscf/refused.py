"""How a rule says no: a sentence, and the original's word for what is wrong."""

from __future__ import annotations

from lvsengine.errors import RuleError
from lvsengine.lvscf.problems import Reason, shown


class Refused(RuleError):
    """A value breaks a rule; `reason` is the original's word for it."""

    def __init__(self, reason: Reason, template: str, **values: object) -> None:
        self.reason = reason
        cut = {
            key: shown(value) if isinstance(value, str) else value for key, value in values.items()
        }
        super().__init__(template, **cut)
