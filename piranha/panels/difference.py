"""The page of the difference between the lvs.cf files."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


def show_panel(request: HttpRequest) -> HttpResponse:
    return render(request, "panels/difference.html", {"panel": "difference"})


urlpatterns = [path("difference/", show_panel, name="difference")]
