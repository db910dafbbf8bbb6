"""CHANGE PASSWORD: the old one, the new one twice; the same rules as piranha-passwd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import (
    password_validators_help_texts,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from piranha.access import throttle
from piranha.access.login import locked_out
from piranha.models import User


def _rules() -> str:
    return " ".join(password_validators_help_texts())


def _field(
    label: StrOrPromise, autocomplete: str, help_text: StrOrPromise = ""
) -> forms.CharField:
    widget = forms.PasswordInput({"autocomplete": autocomplete})
    return forms.CharField(
        label=label, strip=False, max_length=1024, widget=widget, help_text=help_text
    )


class PasswordForm(forms.Form):
    old_password = _field(_("Old password"), "current-password")
    new_password = _field(_("New password"), "new-password", lazy(_rules, str)())
    verify_password = _field(_("New password once more"), "new-password")

    def __init__(self, request: HttpRequest, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.request = request

    @property
    def user(self) -> User:
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - the middleware lets nobody else in
        return user

    def clean_old_password(self) -> str:
        """Check it as a login does, so that guessing is throttled here too."""
        old: str = self.cleaned_data["old_password"]
        name = self.user.username
        if authenticate(self.request, username=name, password=old) is None:
            minutes = throttle.minutes_left(name, self.request.META["REMOTE_ADDR"])
            raise ValidationError(locked_out(minutes) if minutes else _("This is not it."))
        return old

    def clean_new_password(self) -> str:
        new: str = self.cleaned_data["new_password"]
        validate_password(new, self.user)
        return new

    def clean(self) -> dict[str, Any]:
        new = self.cleaned_data.get("new_password")
        again = self.cleaned_data.get("verify_password")
        if new is not None and again is not None and again != new:
            self.add_error("verify_password", _("The two new passwords are not the same."))
        return self.cleaned_data

    def save(self) -> None:
        self.user.set_password(self.cleaned_data["new_password"])
        self.user.save(update_fields=["password"])
