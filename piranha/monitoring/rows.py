"""Virtual and real servers as rows: in which state, how bad, and what may be ordered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2s
from urllib.parse import quote, unquote, urlencode

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lvsengine.health import Override
from lvsengine.snapshot import RealServerState, Traffic, VirtualServerState

LOST, HURT, ORDERED, FINE = range(4)  # how bad, the worst first
LEVELS = ("lost", "hurt", "ordered", "fine")
ORDERS = {
    "drain": Override.DRAIN,
    "force-down": Override.DOWN,
    "force-up": Override.UP,
    "auto": Override.AUTO,
}


def ident(*names: str) -> str:
    """Make an id for a page from names that may hold anything."""
    return blake2s("\0".join(names).encode(), digest_size=5).hexdigest()


def serves(real: RealServerState) -> bool:
    """Whether new connections go there now."""
    return bool(real.effective_weight)


@dataclass(frozen=True, slots=True)
class RealRow:
    real: RealServerState
    virtual: str

    @property
    def ident(self) -> str:
        return ident(self.virtual, self.real.name)

    @property
    def where(self) -> str:
        return urlencode({"virtual": self.virtual, "real": self.real.name})

    @property
    def endpoint(self) -> str:
        address = self.real.address
        host = f"[{address}]" if ":" in address else address
        return f"{host}:{self.real.port}"

    @property
    def state(self) -> str:
        """The badge's state: an order comes before what the checks say."""
        match self.real.override:
            case "drain":
                return "drain"
            case "force-up":
                return "up"
            case "force-down":
                return "down"
        quiesced = self.real.health == "down" and self.real.effective_weight == 0
        return "quiesced" if quiesced else self.real.health

    @property
    def word(self) -> str:
        """The state's word: an order's own, or what the checks say."""
        if self.real.override != "auto":
            return self.real.override
        return self.state

    @property
    def telling(self) -> bool:
        """Whether the reason belongs in the row."""
        return self.real.health != "up" or self.real.override != "auto"

    @property
    def names(self) -> str:
        """Both names as a button's value carries them, whatever they hold."""
        return f"{quote(self.virtual, safe='')}/{quote(self.real.name, safe='')}"

    @property
    def orders(self) -> Iterator[str]:
        """The orders that would change something."""
        return (word for word in ORDERS if word != self.real.override)


@dataclass(frozen=True)
class VirtualRow:
    virtual: VirtualServerState

    @cached_property
    def ident(self) -> str:
        return ident(self.virtual.name)

    @cached_property
    def real_rows(self) -> tuple[RealRow, ...]:
        return tuple(RealRow(real, self.virtual.name) for real in self.virtual.real_servers)

    @cached_property
    def serving(self) -> int:
        return sum(map(serves, self.virtual.real_servers))

    @cached_property
    def level(self) -> int:
        reals = self.virtual.real_servers
        if not self.serving:
            return LOST
        if any(one.health == "down" and one.override == "auto" for one in reals):
            return HURT
        if any(one.override != "auto" or one.health == "unknown" for one in reals):
            return ORDERED
        return FINE

    @property
    def css(self) -> str:
        return LEVELS[self.level]

    @property
    def badge(self) -> str:
        return ("down", "quiesced", "drain", "up")[self.level]

    @property
    def told(self) -> str:
        """How many serve, in words."""
        total = len(self.virtual.real_servers)
        if not self.serving and self.virtual.sorry_server:
            return _("no real server serves; the sorry server %(address)s stands in") % {
                "address": self.virtual.sorry_server
            }
        if not self.serving:
            return _("no real server serves: clients get no answer")
        return ngettext(
            "%(n)d of %(total)d real server serves",
            "%(n)d of %(total)d real servers serve",
            total,
        ) % {"n": self.serving, "total": total}

    @cached_property
    def connections(self) -> tuple[int, int]:
        """Active and inactive; the kernel counts them by real server only."""
        return connections(self.virtual)


def connections(virtual: VirtualServerState) -> tuple[int, int]:
    """Add up the open connections of a virtual server: active and inactive."""
    own = virtual.traffic
    reals: list[Traffic] = [real.traffic for real in virtual.real_servers]
    return (
        max(own.active, sum(one.active for one in reals)),
        max(own.inactive, sum(one.inactive for one in reals)),
    )


def decoded(text: str) -> tuple[str, str, str] | None:
    """Read a button's value: the order, the virtual server and the real server; None if none."""
    word, _slash, names = text.partition("/")
    virtual, slash, real = names.partition("/")
    if word not in ORDERS or not slash:
        return None
    return word, unquote(virtual), unquote(real)
