"""Firewall rules that keep a director, for seconds, from denying what it does not know yet.

In a planned handover packets of a connection may reach the taker before word of it does. The
taker's own TCP would answer them with a reset; and what a real server behind NAT sends would go
on with the real server's address, which the client resets. Dropped instead, they are sent again
in some 200 ms, and by then the taker knows. Rendered for nft and for iptables-restore; text only.

The rules end by themselves, whatever becomes of this process: nft's sets forget their elements.
iptables' rules are loaded before, and are in force for some seconds after a packet marked `ON`
has passed their first rule, which puts it on a list of the kernel's xt_recent: to start a program
in the middle of a handover would keep a small machine busy just then, and the list's file in /proc
is root's. Only who has CAP_NET_ADMIN can mark a packet; none of them leaves the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lvsengine.lvscf.model import Config, VirtualServer
from lvsengine.net import Address, Forwarding

NFT_TABLE = "inet piranha_hush"
CHAIN = "PIRANHA-HUSH"
# By version: the name of the list, and the address under which every packet counts.
SWITCHES = {4: ("piranha_hush", "0.0.0.0"), 6: ("piranha_hush6", "::")}
ON, OFF = 0x50495201, 0x50495202  # marks of the packets that switch; nobody else's, we hope
HOOKS = {"filter": "OUTPUT", "mangle": "POSTROUTING"}  # table -> the chain that jumps to ours

End = tuple[Address, int]

# The first line makes the table where there is none, so that the second never fails.
NFT_REMOVAL = f"table {NFT_TABLE}\ndelete table {NFT_TABLE}\n"


@dataclass(frozen=True, slots=True)
class Hush:
    """What is kept quiet.

    Attributes:
        virtual: No reset leaves from these.
        real: Nothing goes on from these; they are ends of connections through NAT, which
            leave with the virtual IP once they are known.
    """

    virtual: tuple[Address, ...] = ()
    real: tuple[End, ...] = ()


def hush_of(config: Config) -> Hush:
    """Collect the virtual IPs, and behind NAT the ends of the real servers."""
    virtuals = config.enabled_virtual_servers
    by_nat = virtuals if config.network is Forwarding.NAT else ()
    ends = {end for virtual in by_nat for end in _ends(virtual)}
    return Hush(
        tuple(sorted({virtual.address for virtual in virtuals}, key=_order)),
        tuple(sorted(ends, key=lambda end: (_order(end[0]), end[1]))),
    )


def _ends(virtual: VirtualServer) -> Iterator[End]:
    for real in virtual.real_servers:
        yield real.address, real.port or virtual.port
    if virtual.sorry_server is not None:
        yield virtual.sorry_server, virtual.port


def nft_rules(hush: Hush, seconds: int) -> str:
    """Write an nft script that replaces what an earlier one left."""
    lines = [
        NFT_REMOVAL + f"table {NFT_TABLE} {{",
        *(line for version in (4, 6) for line in _nft_sets(hush, version, seconds)),
        "\tchain output {",
        "\t\ttype filter hook output priority 0; policy accept;",
        "\t\tip saddr @virtual4 tcp flags & rst == rst drop",
        "\t\tip6 saddr @virtual6 tcp flags & rst == rst drop",
        "\t}",
        "\tchain postrouting {",
        "\t\ttype filter hook postrouting priority -150; policy accept;",
        "\t\tip saddr . tcp sport @real4 drop",
        "\t\tip6 saddr . tcp sport @real6 drop",
        "\t}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def iptables_rules(hush: Hush, version: int, seconds: int) -> str:
    """Write the input of `iptables-restore --noflush` (version 4) or `ip6tables-restore` (6).

    Args:
        seconds: For how long the rules are in force once they are switched on.
    """
    name, all_the_same = SWITCHES[version]
    the_list = f"--name {name} --mask {all_the_same} --rsource"
    off = f"-A {CHAIN} -m recent ! --rcheck --seconds {seconds} {the_list} -j RETURN"
    switch = [
        f"-A {CHAIN} -m mark --mark {ON:#x} -m recent --set {the_list} -j DROP",
        f"-A {CHAIN} -m mark --mark {OFF:#x} -m recent --remove {the_list}",
        f"-A {CHAIN} -m mark --mark {OFF:#x} -j DROP",
    ]
    resets = [
        f"-A {CHAIN} -s {address} -p tcp --tcp-flags RST RST -j DROP"
        for address in hush.virtual
        if address.version == version
    ]
    strays = [
        f"-A {CHAIN} -s {address} -p tcp --sport {port} -j DROP"
        for address, port in hush.real
        if address.version == version
    ]
    return _iptables("filter", [*switch, off, *resets]) + _iptables("mangle", [off, *strays])


def iptables_removal(*tables: str) -> str:
    """Undo some tables of `iptables_rules`; iptables-restore fails where they are not there."""
    return "".join(
        f"*{table}\n-D {HOOKS[table]} -j {CHAIN}\n-F {CHAIN}\n-X {CHAIN}\nCOMMIT\n"
        for table in tables
    )


def _iptables(table: str, rules: Sequence[str]) -> str:
    jump = f"-I {HOOKS[table]} -j {CHAIN}"  # before any rule that lets all of lo pass
    return "\n".join([f"*{table}", f":{CHAIN} - [0:0]", *rules, jump, "COMMIT"]) + "\n"


def _nft_sets(hush: Hush, version: int, seconds: int) -> list[str]:
    kind = f"ipv{version}_addr"
    virtual = [str(address) for address in hush.virtual if address.version == version]
    real = [f"{address} . {port}" for address, port in hush.real if address.version == version]
    return [
        _nft_set(f"virtual{version}", kind, virtual, seconds),
        _nft_set(f"real{version}", f"{kind} . inet_service", real, seconds),
    ]


def _nft_set(name: str, kind: str, members: Sequence[str], seconds: int) -> str:
    elements = ", ".join(f"{member} timeout {seconds}s" for member in members)
    filled = f" elements = {{ {elements} }};" if members else ""
    return f"\tset {name} {{ type {kind}; flags timeout;{filled} }}"


def _order(address: Address) -> tuple[int, int]:
    return address.version, int(address)
