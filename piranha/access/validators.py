"""What no password may be, beside Django's own rules: this machine's name, or one word.

The manual: no proper noun, no common acronym, no word of a dictionary of any language. All words
of all languages are not to be had; so a password that is one run of letters, perhaps with a few
digits or signs around, is refused when it is in a list we have, and also when it is short enough
to be a word. Lists: ours (words.txt), Django's 20 000 common passwords, /usr/share/dict.
"""

from __future__ import annotations

import functools
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

WORDS = Path(__file__).with_name("words.txt")
DICTIONARIES = Path("/usr/share/dict")
MAX_DICTIONARIES = 8
MAX_DICTIONARY_BYTES = 16 * 1024 * 1024  # of one; the largest of Debian is 7
LONGEST_WORD = 15  # letters; a longer run of them is several words
AROUND = 4  # digits and signs that do not make a word a password
SHORTEST = 3  # letters: shorter runs are no words
# As people write letters by digits and signs.
UNDISGUISED = str.maketrans("0134578@$!+|", "oleastbasitl")


class NotOfThisMachine:
    """Refuses the names that everybody can see: the host's and the product's."""

    def __init__(self, names: tuple[str, ...] | None = None) -> None:
        self.names = names

    def validate(self, password: str, user: object = None) -> None:
        names = self.names if self.names is not None else _machine_names()
        typed = password.lower()
        for name in names:
            rest = len(typed) - len(name)
            if len(name) >= SHORTEST and name in typed and rest <= 2 * AROUND:
                told = _("This password is little more than %(name)s, which everybody here knows.")
                raise ValidationError(told % {"name": name}, code="machine")

    def get_help_text(self) -> str:
        return _("It must not be this machine's name or the product's.")


class NotOneWord:
    """Refuses a word, a name or an acronym, also with digits or signs around it."""

    def validate(self, password: str, user: object = None) -> None:
        for core, around in _cores(password):
            if _listed(core):
                told = _("This password is the word %(word)s with little around it: words, names"
                         " and acronyms of any language are tried first.")  # fmt: skip
                raise ValidationError(told % {"word": core}, code="word")
            if len(core) <= LONGEST_WORD and around <= AROUND:
                told = _("This password may be one word of some language: it is little more than"
                         " one run of letters, digits and signs read as the letters that they"
                         " look like. Use several words with signs between them.")  # fmt: skip
                raise ValidationError(told, code="one-word")

    def get_help_text(self) -> str:
        return _("It must not be one word, name or acronym of any language, nor one with a few"
                 " digits or signs around it.")  # fmt: skip


def _machine_names() -> tuple[str, ...]:
    host = socket.gethostname().lower()
    return (host, host.partition(".")[0], "piranha", "director", "ipvs")


def _cores(password: str) -> Iterator[tuple[str, int]]:
    """Give the run of letters that a password is made of, where it is one, also undisguised;
    and how many other characters stand around it."""
    lower = password.lower()
    for text in dict.fromkeys((lower, lower.translate(UNDISGUISED))):
        runs = [run for run in re.findall(r"[^\W\d_]+", text) if len(run) >= SHORTEST]
        if len(runs) == 1:
            yield runs[0], len(lower) - len(runs[0])


def _listed(word: str) -> bool:
    both = {word, word[::-1]}
    return bool(both & _own_words()) or _in_dictionaries(both)


@functools.cache
def _own_words() -> frozenset[str]:
    own = WORDS.read_text(encoding="utf-8").split()
    return frozenset(own) | frozenset(CommonPasswordValidator().passwords)


def _in_dictionaries(words: set[str]) -> bool:
    """Look the words up in the machine's own lists, line by line; nothing is kept of them."""
    try:
        files = sorted(path for path in DICTIONARIES.iterdir() if path.is_file())
    except OSError:
        return False
    return any(_in_dictionary(path, words) for path in files[:MAX_DICTIONARIES])


def _in_dictionary(path: Path, words: set[str]) -> bool:
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_DICTIONARY_BYTES).decode(errors="replace").lower()
    except OSError:
        return False
    return any(f"\n{word}\n" in f"\n{lines}\n" for word in words)
