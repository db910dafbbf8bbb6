"""The engine's own sentences, as a Chinese page says them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from lvsengine import capabilities
from lvsengine.errors import EngineError, RuleError, Sentence
from lvsengine.health import Health, Override, RealServerKey, Standing
from lvsengine.heartbeat.values import Settings
from lvsengine.lvscf import reading, rules
from lvsengine.nanny import wording
from lvsengine.nanny.check import Definition
from lvsengine.role import not_ready
from lvsengine.scripts import judgement
from lvsengine.scripts.judgement import Names, Seen
from lvsengine.showing import describe
from lvsengine.vip.addresses import refused as address_refused
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, Verb
from piranha import sentences
from piranha.sentences import failure, problem, refusal, said, told

CHECK = Definition("tcp_connect", ip_address("10.0.0.1"), 80, interval_s=6, timeout_s=6)


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    with translation.override("zh-hant"):
        yield


def test_what_a_check_says_is_translated() -> None:
    assert said(wording.no_answer(CHECK)) == "10.0.0.1:80 未在 6 秒內回應"
    assert said(wording.refused(CHECK)) == "10.0.0.1:80 拒絕連線"


def test_what_the_system_said_is_translated_too() -> None:
    error = OSError(113, "No route to host")
    assert said(wording.failed(CHECK, error)) == "無法連線至 10.0.0.1:80：沒有通往主機的路由"


def test_a_sentence_within_a_sentence_is_translated() -> None:
    text = f"{wording.refused(CHECK)} (2 of the 3 in a row that take it out)"
    assert said(text) == "10.0.0.1:80 拒絕連線（連續 3 次即被移除，目前 2 次）"


def test_sentences_in_a_row_are_translated_one_by_one() -> None:
    standings = {
        RealServerKey("a", "1"): Standing(Health.UNKNOWN),
        RealServerKey("a", "2"): Standing(Health.DOWN),
        RealServerKey("a", "3"): Standing(Health.UP, Override.DRAIN),
    }
    reasons = "; ".join(not_ready(standings, 2, ()))
    assert said(f"the primary is not ready: {reasons}") == (
        "主要 LVS 路由器尚未就緒：核心有 2 項變更失敗；1 台真實伺服器尚未檢查"
    )


def test_how_a_real_server_is_checked_is_translated() -> None:
    assert said(describe(CHECK)).startswith("tcp_connect tcp 10.0.0.1:80，每 6 秒一次")


def test_the_pairs_words_are_translated() -> None:
    peer = Settings(primary=False, keepalive_s=6, deadtime_s=18).peer_is
    assert said(f"the {peer} is active too and does not hear this director") == (
        "主要 LVS 路由器也在啟用中，且聽不到這台 LVS 路由器"
    )
    assert said("the backup stands by now") == "備援 LVS 路由器現在待命"


def test_what_was_quoted_stays_as_it_was() -> None:
    text = "10.0.0.1:80 answered 'it is not there; try again' where 'HTTP' was expected"
    assert said(text) == "10.0.0.1:80 回應 'it is not there; try again'，預期為 'HTTP'"


def test_an_address_that_cannot_be_added_is_told_with_what_to_do() -> None:
    held = HeldAddress(ip_address("192.0.2.100"), 24, "eth0", "eth0:1")
    refused = address_refused(AddressChange(Verb.ADD, held), 19, interfaces=["lo"])
    assert said(refused.sentence) == (
        "無法在 eth0:1 加入 192.0.2.100/24：這台機器沒有介面卡 eth0；它有 lo。"
        "請更正 lvs.cf 中的裝置，或建立該介面卡"
    )


def test_each_thing_of_a_list_is_translated() -> None:
    text = (
        "no witness answers within 2 s (10.9.9.1: Network is unreachable; 10.9.9.2: Host is down)"
    )
    assert said(text) == "2 秒內沒有見證主機回應（10.9.9.1：無法連上網路；10.9.9.2：主機已關閉）"


def test_problems_of_the_file_are_translated_from_values_and_from_text_alike() -> None:
    found = reading.read_text("virtual a {\n  weigth = 1\n}\n", "lvs.cf").problems
    unknown = next(one for one in found if "weigth" in str(one))
    assert problem(unknown) == "'weigth' 不是 virtual 區塊的鍵"
    assert said(str(unknown)) == f"lvs.cf:2: 錯誤: {problem(unknown)}"


def test_a_rules_refusal_is_translated_with_its_words() -> None:
    with pytest.raises(RuleError) as refused:
        rules.device("eth0 1")
    assert refusal(refused.value) == (
        "必須是介面卡，例如 eth0，或別名，例如 eth0:1，而非 'eth0 1'"
    )


@pytest.mark.parametrize(
    ("seen", "who_and_what"),
    [
        (Seen("/pub", 0, 0, stat.S_IFDIR | 0o777), "任何人可寫入目錄 /pub"),
        (Seen("/c", 0, 50, stat.S_IFREG | 0o775), "群組 staff 可寫入 /c"),
        (Seen("/c", 0, 50, stat.S_IFREG | 0o775, has_acl=True), "群組 staff 或其存取清單"),
        (Seen("/c", 7, 0, stat.S_IFREG | 0o755), "使用者 bob 可寫入 /c"),
    ],
)
def test_why_a_program_is_not_run_is_translated_to_its_last_word(
    seen: Seen, who_and_what: str
) -> None:
    names = Names(lambda _uid: "bob", lambda _gid: "staff")
    why = judgement.refusal([seen], {0}, names)
    text = said(f"not tried: '/c' is not run: {why}")
    assert text.startswith(f"未嘗試：不會執行 '/c'：{who_and_what}")
    assert text.endswith("；請將它放在只有 root 可寫入之處，例如 /usr/local/libexec")


def test_what_a_missing_privilege_costs_is_translated() -> None:
    needed, missing = capabilities.NEEDED, capabilities.Capability.NET_BIND_SERVICE
    standing = capabilities.Standing(uid=1, effective=capabilities.mask(needed - {missing}))
    assert [said(one) for one in capabilities.warnings(standing)] == [
        "pulse 沒有 CAP_NET_BIND_SERVICE：無法使用小於 1024 的 heartbeat_port，例如 539"
    ]


def test_a_failure_says_what_to_do_about_it() -> None:
    error = EngineError("no-file", "there is no file /etc/lvs.cf", "create it, or name another")
    assert failure(error) == "沒有檔案 /etc/lvs.cf：請建立它，或指定其它檔案"
    assert failure(EngineError("x", "not ready: not checked yet")) == "尚未就緒：尚未檢查"


def test_an_unknown_text_stays_as_it_came() -> None:
    for text in ("-a -t 192.0.2.100:80 -s wlc", "gobbledygook: of; things", "", "x" * 5000):
        assert said(text) == text


def test_in_english_everything_stays_as_it_came() -> None:
    with translation.override("en"):
        assert said(wording.refused(CHECK)) == wording.refused(CHECK)


def test_a_sentence_without_a_template_is_empty() -> None:
    assert told(Sentence("")) == ""


def test_each_line_is_translated() -> None:
    assert said("not checked yet\nnot ready yet") == "尚未檢查\n尚未就緒"


@settings(deadline=None)  # the first one reads the list of sentences
@given(st.text(st.sampled_from("abc:;,. '\"{}%\n主")))
def test_no_text_is_refused(text: str) -> None:
    sentences.said(text)
