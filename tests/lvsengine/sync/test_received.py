from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.plain import to_plain
from lvsengine.sync import host, orders
from lvsengine.sync.orders import Install
from lvsengine.sync.received import Installer, by_tool
from lvsengine.sync.values import FileState

SYSCTL, IPTABLES = "/etc/sysctl.d/lvs.conf", "/etc/sysconfig/iptables"
FORWARD = b"net.ipv4.ip_forward = 1\n"


class Root:
    """Root's part on a folder, with a tree of its own instead of the system's."""

    def __init__(self, home: Path) -> None:
        self.folder, self.tree = home / "sync", home / "tree"
        self.ready = self.folder / "incoming" / "ready"
        for one in (self.ready, self.tree / "etc/sysctl.d", self.tree / "etc/sysconfig"):
            one.mkdir(parents=True)
        self.judged: list[tuple[str, ...]] = []
        self.against = ""
        self.now = 100.0

    def judge(self, command: tuple[str, ...], _data: bytes) -> str:
        self.judged.append(command)
        return self.against

    def hand_over(self, path: str, data: bytes, expected: str = orders.NONE) -> Path:
        order = Install(path, hashlib.sha256(data).hexdigest(), expected)
        file = self.ready / orders.staged(path)
        file.write_bytes(json.dumps(to_plain(order)).encode() + b"\n" + data)
        return file

    def run(self) -> tuple[FileState, ...]:
        self.now += 1
        return Installer(self.folder, self.judge, lambda: self.now, self.tree).run()

    def at(self, path: str) -> Path:
        return self.tree / path.lstrip("/")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def code(states: tuple[FileState, ...]) -> str:
    (state,) = states
    return state.trouble.code if state.trouble is not None else ""


def test_a_file_goes_in_its_place_and_its_activation_is_left_to_a_person(root: Root) -> None:
    root.hand_over(SYSCTL, FORWARD)
    (state,) = root.run()
    assert root.at(SYSCTL).read_bytes() == FORWARD
    assert (state.trouble, state.note, state.at) == (None, f"sysctl -p {SYSCTL}", 101.0)
    assert host.received(root.folder).files == (state,)
    assert list(root.ready.iterdir()) == []


def test_what_the_sync_installed_it_may_replace_and_mode_and_earlier_file_are_kept(
    root: Root,
) -> None:
    root.hand_over(SYSCTL, FORWARD)
    root.run()
    root.at(SYSCTL).chmod(0o604)
    root.hand_over(SYSCTL, b"net.ipv4.ip_forward = 0\n")
    assert code(root.run()) == ""
    assert root.at(SYSCTL).stat().st_mode & 0o777 == 0o604
    assert root.at(f"{SYSCTL}.before-sync").read_bytes() == FORWARD
    assert len(host.received(root.folder).files) == 1


def test_a_file_that_somebody_wrote_is_replaced_only_by_choice(root: Root) -> None:
    root.at(SYSCTL).write_bytes(b"# mine\n")
    root.hand_over(SYSCTL, FORWARD)
    assert code(root.run()) == "own-file"
    assert root.at(SYSCTL).read_bytes() == b"# mine\n"
    root.hand_over(SYSCTL, FORWARD, orders.ANY)
    assert code(root.run()) == ""
    assert root.at(SYSCTL).read_bytes() == FORWARD
    root.at(SYSCTL).write_bytes(b"# edited\n")
    root.hand_over(SYSCTL, b"# next\n")
    assert code(root.run()) == "own-file"


def test_the_same_file_again_changes_nothing(root: Root) -> None:
    root.at(SYSCTL).write_bytes(FORWARD)
    root.hand_over(SYSCTL, FORWARD)
    assert code(root.run()) == ""
    assert not root.at(f"{SYSCTL}.before-sync").exists()


def test_rules_go_in_only_when_their_tool_takes_them(root: Root) -> None:
    rules = b"*filter\nCOMMIT\n"
    root.against = "iptables-restore refuses it: line 1"
    root.hand_over(IPTABLES, rules)
    assert code(root.run()) == "not-accepted"
    assert not root.at(IPTABLES).exists()
    root.against = ""
    root.hand_over(IPTABLES, rules)
    assert code(root.run()) == ""
    assert root.judged == [("iptables-restore", "--test")] * 2
    assert root.at(IPTABLES).read_bytes() == rules


def test_a_web_user_does_not_become_root_by_a_sysctl_key_or_a_rule(root: Root) -> None:
    root.hand_over(SYSCTL, b"kernel.core_pattern = |/tmp/evil\n")
    assert code(root.run()) == "not-harmless"
    root.hand_over(IPTABLES, b"*filter\n-A INPUT -M /tmp/evil -m nonesuch\nCOMMIT\n")
    assert {state.path for state in root.run()} == {IPTABLES}
    assert root.judged == []
    assert not root.at(SYSCTL).exists()
    assert not root.at(IPTABLES).exists()


def test_no_link_no_foreign_file_and_no_other_name_is_taken_and_all_goes_away(
    root: Root, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(root.hand_over(SYSCTL, FORWARD).read_bytes())
    staged = root.ready / orders.staged(SYSCTL)
    staged.unlink()
    staged.symlink_to(secret)
    os.mkfifo(root.ready / orders.staged(IPTABLES))
    (root.ready / "etc:passwd").write_bytes(b"{}")
    (root.ready / "lvs.cf").write_bytes(b"{}")
    (root.ready / "folder" / "inside").mkdir(parents=True)
    os.link(secret, root.ready / "etc:nftables.conf")
    assert root.run() == ()
    assert list(root.ready.iterdir()) == []
    assert secret.exists()
    assert not root.at(SYSCTL).exists()


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"path": "/etc/passwd", "sha256": "0", "expected": "any"}',
        b'{"path": "/etc/sysctl.d/other.conf", "sha256": "' + b"0" * 64 + b'", "expected": "-"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_order_is_taken_away_without_a_word(root: Root, head: bytes) -> None:
    (root.ready / orders.staged(SYSCTL)).write_bytes(head + b"\n" + FORWARD)
    assert root.run() == ()
    assert list(root.ready.iterdir()) == []
    assert not root.at(SYSCTL).exists()


def test_another_content_than_was_ordered_is_refused(root: Root) -> None:
    file = root.hand_over(SYSCTL, FORWARD)
    file.write_bytes(file.read_bytes() + b"net.ipv4.ip_forward = 0\n")
    assert code(root.run()) == "not-staged"


def test_more_than_1_mib_is_not_read(root: Root) -> None:
    root.hand_over(SYSCTL, b"#" * (1 << 20 | 1 << 13))
    assert root.run() == ()


def test_a_link_at_the_destination_is_refused(root: Root, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    root.at(SYSCTL).symlink_to(target)
    root.hand_over(SYSCTL, FORWARD, orders.ANY)
    assert code(root.run()) == "not-a-file"
    assert target.read_bytes() == b"precious"


def test_a_link_instead_of_the_folder_or_of_the_report_is_not_followed(
    root: Root, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    (root.folder / "received.json").symlink_to(elsewhere)
    (root.folder / ".received.json.new").symlink_to(elsewhere)
    root.hand_over(SYSCTL, FORWARD)
    assert code(root.run()) == ""
    assert elsewhere.read_text() == "precious"
    root.ready.rename(tmp_path / "away")
    root.ready.symlink_to(tmp_path / "away")
    root.hand_over(IPTABLES, FORWARD)
    with pytest.raises(EngineError, match="and is no link"):
        root.run()


def test_a_destination_without_its_folder_is_said(root: Root) -> None:
    root.hand_over("/etc/iptables/rules.v4", b"*filter\nCOMMIT\n")
    assert code(root.run()) == "no-folder"


def test_the_real_tools_judge_and_their_words_come_back() -> None:
    assert by_tool(("true",), b"") == ""
    assert by_tool(("false",), b"x") == "false refuses it: without a reason"
    assert by_tool(("no-such-tool",), b"") == (
        "no-such-tool, which would judge it, is not installed there"
    )
    assert by_tool(("/etc",), b"") == "/etc cannot judge it: [Errno 13] Permission denied: '/etc'"
    assert "syntax error" in by_tool(("nft", "--check", "--file", "-"), b"nonsense\n")
