"""Bring the translations up to date: `make words`, after any visible text was changed.

Gathers every text of templates, `piranha/` and the engine, writes `django.po` with what is
translated already, and makes `django.mo` and `engine.txt` from it. What then has an empty
`msgstr` waits for a translator; the tests say so.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from deploy import engine_sentences
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.lvscf.keys import KEYS

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "piranha" / "locale"
ENGINE_SENTENCES = LOCALE / "engine.txt"
PO = LOCALE / "zh_Hant" / "LC_MESSAGES" / "django.po"
MO = PO.with_suffix(".mo")
WRITTEN = datetime(2026, 11, 26, tzinfo=UTC)  # the header wants a date; ours must not change
LINE = 99

KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


@dataclass(frozen=True, slots=True)
class Text:
    """A visible text; `plural` for one that counts, `context` where the text alone is vague."""

    text: str
    place: str
    plural: str = ""
    context: str = ""

    @property
    def id(self) -> str | tuple[str, str]:
        return (self.text, self.plural) if self.plural else self.text


def texts() -> Iterator[Text]:
    """Gather every text, from all that can be seen."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        source = templatize(path.read_text(), origin=str(path))
        # Python's tokenizer would stumble over the page's indentation.
        yield from _extracted("\n".join(map(str.strip, source.splitlines())), path)
    for path in sorted((ROOT / "piranha").rglob("*.py")):
        yield from _extracted(path.read_text(), path)
    for template, place in engine_sentences.sentences().items():
        yield Text(template, place)
    for section in KEYS.values():
        yield from (Text(key.doc, "lvsengine/lvscf/keys.py") for key in section.values())
    for scheduler in SCHEDULERS.values():
        for text in (scheduler.label, scheduler.does):
            yield Text(text, "lvsengine/ipvs/schedulers.py")


def _extracted(source: str, path: Path) -> Iterator[Text]:
    place = path.relative_to(ROOT).as_posix()
    found = extract("python", io.BytesIO(source.encode()), KEYWORDS)
    for _line, message, _comments, context in found:
        text, plural = message if isinstance(message, tuple) else (message, "")
        yield Text(text, place, plural, context or "")


def catalog(known: Catalog, wanted: Iterable[Text]) -> Catalog:
    """Make the catalogue of what is wanted, with the translations that are known."""
    made = Catalog("zh_Hant", project="Piranha", creation_date=WRITTEN, revision_date=WRITTEN)
    made.header_comment = "# Traditional Chinese, as it is used in Taiwan."
    made.last_translator = made.language_team = "piranha"
    made.fuzzy = False
    for text in wanted:
        before = known.get(text.text, text.context or None)
        string = before.string if before is not None else ""
        made.add(text.id, string, [(text.place, 0)], context=text.context or None)
    return made


def read() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, "zh_Hant")


def po(made: Catalog) -> bytes:
    out = io.BytesIO()
    write_po(out, made, width=LINE, sort_by_file=True, include_lineno=False)
    return out.getvalue()


def mo(made: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, made)
    return out.getvalue()


def engine_txt() -> str:
    return "".join(f"{sentence}\n" for sentence in sorted(engine_sentences.sentences()))


def main() -> None:
    made = catalog(read() if PO.exists() else Catalog(), texts())
    PO.write_bytes(po(made))
    MO.write_bytes(mo(made))
    ENGINE_SENTENCES.write_text(engine_txt())
    missing = [message for message in made if message.id and not message.string]
    sys.stdout.write(f"{len(made)} texts, {len(missing)} of them not translated yet\n")


if __name__ == "__main__":
    main()
