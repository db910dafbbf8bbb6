"""Every page in Chinese: nothing English is left but names, keys, commands and addresses."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.lvscf.keys import KEYS
from lvsengine.snapshot import FailureState, LinkState, RejectedState, RoleChange
from lvsengine.sync.target import HostKeyRefused
from lvsengine.sync.values import HostKey
from piranha import audit, director, syncing
from piranha.models import Role
from tests.piranha.conftest import LVS_CF, File, LogIn
from tests.piranha.fake_engine import (
    NOW,
    FakeEngine,
    a_peer,
    a_real_server,
    a_snapshot,
    a_virtual_server,
)
from tests.piranha.forms import submit
from tests.piranha.glossary import LATIN, PHRASES
from tests.piranha.peers import PAIR, paired

SPOKEN = {"alt", "aria-label", "data-label", "data-leave", "data-text", "placeholder"}
CODE = {"code", "pre", "script", "style", "textarea"}
WORD = re.compile(r"[A-Za-z][A-Za-z'\u2019-]*[A-Za-z]")
# Addresses, paths, commands' options, key = value, revisions, what stands in quotes.
NAMES = re.compile(
    r"the-[a-z]+|「[!-~ ]+」|(?:virtual|server) (?:'[^']*'|shop|one|two)|'[^']*'|\"[^\"]*\""
    r"|`[^`]*`|--?[a-z][!-~]*|[!-~]*[/:=@_0-9\\][!-~]*|[a-z_]+ = [!-~]+"
    r"|[!-~]+\.cf(?:\.example)?\b|%[a-z]"
)
PHRASE = re.compile("|".join(map(re.escape, PHRASES)))
KEY_NAMES = {name for keys in KEYS.values() for name in keys}
KNOWN = LATIN | KEY_NAMES | set(socket.gethostname().replace(".", " ").split())


class Reader(HTMLParser):
    """Collects what a page says: its text, and the attributes that are read aloud or shown."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.links: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.said += [values[name] for name in SPOKEN & values.keys()]
        if tag == "a":
            self.links.append(values.get("href", ""))
        if tag in CODE or values.get("lang") == "en":
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.said.append(data)


def english(page: str) -> list[str]:
    """List the words of a page that no allowance covers, each with the text around it."""
    reader = Reader()
    reader.feed(page)
    return [
        f"{word}: {text.strip()}"
        for text in reader.said
        for word in WORD.findall(NAMES.sub(" ", PHRASE.sub(" ", text)))
        if word not in KNOWN and word.lower() not in KNOWN
    ]


def links(page: str) -> Iterator[str]:
    reader = Reader()
    reader.feed(page)
    for link in reader.links:
        path = link.partition("#")[0]
        if path.startswith("/") and not path.startswith(("/static", "/audit.csv")):
            yield path


def crawled(client: Client) -> dict[str, str]:
    """Open every page that a click can reach; one of each kind of query is enough."""
    found: dict[str, str] = {}
    pending = [reverse("control"), reverse("introduction"), reverse("login")]
    while pending:
        path = pending.pop()
        if path in found or len([one for one in found if one.split("?")[0] == path]) > 2:
            continue
        response = client.get(path)
        if response.headers["Content-Type"].startswith("text/html"):
            found[path] = response.text
            pending += list(links(response.text))
    return found


@pytest.fixture
def chinese(log_in: LogIn) -> Client:
    client = log_in(Role.ADMIN)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hant"
    return client


TROUBLED = a_snapshot(
    role="backup",
    state="standby",
    reason="no heartbeat from the primary on any link for 18 s, and a witness answers",
    not_ready=("2 of 3 real servers are down as seen from here", "no interface holds 192.0.2.100"),
    failures=(FailureState("-A -t 192.0.2.100:80", 2, "it is not there", NOW),),
    warnings=("lvs.cf:3: warning: advice: use_regex = 1 does nothing without expect",),
    peer=a_peer(
        ready=False,
        reasons="3 real servers are not checked yet",
        links=(
            LinkState("public", 0.5, 0.3, "Network is unreachable"),
            LinkState("private", None, None),
        ),
        rejected=(RejectedState("forged", 3), RejectedState("old form", 1)),
    ),
    virtual_servers=(
        a_virtual_server(
            "shop",
            a_real_server("one", 21, health="down", reason="connection refused by 10.9.9.21:80"),
            a_real_server("two", 22, override="drain", reason="drained by an operator"),
        ),
    ),
)
EXPLAINED = messages.Explained(
    "shop/one",
    "10.9.9.21:80",
    "down",
    "force-up",
    "forced up by an operator; its checks say: no answer on 10.9.9.21:80 within 6 s",
    NOW,
    "send_expect tcp 10.9.9.21:80 every 6 s, down after 1, up again after 3 in a row",
    True,
    (messages.TriedCheck(NOW, False, "10.9.9.21:80 took what was sent", 0.1, "GET /", "HTTP"),),
)
EVENTS = (
    messages.Event(1, NOW, "health", "shop/one", "down: connection refused by 10.9.9.21:80"),
    messages.Event(2, NOW, "override", "shop/two", "drained; drained by an operator"),
    messages.Event(3, NOW, "role", "standby", "both active: the primary is active too"),
    messages.Event(4, NOW, "address", "192.0.2.100", "this director lets go of it"),
    messages.Event(5, NOW, "failure", "-A -t 192.0.2.100:80", "works again"),
    messages.Event(6, NOW, "reload", "/etc/lvs.cf", "0123456789ab runs"),
)
ANSWERS: dict[type, object] = {
    messages.Status: TROUBLED,
    messages.Explain: EXPLAINED,
    messages.Events: EVENTS,
    messages.ShowTable: messages.Text("IP Virtual Server version 1.2.1 (size=4096)"),
    messages.ShowProcesses: messages.Processes(
        1, (messages.Process("pulse", "this director", "standby"),)
    ),
    messages.ShowHistory: messages.History(
        (RoleChange(NOW, "standby", "both active", "the primary is active too", 0.2),)
    ),
    messages.ShowTraffic: messages.Graphs(0, 30.0, ()),
    messages.Plan: messages.Planned(
        "0123456789ab",
        (messages.PlannedLine("-d -t 192.0.2.100:80 -r 10.9.9.21:80", 3, "to be cut"),),
        ("lvs.cf:3: warning: advice: pmask does nothing without persistent",),
        ("add 192.0.2.100/24 on eth0:1",),
    ),
}


def test_no_page_of_a_troubled_pair_says_anything_in_english(
    chinese: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(LVS_CF.replace("backup_active = 0", "backup_active = 1\nbackup = 192.0.2.12"))
    engine.answers |= ANSWERS
    submit(chinese, reverse("global-settings"), tcp_timeout="300")
    pages = crawled(chinese)
    assert len(pages) > 40
    assert {path: told for path, page in pages.items() if (told := english(page))} == {}


def test_without_pulse_no_page_says_anything_in_english(chinese: Client, lvs_cf: File) -> None:
    pages = crawled(chinese)
    assert {path: told for path, page in pages.items() if (told := english(page))} == {}


@pytest.mark.parametrize(
    "text",
    [
        LVS_CF.replace("weight = 1", "weight = heavy", 1).replace("keepalive = 6", "keepalive=6"),
        LVS_CF.replace("     port = 80", "     pport = 80\n     timeout = 0"),
        "virtual a {\n",
        "",
        None,
        "\0",
    ],
)
def test_what_is_wrong_with_the_file_is_told_in_chinese(
    chinese: Client, lvs_cf: File, engine: FakeEngine, text: str | None
) -> None:
    engine.answers |= ANSWERS
    lvs_cf.path.unlink() if text is None else lvs_cf.path.write_text(text)
    pages = crawled(chinese)
    assert {path: told for path, page in pages.items() if (told := english(page))} == {}


UNREACHABLE = EngineError(
    "unreachable",
    "the peer cannot be reached at 192.0.2.12 port 22: no answer; 10.9.9.2 port 22: no answer",
    "is it on, is its sshd running, does a packet filter stand between?",
)
NOT_PAIRED = EngineError(
    "not-paired",
    "the two directors have not met: there is no key to copy by",
    "run `lvsctl pair invite` on the primary and `lvsctl pair join` on the backup",
)
UNKNOWN_KEY = HostKeyRefused("192.0.2.12", HostKey("ssh-ed25519", "AAAA", "SHA256:now"), "")
OTHER_KEY = HostKeyRefused(
    "192.0.2.12", HostKey("ssh-ed25519", "AAAA", "SHA256:now"), "SHA256:before"
)


@pytest.mark.parametrize("refusal", [None, UNREACHABLE, NOT_PAIRED, UNKNOWN_KEY, OTHER_KEY])
@pytest.mark.parametrize("edited_there", [False, True])
def test_how_the_sync_stands_is_told_in_chinese(
    chinese: Client,
    lvs_cf: File,
    engine: FakeEngine,
    tmp_path: Path,
    settings: object,
    refusal: EngineError | None,
    edited_there: bool,
) -> None:
    engine.answers |= ANSWERS
    settings.SYNC = tmp_path / "sync"  # type: ignore[attr-defined]
    lvs_cf.write(PAIR)
    other = paired(tmp_path / "peer", tmp_path / "sync")
    other.write(PAIR)
    syncing.current().syncer.copy()
    other.refusal = refusal
    lvs_cf.write(PAIR.replace("deadtime = 18", "deadtime = 30"))
    if edited_there:
        other.write(PAIR.replace("weight = 1", "weight = 4") + "virtual two {\n port = many\n}\n")
    syncing.current().syncer.copy()
    pages = {path: chinese.get(path) for path in SYNC_PAGES}
    both = {"ours": lvs_cf.revision, "theirs": other.revision, "understood": "1"}
    pages["theirs"] = chinese.post(reverse("sync-take-theirs"), both)
    pages["stale"] = chinese.post(reverse("sync-take-ours"), both | {"ours": "0" * 12})
    pages["unread"] = chinese.post(reverse("sync-take-ours"))
    pages["key"] = chinese.post(reverse("sync-host-key"), {"fingerprint": "x", "compared": "1"})
    pages["audit"] = chinese.get(reverse("audit"))
    told = {path: english(page.content.decode()) for path, page in pages.items()}
    assert {path: words for path, words in told.items() if words} == {}


SYNC_PAGES = [
    reverse(name) for name in ("sync", "sync-compare", "sync-host-key", "control", "difference")
]


@pytest.mark.parametrize(
    ("name", "arguments", "typed"),
    [
        ("global-settings", [], {"primary": "192.0.2", "tcp_timeout": "soon"}),
        ("global-settings", [], {"nat_router_device": "eth0:1"}),
        ("virtual-server", ["shop"], {"name": "", "port": "99999", "device": "", "address": "x"}),
        ("virtual-server", ["shop"], {"timeout": "0", "persistent": "-1", "fwmark": "x"}),
        ("add-virtual-server", [], {"name": "shop", "address": "192.0.2.100"}),
        ("add-real-server", ["shop"], {"name": 'a"b', "address": "0.0.0.0", "weight": "70000"}),
        ("monitoring-scripts", ["shop"], {"send_program": "relative/path", "expect": "\u2028"}),
    ],
)
def test_what_is_wrong_with_a_form_is_told_in_chinese(
    chinese: Client,
    lvs_cf: File,
    engine: FakeEngine,
    name: str,
    arguments: list[str],
    typed: dict[str, str],
) -> None:
    engine.answers |= ANSWERS
    response = submit(chinese, reverse(name, args=arguments), **typed)
    assert response.status_code == 422
    assert english(response.content.decode()) == []


def test_what_is_wrong_with_a_password_is_told_in_chinese(chinese: Client, lvs_cf: File) -> None:
    for new in ("", "piranha", "password", "Piranha-1", "1234567890", "short", "Kx9 vorbei im 7"):
        typed = {"old_password": "x", "new_password": new, "verify_password": "another"}
        page = chinese.post(reverse("change-password"), typed).content.decode()
        assert english(page) == []


def test_a_wrong_login_is_told_in_chinese(chinese: Client, client: Client, lvs_cf: File) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hant"
    for _try in range(8):
        page = client.post(reverse("login"), {"username": "piranha", "password": "x"})
        assert english(page.content.decode()) == []


def test_a_conflict_and_what_is_not_there_are_told_in_chinese(
    chinese: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    stale = {"revision": "0" * 12, "primary": "192.0.2.13", "network": "nat"}
    conflict = chinese.post(reverse("global-settings"), stale)
    assert (conflict.status_code, english(conflict.content.decode())) == (409, [])
    for path in ("/virtual-server/shop2/", "/no-such-page/", "/revisions/000000000000/"):
        missing = chinese.get(path)
        assert (missing.status_code in (404, 409), english(missing.content.decode())) == (True, [])


def test_what_the_engine_refuses_is_told_in_chinese(
    chinese: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    engine.answers |= ANSWERS | {
        messages.StandBy: EngineError("refused", "the backup is not ready: not ready yet"),
        messages.Reload: EngineError("unsound", "lvs.cf has 1 error; nothing was changed", "x"),
        messages.SetOverride: EngineError(
            "unknown-real-server", "no enabled real server is called shop/one"
        ),
    }
    handover = chinese.post(reverse("control-handover"), {"what": "standby"})
    assert (handover.status_code, english(handover.content.decode())) == (409, [])
    order = {"order": "drain shop one", "sure": "1", "next": reverse("control")}
    chinese.post(reverse("control-order"), order)
    assert english(chinese.get(reverse("control")).content.decode()) == []


def test_an_entry_of_the_audit_log_is_told_in_each_readers_language(
    chinese: Client, admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    submit(chinese, reverse("monitoring-scripts", args=["shop"]), expect="HTTP/1")
    audit.record_command("root", "piranha-passwd", "set password", "piranha", "new user, admin")
    assert "virtual server shop" in admin.get(reverse("audit")).content.decode()
    page = chinese.get(reverse("audit")).content.decode()
    assert "虛擬伺服器 shop" in page
    assert english(page) == []


def test_the_reader_finds_english_where_it_is() -> None:
    """Or the tests above could not fail."""
    assert english("<p>儲存 saved it</p>") == ["saved: 儲存 saved it", "it: 儲存 saved it"]
    assert english('<button aria-label="Close">關閉</button>') == ["Close: Close"]
    assert english("<p>lvs.cf 與 <code>any code</code> 'any quote' 10.0.0.1:80</p>") == []
    director.forget_picture()
