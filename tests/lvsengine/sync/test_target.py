from __future__ import annotations

from lvsengine.sync.target import HostKeyRefused
from lvsengine.sync.values import HostKey

KEY = HostKey("ssh-ed25519", "AAAA", "SHA256:new")


def test_a_key_that_nobody_compared_is_shown_with_the_way_to_compare_it() -> None:
    error = HostKeyRefused("192.0.2.12", KEY, "")
    assert error.code == "host-key-unknown"
    assert "192.0.2.12 shows the host key SHA256:new, which nobody" in error.sentence
    assert "ssh-keygen -lf" in error.hint


def test_a_changed_key_is_shown_beside_the_one_that_was_expected() -> None:
    error = HostKeyRefused("192.0.2.12", KEY, "SHA256:old")
    assert error.code == "host-key-changed"
    assert "SHA256:new, not SHA256:old" in error.sentence
