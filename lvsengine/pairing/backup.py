"""The backup's part: judge what the primary gives, take it, and know the primary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.heartbeat import keys
from lvsengine.lvscf import reading, store, syntax
from lvsengine.lvscf.model import Config
from lvsengine.lvscf.names import Resolver
from lvsengine.lvscf.problems import first_error
from lvsengine.net import Address
from lvsengine.pairing import files, messages, own
from lvsengine.pairing.files import Batch
from lvsengine.pairing.messages import Gift, Identity
from lvsengine.pairing.own import Home


class Backup:
    """One connection's party at the backup."""

    def __init__(self, home: Home, is_local: Callable[[Address], bool], *, replace: bool) -> None:
        """Read all that is told, and write nothing.

        Args:
            replace: Whether an lvs.cf of this director's own may be replaced.

        Raises:
            EngineError: What this director lacks.
        """
        self._home = home
        self._peer: Identity | None = None
        self.replaced = ""  # the revision of this director's lvs.cf before, where it was another
        self.notes: tuple[str, ...] = ()
        self._is_local = is_local
        self._replace = replace
        self._own = own.gather(home.paths, home.fresh)
        self._text = ""
        self._expected = ""
        self._key_path = Path()
        self._batch: Batch | None = None

    @property
    def identities(self) -> tuple[Identity, Identity]:
        """This director's and the peer's, once they are known."""
        if self._peer is None:
            raise ValueError("nothing was judged")
        return self._own.identity, self._peer

    def offer(self) -> bytes:
        return messages.write_identity(self._own.identity)

    def judge(self, data: bytes) -> None:
        """Find out whether all of it can be used here, and lay it beside its places.

        Raises:
            EngineError: What is wrong with it, or with this machine.
        """
        gift = messages.read_gift(data)
        own.refuse_oneself(self._own.identity, gift.identity)
        self._text = gift.lvs_cf.decode("utf-8", "surrogateescape")
        config = self._sound(self._text)
        self._key_path = self._home.paths.at(config.heartbeat_key_file)
        key = gift.heartbeat_key.encode("ascii", "replace")
        keys.parse(self._key_path, key)
        _need_no_stranger(self._key_path)
        self._expected = self._may_replace(gift)
        trust = own.trust(self._home.paths, gift.identity)
        wanted = (*self._own.files, own.heartbeat_file(self._key_path, key), *trust)
        self.notes = own.notes(self._home.paths, self._key_path)
        self._batch = Batch(self._home.paths, wanted, self._home.ids)
        self._peer = gift.identity

    def write(self) -> None:
        """Put all in place, in the order of the primary's."""
        if self._batch is None:
            raise ValueError("nothing was judged")
        paths = self._home.paths
        self._batch.put(self._key_path, paths.sync_key, paths.sync_public_key)
        store.save(paths.lvs_cf, self._text, expected=self._expected)
        self._batch.put(paths.known_hosts, paths.authorized_keys)

    def confirmed(self) -> None:
        own.remember_base(self._home, self._text.encode("utf-8", "surrogateescape"))

    def close(self) -> None:
        if self._batch is not None:
            self._batch.drop()

    def _sound(self, text: str) -> Config:
        tree = syntax.parse(text, str(self._home.paths.lvs_cf))
        result = reading.read(tree, Resolver())
        if result.config is None:
            raise EngineError(
                "not-sound",
                f"the primary's lvs.cf is not sound as read here: {first_error(result.problems)}",
                "mend it on the primary, then join again",
            )
        config = result.config
        if config.backup is None or not self._is_local(config.backup):
            raise EngineError(
                "not-the-backup",
                f"the primary's lvs.cf says backup = {config.backup}, which is no address of the"
                " machine that joins",
                "correct `backup` on the primary, or bring the interface up here; then join again",
            )
        return config

    def _may_replace(self, gift: Gift) -> str:
        """Give the revision that is to be replaced; empty where there is no lvs.cf."""
        path = self._home.paths.lvs_cf
        try:
            revision = store.current_revision(path)
        except EngineError as error:
            if error.code == "no-file":
                return ""
            raise
        if revision == store.revision_of(gift.lvs_cf):
            return revision
        if revision not in gift.earlier and not self._replace:
            raise EngineError(
                "own-lvs-cf",
                f"the backup has an lvs.cf of its own, revision {revision}, which the primary"
                " never had; nothing was changed on either director",
                "join with --replace to take the primary's: the present one is kept as an earlier"
                " revision",
            )
        self.replaced = revision
        return revision


def _need_no_stranger(path: Path) -> None:
    """Put a key only where there is none, or a key: lvs.cf may name any file.

    Raises:
        EngineError: `bad-key-file`.
    """
    present = files.read(path)
    if present is not None:
        keys.parse(path, present)
