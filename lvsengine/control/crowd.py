"""Who is on the control socket, and who is hung up on so that somebody else gets an answer.

Whoever may connect may also hang on and say nothing, a thousand times over. What each user may
take is therefore bounded by what the others want: when it gets crowded, the user who has most
callers loses the one that has waited longest. Nobody is cut off in the midst of an answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

AT_ONCE = 256  # callers; an ordinary web and some operators are a dozen
ANSWERED_AT_ONCE = 64  # of one user
HELD_BYTES = 32 << 20  # of all requests together that are longer than a piece


@dataclass(slots=True, eq=False)
class Caller:
    """One connection.

    Attributes:
        uid: The user at the other end.
        answered: Its request is being carried out; until then, and after, it is only waited for.
        held: Bytes of its request that are kept here.
    """

    uid: int
    answered: bool = False
    held: int = 0


def one_to_go(callers: Collection[Caller]) -> Caller | None:
    """Choose whom to hang up on; `callers` are in the order in which they came.

    Returns:
        None where all are being answered.
    """
    waiting = [caller for caller in callers if not caller.answered]
    numbers = Counter(caller.uid for caller in callers)
    return max(waiting, key=lambda caller: numbers[caller.uid], default=None)


def too_heavy(callers: Collection[Caller]) -> Caller | None:
    """Choose whom to hang up on for the memory that requests take; None where they take little."""
    if sum(caller.held for caller in callers) <= HELD_BYTES:
        return None
    waiting = [caller for caller in callers if not caller.answered]
    return max(waiting, key=lambda caller: caller.held, default=None)


def asks_too_much(callers: Collection[Caller], uid: int) -> bool:
    """Whether a user has as many answers under way as one may have."""
    return sum(one.answered for one in callers if one.uid == uid) >= ANSWERED_AT_ONCE
