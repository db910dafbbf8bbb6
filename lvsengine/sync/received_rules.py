"""What root may install of what the peer sent: a peer's web user must not become root by it.

A sysctl file could name a program (`kernel.core_pattern`), a rule of iptables could too
(`--modprobe`), and nft could read other files (`include`). So only what is known to be
harmless passes; then the tools themselves judge the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lvsengine.errors import EngineError
from lvsengine.lvscf import rules

NFTABLES = "/etc/nftables.conf"
_IPV6 = ("/etc/sysconfig/ip6tables", "/etc/iptables/rules.v6")

# As sysctl writes keys: by dots, where eth0/100 is eth0.100; or by slashes. No part is "..".
_DOTS = re.compile(r"-?net(\.[A-Za-z0-9_*-]+(/[0-9]{1,4})?)+")
_SLASHES = re.compile(r"-?net(/[A-Za-z0-9_*-]+(\.[0-9]{1,4})?)+")
_VALUE = re.compile(r"[A-Za-z0-9_.,:+ \t-]{0,256}")
_TABLE = re.compile(r"\*[a-z]+")
_CHAIN = re.compile(r":[A-Za-z0-9_.+-]{1,29} (ACCEPT|DROP|-)( \[[0-9]+:[0-9]+\])?")
_COUNTERS = re.compile(r"\[[0-9]+:[0-9]+\] ")
_VERBS = ("-A", "-I", "-N", "-P")
_SHORT = re.compile(r"-[A-LN-Za-z]")  # all but -M, which names a program
_LONG = re.compile(r"--[a-z0-9][a-z0-9-]*")
_OPERAND = re.compile(r"[A-Za-z0-9_.,:+!@*=-]+(/[A-Za-z0-9_.,:+-]+)*")


def need_harmless(path: str, data: bytes) -> None:
    """Refuse what could do more than its kind of file should.

    Raises:
        EngineError: `not-harmless`, with the line.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        where = data.count(b"\n", 0, error.start) + 1
        raise _refused(path, where, "holds other characters than ASCII") from error
    for number, line in enumerate(text.split("\n"), 1):
        why = _why_not(path, line.rstrip("\r"))
        if why:
            raise _refused(path, number, why)


def judge_of(path: str) -> tuple[str, ...]:
    """Give the command that reads rules from its input and tests them; empty for sysctl."""
    if path not in rules.PACKET_FILTER_FILES:
        return ()
    if path == NFTABLES:
        return ("nft", "--check", "--file", "-")
    return ("ip6tables-restore" if path in _IPV6 else "iptables-restore", "--test")


def activation(path: str) -> str:
    """Give the command by which a person activates an installed file."""
    if path not in rules.PACKET_FILTER_FILES:
        return f"sysctl -p {path}"
    if path == NFTABLES:
        return f"nft -f {path}"
    return f"{judge_of(path)[0]} < {path}"


def _refused(path: str, line: int, why: str) -> EngineError:
    return EngineError(
        "not-harmless", f"{path} is not installed: line {line} {why}", "write it there by hand"
    )


def _why_not(path: str, line: str) -> str:
    if any((ord(letter) < 32 and letter != "\t") or ord(letter) == 127 for letter in line):
        return "holds control characters"
    if path == NFTABLES:
        return "says include" if "include" in line.lower() else ""
    if path in rules.PACKET_FILTER_FILES:
        return _iptables(line)
    return _sysctl(line.strip())


def _sysctl(line: str) -> str:
    if not line or line[0] in "#;":
        return ""
    key, equals, value = line.partition("=")
    key = key.strip()
    if not (_DOTS.fullmatch(key) or _SLASHES.fullmatch(key)):
        return "sets a key that does not begin with net."
    return "" if equals and _VALUE.fullmatch(value) else "has no plain value"


def _iptables(line: str) -> str:
    if not line or line.startswith("#") or line == "COMMIT":
        return ""
    if _TABLE.fullmatch(line) or _CHAIN.fullmatch(line):
        return ""
    words = list(_words(_COUNTERS.sub("", line, count=1)))
    if not words or words[0] not in _VERBS:
        return "is no rule as iptables-save writes it"
    for word in words:
        if not _is_harmless(word):
            return f"holds {word!r}, which is not allowed"
    return ""


def _words(line: str) -> Iterator[str]:
    """Cut a rule as iptables-restore does; a quoted text is its whole word, with its quotes."""
    yield from re.findall(r'"(?:[^"\\]|\\.)*"(?=[ \t]|$)|[^ \t]+', line)


def _is_harmless(word: str) -> bool:
    if word.startswith('"'):
        return len(word) > 1 and word.endswith('"') and not word.startswith('"-')
    if word.startswith("--"):
        # getopt takes a beginning for the whole word.
        return bool(_LONG.fullmatch(word)) and not "--modprobe".startswith(word)
    if word.startswith("-"):
        return bool(_SHORT.fullmatch(word))
    return bool(_OPERAND.fullmatch(word)) and not ("/" in word and ".." in word)
