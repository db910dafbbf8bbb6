"""The CONTROL panel."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


def show_panel(request: HttpRequest) -> HttpResponse:
    return render(request, "panels/control.html", {"panel": "control"})


urlpatterns = [path("control/", show_panel, name="control")]
