"""The VIRTUAL SERVERS panel."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


def show_panel(request: HttpRequest) -> HttpResponse:
    return render(request, "panels/virtual_servers.html", {"panel": "virtual_servers"})


urlpatterns = [path("virtual-servers/", show_panel, name="virtual-servers")]
