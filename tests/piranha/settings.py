"""The web's settings for tests: everything of its own in a folder of its own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="piranha-web-"))
os.environ["PIRANHA_STATE"] = str(FOLDER)
os.environ["PIRANHA_CONFIG"] = str(FOLDER / "lvs.cf")
os.environ["PIRANHA_SOCKET"] = str(FOLDER / "pulse.sock")
os.environ["PIRANHA_WEB"] = str(FOLDER / "web")
os.environ["PIRANHA_SYNC"] = str(FOLDER / "sync")

from piranha.settings import *  # noqa: E402, F403 - these tests change what differs below

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick; nothing is secret
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
LOGGING_CONFIG = None  # the engine's tests run in this process too, and look at their own log
