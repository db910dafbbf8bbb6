"""What one director asks of the other over ssh, as words, and the answer, as one JSON line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeVar

from lvsengine.errors import EngineError, RuleError
from lvsengine.lvscf import rules
from lvsengine.plain import PlainError, from_plain, to_plain
from lvsengine.sync.values import LVS_CF

MAX_ANSWER = 64 * 1024  # bytes
MAX_ORDER = 1024
NONE = "-"  # expected: there must be no such file
ANY = "any"  # expected: whatever is there, for a person has chosen

T = TypeVar("T")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_EXPECTED = re.compile(r"[0-9a-f]{12}|-|any")


@dataclass(frozen=True, slots=True)
class Status:
    """Answered by `PeerStatus`."""


@dataclass(frozen=True, slots=True)
class Sftp:
    """The peer wants to put files beside, and to read lvs.cf. No answer: a conversation."""


@dataclass(frozen=True, slots=True)
class Install:
    """Put a file that was put beside in its place. Answered by `Installed`.

    Attributes:
        path: `lvs.cf`, or where one of the files beside it lies.
        sha256: Of what is to be installed, 64 hexadecimal digits.
        expected: The revision that is to be replaced; `-`: none; `any`, but for lvs.cf.
    """

    path: str
    sha256: str
    expected: str


Order = Status | Sftp | Install


def may_go(path: str) -> bool:
    """Whether a file may be handed to the peer's root: a sysctl file, packet filter rules."""
    for rule in (rules.sysctl_file, rules.packet_filter_file):
        try:
            rule(path)
        except RuleError:
            continue
        return bool(path)
    return False


def staged(path: str) -> str:
    """Name a file as it lies beside: without slashes."""
    return path.strip("/").replace("/", ":")


def destination(name: str) -> str | None:
    """Undo `staged`; None: no such file may be staged."""
    if name == LVS_CF:
        return LVS_CF
    path = f"/{name.replace(':', '/')}"
    return path if may_go(path) and staged(path) == name else None


def line(order: Status | Install) -> str:
    """Write an order as the command of an ssh session."""
    if isinstance(order, Status):
        return "status"
    return f"install {order.path} {order.sha256} {order.expected}"


def read(said: str) -> Order:
    """Read what the peer wants (`SSH_ORIGINAL_COMMAND`).

    Raises:
        EngineError: `not-allowed`: anything else than the three.
    """
    words = said.split(" ") if len(said) <= MAX_ORDER else []
    if words == ["status"]:
        return Status()
    if len(words) == 4 and words[0] == "install" and is_sound(Install(*words[1:])):
        return Install(*words[1:])
    if words and words[0].rpartition("/")[2] in ("internal-sftp", "sftp-server"):
        return Sftp()  # whatever options sshd's configuration gives its own
    raise EngineError(
        "not-allowed",
        "this key may only copy the files of the director, nothing else",
        "lvsctl sync, at the other director",
    )


def is_sound(order: Install) -> bool:
    """Whether an order is one that may be given."""
    if not _SHA256.fullmatch(order.sha256) or not _EXPECTED.fullmatch(order.expected):
        return False
    return order.expected != ANY if order.path == LVS_CF else may_go(order.path)


def encode(answer: object) -> str:
    return json.dumps({"result": to_plain(answer)})


def encode_error(error: EngineError) -> str:
    told = {"code": error.code, "sentence": error.sentence, "hint": error.hint}
    return json.dumps({"error": told})


def decode(text: bytes, kind: type[T]) -> T:
    """Read an answer.

    Raises:
        EngineError: The peer's own, or `bad-answer`.
    """
    try:
        said = json.loads(text)
        error = said.get("error")
        if isinstance(error, dict):
            told = {key: str(error.get(key, ""))[:1000] for key in ("code", "sentence", "hint")}
        else:
            return from_plain(kind, said.get("result"), "answer")
    except (ValueError, AttributeError, RecursionError, PlainError) as problem:
        raise EngineError(
            "bad-answer",
            "the peer's answer is not understood",
            "are both directors of one version?",
        ) from problem
    raise EngineError(**told)
