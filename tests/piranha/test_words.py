"""The translations: complete, compiled, and with the same places as the original texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message

from deploy import engine_sentences, words
from piranha.audit import ACTIONS
from piranha.monitoring.rows import ORDERS
from tests.piranha.glossary import SAME_IN_CHINESE

BRACES = re.compile(r"\{(\w+)(![rs])?(:\w+)?\}")
PERCENT = re.compile(r"%\((\w+)\)([sd])")
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")


@pytest.fixture(scope="module")
def known() -> Catalog:
    return words.read()


@pytest.fixture(scope="module")
def messages(known: Catalog) -> list[Message]:
    return [message for message in known if message.id]


def ids(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def places(text: str) -> set[tuple[str, ...]]:
    """List the places of a text in either form, with how they are to be written."""
    return {*PERCENT.findall(text), *BRACES.findall(re.sub(r"\{\{|\}\}", "", text))}


def test_every_visible_text_is_in_the_catalogue_and_nothing_else(known: Catalog) -> None:
    wanted = words.catalog(known, words.texts())
    assert {(one.id, one.context) for one in known} == {(one.id, one.context) for one in wanted}


def test_every_text_is_translated(messages: list[Message]) -> None:
    assert [message.id for message in messages if not all(strings(message))] == []


def test_no_translation_is_a_guess(messages: list[Message]) -> None:
    assert [message.id for message in messages if message.fuzzy] == []


def test_a_translation_has_the_places_of_its_text(messages: list[Message]) -> None:
    wrong = {
        message.id: string
        for message in messages
        for string in strings(message)
        if places(string) != places(ids(message)[-1])
    }
    assert wrong == {}


def test_a_translation_is_chinese(messages: list[Message]) -> None:
    """Only what engineers read in Latin letters everywhere stays so."""
    latin = {ids(one)[0] for one in messages if not CHINESE.search("".join(strings(one)))}
    assert latin == SAME_IN_CHINESE & {ids(one)[0] for one in messages}


def test_the_compiled_catalogue_is_the_written_one(known: Catalog) -> None:
    assert words.MO.read_bytes() == words.mo(known), "run `make words`"


def test_the_written_catalogue_is_as_make_words_writes_it(known: Catalog) -> None:
    assert words.PO.read_bytes() == words.po(words.catalog(known, words.texts()))


def test_the_list_of_the_engines_sentences_is_as_its_source_has_them() -> None:
    assert words.ENGINE_SENTENCES.read_text() == words.engine_txt(), "run `make words`"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(place): return f'no answer on {place(1)} within {x.limit_s:g} s'",
         ["no answer on {place} within {limit_s} s"]),
        ("sentence('must be {low!r} or more', low=1)", ["must be {low!r} or more"]),
        ("f'there are {n} error{\"s\" if n else \"\"} here'",
         ["there are {n} errors here", "there are {n} error here"]),
        ("def f(n):\n e = ''\n e = ' at once'\n return f'it ended{e} by {n}'",
         ["it ended by {n}", " at once", "it ended at once by {n}"]),
        ("f'from {a.low} to {b.low}, braces {{}}'", ["from {low} to {low2}, braces {{}}"]),
        ("f'{len(a)} of {\", \".join(b)} are down'", ["{count} of {list} are down"]),
        ("log.info('not for the page')", []),
        ("'A docstring is no sentence.'", []),
        ("'word'", []),
    ],
)  # fmt: skip
def test_sentences_are_found_in_the_source(source: str, found: list[str]) -> None:
    assert sorted(engine_sentences.of_module(source)) == sorted(found)


ACTION_AT = {"audit.saved": 1, "audit.record": 1, "acting.save": 2, "save": 2, "_record": 0}


def actions(source: str) -> Iterator[str]:
    """Yield what is written as the action of an entry of the audit log."""
    for node in ast.walk(ast.parse(source)):
        said = action_of(node)
        for one in (said.body, said.orelse) if isinstance(said, ast.IfExp) else (said,):
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield one.value


def action_of(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Call() if ast.unparse(node.func) in ACTION_AT:
            return dict(enumerate(node.args)).get(ACTION_AT[ast.unparse(node.func)])
        case ast.keyword(arg="action") | ast.Assign(targets=[ast.Name("action")]):
            return node.value
    return None


def test_every_action_of_the_audit_log_has_words() -> None:
    paths = (words.ROOT / "piranha").rglob("*.py")
    written = {one for path in paths for one in actions(path.read_text())}
    of_argparse = {"append", "store_true"}
    assert len(written) > 10
    assert (written - of_argparse) | ORDERS.keys() <= ACTIONS
