r"""The backslash escapes of `send` and `expect`: text of lvs.cf -> the bytes that are meant.

`\n \r \t \\ \' \"` are translated; every other backslash stays as it is written, so that the
regular expressions `\.` and `\d` need no doubling.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"""\\([nrt\\'"])""")
_MEANING = {"n": "\n", "r": "\r", "t": "\t"}


def decode(text: str) -> bytes:
    """Translate; what is not ASCII goes out as UTF-8, bytes that were none stay as they were."""
    translated = _ESCAPE.sub(lambda found: _MEANING.get(found[1], found[1]), text)
    return translated.encode("utf-8", "surrogateescape")


def literally(text: str) -> str:
    """Write `text` so that `decode` gives back exactly it."""
    return text.replace("\\", "\\\\")
