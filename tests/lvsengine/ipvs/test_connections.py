from __future__ import annotations

from ipaddress import ip_address

from lvsengine.ipvs.connections import Connection, connection_of, open_rows
from lvsengine.net import Protocol

HEAD = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
ENDS = "C0A81A64 8ABC C0A81A0A 0050 0A0B0C01 0050"


def line(state: str, seconds: int = 60, ends: str = ENDS, protocol: str = "TCP") -> str:
    return f"{protocol:<3} {ends} {state:<11} {seconds:7}\n"


def test_a_connection_that_is_opening_or_open_is_worth_telling() -> None:
    rows = open_rows(HEAD + line("SYN_RECV") + line("ESTABLISHED", 900))
    assert rows == [f"TCP {ENDS} SYN_RECV", f"TCP {ENDS} ESTABLISHED"]


def test_a_row_is_the_same_as_long_as_only_its_seconds_change() -> None:
    assert open_rows(line("ESTABLISHED", 900)) == open_rows(line("ESTABLISHED", 7))


def test_what_is_over_and_what_cannot_be_read_is_left_out() -> None:
    template = ENDS.replace("8ABC", "0000")
    listing = HEAD + line("TIME_WAIT") + line("CLOSE") + line("NEWSTATE") + "TCP nonsense\n"
    assert open_rows(listing + line("ESTABLISHED", ends=template) + line("NONE")) == []


def test_of_those_that_close_only_the_latest_are_told_of() -> None:
    other = ENDS.replace("8ABC", "8ABD")
    listing = line("FIN_WAIT", 119) + line("FIN_WAIT", 114, other)
    assert open_rows(listing) == [f"TCP {ENDS} FIN_WAIT"]


def test_a_row_reads_as_a_connection() -> None:
    assert connection_of(f"TCP {ENDS} SYN_RECV") == Connection(
        Protocol.TCP,
        ip_address("192.168.26.100"),
        0x8ABC,
        ip_address("192.168.26.10"),
        80,
        ip_address("10.11.12.1"),
        80,
        "SYN_RECV",
    )


def test_ipv6_and_udp_are_read_too() -> None:
    v6 = "2001:0db8:0026:0000:0000:0000:0000:0064"
    [row] = open_rows(line("UDP", 300, f"{v6} 8ABC {v6} 0035 {v6} 0035", "UDP"))
    one = connection_of(row)
    assert (one.protocol, one.client, one.virtual_port) == (
        Protocol.UDP,
        ip_address("2001:db8:26::64"),
        53,
    )
