"""Forged heartbeats by the ten thousand, from a stranger's cable and in the peer's name.

    python -m tests.kernel.lab.flood --count 50000 dirB dirA     (as dirB, at dirA)

It first listens to true heartbeats (argument 1's namespace), as somebody on the same switch may,
and then sends, in turn: those again, each with one bit turned, cut short, with another counter;
the original's two words; noise. It says, as JSON, how many went out and at what rate. Python
alone is too slow for that inside a guest, so one system call sends a hundred datagrams.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import random
import socket
import struct
import time
from collections.abc import Iterator

from tests.kernel.lab.namespaces import in_namespace
from tests.kernel.lab.network import CLIENT, cable

PORT = 539
BURST = 100
SAMPLES = 5
LISTEN_S = 5.0
ORIGINAL_WORDS = (struct.pack("=I", 0xBDADDBDA), struct.pack("=I", 0xADBDDABD))
COUNTER = slice(18, 26)  # of the authenticated form; elsewhere just bytes
ETHERTYPE_ALL = 3
UDP_AT = 14 + 20  # behind the Ethernet and the IPv4 header

_libc = ctypes.CDLL(None, use_errno=True)


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_char_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    _fields_ = (("header", _Header), ("sent", ctypes.c_uint32))


def true_heartbeats(director: str, target: str) -> list[bytes]:
    """Listen until a few heartbeats have left a director for that address.

    Raises:
        TimeoutError: None came within 5 s.
    """
    with in_namespace(director):
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ALL))
    found: list[bytes] = []
    with ear:
        ear.bind((cable(director, "public").device, 0))
        ear.settimeout(LISTEN_S)
        while len(found) < SAMPLES:
            frame = ear.recv(2048)
            meant = frame[12:14] == b"\x08\x00" and frame[30:34] == socket.inet_aton(target)
            if meant and frame[23] == socket.IPPROTO_UDP and _port(frame) == PORT:
                length = int.from_bytes(frame[UDP_AT + 4 : UDP_AT + 6], "big")
                found.append(frame[UDP_AT + 8 : UDP_AT + length])
    return found


def _port(frame: bytes) -> int:
    return int.from_bytes(frame[UDP_AT + 2 : UDP_AT + 4], "big")


def forgeries(samples: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Make one burst's payloads out of true ones."""
    for number in range(BURST):
        sample = samples[number % len(samples)]
        kinds = (
            sample,
            _turned(sample, chance),
            sample[: chance.randrange(len(sample))],
            sample[: COUNTER.start] + chance.randbytes(8) + sample[COUNTER.stop :],
            ORIGINAL_WORDS[number // 6 % 2],
            chance.randbytes(chance.randrange(1, 512)),
        )
        yield kinds[number % len(kinds)]


def _turned(data: bytes, chance: random.Random) -> bytes:
    """With one bit the other way."""
    turned = bytearray(data)
    turned[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(turned)


def datagram(source: str, target: str, payload: bytes) -> bytes:
    """Write IPv4 and UDP around it; the kernel fills in lengths and the sum of the first."""
    udp = struct.pack("!HHHH", PORT, PORT, 8 + len(payload), 0)
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0)
    return head + addresses + udp + payload


def flood(source: str, target: str, samples: list[bytes], rate: float, count: int) -> int:
    """Send so many, at so many a second at most, and return how many went out."""
    chance = random.Random(539)  # noqa: S311 - the same flood each time
    bursts = [
        _messages([datagram(source, target, each) for each in forgeries(samples, chance)], target)
        for _ in range(10)
    ]
    with in_namespace(CLIENT):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sent, began = 0, time.monotonic()
    with raw:
        while sent < count:
            messages = bursts[sent // BURST % len(bursts)]
            sent += max(0, _libc.sendmmsg(raw.fileno(), messages, BURST, 0))
            time.sleep(max(0.0, began + sent / rate - time.monotonic()))
    return sent


def _messages(datagrams: list[bytes], target: str) -> ctypes.Array[_Message]:
    name = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(target))
    messages = (_Message * len(datagrams))()
    for message, data in zip(messages, datagrams, strict=True):
        vector = _Vector(data, len(data))
        message.header = _Header(name, len(name), ctypes.pointer(vector), 1, None, 0, 0)
    return messages


def main() -> None:
    parser = argparse.ArgumentParser(description="Flood a director with forged heartbeats.")
    parser.add_argument("--rate", type=float, default=10_000)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("forged", help="the director in whose name")
    parser.add_argument("target", help="the director at whom")
    options = parser.parse_args()
    target = cable(options.target, "public").address
    samples = true_heartbeats(options.forged, target)
    print("ready", flush=True)
    began = time.monotonic()
    source = cable(options.forged, "public").address
    sent = flood(source, target, samples, options.rate, options.count)
    print(json.dumps({"sent": sent, "rate": sent / (time.monotonic() - began)}), flush=True)


if __name__ == "__main__":
    main()
