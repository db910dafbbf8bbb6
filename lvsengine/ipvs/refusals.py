"""What the userspace plane refuses: what every plane does, and what no proxy can do."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from lvsengine.ipvs import rules
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.live import LiveService
from lvsengine.ipvs.rules import Refusal
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import (
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
)
from lvsengine.net import Forwarding, Protocol

KERNEL = "use the kernel plane (--plane kernel)"


def refusal(change: Change, held: Mapping[ServiceKey, LiveService]) -> Refusal | None:
    """Say why a change cannot be made to what is held now; None where it can."""
    said = rules.refusal(change)
    if said:
        return said
    number = _misplaced(change, held)
    if number:
        return rules.explained(change, number)
    unable = _unable(change)
    if unable:
        return Refusal(errno.EOPNOTSUPP, f"{rules.subject(change.key)}: {unable}")
    return None


def _misplaced(change: Change, held: Mapping[ServiceKey, LiveService]) -> int:
    """Return the kernel's errno for an entry that is there, or is not there; else 0."""
    if isinstance(change.key, DestinationKey):
        if change.key.service not in held:
            return errno.ESRCH
        there, missing = change.key in held[change.key.service].destinations, errno.ENOENT
    else:
        there, missing = change.key in held, errno.ESRCH
        if isinstance(change.value, Service) and change.value.scheduler not in SCHEDULERS:
            return errno.ENOENT
    if change.verb is Verb.ADD:
        return errno.EEXIST if there else 0
    return 0 if there else missing


def _unable(change: Change) -> str:
    match change.key, change.value:
        case (AddressKey() | MarkKey()) as key, Service() as value:
            return _unable_to_listen(key) or _unable_to_choose(value)
        case DestinationKey(), Destination() as value:
            return _unable_to_forward(value)
    return ""


def _unable_to_listen(key: ServiceKey) -> str:
    if isinstance(key, MarkKey):
        return (
            f"the userspace plane cannot see the marks of packets: {KERNEL}, "
            "or take fwmark out of the virtual server"
        )
    if key.protocol is Protocol.SCTP:
        return f"the userspace plane forwards tcp and udp, not sctp: {KERNEL}"
    if key.port == 0:
        return f"the userspace plane cannot listen on all ports: name one, or {KERNEL}"
    return ""


def _unable_to_choose(value: Service) -> str:
    if SCHEDULERS[value.scheduler].model is None:
        return f"the userspace plane has no scheduler {value.scheduler}: take sh, or {KERNEL}"
    if value.engine:
        return f"the userspace plane has no persistence engine {value.engine}: {KERNEL}"
    return ""


def _unable_to_forward(value: Destination) -> str:
    if value.forwarding is Forwarding.NAT:
        return ""
    return (
        f"the userspace plane is a proxy and cannot do network = {value.forwarding.value}: "
        f"write network = nat, or {KERNEL}"
    )
