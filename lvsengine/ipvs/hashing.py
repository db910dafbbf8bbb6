"""The choosers that hash an address: `dh` and `sh`. Same address, same real server.

Sources: ip_vs_dh.c and ip_vs_sh.c of Linux 6.1; hash_32 of include/linux/hash.h.
"""

from __future__ import annotations

from lvsengine.ipvs.choosing import Call, Candidate, Chooser
from lvsengine.net import Address

BUCKETS = 256
FALLBACK = 1  # scheduler flag: ask the next bucket where the first one's owner takes nothing
WITH_PORT = 2  # scheduler flag: hash the client's port too

GOLDEN_RATIO_32 = 0x61C88647
WORD = 0xFFFFFFFF


def bucket_of(address: Address, port: int = 0) -> int:
    """Hash an address (and a port) to 0..255 as the kernel does."""
    number = int(address)
    folded = 0
    while number:
        folded ^= number & WORD
        number >>= 32
    return ((folded + port) * GOLDEN_RATIO_32 & WORD) >> 24


class DestinationHash(Chooser):
    """Buckets are dealt to the line one by one, whatever the weights."""

    def _start(self) -> None:
        self._deal()

    def _changed(self) -> None:
        self._deal()

    def _deal(self) -> None:
        self._buckets = (self.line * BUCKETS)[:BUCKETS]

    def pick(self, call: Call) -> Candidate | None:
        if not self._buckets:
            return None
        owner = self._buckets[bucket_of(call.address)]
        return owner if owner.usable else None


class SourceHash(DestinationHash):
    """Each of the line owns as many buckets in a row as its weight (of weight 0: one)."""

    def _deal(self) -> None:
        turn = [
            candidate
            for candidate in self.line
            for _ in range(min(max(candidate.weight, 1), BUCKETS))
        ]
        self._buckets = (turn * BUCKETS)[:BUCKETS]

    def pick(self, call: Call) -> Candidate | None:
        if not self._buckets:
            return None
        bucket = bucket_of(call.client, call.client_port if self.flags & WITH_PORT else 0)
        if self._buckets[bucket].usable or not self.flags & FALLBACK:
            owner = self._buckets[bucket]
            return owner if owner.usable else None
        # The kernel's search begins at twice the hash, so that the owner's clients spread.
        rest = (self._buckets[(2 * bucket + step) % BUCKETS] for step in range(BUCKETS))
        return next((owner for owner in rest if owner.usable), None)
