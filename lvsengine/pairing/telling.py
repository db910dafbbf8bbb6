"""What both ends print once they have met: the same fingerprints, and what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lvsengine.lvscf.model import Config
from lvsengine.pairing.messages import Identity

COMPARE = (
    "Both directors print these fingerprints. Who compares them knows that nobody sits between:"
)
RESTART = "systemctl restart pulse"
START = "systemctl enable --now pulse piranha-received.path"


def met(primary: Identity, backup: Identity) -> Iterator[str]:
    """Yield the lines that are the same on both directors."""
    yield COMPARE
    for role, one in (("primary", primary), ("backup", backup)):
        for key in one.host_keys:
            yield f"  {role:<8} host key  {key.label:<8} {key.fingerprint}"
        yield f"  {role:<8} sync key  {one.sync_key.label:<8} {one.sync_key.fingerprint}"


def next_on_primary(before: Config, *, runs: bool) -> Iterator[str]:
    """Say what to type next, and where; `runs`: pulse does so here by now."""
    if before.backup_active and not before.heartbeat_key_file:
        yield (
            "The directors were a pair without a key: neither hears the other until both use it."
            " Where pulse runs on the backup, first type there: systemctl stop pulse"
        )
    yield f"Next, type here first, then on the backup: {RESTART if runs else START}"


def next_on_backup(*, runs: bool) -> Iterator[str]:
    if runs:
        yield f"Next, once pulse was restarted on the primary, type here: {RESTART}"
    else:
        yield f"Next, once pulse was started on the primary, type here: {START}"


def will_change(keys: Iterable[str], path: str) -> str:
    """Say what an invitation will write into lvs.cf."""
    said = {
        "primary": "primary = the address that the backup joins at",
        "backup_active": "backup_active = 1",
        "backup": "backup = the address that the backup comes from",
        "heartbeat_key_file": "heartbeat_key_file = /etc/piranha/heartbeat.key",
    }
    return f"{path} gets, when the backup has joined: " + ", ".join(said[key] for key in keys)


def without_users(missing: Iterable[str]) -> Iterator[str]:
    for user in missing:
        yield (
            f"There is no user {user} here, or this is not root: what should be that user's"
            " belongs to whoever runs this. `make install` makes the users; then pair again."
        )
