"""Two directors in folders, with all their secrets known beforehand, and a wire between them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from lvsengine.heartbeat.packet import Key
from lvsengine.pairing import code, talk
from lvsengine.pairing.backup import Backup
from lvsengine.pairing.messages import HEADER_SIZE
from lvsengine.pairing.own import Fresh, Home
from lvsengine.pairing.paths import Paths
from lvsengine.pairing.primary import Primary
from lvsengine.pairing.sealing import Side
from lvsengine.pairing.talk import Channel

CODE = code.of_random(bytes(range(13)))
OTHER_CODE = code.of_random(bytes(range(1, 14)))
PRIMARY, BACKUP = ip_address("127.0.0.1"), ip_address("127.0.0.2")
HEARTBEAT_SECRET = b"the heartbeat's secret of 32 oct"
MESSAGE_S = 5.0

LVS_CF = """\
# the shop
serial_no = 7
primary = 127.0.0.1
network = direct

virtual shop {
     active = 1
     address = 192.0.2.100 eth0:1
     vip_nmask = 255.255.255.0
     port = 80
     server one {
         address = 10.9.9.21
         active = 1
         weight = 1
     }
}
"""

Snapshot = dict[str, tuple[int, bytes]]


def public_line(seed: int) -> str:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def a_home(root: Path, seed: int) -> Home:
    """Make a director with a host key and nothing else."""
    (root / "etc/ssh").mkdir(parents=True)
    (root / "etc/ssh/ssh_host_ed25519_key.pub").write_text(f"{public_line(seed)} root@host\n")
    fresh = Fresh(bytes([seed + 1]) * 32, Key(seed, HEARTBEAT_SECRET))
    return Home(Paths(root), fresh)


def a_pair(folder: Path) -> tuple[Home, Home]:
    """Make a primary that has an lvs.cf, and an empty backup."""
    primary, backup = a_home(folder / "a", 10), a_home(folder / "b", 20)
    primary.paths.lvs_cf.parent.mkdir(parents=True)
    primary.paths.lvs_cf.write_text(LVS_CF)
    return primary, backup


def snapshot(home: Home) -> Snapshot:
    """Read every file: its mode and bytes by its path."""
    root = home.paths.root
    return {
        str(path.relative_to(root)): (path.stat().st_mode & 0o7777, _content(path))
        for path in root.rglob("*")
        if path.is_file()
    }


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if path.name != "id_ed25519":
        return data
    key = load_ssh_private_key(data, None)  # the file holds a random number beside
    assert isinstance(key, Ed25519PrivateKey)
    return key.private_bytes_raw()


@dataclass
class Ended:
    """How a meeting ended at both ends; None is well."""

    primary: Exception | None = None
    backup: Exception | None = None


Change = Callable[[Side, bytes], bytes]


class Cut(Exception):
    """Raised by a `Change`: the wire is cut now."""


def meet(
    primary: Home,
    backup: Home,
    change: Change | None = None,
    message_s: float = MESSAGE_S,
    *,
    replace: bool = False,
) -> Ended:
    """Let both ends meet; `change` sees, and may change, what each side sends."""
    ended = Ended()
    near, far = socket.socketpair()
    middle: list[socket.socket] = []
    threads = []
    if change is not None:
        other, end = socket.socketpair()
        middle, far = [far, other], end
        for side, (source, sink) in ((Side.JOIN, middle), (Side.INVITE, middle[::-1])):
            threads.append(threading.Thread(target=_carry, args=(source, sink, side, change)))
    inviting = Primary(primary, PRIMARY, BACKUP)
    joining = Backup(backup, lambda address: address == BACKUP, replace=replace)

    def invite() -> None:
        ended.primary = _conversed(far, message_s, Side.INVITE, inviting)

    threads.append(threading.Thread(target=invite))
    for thread in threads:
        thread.start()
    ended.backup = _conversed(near, message_s, Side.JOIN, joining)
    for thread in threads:
        thread.join()
    for one in middle:
        one.close()
    return ended


def _conversed(
    end: socket.socket, message_s: float, side: Side, party: Primary | Backup
) -> Exception | None:
    try:
        talk.converse(Channel(end, message_s), side, CODE, party)
    except Exception as error:
        return error
    finally:
        end.close()
        party.close()
    return None


def _carry(source: socket.socket, sink: socket.socket, side: Side, change: Change) -> None:
    """Carry bytes until one end closes."""
    with contextlib.suppress(OSError, Cut):
        while data := source.recv(65536):
            sink.sendall(change(side, data))
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def frames_of(data: bytes) -> list[bytes]:
    """Cut a stream of whole frames into them."""
    found = []
    while data:
        size = HEADER_SIZE + int.from_bytes(data[1:HEADER_SIZE])
        found.append(data[:size])
        data = data[size:]
    return found
