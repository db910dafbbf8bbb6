"""Which checks should run: lvs.cf's meaning -> one `Definition` for each enabled real server.

Real servers whose definitions are equal share one check; the driver sees to that.
"""

from __future__ import annotations

from lvsengine.health import RealServerKey
from lvsengine.lvscf.model import Config, RealServer, VirtualServer
from lvsengine.nanny.check import Definition
from lvsengine.net import Protocol

HTTP_PORT = 80
HTTP_SEND = r"GET / HTTP/1.0\r\n\r\n"
HTTP_EXPECT = "HTTP"


Plan = dict[RealServerKey, Definition]


def plan(config: Config, before: Config | None = None, planned: Plan | None = None) -> Plan:
    """Plan a check for each enabled real server of each enabled virtual server.

    Args:
        before, planned: An earlier configuration and its plan, to be quicker: of most virtual
            servers nothing has changed, and their definitions are used again.
    """
    if before is not None and before.script_user != config.script_user:
        before = None
    earlier = {virtual.name: virtual for virtual in before.virtual_servers} if before else {}
    known = planned or {}
    made: Plan = {}
    user = config.script_user
    for virtual in config.enabled_virtual_servers:
        is_same = earlier.get(virtual.name) == virtual
        for server in virtual.real_servers:
            if server.enabled:
                key = RealServerKey(virtual.name, server.name)
                made[key] = known[key] if is_same else definition(virtual, server, user)
    return made


def definition(virtual: VirtualServer, server: RealServer, user: str = "") -> Definition:
    """Say what to try; the virtual server's keys choose the kind of check.

    `timeout` is the deadline and the interval, as in the original; but the original's interval
    began when a try had ended, ours when it starts.
    """
    kind, send, expect = _asked(virtual)
    timeout_s = max(1, virtual.timeout_s)
    return Definition(
        kind=kind,
        address=server.address,
        port=virtual.port_of(server),
        protocol=virtual.protocol,
        send=send,
        expect=expect,
        use_regex=virtual.use_regex and expect is not None,
        program=virtual.send_program if kind == "send_program" else None,
        user=user if kind == "send_program" else "",
        timeout_s=float(timeout_s),
        interval_s=float(timeout_s),
        fall=max(1, virtual.fall),
        rise=max(1, virtual.reentry_s // timeout_s),
    )


def _asked(virtual: VirtualServer) -> tuple[str, str | None, str | None]:
    """Choose the kind, what to send and what to expect. An empty text is none.

    `send_program` wins over `send`. A virtual server on TCP port 80 that says nothing is
    taken for a web server. Of protocols other than TCP nothing can be known without asking.
    """
    send, expect = virtual.send or None, virtual.expect or None
    if virtual.send_program and virtual.send_program.strip():
        return "send_program", None, expect
    if virtual.protocol is Protocol.UDP:
        return ("send_expect", send, expect) if send else ("none", None, None)
    if virtual.protocol is not Protocol.TCP:
        return "none", None, None
    if send or expect:
        return "send_expect", send, expect
    if virtual.port == HTTP_PORT:
        return "send_expect", HTTP_SEND, HTTP_EXPECT
    return "tcp_connect", None, None
