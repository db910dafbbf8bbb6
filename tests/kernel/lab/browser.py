"""Somebody at a browser without JavaScript, on a machine of the lab."""

from __future__ import annotations

import html
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar

from tests.kernel.lab.namespaces import in_namespace
from tests.piranha.forms import form

ANSWER_S = 60.0  # a guest is slow
NOBODY = 0  # the status where nobody answers


@dataclass(slots=True)
class Page:
    """What came back; as tests.piranha.forms reads it."""

    status_code: int
    content: bytes

    @property
    def headers(self) -> dict[str, str]:
        return {}

    @property
    def text(self) -> str:
        return self.content.decode()


class Browser:
    """Keeps its cookies; follows redirects; reaches the web from one machine."""

    def __init__(self, namespace: str, site: str) -> None:
        self._namespace = namespace
        self._site = site
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(cookies)

    def get(self, path: str) -> Page:
        return self._ask(urllib.request.Request(f"{self._site}{path}"))  # noqa: S310

    def submit(self, path: str, field: str = "revision", to: str = "", **typed: str) -> Page:
        """Open a page, type into the form that has `field`, and press its button.

        Args:
            to: Where the form goes, where that is another address.

        Raises:
            AssertionError: The page says that it did not do it.
        """
        fields = form(self.get(path), field) | typed
        sent = {name: text for name, text in fields.items() if text or name in typed}
        request = urllib.request.Request(  # noqa: S310
            f"{self._site}{to or path}",
            urllib.parse.urlencode(sent).encode(),
            {"Referer": f"{self._site}{path}"},
        )
        page = self._ask(request)
        assert page.status_code == 200, _complaints(page) or page.text
        return page

    def _ask(self, request: urllib.request.Request) -> Page:
        with in_namespace(self._namespace):
            try:
                with self._opener.open(request, timeout=ANSWER_S) as answer:
                    return Page(answer.status, answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    return Page(error.code, error.read())
            except urllib.error.URLError as error:
                return Page(NOBODY, str(error.reason).encode())


def _complaints(page: Page) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'class="error"[^>]*>([^<]+)', page.text)]
