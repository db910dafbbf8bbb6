"""The choosers that remember who serves an address: `lblc` and `lblcr`.

They are for caches behind a transparent proxy, where one destination address should meet the
same cache again. Sources: ip_vs_lblc.c and ip_vs_lblcr.c of Linux 6.1. The kernel clears stale
memories by a timer; here it happens when they are met, or when there are too many.
"""

from __future__ import annotations

from dataclasses import dataclass

from lvsengine.ipvs.choosing import Call, Candidate, Chooser, least, overhead
from lvsengine.net import Address

MOST_ADDRESSES = 16384
STALE_S = 6 * 60  # when there are too many
EXPIRY_S = 24 * 60 * 60  # net.ipv4.vs.lblc_expiration and lblcr_expiration


@dataclass(slots=True)
class Memory:
    """Who serves one address: the latest first; with `lblc` only ever one."""

    servers: list[Candidate]
    used_s: float
    changed_s: float


class LocalityLeastConnections(Chooser):
    def _start(self) -> None:
        self._memories: dict[Address, Memory] = {}

    def remove(self, candidate: Candidate) -> None:
        super().remove(candidate)
        for memory in self._memories.values():
            if candidate in memory.servers:
                memory.servers.remove(candidate)

    def pick(self, call: Call) -> Candidate | None:
        memory = self._recall(call)
        if memory and memory.servers:
            known = memory.servers[0]
            if known.weight > 0 and not self._should_move(known):
                return known
        chosen = least(self.line, overhead)
        if chosen:
            self._remember(call, [chosen])
        return chosen

    def _recall(self, call: Call) -> Memory | None:
        memory = self._memories.get(call.address)
        if memory is None or call.now_s - memory.used_s >= EXPIRY_S:
            return None
        memory.used_s = call.now_s
        return memory

    def _remember(self, call: Call, servers: list[Candidate]) -> None:
        if call.address not in self._memories and len(self._memories) > MOST_ADDRESSES:
            self._forget_stale(call.now_s)
            if len(self._memories) > MOST_ADDRESSES:
                return
        self._memories[call.address] = Memory(servers, call.now_s, call.now_s)

    def _forget_stale(self, now_s: float) -> None:
        self._memories = {
            address: memory
            for address, memory in self._memories.items()
            if now_s - memory.used_s < STALE_S
        }

    def _should_move(self, known: Candidate) -> bool:
        """Whether it has more connections than its weight while another is half idle."""
        return known.active > known.weight and any(
            candidate.active * 2 < candidate.weight for candidate in self.line
        )


class ReplicatedLocality(LocalityLeastConnections):
    """A set of real servers for each address: grows under load, loses its busiest in calm."""

    def pick(self, call: Call) -> Candidate | None:
        memory = self._recall(call)
        if memory is None:
            return self._first(call)
        known = least(memory.servers, overhead)
        if len(memory.servers) > 1 and call.now_s - memory.changed_s > EXPIRY_S:
            self._lose_busiest(memory, call.now_s)
        if known and not self._should_move(known):
            return known
        chosen = least(self.line, overhead)
        if chosen and chosen not in memory.servers:
            memory.servers.insert(0, chosen)
            memory.changed_s = call.now_s
        return chosen

    def _first(self, call: Call) -> Candidate | None:
        chosen = least(self.line, overhead)
        if chosen:
            self._remember(call, [chosen])
        return chosen

    def _lose_busiest(self, memory: Memory, now_s: float) -> None:
        busiest: Candidate | None = None
        for candidate in memory.servers:
            if candidate.weight > 0 and (
                busiest is None
                or overhead(busiest) * candidate.weight < overhead(candidate) * busiest.weight
            ):
                busiest = candidate
        if busiest:
            memory.servers.remove(busiest)
            memory.changed_s = now_s
