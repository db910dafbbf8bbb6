from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piranha.access.allowlist import Allowlist, Lists, client, parse

PATH = "/etc/sysconfig/ha/web/.htaccess"
MANUAL = """\
Order deny,allow
Deny from all
Allow from 192.168.1.100
Allow from 172.16.57
"""


def admits(text: str, address: str) -> bool:
    found = parse(text, PATH)
    assert found.troubles == ()
    return found.admits(client(address))


@pytest.mark.parametrize(
    ("address", "in_"),
    [
        ("192.168.1.100", True),
        ("192.168.1.101", False),
        ("172.16.57.1", True),
        ("172.16.57.255", True),
        ("172.16.5.7", False),
        ("172.16.58.1", False),
        ("::ffff:172.16.57.9", True),
        ("::ffff:172.16.58.9", False),
        ("2001:db8::1", False),
        ("127.0.0.1", False),
    ],
)
def test_the_manual_s_example_admits_one_machine_and_one_network(address: str, in_: bool) -> None:
    assert admits(MANUAL, address) is in_


def test_the_default_of_the_manual_admits_everybody() -> None:
    assert admits("Order deny,allow\nAllow from all\n", "203.0.113.9")


@pytest.mark.parametrize(
    ("order", "listed", "in_"),
    [
        ("deny,allow", "", True),
        ("deny,allow", "deny", False),
        ("deny,allow", "allow", True),
        ("deny,allow", "deny allow", True),
        ("allow,deny", "", False),
        ("allow,deny", "deny", False),
        ("allow,deny", "allow", True),
        ("allow,deny", "deny allow", False),
        ("mutual-failure", "allow", True),
        ("mutual-failure", "", False),
    ],
)
def test_the_order_decides_who_is_on_both_lists_or_on_none(
    order: str, listed: str, in_: bool
) -> None:
    rules = "".join(f"{name} from 192.0.2.7\n" for name in listed.split())
    assert admits(f"Order {order}\n{rules}", "192.0.2.7") is in_


def test_without_an_order_it_is_deny_then_allow_and_the_last_of_two_counts() -> None:
    assert admits("Deny from 192.0.2.9", "192.0.2.7")
    assert not admits("Order deny,allow\nOrder allow,deny", "192.0.2.7")


@pytest.mark.parametrize(
    ("who", "inside", "outside"),
    [
        ("10", "10.255.0.1", "11.0.0.1"),
        ("10.1", "10.1.9.9", "10.2.0.1"),
        ("10.1.", "10.1.9.9", "10.2.0.1"),
        ("10.1.0.0/16", "10.1.9.9", "10.2.0.1"),
        ("10.1.2.3/16", "10.1.9.9", "10.2.0.1"),
        ("10.1/16", "10.1.9.9", "10.2.0.1"),
        ("172.16.57/24", "172.16.57.9", "172.16.58.1"),
        ("10.1.0.0/255.255.0.0", "10.1.9.9", "10.2.0.1"),
        ("0.0.0.0/0", "10.1.9.9", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8:1::5", "2001:db9::1"),
        ("::1", "::1", "::2"),
        ("::ffff:10.1.0.0/112", "10.1.9.9", "10.2.0.1"),
        ("::/0", "2001:db8::1", "10.1.9.9"),
        ("192.0.2.1 192.0.2.2  198.51.100", "198.51.100.8", "192.0.2.3"),
        ("ALL", "203.0.113.1", ""),
        ("fe80::/10", "fe80::1%eth0", "fec0::1"),
    ],
)
def test_who_is_meant(who: str, inside: str, outside: str) -> None:
    text = f"Order allow,deny\nAllow from {who}"
    assert admits(text, inside)
    assert not outside or not admits(text, outside)


def test_keywords_are_known_in_any_case_and_comments_and_joined_lines_are_read() -> None:
    text = "# the office\r\n  ORDER Deny,ALLOW\r\nDENY FROM All # all\r\n"
    text += "allow From \\\r\n 192.0.2.7\r\n"
    assert admits(text, "192.0.2.7")
    assert not admits(text, "192.0.2.8")


def test_a_comment_that_ends_in_a_backslash_hides_the_next_line_as_in_apache() -> None:
    assert admits("# was: \\\nDeny from all", "192.0.2.8")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Order allow", "Order must be deny,allow or allow,deny, not 'allow'"),
        ("Order", "not 'nothing'"),
        ("Allow 192.0.2.1", "write Allow from, then who"),
        ("Deny from", "write Deny from, then who"),
        ("Denny from all", "Denny is not known here, so nobody gets in"),
        ("Require ip 192.0.2.1", "Require is not known here"),
        ("Require all granted", "Require is not known here"),
        ("<Limit GET>", "<Limit is not known here"),
        ("Allow from office.example", "'office.example' is a name"),
        ("Allow from .example", "is a name, and a name server must not decide"),
        ("Allow from env=lan", "goes by a variable"),
        ("Allow from 192.0.2.300", "is no address or network"),
        ("Allow from 192.0.2.1/33", "is no address or network"),
        ("Allow from 192.0.2.0/255.0.255.0", "is no address or network"),
        ("Allow from 192.0.2.0/", "is no address or network"),
        ("Allow from 2001:db8::/129", "is no address or network"),
        ("Allow from 1.2.3.4.5", "is no address or network"),
    ],
)
def test_a_line_that_is_wrong_lets_nobody_in_and_tells_file_and_line(line: str, says: str) -> None:
    found = parse(f"Order deny,allow\n\n{line}\nAllow from all", PATH)

    (trouble,) = found.troubles
    assert str(trouble).startswith(f"{PATH}:3: ")
    assert says in str(trouble)
    assert not found.admits(ip_address("127.0.0.1"))


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = parse("Order no\nAllow from x\nDeny", PATH)
    assert [trouble.line for trouble in found.troubles] == [1, 2, 3]


def test_what_asks_for_a_password_is_noted_and_keeps_nobody_out() -> None:
    text = "AuthType Basic\nAuthName x\nrequire user piranha\nRequire valid-user\nOptions None"
    found = parse(text, PATH)
    assert found.troubles == ()
    assert [note.line for note in found.notes] == [1, 2, 3, 4, 5]
    assert "this web has its own login" in str(found.notes[0])


def test_an_unknown_address_is_only_in_all() -> None:
    assert client("unix:") is None
    assert parse("Order allow,deny\nAllow from all", PATH).admits(None)
    assert not parse("Order allow,deny\nAllow from 0.0.0.0/0 ::/0", PATH).admits(None)


OPEN = parse("Order deny,allow\nAllow from all", "inner")
SHUT = parse("Order deny,allow\nDeny from all", "outer")
SILENT = parse("AuthType Basic", "inner")
WRONG = parse("Denny from all", "wrong")


@pytest.mark.parametrize(
    ("inner", "outer", "pages", "login"),
    [
        (None, None, True, True),
        (SHUT, None, False, True),
        (None, SHUT, False, False),
        (OPEN, SHUT, True, False),
        (SILENT, SHUT, False, False),
        (WRONG, None, False, True),
        (OPEN, WRONG, False, False),
        (SILENT, None, True, True),
    ],
)
def test_the_inner_file_overrides_the_outer_one_and_an_error_in_either_counts(
    inner: Allowlist | None, outer: Allowlist | None, pages: bool, login: bool
) -> None:
    lists = Lists(inner, outer)
    assert lists.admit(ip_address("192.0.2.1"), inside=True) is pages
    assert lists.admit(ip_address("192.0.2.1"), inside=False) is login


@given(st.text(max_size=200), st.ip_addresses())
def test_any_text_gives_a_decision(text: str, address: object) -> None:
    found = parse(text, PATH)
    decision = found.admits(address)  # type: ignore[arg-type]
    assert not (found.troubles and decision)
