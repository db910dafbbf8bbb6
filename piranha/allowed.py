"""What each rule of lvs.cf allows, in a sentence for HELP. The rules are `lvscf.rules`."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext

from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.lvscf import rules
from lvsengine.lvscf.rows import Form, Key

Rule = Callable[[str], object]
_ = str  # marks a message; translated when it is shown


def _range(low: float, high: float) -> dict[str, object]:
    return {"low": low, "high": high}


_WHOLE = _("A whole number from %(low)s to %(high)s.")
_SECONDS = _("Whole seconds, from %(low)s to %(high)s.")

ALLOWED: dict[Rule, tuple[str, dict[str, object]]] = {
    rules.address: (_("An IPv4 or IPv6 address."), {}),
    rules.address_or_none: (_("An IPv4 or IPv6 address; 0.0.0.0 is none."), {}),
    rules.set_address: (_("An IPv4 or IPv6 address, not 0.0.0.0."), {}),
    rules.addresses: (_("Up to %(most)s addresses with blanks between them."), {"most": 16}),
    rules.floating_address: (
        _("An address, a blank and a device: an interface and an alias, such as eth0:1."),
        {},
    ),
    rules.netmask: (_("A netmask such as 255.255.255.0; for IPv6 a prefix length, as 64."), {}),
    rules.client_mask: (_("A netmask such as 255.255.255.0; for IPv6 a prefix length."), {}),
    rules.interface: (_("The name of an interface, such as eth0."), {}),
    rules.multicast_group: (_("A multicast address; 0.0.0.0 is none."), {}),
    rules.boolean: (_("1 (yes) or 0 (no)."), {}),
    rules.port: (
        _("A port from %(low)s to %(high)s, or a name such as http."),
        _range(1, rules.MAX_PORT),
    ),
    rules.port_number: (_("A port from %(low)s to %(high)s."), _range(1, rules.MAX_PORT)),
    rules.weight: (_WHOLE, _range(0, rules.MAX_WEIGHT)),
    rules.mark: (_WHOLE, _range(0, rules.MAX_MARK)),
    rules.serial: (_WHOLE, _range(0, rules.MAX_SERIAL)),
    rules.sync_id: (_WHOLE, _range(0, rules.MAX_SYNC_ID)),
    rules.sync_length: (_WHOLE, _range(0, rules.MAX_SYNC_LENGTH)),
    rules.sync_ttl: (_WHOLE, _range(1, rules.MAX_TTL)),
    rules.fall: (_WHOLE, _range(1, rules.MAX_FALL)),
    rules.kernel_seconds: (_SECONDS, _range(0, rules.MAX_KERNEL_SECONDS)),
    rules.seconds: (_SECONDS, _range(0, rules.MAX_CHECK_SECONDS)),
    rules.check_seconds: (_SECONDS, _range(1, rules.MAX_CHECK_SECONDS)),
    rules.interval: (
        _("Seconds, from %(low)s to %(high)s; a fraction such as 0.5 is allowed."),
        _range(rules.MIN_INTERVAL_S, rules.MAX_CHECK_SECONDS),
    ),
    rules.scheduler: (_("One of %(names)s."), {"names": ", ".join(SCHEDULERS)}),
    rules.protocol: (_("tcp, udp or sctp."), {}),
    rules.forwarding: (_("nat, direct or tunnel."), {}),
    rules.mode: (_("lvs or fos."), {}),
    rules.conflict_action: (_("nothing or preempt."), {}),
    rules.user: (_("The name of a user, but not root."), {}),
    rules.path: (_("The whole path of a file, from / on."), {}),
    rules.sysctl_file: (_("/etc/sysctl.conf, or NAME.conf in /etc/sysctl.d."), {}),
    rules.packet_filter_file: (
        _("One of %(names)s."),
        {"names": ", ".join(rules.PACKET_FILTER_FILES)},
    ),
    rules.text: (_("Text of one line, up to %(most)s characters."), {"most": rules.MAX_TEXT}),
}


def allowed(key: Key) -> str:
    """Say in the reader's language what may stand there; empty for keys that mean nothing."""
    if key.form is Form.KEPT:
        return ""
    sentence, values = ALLOWED[key.rule]
    return gettext(sentence) % values
