"""The page of the audit log."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


def show_panel(request: HttpRequest) -> HttpResponse:
    return render(request, "panels/audit_log.html", {"panel": "audit_log"})


urlpatterns = [path("audit/", show_panel, name="audit")]
