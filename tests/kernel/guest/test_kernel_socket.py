"""The kernel plane's socket: a module loaded again, answers lost, strangers, no right to ask."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.ipvs import netlink
from lvsengine.ipvs.diff import Change, Verb, diff
from lvsengine.ipvs.exchange import Exchange, Link, SocketLink
from lvsengine.ipvs.kernel import KernelPlane
from lvsengine.ipvs.table import EMPTY, AddressKey, Destination, DestinationKey, Service, Table
from lvsengine.net import Forwarding, Protocol
from tests.kernel.lab.namespaces import in_namespace, run

WEB = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)
ONE = DestinationKey(WEB, ip_address("10.0.0.1"), 80)
TABLE = Table({WEB: Service("wrr")}, {ONE: Destination(1, Forwarding.NAT)})


async def test_a_reloaded_module_is_found_again(namespace: str, plane: KernelPlane) -> None:
    await plane.flush()
    before = family_number()
    unload()
    assert await plane.read() == EMPTY  # this loads it
    assert family_number() != before
    unload()
    assert await plane.apply(diff(EMPTY, TABLE)) == []
    assert run(namespace, "ipvsadm", "-Sn").splitlines() == [
        "-A -t 192.0.2.1:80 -s wrr",
        "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1",
    ]
    assert await plane.apply([Change(Verb.REMOVE, ONE)]) == []
    [failure] = await plane.apply([Change(Verb.REMOVE, ONE)])
    assert failure.errno == errno.ENOENT


def family_number() -> int:
    exchange = Exchange(SocketLink, "nlctrl")
    name = netlink.text(netlink.FAMILY_NAME, "IPVS")
    [reply] = exchange.ask(netlink.GET_FAMILY, name)
    exchange.close()
    return netlink.number(netlink.body_of(reply)[netlink.FAMILY_ID])


def unload() -> None:
    """Take IPVS out of the kernel, as an upgrade of it would."""
    modules = [line.split() for line in Path("/proc/modules").read_text().splitlines()]
    [users] = [words[3] for words in modules if words[0] == "ip_vs"]
    for user in [name for name in users.split(",") if name not in ("", "-")]:
        run_here("rmmod", user)
    run_here("rmmod", "ip_vs")


def run_here(*command: str) -> None:
    subprocess.run(command, check=True, timeout=20)


async def test_an_overrun_socket_is_noticed_and_the_table_tells(namespace: str) -> None:
    def connect() -> Link:
        with in_namespace(namespace):
            link = SocketLink()
        link._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        return link

    plane = await KernelPlane.open(connect)
    keys = [AddressKey(Protocol.TCP, WEB.address, port) for port in range(1, 151)]
    held = Table(dict.fromkeys(keys, Service("rr")))
    assert await plane.apply(diff(EMPTY, held)) == []
    others = [Change(Verb.ADD, key, Service("wlc")) for key in keys]
    failures = await plane.apply(others)
    assert [failure.change for failure in failures] == others
    assert {failure.errno for failure in failures} == {errno.ETIMEDOUT}
    assert await plane.read() == held
    await plane.close()


async def test_a_batch_of_refusals_fits_the_buffer_that_every_socket_gets(namespace: str) -> None:
    def connect() -> Link:
        with in_namespace(namespace):
            link = SocketLink()
        usual = int(Path("/proc/sys/net/core/rmem_default").read_text())
        link._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, usual // 2)  # it doubles
        return link

    plane = await KernelPlane.open(connect)
    first = AddressKey(Protocol.TCP, WEB.address, 1)
    added = [Change(Verb.ADD, replace(first, port=port + 1), Service()) for port in range(400)]
    assert await plane.apply(added) == []
    assert {failure.errno for failure in await plane.apply(added)} == {errno.EEXIST}
    await plane.close()


async def test_what_others_send_to_the_socket_is_not_taken_for_the_kernels() -> None:
    link = SocketLink(deadline_s=0.05)
    port, _ = link._socket.getsockname()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16) as other:
        other.sendto(netlink.message(16, 0, 1, 1), (port, 0))
        with pytest.raises(TimeoutError):
            link.receive()
    link.close()


async def test_who_is_not_root_is_told() -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(EngineError) as caught:
            await KernelPlane.open()
    finally:
        os.seteuid(0)
    assert caught.value.code == "not-permitted"
