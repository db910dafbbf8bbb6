"""How lvsctl writes what the engine says: text for a terminal, plain enough for grep."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from lvsengine.control import messages
from lvsengine.health import Override
from lvsengine.snapshot import (
    PeerState,
    RealServerState,
    Snapshot,
    Traffic,
    VirtualServerState,
)

SHAPES = {"up": "●", "down": "■", "unknown": "?"}


def status(snapshot: Snapshot, sync: Iterable[str] = ()) -> Iterator[str]:
    """Yield the lines of `lvsctl status`; `sync`: those that say how the sync stands."""
    since = moment(snapshot.since, snapshot.at)
    yield f"director   {snapshot.role}, {snapshot.state.upper()} since {since}: {snapshot.reason}"
    if snapshot.not_ready:
        yield f"NOT READY  {'; '.join(snapshot.not_ready)}"
    if snapshot.peer is not None:
        yield from _peer(snapshot.peer)
    yield f"pulse      {snapshot.version}, pid {snapshot.pid}, {snapshot.plane} plane"
    yield f"lvs.cf     {snapshot.path}: {_revisions(snapshot)}"
    yield from sync
    for address in snapshot.addresses:
        yield f"address    {address.address} on {address.device}: {address.held}"
    for warning in snapshot.warnings:
        yield f"warning    {warning}"
    for failure in snapshot.failures:
        at = moment(failure.since, snapshot.at)
        yield f"FAILING    {failure.what} since {at}: {failure.sentence} (errno {failure.errno})"
    for virtual in snapshot.virtual_servers:
        yield ""
        yield from _virtual(virtual, snapshot.at)


def _peer(peer: PeerState) -> Iterator[str]:
    if peer.heard_s is None:
        yield "peer       never heard"
    else:
        ready = "ready" if peer.ready else f"not ready: {peer.reasons or 'it does not say why'}"
        runs = f", runs revision {peer.revision}" if peer.revision else ""
        said = f"{peer.state.upper()}, {ready}{runs}"
        silent = "SILENT for deadtime or longer; last it said: " if peer.silent else ""
        yield f"peer       {silent}{said}, heard {peer.heard_s:.1f} s ago"
    for link in peer.links:
        heard = "never heard" if link.heard_s is None else f"heard {link.heard_s:.1f} s ago"
        loss = "" if link.loss is None else f", {link.loss:.0%} lost"
        failed = f", SENDING FAILS: {link.failed}" if link.failed else ""
        yield f"link       {link.link}: {heard}{loss}{failed}"
    for rejected in peer.rejected:
        if rejected.count:
            yield f"rejected   {rejected.count} heartbeats: {rejected.kind}"


def _revisions(snapshot: Snapshot) -> str:
    if snapshot.file_revision == snapshot.revision:
        return f"revision {snapshot.revision} runs"
    on_disk = snapshot.file_revision or "cannot be read"
    return f"revision {snapshot.revision} runs, on disk is {on_disk} (lvsctl plan shows, reload)"


def _virtual(virtual: VirtualServerState, now: float) -> Iterator[str]:
    head = f"virtual server {virtual.name}: {virtual.service} {virtual.scheduler}"
    if virtual.persistence_s:
        head += f" persistent {virtual.persistence_s} s"
    yield f"{head}, {_traffic(virtual.traffic)}"
    widths = [
        max((len(text) for text in column), default=0)
        for column in zip(*(_cells(real) for real in virtual.real_servers), strict=True)
    ]
    for real in virtual.real_servers:
        cells = " ".join(
            text.ljust(width) for text, width in zip(_cells(real), widths, strict=True)
        )
        yield f"  {cells} since {moment(real.since, now)}: {real.reason}"
    if virtual.sorry_server:
        yield f"  ▲ sorry server {virtual.sorry_server} stands in: no real server is up"


def _cells(real: RealServerState) -> tuple[str, ...]:
    """What stands in columns: shape, name, address, state, weight, connections."""
    state = real.health
    if real.override != Override.AUTO.value:
        state += f" ({real.override})"
    weight = f"weight {real.weight}"
    if real.effective_weight != real.weight:
        held = "out" if real.effective_weight is None else str(real.effective_weight)
        weight += f" now {held}"
    where = f"[{real.address}]" if ":" in real.address else real.address
    endpoint = f"{where}:{real.port}"
    return _shape(real), real.name, endpoint, state, weight, f"{real.traffic.active} active"


def _shape(real: RealServerState) -> str:
    if real.override == Override.DRAIN.value:
        return "▲"
    if real.override == Override.AUTO.value:
        quiesced = real.health == "down" and real.effective_weight == 0
        return "▲" if quiesced else SHAPES[real.health]
    return SHAPES["up" if real.override == Override.UP.value else "down"]


def _traffic(traffic: Traffic) -> str:
    return f"{traffic.connections_per_s} connections/s, {traffic.connections} in all"


def moment(at: float, now: float) -> str:
    """Write a local time, with the date when it is not today's; `never` for 0."""
    if not at:
        return "never"
    then, today = time.localtime(at), time.localtime(now)
    same_day = then[:3] == today[:3]
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", then)


def planned(plan: messages.Planned) -> Iterator[str]:
    yield from plan.problems
    if not plan.lines:
        yield "no change in the table"
    for line in plan.lines:
        note = f", {line.note}" if line.note else ""
        yield f"{line.line}    # {_live(line.connections)}{note}"
    yield from (f"virtual IP: {address}" for address in plan.addresses)
    yield f"revision {plan.revision}"


def _live(connections: int) -> str:
    return f"{connections} live connection{'s' if connections != 1 else ''}"


def reloaded(reply: messages.Reloaded) -> Iterator[str]:
    yield from reply.problems
    yield from reply.changes or ("no change in the table",)
    yield from (f"virtual IP: {address}" for address in reply.addresses)
    for failure in reply.failures:
        yield f"FAILED {failure}"
    yield f"revision {reply.revision} runs"


def explained(reply: messages.Explained, now: float) -> Iterator[str]:
    order = "" if reply.override == "auto" else f", ordered {reply.override}"
    yield f"{reply.name} at {reply.endpoint} is {reply.health}{order}: {reply.reason}"
    yield f"since {moment(reply.since, now)}"
    yield "it gets new connections" if reply.serves else "it gets no new connections"
    yield f"check: {reply.check}"
    for result in reply.results:
        verdict = "ok    " if result.ok else "FAILED"
        took = f"{result.seconds * 1000:8.1f} ms"
        yield f"  {moment(result.at, now)} {verdict} {took}  {result.reason}"
        if result.sent or result.received:
            yield f"           sent '{result.sent}', received '{result.received}'"


def history(reply: messages.History, now: float) -> Iterator[str]:
    for change in reply.changes:
        took = f"{change.seconds * 1000:.0f} ms"
        what = f"{change.state.upper():<8} after {took:>7}"
        yield f"{moment(change.at, now)} {what}  {change.cause}: {change.reason}"


def event(one: messages.Event, now: float) -> str:
    return f"{one.number:>5} {moment(one.at, now)} {one.kind:<8} {one.subject}: {one.sentence}"


def processes(reply: messages.Processes) -> Iterator[str]:
    """Yield the look of `ps`: one line a part or check."""
    width = max((len(process.name) for process in reply.processes), default=0)
    for process in reply.processes:
        yield f"{reply.pid:>7} {process.name.ljust(width)}  {process.does}  [{process.state}]"
