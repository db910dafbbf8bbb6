"""The greeting page, logging in and out, one's own password, and light or dark."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from piranha import audit
from piranha.access import throttle, typed
from piranha.access.login import attempt, destination, login_page
from piranha.access.password_form import PasswordForm
from piranha.header import THEME_COOKIE, THEMES
from piranha.models import User

YEAR_S = 365 * 24 * 3600


@require_safe
@login_not_required
def introduction(request: HttpRequest) -> HttpResponse:
    return render(request, "introduction.html", {"no_user": not User.objects.exists()})


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def log_in(request: HttpRequest) -> HttpResponse:
    following = destination(request)
    if request.method == "POST":
        refused = attempt(request)
        if refused is not None:
            return refused
        found = typed.unpacked(request.POST.get(typed.FIELD, ""))
        if found is not None:
            typed.keep(request, found, following)
    elif not request.user.is_authenticated:
        return login_page(request, following)
    return HttpResponseRedirect(following, status=303)


@require_POST
@login_not_required
def log_out(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        audit.record(request, "log out")
        logout(request)
    return redirect("introduction")


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """Change one's own password. Every session of the user ends, this one too, as by
    piranha-passwd: the next click asks for the new one."""
    form = PasswordForm(request, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render(request, "password.html", {"form": form})
    with throttle.turn() as ours:
        if ours and form.is_valid():
            form.save()
        else:
            context = {"form": form, "busy": not ours}
            return render(request, "password.html", context, status=422 if ours else 503)
    audit.record(request, "change password", request.user.get_username())
    logout(request)
    messages.success(request, _("The password is changed. Log in with the new one."))
    return HttpResponseRedirect(reverse("login"), status=303)


@require_POST
@login_not_required
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark; anything else follows the system again."""
    wanted = request.POST.get("next", "")
    response = redirect(wanted if typed.here(wanted) else "introduction")
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=YEAR_S, httponly=True, samesite="Strict")
    else:
        response.delete_cookie(THEME_COOKIE)
    return response
