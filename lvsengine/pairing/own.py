"""What this director tells of itself, as found on its disk: host keys, sync key, heartbeat key."""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lvsengine import accounts
from lvsengine.errors import EngineError
from lvsengine.heartbeat import keys
from lvsengine.heartbeat.packet import Key
from lvsengine.pairing import completing, files, public_keys
from lvsengine.pairing.files import Batch, Ids, Wanted
from lvsengine.pairing.messages import Identity
from lvsengine.pairing.paths import Paths
from lvsengine.pairing.public_keys import PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_SIZE = 32


@dataclass(frozen=True, slots=True)
class Fresh:
    """Secrets made once for a run, used for what is not on the disk yet."""

    sync_seed: bytes = field(default_factory=lambda: os.urandom(SEED_SIZE), repr=False)
    heartbeat_key: Key = field(default_factory=keys.new, repr=False)


@dataclass(frozen=True, slots=True)
class Home:
    """The system that a run of `lvsctl pair` works on."""

    paths: Paths
    fresh: Fresh = field(default_factory=Fresh)
    ids: Ids = accounts.ids_of


@dataclass(frozen=True, slots=True)
class Own:
    """What this director tells, and the files behind it, as they shall lie on the disk."""

    identity: Identity
    files: tuple[Wanted, ...] = ()


def gather(paths: Paths, fresh: Fresh) -> Own:
    """Read what this director tells of itself; write nothing.

    Raises:
        EngineError: `no-host-key`, `bad-sync-key`, `bad-public-key`, `not-readable`.
    """
    hosts = tuple(_host_keys(paths.host_keys))
    sync, wanted = _sync_key(paths, fresh.sync_seed)
    return Own(Identity(socket.gethostname(), hosts, sync), wanted)


def heartbeat_key(path: Path, fresh: Fresh) -> bytes:
    """Read the heartbeat's key file; a fresh one where there is none yet.

    Raises:
        EngineError: `bad-key-file`, `not-readable`.
    """
    data = files.read(path)
    if data is None:
        return keys.text_of([fresh.heartbeat_key]).encode()
    keys.load(path)
    return data


def heartbeat_file(path: Path, data: bytes) -> Wanted:
    """Give the file for user pulse, who reads it and who alone may."""
    return Wanted(path, data, accounts.PULSE, 0o600)


def trust(paths: Paths, peer: Identity) -> tuple[Wanted, Wanted]:
    """Give the two files by which this director knows the peer, and lets it in."""
    command = f"{_plain_path(paths.command)} pair answer"
    hosts = public_keys.known_hosts(peer.host_keys).encode()
    authorized = public_keys.authorized_keys(peer.sync_key, command).encode()
    return (
        Wanted(paths.known_hosts, hosts, accounts.PIRANHA, 0o644),
        Wanted(paths.authorized_keys, authorized, files.ROOT, 0o644),
    )


def notes(paths: Paths, key_file: Path) -> tuple[str, ...]:
    """Say what the operator should know of this director's disk before it is written."""
    said = []
    if paths.authorized_keys.exists():
        said.append(
            "This director was paired before: what it knew of the peer of then is replaced by what"
            " it knows now; the heartbeat key is the primary's, as ever."
        )
    folder = key_file.parent
    if folder.is_dir() and folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        said.append(
            f"{folder} may be written by others than root, who could put another heartbeat key"
            f" there: {completing.KEY_FILE} is a better place."
        )
    return tuple(said)


def refuse_oneself(one: Identity, other: Identity) -> None:
    """Two directors must be two.

    Raises:
        EngineError: `same-machine`.
    """
    if one.sync_key == other.sync_key:
        raise EngineError(
            "same-machine",
            "both ends have the same sync key: this is one machine, or one is a copy of the other",
            "on a copy, remove /var/lib/piranha/sync/id_ed25519*, and make host keys of its own",
        )


def remember_base(home: Home, lvs_cf: bytes) -> None:
    """Keep what both have now, and let a sync that waits after failures try anew at once."""
    kept = {home.paths.base: lvs_cf, home.paths.wanted: b""}
    wanted = [Wanted(path, data, accounts.PIRANHA, 0o640) for path, data in kept.items()]
    batch = Batch(home.paths, wanted, home.ids)
    try:
        for path in kept:
            batch.put(path)
    finally:
        batch.drop()


def _plain_path(path: str) -> str:
    if not all(one.isalnum() or one in "/._+-" for one in path):
        raise EngineError(
            "bad-command-path",
            f"sshd cannot run {path!r} for the peer: it holds more than letters, digits and /._+-",
            "install it in another folder",
        )
    return path


def _host_keys(folder: Path) -> list[PublicKey]:
    found = []
    for path in sorted(folder.glob("ssh_host_*_key.pub")):
        line = (files.read(path, follow=True) or b"").decode("utf-8", "replace")
        if line.split(maxsplit=1)[:1] != ["ssh-dss"]:  # sshd offers it no more
            found.append(public_keys.parse(line))
    if not found:
        raise EngineError(
            "no-host-key",
            f"there is no host key of sshd in {folder}",
            "install openssh-server, and make the keys by `ssh-keygen -A`",
        )
    return found


def _sync_key(paths: Paths, seed: bytes) -> tuple[PublicKey, tuple[Wanted, ...]]:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    found = files.read(paths.sync_key)
    private = (
        Ed25519PrivateKey.from_private_bytes(seed) if found is None else _loaded(paths, found)
    )
    line = private.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    public = public_keys.parse(line.decode())
    pem = found or private.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()
    )
    text = f"{public} sync@{socket.gethostname()}\n".encode()
    return public, (
        Wanted(paths.sync_key, pem, accounts.PIRANHA, 0o600),
        Wanted(paths.sync_public_key, text, accounts.PIRANHA, 0o644),
    )


def _loaded(paths: Paths, data: bytes) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        private = load_ssh_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise EngineError(
            "bad-sync-key",
            f"{paths.sync_key} is no ed25519 key without a passphrase",
            "move it away; a new one is made, and both directors must be paired again",
        )
    return private
