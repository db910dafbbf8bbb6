"""What was typed when a session had ended: it goes with the browser through the login page.

Until somebody is logged in nothing of it is kept here, so strangers cannot fill the database.
After the login it lies in the session until the panel's form has been shown again; not saved.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

FIELD = "typed"  # of the login page
KEY = "typed"  # of the session
MAX_BYTES = 64 * 1024
SECRET = ("password", "csrfmiddlewaretoken")


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields of a form that was sent to a path."""

    path: str
    fields: dict[str, list[str]]

    def packed(self) -> str:
        """Write it as text; empty where it is more than can be kept."""
        text = json.dumps({"path": self.path, "fields": self.fields}, ensure_ascii=False)
        return text if len(text.encode()) <= MAX_BYTES else ""


def of(request: HttpRequest) -> Typed:
    """Gather what a request brings, without passwords."""
    fields = {
        name: request.POST.getlist(name)
        for name in request.POST
        if not any(word in name.lower() for word in SECRET)
    }
    return Typed(request.path, fields)


def unpacked(text: str) -> Typed | None:
    """Read what `packed` wrote; None where it is anything else."""
    if not text or len(text.encode()) > MAX_BYTES:
        return None
    try:
        found = json.loads(text)
        path, fields = found["path"], found["fields"]
        sound = all(
            isinstance(texts, list) and all(isinstance(one, str) for one in texts)
            for texts in fields.values()
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Typed(path, fields) if sound and isinstance(path, str) else None


def here(url: str) -> bool:
    """Tell whether a link stays in this web: it names no host at all."""
    return url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)


def page_of(request: HttpRequest) -> str:
    """Tell which page a form was on: the one that sent it, else where it was sent to."""
    sent_from = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    parts = urlsplit(sent_from)
    link = f"{parts.path}?{parts.query}" if parts.query else parts.path
    ours = parts.netloc == request.get_host() and here(link)
    return link if ours else request.get_full_path()


def keep(request: HttpRequest, found: Typed, page: str) -> None:
    """Put it into the session of who has just logged in, and say what became of it."""
    request.session[KEY] = {"path": found.path, "fields": found.fields}
    if urlsplit(page).path == found.path:
        told = _("You had been logged out, so nothing was saved. What you typed is here again:"
                 " look at it and send it once more.")  # fmt: skip
    else:
        told = _("You had been logged out, so nothing was done. Press the button once more.")
    messages.warning(request, told)


def typed_before(request: HttpRequest) -> QueryDict | None:
    """Give what was typed into this page's form before a login; once.

    `accept.show` asks for every panel, so a panel need not.
    """
    kept = request.session.get(KEY)
    if request.method != "GET" or not kept or kept["path"] != request.path:
        return None
    del request.session[KEY]
    data = QueryDict(mutable=True)
    for name, texts in kept["fields"].items():
        data.setlist(name, texts)
    return data


def shown_again(request: HttpRequest) -> HttpResponse | None:
    """Give a form with an outdated token back, where it is certain that a page of ours sent it."""
    parts = urlsplit(request.headers.get("Origin") or request.headers.get("Referer", ""))
    if parts.netloc != request.get_host() or not request.user.is_authenticated:
        return None
    found = of(request)
    if not found.packed():
        return None
    page = page_of(request)
    keep(request, found, page)
    return HttpResponseRedirect(page, status=303)
