"""The gate before all pages: asks the two allowlists, at each request as they are on the disk.

`WEB/secure/.htaccess` is for the configuration pages, `WEB/.htaccess` for login, help and what
they need. Which of the two a request is for is told by the view it reaches, not by its text, so
no way of writing a path leads around the gate; what reaches no view counts as configuration.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import translation

from piranha.access import client, errors
from piranha.access.allowlist import MAX_BYTES, Allowlist, Lists, parse, unreadable

log = logging.getLogger(__name__)
FILE = ".htaccess"
INNER_FOLDER = "secure"
# Pages that the outer file alone decides on, by the names of their addresses.
OUTER = frozenset({"introduction", "login", "logout", "help", "set_language", "theme"})


class Gate:
    """Middleware. From here on REMOTE_ADDR is the client's address, whatever proxy it came by.

    Sets `request.admitted`: whether the configuration pages are open to the client.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = client.address(request.META, settings.TRUSTED_PROXIES)
        request.META["REMOTE_ADDR"] = str(address or "")
        found = lists()
        inside = is_inside(request.path_info)
        request.admitted = found.admit(address, inside=True)  # type: ignore[attr-defined]
        if found.admit(address, inside=inside):
            return self.get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            return _turned_away(request, found.in_force(inside=inside))


def is_inside(path: str) -> bool:
    """Tell whether a (decoded) path leads to a configuration page."""
    if path.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
        return False
    try:
        return resolve(path).url_name not in OUTER
    except Resolver404:
        return True


def lists() -> Lists:
    """Read both files, as they are now."""
    return Lists(inner=_read(settings.WEB / INNER_FOLDER / FILE), outer=_read(settings.WEB / FILE))


def _read(path: Path) -> Allowlist | None:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return _told(unreadable(str(path), error.strerror or str(error)))
    if len(text) > MAX_BYTES:
        return _told(unreadable(str(path), f"it is larger than {MAX_BYTES} bytes"))
    return _told(_parsed(text, str(path)))


@functools.lru_cache(maxsize=8)
def _parsed(text: bytes, path: str) -> Allowlist:
    return parse(text.decode(errors="replace"), path)


_logged: dict[str, Allowlist] = {}
_logging = threading.Lock()


def _told(found: Allowlist) -> Allowlist:
    """Log what is wrong with a file, once for each state of it."""
    with _logging:
        if _logged.get(found.path) != found:
            _logged[found.path] = found
            for trouble in found.troubles:
                log.error("%s; nobody gets in until it is mended", trouble)
    return found


def _turned_away(request: HttpRequest, decider: Allowlist | None) -> HttpResponse:
    path = decider.path if decider is not None else ""
    troubles = decider.troubles if decider is not None else ()
    log.warning("%s is kept out by %s", request.META["REMOTE_ADDR"] or "an unknown address", path)
    context = {"path": path, "troubles": troubles, "address": request.META["REMOTE_ADDR"]}
    return errors.page(request, "turned_away.html", 403, context)


@dataclass(frozen=True, slots=True)
class FileStanding:
    """One of the two files, for CONTROL. `found` is None where it is not there."""

    path: str
    inside: bool
    found: Allowlist | None
    decides: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Which allowlists are in force, and what they mean for who asks.

    Attributes:
        admitted: Whether the configuration pages are open to the asker.
        may_log_in: Whether login and help are.
        overridden: Whether the inner file decides where the outer one is stricter to the asker.
    """

    address: str
    files: tuple[FileStanding, ...]
    admitted: bool
    may_log_in: bool

    @property
    def overridden(self) -> bool:
        return self.admitted and not self.may_log_in


def standing(request: HttpRequest) -> Standing:
    """Tell both allowlists as they are now, and whether the asker would be locked out."""
    found = lists()
    here = client.address(request.META, ())
    decider = found.in_force(inside=True)
    return Standing(
        str(here or ""),
        (
            _standing(INNER_FOLDER, found.inner, decider, inside=True),
            _standing("", found.outer, decider, inside=False),
        ),
        found.admit(here, inside=True),
        found.admit(here, inside=False),
    )


def _standing(
    folder: str, found: Allowlist | None, decider: Allowlist | None, *, inside: bool
) -> FileStanding:
    path = str(settings.WEB / folder / FILE)
    return FileStanding(path, inside, found, found is not None and found is decider)
