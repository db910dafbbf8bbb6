"""The greeting page, logging in and out."""

from __future__ import annotations

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from piranha.header import THEME_COOKIE, THEMES
from piranha.models import User

YEAR_S = 365 * 24 * 3600


@require_safe
@login_not_required
def introduction(request: HttpRequest) -> HttpResponse:
    return render(request, "introduction.html", {"no_user": not User.objects.exists()})


class LogIn(LoginView):
    template_name = "login.html"


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("introduction")


@require_POST
@login_not_required
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark; anything else follows the system again."""
    wanted = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    response = redirect(wanted if here else "introduction")
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=YEAR_S, httponly=True, samesite="Strict")
    else:
        response.delete_cookie(THEME_COOKIE)
    return response
