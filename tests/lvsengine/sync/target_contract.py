"""What every `Target` keeps, by whichever way it reaches the peer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.lvscf import store
from lvsengine.sync import orders
from lvsengine.sync.orders import Install
from lvsengine.sync.target import Target

NEW = b"serial_no = 7\nprimary = 192.0.2.11\nnetwork = direct\n# \xff is no UTF-8\n"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as caught:
        act()
    return caught.value.code


class TargetContract:
    """Subclasses give `target`, connected, and `config`: the peer's lvs.cf."""

    def test_it_tells_the_revision_and_the_file(self, target: Target, config: Path) -> None:
        with closing(target):
            assert target.status().revision == store.current_revision(config)
            assert target.fetch() == config.read_bytes()

    def test_a_file_laid_beside_changes_nothing_until_it_is_installed(
        self, target: Target, config: Path
    ) -> None:
        old = config.read_bytes()
        with closing(target):
            target.put("lvs.cf", NEW)
            assert config.read_bytes() == old
            done = target.install(Install("lvs.cf", sha(NEW), store.revision_of(old)))
        assert done.revision == store.revision_of(NEW)
        assert config.read_bytes() == NEW

    def test_another_revision_than_expected_is_never_replaced(
        self, target: Target, config: Path
    ) -> None:
        old = config.read_bytes()
        with closing(target):
            target.put("lvs.cf", NEW)
            for expected in ("0" * 12, orders.NONE):
                order = Install("lvs.cf", sha(NEW), expected)
                assert code_of(partial(target.install, order)) == "changed-meanwhile"
        assert config.read_bytes() == old

    def test_what_was_not_laid_beside_is_not_installed(self, target: Target, config: Path) -> None:
        old = config.read_bytes()
        order = Install("lvs.cf", sha(NEW), store.revision_of(old))
        with closing(target):
            assert code_of(lambda: target.install(order)) == "not-staged"
            target.put("lvs.cf", NEW[:-1])
            assert code_of(lambda: target.install(order)) == "not-staged"
        assert config.read_bytes() == old

    def test_to_install_once_more_does_no_harm(self, target: Target, config: Path) -> None:
        order = Install("lvs.cf", sha(NEW), store.current_revision(config))
        with closing(target):
            target.put("lvs.cf", NEW)
            first = target.install(order)
            assert target.install(order).revision == first.revision

    def test_a_file_with_errors_is_not_installed(self, target: Target, config: Path) -> None:
        old = config.read_bytes()
        bad = b"virtual web {\n"
        with closing(target):
            target.put("lvs.cf", bad)
            order = Install("lvs.cf", sha(bad), store.revision_of(old))
            assert code_of(lambda: target.install(order)) == "not-sound"
        assert config.read_bytes() == old

    def test_a_large_file_comes_whole(self, target: Target, config: Path) -> None:
        large = NEW + b"# comment\n" * 60_000
        with closing(target):
            target.put("lvs.cf", large)
            target.install(Install("lvs.cf", sha(large), store.current_revision(config)))
            assert target.fetch() == large

    def test_no_other_name_is_taken(self, target: Target) -> None:
        with closing(target):
            for name in ("id_ed25519", "../known_hosts", "etc:passwd", "", "x" * 300):
                assert code_of(partial(target.put, name, b"x")) == "not-allowed"

    def test_what_root_installs_is_laid_ready_with_its_order(
        self, target: Target, folder: Path
    ) -> None:
        data = b"net.ipv4.ip_forward = 1\n"
        order = Install("/etc/sysctl.d/lvs.conf", sha(data), orders.NONE)
        with closing(target):
            target.put(orders.staged(order.path), data)
            assert target.install(order).revision == store.revision_of(data)
        (ready,) = (folder / "incoming" / "ready").iterdir()
        assert ready.name == "etc:sysctl.d:lvs.conf"
        assert ready.read_bytes().partition(b"\n")[2] == data

    def test_a_peer_without_a_file_gets_one(self, target: Target, config: Path) -> None:
        config.unlink()
        with closing(target):
            assert target.status().revision == ""
            assert code_of(target.fetch) == "no-file"
            target.put("lvs.cf", NEW)
            target.install(Install("lvs.cf", sha(NEW), orders.NONE))
        assert config.read_bytes() == NEW

    def test_a_closed_one_does_nothing_more(self, target: Target) -> None:
        target.close()
        target.close()
        assert code_of(target.status) == "cut"
        assert code_of(lambda: target.put("lvs.cf", NEW)) == "cut"
