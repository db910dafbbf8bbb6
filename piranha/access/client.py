"""Where a request comes from, believing `X-Forwarded-For` only from the proxies that we trust."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.core.exceptions import ImproperlyConfigured

from lvsengine.errors import RuleError
from piranha.access import allowlist

MAX_HOPS = 32  # a longer chain is nobody's


def proxies(text: str) -> tuple[allowlist.Network, ...]:
    """Read the addresses and networks of trusted proxies, apart by blanks or commas.

    Raises:
        ImproperlyConfigured: One is none.
    """
    try:
        return tuple(allowlist.network(word) for word in text.replace(",", " ").split())
    except RuleError as error:
        raise ImproperlyConfigured(f"a trusted proxy's address: {error}") from error


def address(
    meta: Mapping[str, object], trusted: Iterable[allowlist.Network]
) -> allowlist.Address | None:
    """Tell the client's address; None where it cannot be known.

    A proxy adds the address that it was asked from at the right, so the first from there which
    is no trusted proxy is the client's; what stands left of it anybody can have written.
    """
    networks = tuple(trusted)
    found = allowlist.client(str(meta.get("REMOTE_ADDR", "")))
    hops = [hop for hop in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    for hop in reversed(hops[-MAX_HOPS:]):
        if found is None or not any(found in network for network in networks):
            break
        found = allowlist.client(hop.strip())
    return found
