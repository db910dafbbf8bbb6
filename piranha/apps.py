"""Django's record of this application."""

from __future__ import annotations

from django.apps import AppConfig


class PiranhaConfig(AppConfig):
    name = "piranha"
    verbose_name = "Piranha Configuration Tool"

    def ready(self) -> None:
        """Listen for logins, whoever makes the first request."""
        from piranha.access import sessions

        sessions.listen()
