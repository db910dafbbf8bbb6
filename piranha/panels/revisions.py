"""The page of earlier revisions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


def show_panel(request: HttpRequest) -> HttpResponse:
    return render(request, "panels/revisions.html", {"panel": "revisions"})


urlpatterns = [path("revisions/", show_panel, name="revisions")]
