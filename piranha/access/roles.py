"""What a view asks of the user's role. That somebody is logged in is the middleware's matter."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from piranha.models import Role, User

View = Callable[..., HttpResponse]


def may(request: HttpRequest, role: Role) -> bool:
    return isinstance(request.user, User) and request.user.may(role)


def needs(role: Role, *, to_change: bool = True) -> Callable[[View], View]:
    """Refuse who has less than `role`; with `to_change`, GET and HEAD are for every role."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, **parts: object) -> HttpResponse:
            free = to_change and request.method in ("GET", "HEAD")
            if free or may(request, role):
                return view(request, **parts)
            return render(request, "refused.html", {"needed": role.label}, status=403)

        return checked

    return decorate
