from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.errors import RuleError
from lvsengine.ipvs import netlink
from lvsengine.ipvs.netlink import Message
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole, daemon_of, start_body, stop_body
from tests.lvsengine.ipvs import recorded

PLAIN = SyncDaemon(SyncRole.SENDER, "eth0")


def test_a_kernels_daemon_is_read_with_the_values_in_force() -> None:
    told = netlink.body_of(Message(28, 0, 1, recorded.DAEMON))
    assert daemon_of(told) == SyncDaemon(
        SyncRole.SENDER, "dummy0", 9, 1472, ip_address("224.0.0.81"), 8848, 1
    )


def test_what_is_not_given_is_left_to_the_kernel() -> None:
    assert start_body(PLAIN).hex() == (
        "2000038008000100010000000900020065746830000000000800030000000000"
    )
    assert stop_body(SyncRole.RECEIVER).hex() == "0c0003800800010002000000"


@given(
    st.builds(
        SyncDaemon,
        st.sampled_from(SyncRole),
        st.text("abcxyz0.-", min_size=1, max_size=15),
        st.integers(0, 255),
        st.integers(0, 65535),
        st.sampled_from([None, ip_address("239.1.2.3"), ip_address("ff05::51")]),
        st.integers(0, 65535),
        st.integers(0, 255),
    )
)
def test_a_daemon_is_read_as_it_was_written(daemon: SyncDaemon) -> None:
    assert daemon_of(netlink.attributes(start_body(daemon))) == daemon


@pytest.mark.parametrize(
    ("daemon", "sentence"),
    [
        (replace(PLAIN, interface=""), "must have 1 to 15 characters, not ''"),
        (replace(PLAIN, interface="a" * 16), "must have 1 to 15 characters"),
        (replace(PLAIN, sync_id=256), "the id of connection sync must be 0 to 255, not 256"),
        (replace(PLAIN, max_length=65536), "datagram length .* 0 to 65535, not 65536"),
        (replace(PLAIN, port=-1), "the port of connection sync must be 0 to 65535, not -1"),
        (replace(PLAIN, ttl=256), "the ttl of connection sync must be 0 to 255, not 256"),
        (replace(PLAIN, group=ip_address("10.0.0.1")), "needs a multicast group, not 10.0.0.1"),
    ],
)
def test_what_the_kernel_would_cut_to_fit_is_refused(daemon: SyncDaemon, sentence: str) -> None:
    with pytest.raises(RuleError, match=sentence):
        start_body(daemon)
