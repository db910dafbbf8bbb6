from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import reverse

from piranha.models import Role, User
from tests.piranha.forms import Response

PASSWORD = "stage-Lantern-42-otter"  # noqa: S105 - of no system
NEW_PASSWORD = "otter-42-Lantern-quay"  # noqa: S105


class Files:
    """The two allowlists of the web under test."""

    def __init__(self, folder: Path) -> None:
        self.outer = folder / ".htaccess"
        self.inner = folder / "secure" / ".htaccess"
        self.inner.parent.mkdir(parents=True)


@pytest.fixture
def files(tmp_path: Path, settings: object) -> Files:
    settings.WEB = tmp_path / "web"  # type: ignore[attr-defined]
    return Files(configured.WEB)


@pytest.fixture
def ann(db: None) -> User:
    user = User(username="ann", role=Role.ADMIN)
    user.set_password(PASSWORD)
    user.save()
    return user


LogInByForm = Callable[..., Response]


@pytest.fixture
def try_login() -> LogInByForm:
    def tried(
        client: Client, password: str = PASSWORD, name: str = "ann", **more: str
    ) -> Response:
        fields = {"username": name, "password": password, **more}
        address = fields.pop("from_", "192.0.2.50")
        return client.post(reverse("login"), fields, REMOTE_ADDR=address)

    return tried
