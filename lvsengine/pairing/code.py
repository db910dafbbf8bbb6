"""The one-time code: 100 random bits that a person reads on one screen and types at another.

`7K2M-...`: five groups of four characters hold the bits, a sixth is a check, so that a mistake
is told before anybody is contacted. The check is the number modulo a prime just below 2^20: one
wrong character, or two neighbours that changed places, never pass, and of other mistakes one in
a million does. The characters are Crockford's base 32, which has no I, L, O and U.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lvsengine.errors import EngineError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS = 100
RANDOM_BYTES = 13  # holds 100 bits
_CHARACTERS = 20
_CHECK_CHARACTERS = 4
_GROUP = 4
_LONGEST_TEXT = 200
_PRIME = 1048573
_SEEN_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


@dataclass(frozen=True, slots=True)
class Code:
    """A code; `number` has 100 bits and is secret, so that no text of a `Code` shows it."""

    number: int = field(repr=False)

    @property
    def secret(self) -> bytes:
        return self.number.to_bytes(RANDOM_BYTES)


def of_random(data: bytes) -> Code:
    """Make a code of 13 random bytes, of which 100 bits are taken."""
    return Code(int.from_bytes(data[:RANDOM_BYTES]) >> (8 * RANDOM_BYTES - BITS))


def text_of(code: Code) -> str:
    """Write the code in groups of four."""
    characters = _written(code.number, _CHARACTERS)
    characters += _written(code.number % _PRIME, _CHECK_CHARACTERS)
    return "-".join(
        characters[start : start + _GROUP] for start in range(0, len(characters), _GROUP)
    )


def read(text: str) -> Code:
    """Read a code as typed: case, blanks and dashes do not count; O is 0, I and L are 1.

    Raises:
        EngineError: `mistyped-code`. The sentence does not repeat what was typed.
    """
    wanted = _CHARACTERS + _CHECK_CHARACTERS
    typed = "".join(text[:_LONGEST_TEXT].upper().split()).translate(_SEEN_AS)
    if len(typed) != wanted:
        raise _mistyped(f"it has {len(typed)} characters, not {wanted}")
    for position, character in enumerate(typed):
        if character not in ALPHABET:
            raise _mistyped(f"character {position + 1} is none that codes are made of")
    number = _number(typed[:_CHARACTERS])
    if number % _PRIME != _number(typed[_CHARACTERS:]):
        raise _mistyped("one of its characters, or two neighbours, are not those shown")
    return Code(number)


def _written(number: int, characters: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(characters)))


def _number(text: str) -> int:
    number = 0
    for character in text:
        number = number << 5 | ALPHABET.index(character)
    return number


def _mistyped(why: str) -> EngineError:
    return EngineError(
        "mistyped-code",
        f"the code is mistyped: {why}",
        "type it again as `lvsctl pair invite` shows it; nobody was contacted, and it stays valid",
    )
