"""Three real servers that can be killed, hung and black-holed by a test, and made whole again."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.kernel.lab.namespaces import run
from tests.kernel.lab.network import REAL_SERVERS

END_DEADLINE_S = 10.0
IPTABLES = ("iptables-legacy", "ip6tables-legacy")


class RealServers:
    """The process that serves in rs1, rs2 and rs3 (see `real_servers_process`)."""

    def __init__(self) -> None:
        self._modes = dict.fromkeys(REAL_SERVERS, "serving")
        self._black_holes: set[str] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kernel.lab.real_servers_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect("ready")

    def kill(self, name: str) -> None:
        """End its listeners and reset its connections, as when the program dies."""
        self._become(name, "killed")

    def hang(self, name: str) -> None:
        """Let it accept connections and say nothing; open ones fall silent."""
        self._become(name, "hung")

    def black_hole(self, name: str) -> None:
        """Drop all that comes to it or leaves it, without a word, as when its power goes."""
        for command in IPTABLES:
            for chain in ("INPUT", "OUTPUT"):
                run(name, command, "-A", chain, "!", *_on_lo(chain), "-j", "DROP")
        self._black_holes.add(name)

    def recover(self, name: str) -> None:
        """Undo all of the above."""
        if name in self._black_holes:
            for command in IPTABLES:
                run(name, command, "-F")
            self._black_holes.discard(name)
        if self._modes[name] != "serving":
            self._become(name, "serving")

    def recover_all(self) -> None:
        for name in REAL_SERVERS:
            self.recover(name)

    def stop(self) -> None:
        self._process.communicate(timeout=END_DEADLINE_S)

    def _become(self, name: str, mode: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"name": name, "mode": mode}) + "\n")
        self._process.stdin.flush()
        self._expect("done")
        self._modes[name] = mode

    def _expect(self, word: str) -> None:
        assert self._process.stdout
        answer = self._process.stdout.readline().strip()
        if answer != word:
            raise RuntimeError(f"the real servers said {answer!r}, not {word!r}")


def _on_lo(chain: str) -> tuple[str, str]:
    return ("-i" if chain == "INPUT" else "-o", "lo")
