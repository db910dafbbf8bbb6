"""What the userspace plane refuses: what the kernel would refuse, and what no proxy can do."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.live import LiveService
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import Destination, DestinationKey, MarkKey, Service, ServiceKey
from lvsengine.net import Forwarding, Protocol

HEAVIEST = 2**31 - 1  # the kernel's weight is a signed number of 32 bits

Refusal = tuple[int, str]  # errno, and a sentence for people
Held = Mapping[ServiceKey, LiveService]


def refusal(change: Change, held: Held) -> Refusal | None:
    """Say why a change cannot be made to what is held now; None where it can."""
    if isinstance(change.key, DestinationKey):
        return _of_destination(change, change.key, held)
    return _of_service(change, change.key, held)


def _of_service(change: Change, key: ServiceKey, held: Held) -> Refusal | None:
    if change.verb is not Verb.ADD and key not in held:
        return errno.ESRCH, f"there is no service {key}"
    if change.verb is Verb.REMOVE:
        return None
    if not isinstance(change.value, Service):
        return errno.EINVAL, f"service {key} needs its values"
    wrong = _unable_service(key) or _unable_scheduler(change.value)
    if wrong:
        return wrong
    if change.verb is Verb.ADD and key in held:
        return errno.EEXIST, f"service {key} exists already"
    return None


def _unable_service(key: ServiceKey) -> Refusal | None:
    if isinstance(key, MarkKey):
        return errno.EOPNOTSUPP, (
            f"the userspace plane cannot see {key} on packets: use the kernel plane, "
            "or take fwmark out of the virtual server"
        )
    if key.protocol is Protocol.SCTP:
        return errno.EOPNOTSUPP, "the userspace plane forwards tcp and udp only, not sctp"
    if key.port == 0:
        return errno.EOPNOTSUPP, (
            f"the userspace plane cannot listen on all ports of {key.address}: name one"
        )
    return None


def _unable_scheduler(value: Service) -> Refusal | None:
    row = SCHEDULERS.get(value.scheduler)
    if row is None:
        return errno.ENOENT, f"there is no scheduler {value.scheduler}"
    if row.model is None:
        return errno.EOPNOTSUPP, (
            f"the userspace plane has no scheduler {row.name}: use the kernel plane, or take sh"
        )
    if value.engine:
        return errno.EOPNOTSUPP, (
            f"the userspace plane has no persistence engine {value.engine}: use the kernel plane"
        )
    return None


def _of_destination(change: Change, key: DestinationKey, held: Held) -> Refusal | None:
    if key.service not in held:
        return errno.ESRCH, f"there is no service {key.service}"
    if change.verb is not Verb.ADD and key not in held[key.service].destinations:
        return errno.ENOENT, f"there is no destination {key}"
    if change.verb is Verb.REMOVE:
        return None
    if not isinstance(change.value, Destination):
        return errno.EINVAL, f"destination {key} needs its values"
    wrong = _bad_range(key, change.value) or _bad_destination(key, change.value)
    if wrong:
        return wrong
    if change.verb is Verb.ADD and key in held[key.service].destinations:
        return errno.EEXIST, f"destination {key} exists already"
    return None


def _bad_range(key: DestinationKey, value: Destination) -> Refusal | None:
    if not 0 <= value.weight <= HEAVIEST:
        return errno.ERANGE, f"the weight of {key} must be 0 to {HEAVIEST}, not {value.weight}"
    if value.lower > value.upper:
        return errno.ERANGE, (
            f"the lower threshold of {key}, {value.lower}, is above the upper, {value.upper}"
        )
    return None


def _bad_destination(key: DestinationKey, value: Destination) -> Refusal | None:
    if value.forwarding is not Forwarding.NAT:
        return errno.EOPNOTSUPP, (
            f"the userspace plane can only forward as NAT does, not {value.forwarding.value}: "
            "use the kernel plane, or write network = nat"
        )
    if key.address.version != key.service.family:
        return errno.EINVAL, f"{key} mixes IPv4 and IPv6"
    if key.address.is_multicast or key.address.is_unspecified:
        return errno.EINVAL, f"{key.address} is no address of one real server"
    return None
