from __future__ import annotations

import errno

import pytest

from lvsengine.vip.wire import why


def test_a_missing_interface_is_told_with_those_there_are() -> None:
    sentence = why("eth7", OSError(errno.ENODEV, "No such device"))
    assert sentence.startswith("this machine has no interface eth7; it has ")


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EPERM, "not permitted. Run it as root, or give it CAP_NET_RAW"),
        (errno.EACCES, "not permitted. Run it as root, or give it CAP_NET_RAW"),
        (errno.ENETDOWN, "interface eth0 is down. Bring it up: ip link set eth0 up"),
        (errno.ENOBUFS, "eth0: No buffer space available"),
    ],
)
def test_a_refusal_is_told_in_words(number: int, sentence: str) -> None:
    assert why("eth0", OSError(number, "")) == sentence


def test_a_queue_that_stays_full_has_no_errno_but_a_sentence() -> None:
    assert why("eth0", TimeoutError("timed out")) == "eth0: Connection timed out"
