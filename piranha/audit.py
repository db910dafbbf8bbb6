"""The only writer of the audit log: who did what, when, from where."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice

from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.translation import gettext_noop as _

from lvsengine.lvscf.compare import Difference
from piranha.access.logs import escaped
from piranha.director import Saved
from piranha.models import AuditEntry
from piranha.numbered import shown

log = logging.getLogger(__name__)
MAX_CHANGES = 2000  # rows of one entry; a restored file can change more
MAX_TEXT = 1000  # characters of one value, and 200 000 of one entry's values
MAX_TEXTS = 200_000
MAX_ENTRIES = 50_000  # the oldest go
PRUNE_EACH = 100  # entries

# What is done, as the log keeps it; its page says it in the reader's language.
ACTIONS = frozenset({
    _("save"), _("add"), _("delete"), _("enable"), _("disable"), _("weight"), _("edit"),
    _("create"), _("restore"), _("apply"), _("drain"), _("force-up"), _("force-down"), _("auto"),
    _("standby"), _("takeover"), _("log in"), _("log in refused"), _("log out"),
    _("change password"), _("set password"), _("set role"), _("delete user"),
    _("copy"), _("take ours"), _("take theirs"), _("accept host key"),
})  # fmt: skip


def saved(request: HttpRequest, action: str, subject: str, outcome: Saved) -> None:
    """Record a change of lvs.cf; nothing where nothing changed."""
    if outcome.before != outcome.revision:
        record(
            request,
            action,
            subject,
            before=outcome.before,
            after=outcome.revision,
            changes=outcome.differences,
        )


def record(
    request: HttpRequest,
    action: str,
    subject: str = "",
    *,
    who: str = "",
    before: str = "",
    after: str = "",
    changes: Iterable[Difference] = (),
    outcome: str = "",
) -> None:
    """Add an entry. What was done is done: a failure to record it is logged, not raised."""
    _add(
        who=escaped(who or request.user.get_username() or "-")[:64],
        address=str(request.META.get("REMOTE_ADDR") or "-")[:64],
        action=action,
        subject=escaped(subject)[:512],
        before=before,
        after=after,
        changes=list(_bounded(changes)),
        outcome=_lines(outcome),
    )


def record_command(who: str, command: str, action: str, subject: str, outcome: str = "") -> None:
    """Add an entry for what somebody did by typing a command on the director."""
    _add(
        who=escaped(who)[:64],
        address=command,
        action=action,
        subject=escaped(subject)[:512],
        outcome=_lines(outcome),
    )


def _add(**said: object) -> None:
    try:
        entry = AuditEntry.objects.create(**said)
        if entry.pk % PRUNE_EACH == 0:
            AuditEntry.objects.filter(pk__lte=entry.pk - MAX_ENTRIES).delete()
    except DatabaseError:
        log.exception("not in the audit log: %s %s", said["action"], said["subject"])


def _lines(text: str) -> str:
    """Escape each line of an outcome, which may have several."""
    return "\n".join(map(escaped, text.split("\n")))


def _bounded(changes: Iterable[Difference]) -> Iterator[dict[str, str | None]]:
    """Cut what would let one entry grow without end, and make it text that a database takes."""
    room = MAX_TEXTS
    for change in islice(changes, MAX_CHANGES):
        row = {name: _cut(value) for name, value in asdict(change).items()}
        room -= sum(len(value or "") for value in row.values())
        if room < 0:
            return
        yield row


def _cut(text: str | None) -> str | None:
    if text is None:
        return None
    fit = shown(text)
    return fit if len(fit) <= MAX_TEXT else f"{fit[: MAX_TEXT - 1]}…"
