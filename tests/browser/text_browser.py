"""w3m on a terminal of its own, with somebody who types: the text browser of many a console."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROWS, COLUMNS = 400, 120  # tall, so that a whole page is on the screen
WITHIN_S = 20.0
REDRAW_S = 1.0  # of silence
ESCAPES = re.compile(rb"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78M])")
ENTER, TAB, ERASE, TO_TOP, TO_END, REDRAW = "\r", "\t", "\x15", "g", "G$", "\x0c"


class TextBrowser:
    """A running w3m, and what it has drawn since the last thing that was typed."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._drawn = b""

    def type(self, keys: str) -> None:
        self._drawn = b""
        os.write(self._terminal, keys.encode())

    def see(self, text: str) -> None:
        """Wait until a text is drawn.

        Raises:
            AssertionError: It was not; with what was.
        """
        deadline = time.monotonic() + WITHIN_S
        while _unspaced(text) not in _unspaced(drawn := self._words()):
            left = deadline - time.monotonic()
            assert left > 0, f"w3m has not drawn {text!r}, but:\n{drawn}"
            if select.select([self._terminal], [], [], min(left, REDRAW_S))[0]:
                self._drawn += os.read(self._terminal, 65536)
            else:  # w3m draws what differs from before; now it shall draw all of it
                os.write(self._terminal, REDRAW.encode())

    def _words(self) -> str:
        """Give what was drawn without the cursor's jumps between the words."""
        return " ".join(ESCAPES.sub(b" ", self._drawn).decode(errors="replace").split())

    def visit(self, url: str) -> None:
        self.type(f"U{ERASE}{url}{ENTER}")

    def _go_to(self, pattern: str) -> None:
        """Put the cursor on the first place of the page that is so."""
        self.type(f"{TO_TOP}/{pattern}{ENTER}")

    def write(self, label: str, text: str, prompt: str = "TEXT:") -> None:
        """Fill in the field after its label, at w3m's prompt for it."""
        self._go_to(f"^{re.escape(label)}")
        self.type(f"{TAB}{ENTER}")
        self.see(prompt)
        self.type(f"{ERASE}{text}{ENTER}")

    def follow(self, link: str) -> None:
        self._go_to(re.escape(link))
        self.type(ENTER)

    def press(self, button: str) -> None:
        """Press the last of the page's buttons, or links, that say so."""
        self.type(f"{TO_END}?{re.escape(button)}{ENTER}{ENTER}")


def _unspaced(text: str) -> str:
    """Leave the blanks out: w3m jumps over them or draws them, as it likes."""
    return "".join(text.split())


@contextmanager
def text_browser(url: str, home: Path) -> Iterator[TextBrowser]:
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "HOME": str(home), "TERM": "xterm", "LANG": "C.UTF-8"}
    w3m = subprocess.Popen(
        ["w3m", "-no-proxy", "-cookie", "-no-mouse", url],
        stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(its)
    try:
        yield TextBrowser(ours)
    finally:
        w3m.kill()
        w3m.wait()
        os.close(ours)
