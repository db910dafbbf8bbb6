"""Whether a browser's page renews itself, and how often: remembered in a cookie of its own."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

COOKIE = "piranha-monitor"
YEAR_S = 365 * 24 * 3600
DEFAULT_S = 10
LEAST_S, MOST_S = 1, 3600


@dataclass(frozen=True, slots=True)
class Choice:
    """`seconds` is between two updates, 1 to 3600."""

    auto: bool = True
    seconds: int = DEFAULT_S


def seconds_of(text: str) -> int | None:
    """Read an interval; None where it is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        return None
    return int(text) if LEAST_S <= int(text) <= MOST_S else None


def chosen(request: HttpRequest) -> Choice:
    auto, _colon, seconds = request.COOKIES.get(COOKIE, "").partition(":")
    return Choice(auto != "0", seconds_of(seconds) or DEFAULT_S)


def remember(response: HttpResponse, choice: Choice) -> None:
    value = f"{choice.auto:d}:{choice.seconds}"
    response.set_cookie(COOKIE, value, max_age=YEAR_S, httponly=True, samesite="Strict")
