"""The arithmetic of the exchange: keys of both ends and the code, proofs, sealed messages.

Values in, values out; randomness is given. `cryptography` is imported when it is needed, for a
command line that only asks for help shall not wait for it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import Enum

PRIVATE_SIZE = 32
PUBLIC_SIZE = 32
PROOF_SIZE = 32
TAG_SIZE = 16
_LABEL = b"piranha pair 1"
_KEY_SIZE = 32


class Side(Enum):
    JOIN = "join"
    INVITE = "invite"

    @property
    def other(self) -> Side:
        return Side.INVITE if self is Side.JOIN else Side.JOIN


@dataclass(frozen=True, slots=True)
class Keys:
    """What both ends compute, each on its own: two keys for each side, and the transcript."""

    transcript: bytes
    proving: dict[Side, bytes] = field(repr=False)
    sealing: dict[Side, bytes] = field(repr=False)


def public_of(private: bytes) -> bytes:
    """Give the public half of 32 random bytes."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def agree(private: bytes, public: bytes, secret: bytes, transcript: bytes) -> Keys | None:
    """Derive the keys of one meeting; None where the other's public half is a degenerate one.

    Args:
        secret: The code.
        transcript: All that was said before, as both ends saw it.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    own = X25519PrivateKey.from_private_bytes(private)
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:  # all zero: the other end chose a point of small order
        return None
    said = hashlib.sha256(transcript).digest()
    kdf = HKDF(algorithm=hashes.SHA256(), length=4 * _KEY_SIZE, salt=said, info=_LABEL)
    stream = kdf.derive(shared + secret)
    parts = [stream[start : start + _KEY_SIZE] for start in range(0, len(stream), _KEY_SIZE)]
    return Keys(
        said,
        {Side.JOIN: parts[0], Side.INVITE: parts[1]},
        {Side.JOIN: parts[2], Side.INVITE: parts[3]},
    )


def proof(keys: Keys, side: Side) -> bytes:
    """Prove, as `side`, that the code is known: 32 bytes."""
    return hmac.digest(keys.proving[side], keys.transcript, "sha256")


def proves(keys: Keys, side: Side, given: bytes) -> bool:
    return hmac.compare_digest(proof(keys, side), given)


def seal(keys: Keys, side: Side, number: int, plain: bytes) -> bytes:
    """Encrypt message `number` (from 0) that `side` sends; adds 16 bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(keys.sealing[side]).encrypt(number.to_bytes(12), plain, None)


def opened(keys: Keys, side: Side, number: int, sealed: bytes) -> bytes | None:
    """Decrypt message `number` of `side`; None where it is not just that."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        return ChaCha20Poly1305(keys.sealing[side]).decrypt(number.to_bytes(12), sealed, None)
    except InvalidTag:
        return None
