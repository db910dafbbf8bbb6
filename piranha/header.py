"""What every page shows at its top: this director, its peer, and which lvs.cf each has."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string

from lvsengine.errors import EngineError
from lvsengine.snapshot import Snapshot
from piranha import director, sync_told
from piranha.panels import PANELS

THEME_COOKIE = "piranha-theme"
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Strip:
    """Revisions of lvs.cf on the disk, in the engine and at the peer; empty is unknown.

    Attributes:
        paired: Whether there is a peer at all.
        peer_silent: Whether it was never heard.
        unsound: Whether the file on the disk has errors.
        missing: Whether there is none.
        stopped: Whether it is certain that nothing runs: nobody listens for the engine.
    """

    file: str
    running: str
    peer: str
    paired: bool = False
    peer_silent: bool = False
    unsound: bool = False
    missing: bool = False
    stopped: bool = False

    @property
    def applied(self) -> bool | None:
        """Whether the file on the disk is the one that runs."""
        return self.file == self.running if self.file and self.running else None

    @property
    def copied(self) -> bool | None:
        """Whether the peer runs what this director runs."""
        return self.running == self.peer if self.running and self.peer else None

    @property
    def ahead(self) -> bool:
        """Whether the peer runs the file on the disk already, and this director not yet."""
        return bool(self.file) and self.file == self.peer != self.running

    @property
    def not_told(self) -> bool:
        """Whether the peer is heard, but its heartbeat has no room for a revision."""
        return self.paired and not self.peer_silent and not self.peer


def header(request: HttpRequest) -> dict[str, object]:
    """Template context of every page; nothing of the director for who is not logged in."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    common: dict[str, object] = {"theme": theme if theme in THEMES else ""}
    user = getattr(request, "user", None)
    admitted = getattr(request, "admitted", True)  # by the allowlist of the configuration pages
    if user is None or not user.is_authenticated or not admitted:
        return common
    picture = director.picture()
    return {
        **common,
        "hostname": socket.gethostname(),
        "panels": PANELS,
        "snapshot": picture.snapshot,
        "engine_error": picture.error,
        "strip": strip(picture.snapshot),
        "sync": sync_told.short(director.sync()),
    }


def facts(snapshot: Snapshot | None, error: EngineError | None) -> str:
    """Render what the header says of the two directors; the same for every user."""
    context = {
        "hostname": socket.gethostname(),
        "snapshot": snapshot,
        "engine_error": error,
        "strip": strip(snapshot),
        "sync": sync_told.short(director.sync()),
    }
    return render_to_string("partials/facts.html", context).strip()


def strip(snapshot: Snapshot | None) -> Strip:
    file = director.file()
    unsound = bool(file.errors)
    missing = file.error is not None and file.error.code == "no-file"
    if snapshot is None:
        error = director.picture().error
        stopped = error is not None and error.code == "not-running"
        return Strip(file.revision, "", "", unsound=unsound, missing=missing, stopped=stopped)
    peer = snapshot.peer
    return Strip(
        file.revision,
        snapshot.revision,
        peer.revision if peer is not None else "",
        paired=peer is not None,
        peer_silent=peer is not None and peer.silent,
        unsound=unsound,
        missing=missing,
    )
