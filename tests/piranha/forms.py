"""Read the forms of a page and fill them in, as a browser without JavaScript does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Protocol

from django.test import Client


class Response(Protocol):
    """What Django's test client returns."""

    status_code: int
    content: bytes

    @property
    def headers(self) -> Mapping[str, str]: ...


@dataclass
class PageForm:
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(PageForm(said.get("action", "")))
        if not self.forms:
            return
        fields = self.forms[-1].fields
        if tag == "input" and "name" in said:
            if said.get("type") not in ("checkbox", "radio"):
                fields[said["name"]] = said.get("value", "")
            elif any(name == "checked" for name, _value in attrs):
                fields[said["name"]] = said.get("value", "on")
        elif tag == "select":
            self._select = said.get("name", "")
        elif tag == "option" and any(name == "selected" for name, _value in attrs):
            fields[self._select] = said.get("value", "")
        elif tag == "textarea":
            self._textarea = said.get("name", "")
            fields[self._textarea] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            fields = self.forms[-1].fields  # a line end right after the tag does not count
            fields[self._textarea] = fields[self._textarea].removeprefix("\n")
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1].fields[self._textarea] += data


def forms(response: Response) -> list[PageForm]:
    reader = _Reader()
    reader.feed(response.content.decode())
    return reader.forms


def form(response: Response, field_name: str = "revision") -> dict[str, str]:
    """Return the fields of the first form that has `field_name`."""
    for one in forms(response):
        if field_name in one.fields:
            return dict(one.fields)
    raise AssertionError(f"no form of the page has a field {field_name}")


def submit(client: Client, url: str, **typed: str) -> Response:
    """Open a page, type into its form and press its button; an empty text unchecks a box."""
    fields = form(client.get(url)) | typed
    return client.post(url, {name: text for name, text in fields.items() if text or name in typed})
