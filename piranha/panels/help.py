"""HELP: one page a panel."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


@login_not_required
def show_help(request: HttpRequest, topic: str = "") -> HttpResponse:
    return render(request, "panels/help.html", {"panel": "help", "topic": topic})


urlpatterns = [
    path("help/", show_help, name="help"),
    path("help/<slug:topic>/", show_help, name="help"),
]
