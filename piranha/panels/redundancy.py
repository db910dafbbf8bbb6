"""The REDUNDANCY panel."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


def show_panel(request: HttpRequest) -> HttpResponse:
    return render(request, "panels/redundancy.html", {"panel": "redundancy"})


urlpatterns = [path("redundancy/", show_panel, name="redundancy")]
