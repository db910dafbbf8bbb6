from __future__ import annotations

from lvsengine.errors import RuleError
from lvsengine.lvscf.problems import Reason
from lvsengine.lvscf.refused import Refused


def test_a_refusal_has_the_originals_word_and_a_short_sentence() -> None:
    error = Refused(
        Reason.INTEGER, "must be less than {high}, not {text!r}", high=9, text="x" * 99
    )

    assert isinstance(error, RuleError)
    assert error.reason is Reason.INTEGER
    assert error.sentence.template == "must be less than {high}, not {text!r}"
    assert str(error) == f"must be less than 9, not '{'x' * 57}...'"
