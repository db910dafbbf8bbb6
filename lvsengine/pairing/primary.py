"""The primary's part: complete lvs.cf, give it with the heartbeat key, know the backup."""

from __future__ import annotations

from dataclasses import dataclass

from lvsengine.errors import EngineError
from lvsengine.local import is_local
from lvsengine.lvscf import reading, store, syntax
from lvsengine.lvscf.model import Config
from lvsengine.lvscf.names import Resolver
from lvsengine.lvscf.problems import first_error
from lvsengine.net import Address
from lvsengine.pairing import completing, messages, own
from lvsengine.pairing.files import Batch, Wanted
from lvsengine.pairing.messages import Gift, Identity
from lvsengine.pairing.own import Home, Own
from lvsengine.pairing.paths import Paths


def loaded(paths: Paths) -> tuple[store.Loaded, Config]:
    """Load the primary's lvs.cf, which must be sound and its own.

    Raises:
        EngineError: `no-file`, `not-sound`, `not-the-primary`, or that it cannot be read.
    """
    found = store.load(paths.lvs_cf)
    if found.config is None:
        raise EngineError(
            "not-sound",
            f"{paths.lvs_cf} is not sound, so it cannot be given to a backup:"
            f" {first_error(found.problems)}",
            f"`lvsctl check {paths.lvs_cf}` shows every problem; mend them, then invite again",
        )
    if found.config.primary is not None and not is_local(found.config.primary):
        raise EngineError(
            "not-the-primary",
            f"this is not the primary: {paths.lvs_cf} says primary = {found.config.primary}, which"
            " is no address of this machine",
            "invite on the primary, and join on the backup",
        )
    return found, found.config


@dataclass(frozen=True, slots=True)
class _Read:
    """What lies on the primary's disk, and lvs.cf as it shall be."""

    revision: str
    own: Own
    key: Wanted
    text: str
    earlier: tuple[str, ...]


def check(home: Home) -> Config:
    """See whether this director can invite at all, and write nothing.

    Raises:
        EngineError: What it lacks.
    """
    _found, config = loaded(home.paths)
    own.gather(home.paths, home.fresh)
    _key(home, config)
    return config


class Primary:
    """One connection's party at the primary; reads nothing before the backup proved the code.

    Args:
        here, there: The two ends of the connection.
    """

    def __init__(self, home: Home, here: Address, there: Address) -> None:
        self._home = home
        self.notes: tuple[str, ...] = ()
        self._ends = here, there
        self._read: _Read | None = None
        self._batch: Batch | None = None
        self._peer: Identity | None = None

    @property
    def identities(self) -> tuple[Identity, Identity]:
        """This director's and the peer's, once they are known."""
        if self._read is None or self._peer is None:
            raise ValueError("nothing was judged")
        return self._read.own.identity, self._peer

    def judge(self, data: bytes) -> None:
        """Read this director's disk, and lay all that is to be written beside its places.

        Raises:
            EngineError: What this director lacks, or what is wrong with the backup's offer.
        """
        peer = messages.read_identity(data)
        read = self._gathered()
        own.refuse_oneself(read.own.identity, peer)
        trust = own.trust(self._home.paths, peer)
        wanted = (*read.own.files, read.key, *trust)
        self.notes = own.notes(self._home.paths, read.key.path)
        self._batch = Batch(self._home.paths, wanted, self._home.ids)
        self._read, self._peer = read, peer

    def offer(self) -> bytes:
        read = self._known()
        key = read.key.data.decode("ascii", "replace")
        earlier = (read.revision, *read.earlier)[: messages.MOST_REVISIONS]
        lvs_cf = read.text.encode("utf-8", "surrogateescape")
        return messages.write_gift(Gift(read.own.identity, key, lvs_cf, earlier))

    def write(self) -> None:
        """Put all in place; whoever is cut short runs it again.

        What names another file comes after that file: lvs.cf after the heartbeat key. What lets
        the peer in comes last.
        """
        read, paths = self._known(), self._home.paths
        if self._batch is None:
            raise ValueError("nothing was judged")
        self._batch.put(read.key.path, paths.sync_key, paths.sync_public_key)
        store.save(paths.lvs_cf, read.text, expected=read.revision)
        self._batch.put(paths.known_hosts, paths.authorized_keys)

    def confirmed(self) -> None:
        """The backup has lvs.cf too: remember what both had, for a later comparison."""
        own.remember_base(self._home, self._known().text.encode("utf-8", "surrogateescape"))

    def close(self) -> None:
        if self._batch is not None:
            self._batch.drop()

    def _known(self) -> _Read:
        if self._read is None:
            raise ValueError("nothing was judged")
        return self._read

    def _gathered(self) -> _Read:
        home = self._home
        found, config = loaded(home.paths)
        kept = tuple(one.revision for one in store.revisions(home.paths.lvs_cf))
        return _Read(
            found.revision,
            own.gather(home.paths, home.fresh),
            _key(home, config),
            self._completed(found, config),
            kept,
        )

    def _completed(self, found: store.Loaded, config: Config) -> str:
        here, there = self._ends
        text = syntax.render(completing.completed(found.tree, config, here, there))
        result = reading.read(syntax.parse(text, str(found.path)), Resolver())
        if result.config is None:
            raise EngineError(
                "not-sound",
                f"with backup = {there} lvs.cf would not be sound: {first_error(result.problems)}",
                "write `backup` into lvs.cf by hand, then invite again",
            )
        return text


def _key(home: Home, config: Config) -> Wanted:
    path = home.paths.at(config.heartbeat_key_file or completing.KEY_FILE)
    return own.heartbeat_file(path, own.heartbeat_key(path, home.fresh))
