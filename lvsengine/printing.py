"""Text from anywhere -> text that can neither forge a line nor command a terminal. Pure."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escape line ends, control characters, direction marks and lone surrogates."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def printable_lines(text: str) -> str:
    """The same for a text whose line feeds are meant."""
    return "\n".join(map(printable, text.split("\n")))
