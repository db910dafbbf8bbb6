from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.errors import EngineError
from lvsengine.sync import orders
from lvsengine.sync.orders import Install, Sftp, Status
from lvsengine.sync.values import Installed, PeerStatus, Trouble

SHA, REVISION = "0" * 64, "abcdef012345"


@pytest.mark.parametrize(
    "order",
    [
        Status(),
        Install("lvs.cf", SHA, REVISION),
        Install("lvs.cf", SHA, orders.NONE),
        Install("/etc/sysctl.d/lvs.conf", SHA, orders.ANY),
        Install("/etc/sysconfig/iptables", SHA, REVISION),
    ],
)
def test_an_order_is_read_as_it_was_written(order: Status | Install) -> None:
    assert orders.read(orders.line(order)) == order


@pytest.mark.parametrize(
    "said", ["internal-sftp", "/usr/lib/openssh/sftp-server", "sftp-server -l INFO"]
)
def test_sshds_sftp_is_ours_whatever_sshd_calls_it(said: str) -> None:
    assert orders.read(said) == Sftp()


@pytest.mark.parametrize(
    "said",
    [
        "",
        "id",
        "status ",
        "status; id",
        "install",
        f"install lvs.cf {SHA}",
        f"install lvs.cf {SHA} {REVISION} x",
        f"install lvs.cf {SHA} any",
        f"install lvs.cf {SHA[1:]} {REVISION}",
        f"install lvs.cf {SHA} HEAD",
        f"install /etc/passwd {SHA} any",
        f"install ../lvs.cf {SHA} any",
        f"install  {SHA} -",
        f"install lvs.cf {SHA} {REVISION}\n",
        "x" * 2000,
        "scp -t /etc",
    ],
)
def test_nothing_else_is_done(said: str) -> None:
    with pytest.raises(EngineError) as caught:
        orders.read(said)
    assert caught.value.code == "not-allowed"


def test_staged_names_lead_back_to_where_a_file_may_go_and_nowhere_else() -> None:
    for path in ("lvs.cf", "/etc/sysctl.conf", "/etc/sysctl.d/a-b.conf", "/etc/nftables.conf"):
        assert orders.destination(orders.staged(path)) == path
    for name in ("etc:passwd", "etc/sysctl.conf", ":etc:sysctl.conf", "", "etc:sysctl.d:..:a"):
        assert orders.destination(name) is None


@given(st.text(max_size=40))
def test_no_name_leads_out_of_the_few_destinations(name: str) -> None:
    found = orders.destination(name)
    assert found is None or found == "lvs.cf" or orders.may_go(found)


def test_answers_come_back_as_they_were_or_as_the_error() -> None:
    status = PeerStatus(REVISION, "", Trouble("not-running", "pulse is not running"))
    assert orders.decode(orders.encode(status).encode(), PeerStatus) == status
    with pytest.raises(EngineError) as caught:
        orders.decode(orders.encode_error(EngineError("busy", "wait", "soon")).encode(), Installed)
    assert (caught.value.code, caught.value.hint) == ("busy", "soon")


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"result": 1}', b"\xff", b"[" * 5000])
def test_an_answer_that_is_none_is_said(said: bytes) -> None:
    with pytest.raises(EngineError, match="not understood"):
        orders.decode(said, Installed)
