"""SSH public keys as text: read strictly, for they come from the other end; fingerprints."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from lvsengine.errors import EngineError

SYNC_KIND = "ssh-ed25519"
# What hosts have, and how ssh-keygen -l calls it.
LABELS = {
    "ssh-ed25519": "ED25519",
    "ecdsa-sha2-nistp256": "ECDSA",
    "ecdsa-sha2-nistp384": "ECDSA",
    "ecdsa-sha2-nistp521": "ECDSA",
    "ssh-rsa": "RSA",
}
PEER = "peer"  # the name under which the other director's host keys are pinned
_LONGEST_LINE = 6000  # an RSA key of 16384 bits has 2800 characters
_ED25519_BLOB = 51
_SHORTEST_BLOB = 24


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key: its kind, as in known_hosts, and its blob in base64."""

    kind: str
    blob: str

    def __str__(self) -> str:
        return f"{self.kind} {self.blob}"

    @property
    def label(self) -> str:
        return LABELS[self.kind]

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and 43 characters, as ssh-keygen -l writes it."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def parse(line: str) -> PublicKey:
    """Read `KIND BASE64 [COMMENT]`; the comment is dropped.

    Raises:
        EngineError: `bad-public-key`. The sentence does not repeat the line.
    """
    words = line[:_LONGEST_LINE].split(maxsplit=2)
    if len(words) < 2 or words[0] not in LABELS:
        raise _bad(f"is of none of the kinds {', '.join(LABELS)}")
    kind, blob = words[:2]
    try:
        data = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        raise _bad("is not in base64") from None
    if base64.b64encode(data).decode() != blob:
        raise _bad("is not in base64")  # the same bytes have one spelling alone
    name = kind.encode()
    if not data.startswith(len(name).to_bytes(4) + name) or len(data) < _SHORTEST_BLOB:
        raise _bad(f"is not what it says, {kind}")
    if kind == SYNC_KIND and len(data) != _ED25519_BLOB:
        raise _bad(f"has {len(data)} bytes, not {_ED25519_BLOB}")
    return PublicKey(kind, blob)


def known_hosts(keys: Iterable[PublicKey]) -> str:
    """Write the file that pins the peer's host keys."""
    return "".join(f"{PEER} {key}\n" for key in keys)


def authorized_keys(key: PublicKey, command: str) -> str:
    """Write the file that lets the peer's sync key run `command`, whatever it asks for."""
    return (
        "# Written by `lvsctl pair`, which replaces this file whole.\n"
        f'restrict,command="{command}" {key} sync@{PEER}\n'
    )


def _bad(why: str) -> EngineError:
    return EngineError(
        "bad-public-key", f"a public key {why}", "`ssh-keygen -lf FILE` judges a key file"
    )
