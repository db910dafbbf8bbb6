"""Listening sockets for the userspace plane, and what to tell people when there is none."""

from __future__ import annotations

import errno
import os
import socket

from lvsengine.ipvs.table import AddressKey
from lvsengine.net import Protocol, endpoint

BACKLOG = 1024
# linux/in.h and linux/in6.h; the socket module has no names for them.
IP_FREEBIND = 15
IPV6_FREEBIND = 78

WHY = {
    errno.EACCES: "ports below 1024 need root: run pulse as root, or take a higher port",
    errno.EADDRINUSE: "another program listens there: stop it, or take another port",
    errno.EADDRNOTAVAIL: "this machine does not let us listen on an address it does not have",
    errno.EMFILE: "too many files are open: raise the limit (LimitNOFILE=, ulimit -n)",
    errno.EAFNOSUPPORT: "this machine has no IPv6: switch it on, or take an IPv4 address",
}


def open_door(key: AddressKey) -> socket.socket:
    """Listen on a virtual IP, whether or not this machine holds it yet.

    Raises:
        OSError: As from bind(2). `why_not` makes a sentence of it.
    """
    family = socket.AF_INET6 if key.family == 6 else socket.AF_INET
    kind = socket.SOCK_STREAM if key.protocol is Protocol.TCP else socket.SOCK_DGRAM
    door = socket.socket(family, kind | socket.SOCK_NONBLOCK)
    try:
        _set_options(door, key)
        door.bind((str(key.address), key.port))
        if key.protocol is Protocol.TCP:
            door.listen(BACKLOG)
    except OSError:
        door.close()
        raise
    return door


def why_not(key: AddressKey, error: OSError) -> str:
    """Say why nobody can listen there, and what to do about it."""
    code = error.errno or errno.EIO
    where = endpoint(key.address, key.port)
    return f"cannot listen on {key.protocol.value} {where}: {WHY.get(code, os.strerror(code))}"


def _set_options(door: socket.socket, key: AddressKey) -> None:
    if key.protocol is Protocol.TCP:
        # For UDP this would let two programs share the port unawares.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if key.family == 6:
        door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        door.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    else:
        door.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
