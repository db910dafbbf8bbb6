"""Every address of the web, gathered from the panels."""

from __future__ import annotations

from importlib import import_module

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from piranha.access import views as access
from piranha.panels import MORE, PANELS

handler400 = "piranha.access.errors.bad_request"
handler403 = "piranha.access.errors.forbidden"
handler404 = "piranha.access.errors.not_found"
handler500 = "piranha.access.errors.server_error"

urlpatterns = [
    path("", access.introduction, name="introduction"),
    path("login/", access.log_in, name="login"),
    path("logout/", access.log_out, name="logout"),
    path("password/", access.change_password, name="change-password"),
    path("theme/", access.set_theme, name="theme"),
    path("language/", login_not_required(set_language), name="set_language"),
    *(
        path("", include(import_module(f"piranha.panels.{name}").urlpatterns))
        for name in (*(panel.name for panel in PANELS), *MORE)
    ),
]
