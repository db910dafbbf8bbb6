"""The fake engine says what the real one says, field by field and type by type."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

from lvsengine.control import messages
from lvsengine.plain import Plain, to_plain
from lvsengine.snapshot import Snapshot
from tests.journeys.director import a_director, ask, settle
from tests.piranha.fake_engine import a_snapshot

KINDS = {int: "number", float: "number", type(None): "nothing"}


def shape(plain: Plain) -> object:
    """Give a value's field names and types; of a list, its first entry's."""
    if isinstance(plain, dict):
        return {key: shape(value) for key, value in plain.items()}
    if isinstance(plain, list):
        return [shape(plain[0])] if plain else []
    return KINDS.get(type(plain), type(plain).__name__)


def raw_answer(socket_path: Path) -> Plain:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(socket_path))
        connection.sendall(messages.encode_request(messages.Status()))
        with connection.makefile("rb") as stream:
            return messages.decode_answer(stream.readline())


async def test_the_fakes_snapshot_has_the_shape_of_a_real_engines(tmp_path: Path) -> None:
    async with a_director(tmp_path) as director:
        await settle(0.3)
        real = await asyncio.to_thread(raw_answer, director.socket)
        assert await ask(director, messages.Status(), Snapshot)
    fake = json.loads(json.dumps(to_plain(a_snapshot())))
    assert shape(fake) == shape(real)
