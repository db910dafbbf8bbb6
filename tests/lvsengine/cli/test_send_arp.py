from __future__ import annotations

import errno
import socket
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import pytest

from lvsengine.cli.send_arp import main
from lvsengine.vip.frames import gratuitous_reply

MAC = bytes.fromhex("00163e010203")
EVERYBODY = b"\xff" * 6
GOOD = ["192.168.26.10", "00:16:3e:01:02:03", "192.168.26.255", "ffffffffffff"]


@dataclass
class FakeWire:
    interfaces: tuple[str, ...] = ("eth0",)
    refusal: int = 0
    mac: bytes | None = MAC
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    interface: str = ""
    closed: bool = False

    def open(self, interface: str) -> FakeWire:
        if interface not in self.interfaces:
            raise OSError(errno.ENODEV, "No such device")
        self.interface = interface
        return self

    def send(self, frame: bytes) -> None:
        if self.refusal:
            raise OSError(self.refusal, "refused")
        self.sent.append((self.interface, frame))

    def close(self) -> None:
        self.closed = True


def look_up(name: str) -> str:
    """Resolve as the C library does, of a world that has one name."""
    if name == "localhost":
        return "127.0.0.1"
    if len(name) > 255:
        raise UnicodeError("label too long")
    try:
        return str(IPv4Address(name))
    except ValueError:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None


@pytest.mark.parametrize("mac", ["00:16:3e:01:02:03", "00163e010203", "00163E010203"])
def test_one_reply_from_itself_to_itself_goes_to_the_target(mac: str) -> None:
    wire = FakeWire()
    assert main(["192.168.26.10", mac, "10.0.0.1", "ffffffffffff"], wire.open, look_up) == 0
    assert wire.sent == [("eth0", gratuitous_reply(EVERYBODY, MAC, IPv4Address("192.168.26.10")))]
    assert wire.closed


@pytest.mark.parametrize("option", [["-i", "eth1"], ["-ieth1"]])
def test_the_interface_can_be_chosen(option: list[str]) -> None:
    wire = FakeWire(interfaces=("eth1",))
    assert main([*option, *GOOD], wire.open, look_up) == 0
    assert [interface for interface, _ in wire.sent] == ["eth1"]


def test_addresses_may_be_names() -> None:
    wire = FakeWire()
    assert main(["localhost", GOOD[1], "localhost", GOOD[3]], wire.open, look_up) == 0
    assert wire.sent == [("eth0", gratuitous_reply(EVERYBODY, MAC, IPv4Address("127.0.0.1")))]


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("name", ["no such host", "2001:db8::1", "x" * 300])
def test_an_unknown_host_is_named(
    place: int, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wire = FakeWire()
    arguments = [*GOOD]
    arguments[place] = name
    assert main(arguments, wire.open, look_up) == 1
    assert capsys.readouterr().err == f"send_arp: unknown host {name}\n"
    assert wire.sent == []


@pytest.mark.parametrize("place", [1, 3])
@pytest.mark.parametrize("mac", ["", "00:16:3e:01:02", "00163e01020g", "0:16:3e:1:2:3"])
def test_a_bad_hardware_address_is_refused(
    place: int, mac: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wire = FakeWire()
    arguments = [*GOOD]
    arguments[place] = mac
    assert main(arguments, wire.open, look_up) == 1
    assert capsys.readouterr().err == (
        f"Invalid hardware address {mac}: 12 hex digits, with or without colons\n"
    )
    assert wire.sent == []


@pytest.mark.parametrize("arguments", [[], GOOD[:3], [*GOOD, "more"], ["-x", *GOOD]])
def test_a_wrong_count_shows_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(
        "usage: send_arp [-h] [-i dev] src_ip src_hw targ_ip targ_hw\n"
    )


@pytest.mark.parametrize(
    ("wire", "sentence"),
    [
        (FakeWire(interfaces=()), "send_arp: this machine has no interface eth0; it has "),
        (FakeWire(refusal=errno.EPERM), "send_arp: not permitted. Run it as root"),
        (FakeWire(refusal=errno.ENETDOWN), "send_arp: interface eth0 is down. Bring it up"),
    ],
)
def test_what_the_interface_refuses_is_told_in_words(
    wire: FakeWire, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(GOOD, wire.open, look_up) == 1
    assert capsys.readouterr().err.startswith(sentence)


def test_an_interface_that_refused_is_let_go() -> None:
    wire = FakeWire(refusal=errno.ENETDOWN)
    main(GOOD, wire.open, look_up)
    assert wire.closed


def test_help_teaches_by_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "send_arp -i eth0 192.168.26.10" in capsys.readouterr().out
