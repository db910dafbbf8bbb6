"""The only writer of the audit log: who did what, when, from where."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict

from django.db import DatabaseError
from django.http import HttpRequest

from lvsengine.lvscf.compare import Difference
from piranha.director import Saved
from piranha.models import AuditEntry

log = logging.getLogger(__name__)
MAX_CHANGES = 2000  # rows of one entry; a restored file can change more


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
        who=(who or request.user.get_username() or "-")[:64],
        address=str(request.META.get("REMOTE_ADDR") or "-")[:64],
        action=action,
        subject=subject[:512],
        before=before,
        after=after,
        changes=[asdict(change) for change in changes][:MAX_CHANGES],
        outcome=outcome,
    )


def record_command(who: str, command: str, action: str, subject: str, outcome: str = "") -> None:
    """Add an entry for what somebody did by typing a command on the director."""
    _add(who=who[:64], address=command, action=action, subject=subject[:512], outcome=outcome)


def _add(**entry: object) -> None:
    try:
        AuditEntry.objects.create(**entry)
    except DatabaseError:
        log.exception("not in the audit log: %s %s", entry["action"], entry["subject"])
