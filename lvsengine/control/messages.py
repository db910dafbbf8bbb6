"""What lvsctl and the web say to the engine, as dataclasses <-> JSON lines.

A request is one line, `{"protocol": 1, "command": "explain", "arguments": {...}}`. The answer
is one line, `{"protocol": 1, "result": ...}` or `{"protocol": 1, "error": {"code", "sentence",
"hint"}}`; to `events` with `follow` there come more lines, an event each, until either side
hangs up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from lvsengine.errors import EngineError
from lvsengine.health import Override
from lvsengine.plain import Plain, PlainError, from_plain, to_plain
from lvsengine.snapshot import RoleChange

PROTOCOL = 1
SHOWN = 60  # characters
MAX_LINE = 4 * 1024 * 1024  # bytes; `plan` carries a whole lvs.cf


@dataclass(frozen=True, slots=True)
class Status:
    """Answered by a Snapshot."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Read lvs.cf again. Answered by Reloaded.

    Attributes:
        by: Who orders it, here and below: whom the asker acts for. The engine puts its own
            finding before it, so that no log rests on a claim alone.
    """

    by: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reload would do: with `text` as lvs.cf, or with the file on disk. -> Planned."""

    text: str | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class ShowTable:
    """Answered by Text: the look of `ipvsadm -Ln`."""


@dataclass(frozen=True, slots=True)
class ShowProcesses:
    """Answered by Processes: the engine's parts and its checks."""


@dataclass(frozen=True, slots=True)
class Explain:
    """Why a real server is up or down. Answered by Explained."""

    virtual: str
    real: str


@dataclass(frozen=True, slots=True)
class SetOverride:
    """Order a real server up, down, drained, or back to its checks. Answered by Explained."""

    virtual: str
    real: str
    override: Override
    by: str = ""


@dataclass(frozen=True, slots=True)
class Events:
    """The events after number `after`; with `follow`, those to come too. Answered by Event."""

    after: int = 0
    follow: bool = False


@dataclass(frozen=True, slots=True)
class StandBy:
    """Hand over to the peer. Answered by Text, or refused with the reason."""

    force: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Take over from the peer. Answered by Text, or refused with the reason."""

    force: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """The last takeovers and step-downs. Answered by History."""


@dataclass(frozen=True, slots=True)
class ShowTraffic:
    """The last hour of these virtual servers, or of all. Answered by Graphs."""

    virtual_servers: tuple[str, ...] = ()


Request = (
    Status
    | Reload
    | Plan
    | ShowTable
    | ShowProcesses
    | Explain
    | SetOverride
    | Events
    | StandBy
    | TakeOver
    | ShowHistory
    | ShowTraffic
)

COMMANDS: dict[str, type[Request]] = {
    "status": Status,
    "reload": Reload,
    "plan": Plan,
    "table": ShowTable,
    "processes": ShowProcesses,
    "explain": Explain,
    "override": SetOverride,
    "events": Events,
    "standby": StandBy,
    "takeover": TakeOver,
    "history": ShowHistory,
    "traffic": ShowTraffic,
}
# What changes something; all else only asks. Each says `by`.
Order = Reload | SetOverride | StandBy | TakeOver
ORDERS: frozenset[type[Request]] = frozenset({Reload, SetOverride, StandBy, TakeOver})
NAMES: dict[type[Request], str] = {kind: name for name, kind in COMMANDS.items()}


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """One change, as an ipvsadm-style line, and how many connections live on what it touches.

    Attributes:
        note: What becomes of them, or what the change waits for; may be empty.
    """

    line: str
    connections: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a reload would do. `addresses`: virtual IPs to be added or removed, a line each."""

    revision: str
    lines: tuple[PlannedLine, ...]
    problems: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The revision that runs now, what was changed for it, and what the kernel refused.

    Attributes:
        changes: Of the table, as ipvsadm-style lines. `addresses`: virtual IPs.
    """

    revision: str
    changes: tuple[str, ...]
    failures: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    changes: tuple[RoleChange, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """Means per second of one virtual server, the oldest first; null where there is none."""

    name: str
    connections_per_s: tuple[float | None, ...]
    bytes_in_per_s: tuple[float | None, ...]
    bytes_out_per_s: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Graphs:
    """The last hour in samples of `step_s` seconds, all on one time axis.

    Attributes:
        at: When the newest sample ended, in seconds since the epoch; 0 when there is none.
    """

    at: float
    step_s: float
    graphs: tuple[Graph, ...]


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Process:
    """A part of the engine, or one check: what it is, what it does, and its last word."""

    name: str
    does: str
    state: str


@dataclass(frozen=True, slots=True)
class Processes:
    pid: int
    processes: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class TriedCheck:
    """One result: when it ended (seconds since the epoch) and what went over the wire."""

    at: float
    ok: bool
    reason: str
    seconds: float
    sent: str = ""
    received: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """A real server's health and override, why, what checks it, and its last results."""

    name: str
    endpoint: str
    health: str
    override: str
    reason: str
    since: float
    check: str
    serves: bool
    results: tuple[TriedCheck, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `number` counts from 1 since the engine's start."""

    number: int
    at: float
    kind: str
    subject: str
    sentence: str


def encode_request(request: Request) -> bytes:
    return _line({"command": NAMES[type(request)], "arguments": to_plain(request)})


def decode_request(line: bytes) -> Request:
    """Read a request.

    Raises:
        EngineError: `bad-request`, when it is none; `unknown-command`.
    """
    message = _message(line)
    name = message.get("command")
    kind = COMMANDS.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(COMMANDS)
        raise EngineError(
            "unknown-command", f"there is no command {_short(name)}", f"use one of {known}"
        )
    try:
        return from_plain(kind, message.get("arguments", {}), str(name))
    except PlainError as error:
        raise EngineError("bad-request", str(error)) from error


def encode_result(result: object) -> bytes:
    return _line({"result": to_plain(result)})


def encode_error(error: EngineError) -> bytes:
    told = {"code": error.code, "sentence": error.sentence, "hint": error.hint}
    return _line({"error": told})


def decode_answer(line: bytes) -> Plain:
    """Read an answer's result.

    Raises:
        EngineError: The engine's own error, or `bad-answer`.
    """
    message = _message(line)
    error = message.get("error")
    if isinstance(error, dict):
        told = {key: str(error.get(key, "")) for key in ("code", "sentence", "hint")}
        raise EngineError(**told)
    return message.get("result")


def _line(message: dict[str, Plain]) -> bytes:
    return json.dumps({"protocol": PROTOCOL, **message}).encode() + b"\n"


def _short(value: Plain) -> str:
    """Show what the other side has said, which may be anything of any length."""
    if isinstance(value, dict | list):
        return "(something)"
    return repr(value) if len(str(value)) <= SHOWN else f"{str(value)[:SHOWN]!r}..."


def _message(line: bytes) -> dict[str, Plain]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EngineError("bad-request", "the line is no JSON") from error
    if not isinstance(message, dict):
        raise EngineError("bad-request", "the line is no JSON object")
    if message.get("protocol") != PROTOCOL:
        raise EngineError(
            "other-protocol",
            f"the other side speaks protocol {_short(message.get('protocol'))}, "
            f"this one {PROTOCOL}",
            "restart pulse after an upgrade, so that both are of one version",
        )
    return message
