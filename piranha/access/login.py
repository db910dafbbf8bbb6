"""LOGIN: the page, and who gets a session by it."""

from __future__ import annotations

from django import forms
from django.contrib.auth import authenticate, login
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from piranha import audit
from piranha.access import throttle, typed
from piranha.models import User

UNKNOWN_EVERY_S = 60  # an address's guesses at names are recorded once in this time
TOO_MANY, BUSY = 429, 503


class LogInForm(forms.Form):
    username = forms.CharField(
        label=_("Username"),
        max_length=64,
        widget=forms.TextInput(
            {"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


def login_page(
    request: HttpRequest,
    following: str,
    packed: str = "",
    status: int = 200,
    form: LogInForm | None = None,
    **context: object,
) -> HttpResponse:
    """Show LOGIN; `following` is where to go afterwards, `packed` what had been typed there."""
    known = User.objects.exists()
    shown = {"form": form or LogInForm(), "next": following, "typed": packed, "no_user": not known}
    return render(request, "login.html", {**shown, **context}, status=status)


def destination(request: HttpRequest) -> str:
    """Tell where to go after the login: a page of this web that was asked for, or CONTROL."""
    asked = request.POST.get("next", request.GET.get("next", ""))
    return asked if typed.here(asked) else resolve_url("control")


def attempt(request: HttpRequest) -> HttpResponse | None:
    """Log in with what was typed; None when that worked, else the page that says why not."""
    form = LogInForm(request.POST)
    with throttle.turn() as ours:
        if not ours:
            form.add_error(None, _("Too many people are logging in. Try again in a moment."))
            return _again(request, form, BUSY)
        user = _checked(request, form)
    if user is not None:
        login(request, user)
        audit.record(request, "log in")
        return None
    status = TOO_MANY if throttle.is_locked(request) else 422
    return _again(request, form, status)


def _again(request: HttpRequest, form: LogInForm, status: int) -> HttpResponse:
    packed = request.POST.get(typed.FIELD, "")
    return login_page(request, destination(request), packed, status, form)


def _checked(request: HttpRequest, form: LogInForm) -> User | None:
    if not form.is_valid():
        return None
    name, address = form.cleaned_data["username"], request.META["REMOTE_ADDR"]
    before = throttle.minutes_left(name, address)
    user = authenticate(request, username=name, password=form.cleaned_data["password"])
    if isinstance(user, User):
        return user
    minutes = throttle.minutes_left(name, address)
    if not before:
        _record_failure(request, name, minutes)
    form.add_error(None, locked_out(minutes) if minutes else _wrong())
    return None


def _wrong() -> ValidationError:
    return ValidationError(_("The username or the password is wrong."), code="wrong")


def locked_out(minutes: int) -> str:
    return ngettext(
        "Too many wrong passwords from your address: try again in %(minutes)d minute."
        " Somebody who is root on this director can end that by piranha-passwd.",
        "Too many wrong passwords from your address: try again in %(minutes)d minutes."
        " Somebody who is root on this director can end that by piranha-passwd.",
        minutes,
    ) % {"minutes": minutes}


def _record_failure(request: HttpRequest, name: str, minutes: int) -> None:
    """Record who was tried. An unknown name is left out: it may be a password, mistyped."""
    known = User.objects.filter(username=name).exists()
    if not known and not cache.add(f"unknown-{request.META['REMOTE_ADDR']}", 1, UNKNOWN_EVERY_S):
        return
    outcome = f"locked for {minutes} minutes" if minutes else "wrong password"
    audit.record(
        request,
        "log in refused",
        name if known else "",
        who=name if known else "-",
        outcome=outcome if known else "no such user",
    )
