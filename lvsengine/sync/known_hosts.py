"""The pinned host key: one line `peer TYPE BASE64` in the form of OpenSSH's known_hosts."""

from __future__ import annotations

import base64
import binascii
import hashlib

from lvsengine.sync.values import HostKey

HOST = "peer"
KINDS = (  # what may be trusted at all; ssh-rsa signs by SHA-2 only
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)


def host_key(kind: str, blob: bytes) -> HostKey:
    """Describe a public key; `blob` is its wire form."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return HostKey(kind, base64.b64encode(blob).decode(), f"SHA256:{digest}")


def pinned(text: str) -> tuple[HostKey, ...]:
    """List the keys that the peer may show; lines that are no such key count for nothing."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 3 and words[0] == HOST and words[1] in KINDS:
            try:
                found.append(host_key(words[1], base64.b64decode(words[2], validate=True)))
            except binascii.Error:
                continue
    return tuple(found)


def with_key(key: HostKey) -> str:
    """Write the file that trusts this key and no other."""
    return f"{HOST} {key.kind} {key.blob}\n"
