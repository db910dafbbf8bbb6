"""Find every sentence that the engine can say, in its own source (and the allowlists').

An f-string becomes a template whose places are called after what fills them:
`f"no answer on {place(definition)} within {definition.timeout_s:g} s"` is
`no answer on {place} within {timeout_s} s`. A literal that is a template stays as it is. A
literal of one word is no sentence, but `WORDS` are wanted too.
"""

from __future__ import annotations

import ast
import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from string import Formatter

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    "lvsengine/**/*.py", "piranha/access/allowlist.py", "piranha/access/gate.py",
)  # fmt: skip

# Rooms and modules that speak to the kernel, the journal, a terminal or programmers.
SILENT = tuple(f"lvsengine/{name}" for name in (
    "cli", "hush/rules.py", "ipvs/connections.py", "ipvs/listing.py", "ipvs/netlink.py",
    "ipvs/table.py", "journal.py", "lvscf/compare.py", "lvscf/writing.py", "pairing", "plain.py",
))  # fmt: skip
LOGS = {"log", "pulse", "lvs", "nanny"}

# Said in the journal, where the original's words stay, or written into files.
NOT_SENTENCES = {
    "Primary NIC", "Private NIC", "activating lvs", "deactivating lvs",
    "partner dead: activating lvs", "{peer} inactive: activating lvs",
    "partner active: deactivating LVS", "local link failure: deactivating LVS",
    "bad heartbeat packet", "Unexpected heartbeat", "heartbeat without effect",
    "Incompatible heartbeat received -- other system not using identical services",
    "[ active ] making {endpoint} available",
    "[inactive] shutting down {endpoint} due to connection failure",
    "[inactive] shutting down {place} by order of the operator",
    "address = 192.0.2.100 eth0:1", "address = 10.0.0.1", "look up {name}", "shutting down",
    "apt-get install nftables", "chmod 600 {path}", "GET / HTTP/1.0\\r\\n\\r\\n", "nanny {key}",
    "new thread",
}  # fmt: skip

# What fills the places of sentences, and is itself in the reader's language.
WORDS = (
    "up", "down", "unknown", "drained", "forced", "handover", "failback", "resumed",
    "isolated", "active", "standby", "stopping", "primary", "backup", "the primary",
    "the backup", "error", "warning", "virtual", "server", "failover", "public", "private",
    "stop", "holds", "sends", "receives", "health", "override", "table", "address", "failure",
    "reload", "role", "auto", "force-up", "force-down", "drain", "forged", "replayed", "late",
    "unproven", "truncated", "elsewhere", "pair", "everybody", "GLOBAL SETTINGS", "REDUNDANCY",
    "lvs.cf, revision {revision}", "wrong password", "no such user",
    "locked for {minutes} minutes", "new user, {role}",
    "{changes} changes of the table, {addresses} of virtual IPs, {failures} failed",
    "FAILED {failure}", "viewer", "operator", "admin", " in {kind} {name}",
    "add {address} on {device}", "remove {address} on {device}",
    "the kernel refuses it with errno {number} ({strerror})",
)  # fmt: skip
SYSTEM = (
    errno.EACCES, errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EAGAIN, errno.ECONNREFUSED,
    errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EINVAL, errno.EIO, errno.EMFILE,
    errno.ENETDOWN, errno.ENETUNREACH, errno.ENOENT, errno.ENOEXEC, errno.ENOMEM, errno.ENOSPC,
    errno.ENOTDIR, errno.EPERM, errno.EPIPE, errno.EPROTO, errno.EROFS, errno.ETIMEDOUT,
)  # fmt: skip

_CODE = re.compile(r"\t|\[[ A-Z]|^b'")  # patterns and bytes
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")


def sentences() -> dict[str, str]:
    """Return every template, and the module that says it first."""
    found: dict[str, str] = {}
    for path in sorted(path for pattern in MODULES for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(SILENT):
            for template in of_module(path.read_text()):
                found.setdefault(template, name)
    for word in (*WORDS, *map(os.strerror, SYSTEM)):
        found.setdefault(word, "lvsengine")
    return found


def of_module(source: str) -> Iterator[str]:
    """Yield the templates of one module, in their order."""
    tree = ast.parse(source)
    for node, scope in _texts(tree):
        for template in scope.templates(node):
            if template not in NOT_SENTENCES and _is_sentence(template):
                yield template


def _is_sentence(template: str) -> bool:
    try:
        pieces = list(Formatter().parse(template))
    except ValueError:
        return False
    literal = " ".join(piece[0] for piece in pieces)
    words = _WORD.findall(literal)
    has_places = any(piece[1] is not None for piece in pieces)
    enough = len(words) > 1 or (has_places and any(len(word) > 3 for word in words))
    return enough and " " in template.strip() and not _CODE.search(literal)


def _texts(tree: ast.Module) -> Iterator[tuple[ast.expr, _Scope]]:
    """Walk to the outermost text expressions, each with the function around it."""
    pending: list[tuple[ast.AST, _Scope]] = [(tree, _Scope(tree))]
    while pending:
        node, scope = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            scope = _Scope(node)
        if isinstance(node, ast.JoinedStr | ast.Constant):
            yield node, scope
        elif not _is_unsaid(node):
            pending += [(child, scope) for child in reversed(list(ast.iter_child_nodes(node)))]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_unsaid(node: ast.AST) -> bool:
    """Docstrings, and what goes to a log."""
    if isinstance(node, ast.Expr):
        return _is_text(node.value)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return isinstance(node.func.value, ast.Name) and node.func.value.id in LOGS


@dataclass
class _Scope:
    """A function, and the texts that its local names can be."""

    node: ast.AST
    assigned: dict[str, list[ast.expr]] = field(init=False)

    def __post_init__(self) -> None:
        self.assigned = {}
        if isinstance(self.node, ast.Module):
            return
        for node in ast.walk(self.node):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.assigned.setdefault(node.targets[0].id, []).append(node.value)

    def templates(self, node: ast.expr) -> list[str]:
        if not isinstance(node, ast.JoinedStr):
            return [str(node.value)] if isinstance(node, ast.Constant) else []
        return [_named(parts) for parts in product(*map(self._variants, node.values))]

    def _variants(self, part: ast.expr) -> list[str | ast.expr]:
        """Give what can stand here: texts where the code says which, else an expression."""
        if isinstance(part, ast.FormattedValue):
            return self._texts_of(part.value) or [part.value]
        return [str(part.value)] if isinstance(part, ast.Constant) else [part]

    def _texts_of(self, value: ast.expr) -> list[str | ast.expr]:
        if isinstance(value, ast.IfExp):
            both = (value.body, value.orelse)
            if any(map(_is_text, both)):
                return [str(one.value) if isinstance(one, ast.Constant) else one for one in both]
        if isinstance(value, ast.Name):
            glue = map(_glue, self.assigned.get(value.id, ()))
            return list(dict.fromkeys(text for text in glue if text is not None))
        return []


def _glue(node: ast.expr) -> str | None:
    """Return the text of a local name where it only makes sense inside its sentence."""
    text = node.value if isinstance(node, ast.Constant) else None
    return text if isinstance(text, str) and (not text or text[0] in " ;,") else None


def _named(parts: tuple[str | ast.expr, ...]) -> str:
    """Write the template: pieces of text, and a name for each expression."""
    names: dict[str, str] = {}
    written = []
    for part in parts:
        if isinstance(part, str):
            written.append(part.replace("{", "{{").replace("}", "}}"))
            continue
        same, name = ast.dump(part), _name(part)
        taken = {known for one, known in names.items() if one != same}
        while name in taken:
            name = f"{name.rstrip('0123456789')}{int(name[-1]) + 1 if name[-1].isdigit() else 2}"
        names[same] = name
        written.append(f"{{{name}}}")
    return "".join(written)


def _name(value: ast.expr) -> str:
    """Call an expression by its most telling identifier."""
    match value:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name.lstrip("_").lower()
        case ast.Call(func=ast.Attribute(attr="join")):
            return "list"
        case ast.Call(func=ast.Name("len")):
            return "count"
        case ast.Call(func=ast.Attribute(attr="get"), args=[first, *_rest]):
            return _name(first)
        case ast.Call(func=function):
            return _name(function)
        case ast.BoolOp(values=[first, *_rest]):
            return _name(first)
        case ast.Subscript(value=inner) | ast.UnaryOp(operand=inner) | ast.BinOp(left=inner):
            return _name(inner)
        case ast.IfExp(body=inner):
            return _name(inner)
    return "value"
