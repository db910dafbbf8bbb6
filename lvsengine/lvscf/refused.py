"""How a rule says no: a sentence, and the original's word for what is wrong."""

from __future__ import annotations

from lvsengine.errors import RuleError
from lvsengine.lvscf.problems import Reason, shown


class Refused(RuleError):
    """A value breaks a rule; `reason` is the original's word for it.

    The value, `text`, is cut short where it is long.
    """

    def __init__(self, reason: Reason, template: str, **values: object) -> None:
        self.reason = reason
        if isinstance(text := values.get("text"), str):
            values["text"] = shown(text)
        super().__init__(template, **values)
