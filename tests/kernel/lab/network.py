"""The lab's network: a client, two directors, three real servers, two switches. Root only.

    client  eth0 192.168.26.100 --+
    dirA    eth0 192.168.26.9   --+-- bridge public   192.168.26.0/24   virtual IP 192.168.26.10
    dirB    eth0 192.168.26.8   --+
    rs1..3  eth1 192.168.26.11..13 (down but for direct routing: else they would answer past NAT)
    dirA    eth1 10.11.12.9     --+
    dirB    eth1 10.11.12.8     --+-- bridge private  10.11.12.0/24     NAT router 10.11.12.10
    rs1..3  eth0 10.11.12.1..3  --+   (default gateway 10.11.12.10)

Every address has an IPv6 twin with the same last number (2001:db8:26::/64, 2001:db8:11::/64).
The bridges live in namespace `switch`; to pull a cable takes the switch's port down, so both
ends lose their carrier. What a director holds (table, virtual IPs, marks) is not made here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.kernel.lab.namespaces import (
    ip_batch,
    make_namespace,
    proc_net,
    remove_namespace,
    run,
    sysctl,
)

CLIENT = "client"
DIRECTORS = ("dirA", "dirB")
REAL_SERVERS = ("rs1", "rs2", "rs3")
SWITCH = "switch"

VIRTUAL_IP = "192.168.26.10"
VIRTUAL_IP6 = "2001:db8:26::10"
NAT_ROUTER = "10.11.12.10"
NAT_ROUTER6 = "2001:db8:11::10"
PREFIXES = {"public": ("192.168.26.", "2001:db8:26::"), "private": ("10.11.12.", "2001:db8:11::")}


@dataclass(frozen=True, slots=True)
class Cable:
    """One machine's device, plugged into one of the two switches."""

    namespace: str
    device: str
    network: str
    number: int
    plugged_at_start: bool = True

    @property
    def port(self) -> str:
        """The name of its end in the switch."""
        return f"{self.namespace}-{self.network}"

    @property
    def address(self) -> str:
        return f"{PREFIXES[self.network][0]}{self.number}"

    @property
    def address6(self) -> str:
        return f"{PREFIXES[self.network][1]}{self.number}"


CABLES = (
    Cable("client", "eth0", "public", 100),
    Cable("dirA", "eth0", "public", 9),
    Cable("dirB", "eth0", "public", 8),
    Cable("rs1", "eth1", "public", 11, plugged_at_start=False),
    Cable("rs2", "eth1", "public", 12, plugged_at_start=False),
    Cable("rs3", "eth1", "public", 13, plugged_at_start=False),
    Cable("dirA", "eth1", "private", 9),
    Cable("dirB", "eth1", "private", 8),
    Cable("rs1", "eth0", "private", 1),
    Cable("rs2", "eth0", "private", 2),
    Cable("rs3", "eth0", "private", 3),
)


def cable(namespace: str, network: str) -> Cable:
    """Find the cable of one machine to the `public` or `private` switch."""
    return next(c for c in CABLES if (c.namespace, c.network) == (namespace, network))


class Network:
    """Builds it all; then pulls cables, and puts machines back as they were."""

    def build(self) -> None:
        for name in (SWITCH, CLIENT, *DIRECTORS, *REAL_SERVERS):
            make_namespace(name)
            # No waiting until an IPv6 address is known to be free.
            sysctl(name, "net/ipv6/conf/all/accept_dad", 0)
            sysctl(name, "net/ipv6/conf/default/accept_dad", 0)
        ip_batch(SWITCH, *_switch_commands())
        for name in (CLIENT, *DIRECTORS, *REAL_SERVERS):
            ip_batch(name, *_machine_commands(name))
        # A port used again within minutes may meet an IPVS entry of a connection that died,
        # and go where that went. The kernel takes ports in turn: the more, the later.
        sysctl(CLIENT, "net/ipv4/ip_local_port_range", "1024 65535")
        for name in DIRECTORS:
            _let_forward(name)
        for name in REAL_SERVERS:
            _weaken_rp_filter(name)

    def remove(self) -> None:
        for name in (CLIENT, *DIRECTORS, *REAL_SERVERS, SWITCH):
            remove_namespace(name)

    def pull(self, cable: Cable) -> None:
        """Pull a cable: the device at its machine loses its carrier."""
        ip_batch(SWITCH, f"link set {cable.port} down")

    def plug(self, cable: Cable) -> None:
        ip_batch(SWITCH, f"link set {cable.port} up")

    def hold_addresses(self, director: str) -> None:
        """Give a director the virtual IPs and the NAT router's, as an engine would."""
        ip_batch(
            director,
            f"addr add {VIRTUAL_IP}/24 dev eth0",
            f"addr add {VIRTUAL_IP6}/128 dev eth0",
            f"addr add {NAT_ROUTER}/24 dev eth1",
            f"addr add {NAT_ROUTER6}/128 dev eth1",
        )
        self.forget_neighbours()

    def forget_neighbours(self) -> None:
        """Forget who held which address, as gratuitous ARP would have it."""
        for name in (CLIENT, *REAL_SERVERS):
            ip_batch(name, "neigh flush all")

    def route_directly(self) -> None:
        """Let the real servers answer for the virtual IPs themselves, by their public cables."""
        for name in REAL_SERVERS:
            public = cable(name, "public")
            sysctl(name, "net/ipv4/conf/all/arp_ignore", 1)
            sysctl(name, "net/ipv4/conf/all/arp_announce", 2)
            ip_batch(
                name,
                f"link set {public.device} up",
                f"addr replace {public.address6}/64 dev {public.device}",
                f"addr replace {VIRTUAL_IP}/32 dev lo",
                f"addr replace {VIRTUAL_IP6}/128 dev lo",
            )

    def route_by_nat(self) -> None:
        """Undo `route_directly`."""
        for name in REAL_SERVERS:
            ip_batch(
                name,
                f"link set {cable(name, 'public').device} down",
                f"addr del {VIRTUAL_IP}/32 dev lo",
                f"addr del {VIRTUAL_IP6}/128 dev lo",
            )

    def tidy(self) -> None:
        """Empty the directors' tables, take their extra addresses and marks away, plug all in."""
        for name in DIRECTORS:
            _tidy_director(name)
        down = {link["ifname"] for link in _links(SWITCH) if "UP" not in link["flags"]}
        for one in CABLES:
            if one.port in down:
                self.plug(one)
        if "UP" in next(x for x in _links(REAL_SERVERS[0]) if x["ifname"] == "eth1")["flags"]:
            self.route_by_nat()


def _switch_commands() -> list[str]:
    bridges = [
        f"link add {network} type bridge mcast_snooping 0 forward_delay 0" for network in PREFIXES
    ]
    cables = [
        command
        for one in CABLES
        for command in (
            f"link add {one.port} type veth peer name {one.device} netns {one.namespace}",
            f"link set {one.port} master {one.network} up",
        )
    ]
    return [*bridges, *cables, *(f"link set {network} up" for network in PREFIXES)]


def _machine_commands(name: str) -> list[str]:
    commands = []
    for one in (c for c in CABLES if c.namespace == name):
        commands.append(f"addr add {one.address}/24 dev {one.device}")
        commands.append(f"addr add {one.address6}/64 dev {one.device}")
        if one.plugged_at_start:
            commands.append(f"link set {one.device} up")
    if name in REAL_SERVERS:
        commands.append(f"route add default via {NAT_ROUTER}")
        commands.append(f"route add ::/0 via {NAT_ROUTER6}")
    return commands


def _let_forward(director: str) -> None:
    sysctl(director, "net/ipv4/ip_forward", 1)
    sysctl(director, "net/ipv6/conf/all/forwarding", 1)
    for device in ("all", "default", "eth0", "eth1"):
        sysctl(director, f"net/ipv4/conf/{device}/rp_filter", 0)
        sysctl(director, f"net/ipv4/conf/{device}/send_redirects", 0)


def _weaken_rp_filter(real_server: str) -> None:
    """A request comes by the private cable and its answer may leave by the public one."""
    for device in ("all", "eth0", "eth1"):
        sysctl(real_server, f"net/ipv4/conf/{device}/rp_filter", 2)


def _tidy_director(name: str) -> None:
    if proc_net(name, "ip_vs").count("\n") > 3:
        run(name, "ipvsadm", "-C")
    if run(name, "ipvsadm", "-Ln", "--daemon").strip():  # of a pulse that was killed
        for role in ("master", "backup"):
            run(name, "ipvsadm", "--stop-daemon", role, check=False)
    for command, tables in (("iptables", "ip_tables_names"), ("ip6tables", "ip6_tables_names")):
        for table in proc_net(name, tables).split():
            run(name, f"{command}-legacy", "-t", table, "-F")
    own = {a for c in CABLES if c.namespace == name for a in (c.address, c.address6)}
    extra = [
        f"addr del {info['local']}/{info['prefixlen']} dev {link['ifname']}"
        for link in _links(name)
        for info in link["addr_info"]
        if info["scope"] == "global" and info["local"] not in own
    ]
    if extra:
        ip_batch(name, *extra)


def _links(name: str) -> list[dict[str, Any]]:
    links: list[dict[str, Any]] = json.loads(run(name, "ip", "-j", "addr"))
    return links
