from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lvsengine.sync.target import HostKeyRefused
from piranha import syncing
from tests.piranha.conftest import File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.peers import BY_HAND, PAIR, THERE, OtherDirector, paired
from tests.piranha.sync.readers import SHOWN


@pytest.fixture
def other(
    tmp_path: Path, settings: object, lvs_cf: File, engine: FakeEngine
) -> Iterator[OtherDirector]:
    """A pair whose primary this is, in step; its copier is not started."""
    settings.SYNC = tmp_path / "sync"  # type: ignore[attr-defined]
    lvs_cf.write(PAIR)
    made = paired(tmp_path / "peer", tmp_path / "sync")
    made.write(PAIR)
    syncing.current().syncer.copy()
    yield made
    syncing.stop()


@pytest.fixture
def by_hand(other: OtherDirector, lvs_cf: File) -> OtherDirector:
    """The same, where nothing is copied but by the button."""
    lvs_cf.write(BY_HAND)
    other.write(BY_HAND)
    syncing.current().syncer.copy()
    return other


@pytest.fixture
def torn(by_hand: OtherDirector, lvs_cf: File) -> OtherDirector:
    """Both were edited, the peer by hand."""
    lvs_cf.write(BY_HAND.replace("weight = 1\n", "weight = 5\n", 1))
    by_hand.write(BY_HAND.replace("deadtime = 18", "deadtime = 30"))
    syncing.current().syncer.copy()
    return by_hand


@pytest.fixture
def strange(by_hand: OtherDirector, lvs_cf: File) -> OtherDirector:
    """The peer shows a host key that nobody has compared."""
    by_hand.refusal = HostKeyRefused(THERE, SHOWN, "")
    lvs_cf.write(BY_HAND + "# more\n")
    syncing.current().syncer.copy()
    return by_hand
