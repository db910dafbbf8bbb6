"""The backup's end: go to the primary and meet it."""

from __future__ import annotations

import contextlib
import socket

from lvsengine.errors import EngineError
from lvsengine.pairing import talk
from lvsengine.pairing.backup import Backup
from lvsengine.pairing.code import Code
from lvsengine.pairing.messages import Breach, Reason
from lvsengine.pairing.sealing import Side
from lvsengine.pairing.talk import Channel, Lost, PeerRefused
from lvsengine.pairing.terms import MESSAGE_S

_AGAIN = "run `lvsctl pair join` again while the primary waits"


def connect(primary: str, port: int, bind: str = "", within_s: float = MESSAGE_S) -> socket.socket:
    """Reach the primary.

    Args:
        bind: The address of this machine to come from, which lvs.cf will name; empty: any.

    Raises:
        EngineError: `primary-unreachable`.
    """
    source = (bind, 0) if bind else None
    try:
        return socket.create_connection((primary, port), within_s, source)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise EngineError(
            "primary-unreachable",
            f"nobody waits at {primary}, TCP port {port}: {why}; nothing was changed",
            "run `lvsctl pair invite` there first, and let its packet filter pass this port",
        ) from error


def meet(
    connection: socket.socket, code: Code, party: Backup, message_s: float = MESSAGE_S
) -> None:
    """Meet the primary and take what it gives.

    Raises:
        EngineError: `wrong-code`, `primary-refuses`, `not-met` (nothing was changed here), or what
            one of the ends lacks.
        Unconfirmed: All is written here, but the primary does not know.
    """
    with connection, contextlib.closing(party):
        try:
            talk.converse(Channel(connection, message_s), Side.JOIN, code, party)
        except PeerRefused as refused:
            raise _refused(refused.reason) from refused
        except Breach as breach:
            raise EngineError(
                "not-met",
                "what answered is not the primary that made this code:"
                f" {talk.SENTENCES[breach.reason]}; nothing was changed here",
                "is the address right, and the code the newest one?",
            ) from breach
        except Lost as lost:
            raise EngineError(
                "not-met", f"the meeting broke off: {lost.why}; nothing was changed here", _AGAIN
            ) from lost


def _refused(reason: str) -> EngineError:
    if reason == Reason.WRONG_CODE.value:
        return EngineError(
            "wrong-code",
            "the primary does not take this code; nothing was changed here",
            "type the code that `lvsctl pair invite` shows now; five wrong ones end it",
        )
    return EngineError(
        "primary-refuses",
        f"the primary refuses this director: {talk.sentence_of(reason)}; nothing was changed here",
        _AGAIN,
    )
