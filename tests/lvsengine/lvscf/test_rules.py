from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.lvscf import rules
from lvsengine.lvscf.keys import KEYS
from lvsengine.lvscf.model import Mode
from lvsengine.lvscf.problems import Reason
from lvsengine.lvscf.rules import Refused
from lvsengine.net import Forwarding, Protocol

Rule = Callable[[str], object]


@pytest.mark.parametrize(
    ("text", "number"),
    [("10", 10), ("0x0a", 10), ("0XA", 10), ("012", 10), ("+10", 10), ("0", 0), ("-0", 0)],
)
def test_whole_numbers_are_read_as_strtol_with_base_0_reads_them(text: str, number: int) -> None:
    assert rules.integer(text, 0, 100) == number


@pytest.mark.parametrize(
    "text", ["", "ten", "1.5", "1 0", "0x", "08", "1_0", "\u0661", "--1", "1e3"]
)
def test_what_is_no_number_is_refused_with_the_words_of_the_original(text: str) -> None:
    with pytest.raises(Refused) as caught:
        rules.weight(text)
    assert caught.value.reason is Reason.INTEGER
    assert str(caught.value) == f"must be a whole number from 0 to 65535, not {text!r}"


def test_a_number_that_the_original_would_wrap_round_is_refused() -> None:
    for text in ("99999999999", "9" * 10_000, "-1", "65536"):
        with pytest.raises(Refused, match="must be from 0 to 65535, not") as caught:
            rules.weight(text)
        assert caught.value.reason is Reason.ARGUMENT


@pytest.mark.parametrize(
    ("rule", "low", "high"),
    [
        (rules.weight, 0, 65535),
        (rules.port, 1, 65535),
        (rules.port_number, 1, 65535),
        (rules.mark, 0, 4294967295),
        (rules.sync_id, 0, 255),
        (rules.sync_length, 0, 65507),
        (rules.sync_ttl, 1, 255),
        (rules.fall, 1, 1000),
        (rules.serial, 0, 2147483647),
        (rules.kernel_seconds, 0, 2147483),
        (rules.seconds, 0, 86400),
        (rules.check_seconds, 1, 86400),
    ],
)
def test_each_number_has_its_range(rule: Rule, low: int, high: int) -> None:
    assert rule(str(low)) == low
    assert rule(str(high)) == high
    for beyond in (low - 1, high + 1):
        with pytest.raises(Refused):
            rule(str(beyond))


def test_a_leading_zero_counts_by_eights() -> None:
    assert rules.is_octal("010")
    assert rules.is_octal("-07")
    assert not rules.is_octal("0")
    assert not rules.is_octal("10")


def test_yes_and_no_are_one_and_zero() -> None:
    assert rules.boolean("1") is True
    assert rules.boolean("0") is False
    assert rules.boolean("00") is False


@pytest.mark.parametrize(
    ("text", "reason"), [("yes", Reason.INTEGER), ("2", Reason.BOOLEAN), ("-1", Reason.BOOLEAN)]
)
def test_nothing_else_is_yes_or_no(text: str, reason: Reason) -> None:
    with pytest.raises(Refused, match=r"must be 0 \(no\) or 1 \(yes\), not") as caught:
        rules.boolean(text)
    assert caught.value.reason is reason


def test_a_port_may_have_a_name_but_a_real_servers_may_not() -> None:
    assert rules.port("https") == 443
    with pytest.raises(Refused):
        rules.port_number("https")
    with pytest.raises(Refused):
        rules.port("no-such-service")


@pytest.mark.parametrize(
    ("text", "seconds"), [("6", 6.0), ("0.5", 0.5), ("0x10", 16.0), ("0.05", 0.05)]
)
def test_heartbeat_times_may_have_a_fraction(text: str, seconds: float) -> None:
    assert rules.interval(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", Reason.ARGUMENT),
        ("0.01", Reason.ARGUMENT),
        ("-3", Reason.ARGUMENT),
        ("86401", Reason.ARGUMENT),
        ("9" * 30, Reason.ARGUMENT),
        ("six", Reason.INTEGER),
        ("1e3", Reason.INTEGER),
        ("nan", Reason.INTEGER),
        (".5", Reason.INTEGER),
    ],
)
def test_other_heartbeat_times_are_refused(text: str, reason: Reason) -> None:
    with pytest.raises(Refused) as caught:
        rules.interval(text)
    assert caught.value.reason is reason


def test_choices_are_read_by_their_words() -> None:
    assert rules.protocol("udp") is Protocol.UDP
    assert rules.forwarding("tunnel") is Forwarding.TUNNEL
    assert rules.mode("fos") is Mode.FOS
    assert rules.conflict_action("preempt") == "preempt"
    assert [rules.scheduler(name) for name in SCHEDULERS] == list(SCHEDULERS)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (rules.protocol, "tcp, udp, sctp"),
        (rules.forwarding, "nat, direct, tunnel"),
        (rules.mode, "lvs, fos"),
        (rules.conflict_action, "nothing, preempt"),
        (rules.scheduler, ", ".join(SCHEDULERS)),
    ],
)
def test_another_word_is_refused_with_the_list_of_those_there_are(rule: Rule, words: str) -> None:
    with pytest.raises(Refused) as caught:
        rule("WLC")
    assert str(caught.value) == f"must be one of {words}; not 'WLC'"


def test_a_text_is_one_line_of_bounded_length() -> None:
    assert rules.text(r"GET /\r\n é") == r"GET /\r\n é"
    with pytest.raises(Refused, match="at most 4096 characters; it has 4097"):
        rules.text("x" * 4097)
    for control in "\n\r\0\x7f\u2028\udcff":
        with pytest.raises(Refused, match="control characters"):
            rules.text(f"a{control}b")


def test_a_path_is_whole_or_none() -> None:
    assert rules.path("/etc/piranha/heartbeat.key") == "/etc/piranha/heartbeat.key"
    assert rules.path("") == ""
    for bad in ("heartbeat.key", "./key", "~/key"):
        with pytest.raises(Refused, match="must be a whole path that begins with /"):
            rules.path(bad)


def test_only_sysctl_files_of_the_system_may_be_copied() -> None:
    for good in ("", "/etc/sysctl.conf", "/etc/sysctl.d/lvs.conf", "/etc/sysctl.d/90-lvs_a.conf"):
        assert rules.sysctl_file(good) == good
    for bad in (
        "/etc/passwd",
        "/etc/sysctl.d/../passwd.conf",
        "/etc/sysctl.d/.lvs.conf",
        "/etc/sysctl.d/a/b.conf",
        "/etc/sysctl.d/lvs",
        "/etc/sysctl.d/lvs.conf\n",
        f"/etc/sysctl.d/{'x' * 101}.conf",
    ):
        with pytest.raises(Refused, match=r"must be /etc/sysctl.conf or /etc/sysctl.d/NAME.conf"):
            rules.sysctl_file(bad)


def test_only_the_systems_own_packet_filter_files_may_be_copied() -> None:
    for good in ("", *rules.PACKET_FILTER_FILES):
        assert rules.packet_filter_file(good) == good
    for bad in ("/etc/shadow", "/etc/sysconfig/iptables/", "/etc/iptables/../shadow"):
        with pytest.raises(Refused, match="must be one of /etc/sysconfig/iptables, "):
            rules.packet_filter_file(bad)


def test_a_name_may_have_blanks_but_no_double_quotes() -> None:
    assert rules.name("my shop") == "my shop"
    for bad in ("", " ", 'a"b'):
        with pytest.raises(Refused, match="must be a name without double quotes"):
            rules.name(bad)


RULES = {key.rule for keys in KEYS.values() for key in keys.values()}


@given(st.one_of(st.text(max_size=30), st.from_regex(r"\A[-+0-9x.:/ a-f]{0,20}\Z")))
def test_every_rule_gives_a_value_or_a_sentence_that_begins_with_must(text: str) -> None:
    for rule in RULES:
        assert said_by(rule, text).startswith("must ")


def said_by(rule: Rule, text: str) -> str:
    """Return a rule's refusal, or "must not" where it has none."""
    try:
        rule(text)
    except Refused as error:
        return str(error)
    return "must not"
