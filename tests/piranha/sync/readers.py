"""What the tests of the sync read and where; its pages as people see them."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse

from lvsengine.errors import EngineError
from lvsengine.sync.values import HostKey
from tests.piranha.forms import forms

URL = reverse("sync")
COPY = reverse("sync-copy")
COMPARE = reverse("sync-compare")
OURS = reverse("sync-take-ours")
THEIRS = reverse("sync-take-theirs")
KEY = reverse("sync-host-key")
UPDATE = reverse("sync-update")
CONTROL = reverse("control")
GLOBAL = reverse("global-settings")
SHOWN = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIA", "SHA256:" + "aB3" * 14 + "x")
UNREACHABLE = EngineError("unreachable", "192.0.2.12 does not answer", "is it switched on?")


def page_of(client: Client, url: str = URL) -> str:
    return client.get(url).content.decode()


def words(client: Client, url: str = URL) -> str:
    """Return a page as it is read, without its marks."""
    return " ".join(re.sub(r"<[^>]*>", " ", page_of(client, url)).split())


def in_header(client: Client) -> str:
    """Return what the header says of the sync; empty where it says nothing."""
    found = re.search(r'<a class="sync".*?</a>', page_of(client, reverse("revisions")), re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split()) if found else ""


def choice(client: Client, url: str) -> dict[str, str]:
    """Return the fields of one of the forms of the comparison, with its tick."""
    (found,) = [one.fields for one in forms(client.get(COMPARE)) if one.action == url]
    return {**found, "understood": "1"}
