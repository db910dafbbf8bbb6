"""The check that runs a program of the operator's about a real server. No shell.

`send_program` is split at blanks; words that are exactly `%h` and `%p` become the real server's
address and port. Up: it exits with status 0 and prints exactly `expect` (one newline at the end
is dropped; with `use_regex`, something that matches). Without an `expect` the status alone
decides. It is not run where others than root and we may write it, or a folder on its path. How it
is run, and what it gets, is in `child` and `confinement`.
"""

from __future__ import annotations

import errno
import time
from functools import partial

from lvsengine.nanny import confinement, matching, wording
from lvsengine.nanny.check import Definition, NotTriedError, Result
from lvsengine.nanny.child import PRINTED_BYTES, Ended, run
from lvsengine.nanny.matching import Wanted
from lvsengine.nanny.patience import TooLongError, bounded
from lvsengine.scripts.look import LOOK

OURS = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


async def check(definition: Definition) -> Result:
    """Run the program once.

    Raises:
        NotTriedError: This machine has no process or file descriptor left for it, or the
            program cannot be trusted: neither says anything about the real server.
    """
    started = time.monotonic()
    words = command(definition)
    line = " ".join(words).encode("utf-8", "surrogateescape")
    ended = Ended(None, b"")
    try:
        wanted = _wanted(definition)
        ended = await run(_confined(words, definition), definition.timeout_s)
        ok, reason = _judged(definition, wanted, ended)
    except matching.PatternError as error:
        ok, reason = False, f"was not run: {error}"
    except OSError as error:
        ok, reason = False, _not_started(error)
    return Result(
        ok,
        f"{wording.quoted(line)} {reason}",
        time.monotonic() - started,
        wording.printable(line),
        wording.printable(ended.printed),
    )


def _confined(words: list[str], definition: Definition) -> list[str]:
    verdict = LOOK.at(words[0])
    if verdict.refusal:
        quoted = wording.quoted(verdict.program.encode("utf-8", "surrogateescape"))
        raise NotTriedError(f"not tried: {quoted} is not run: {verdict.refusal}")
    before = confinement.before(definition.user, definition.timeout_s)
    return [*before, verdict.program, *words[1:]]


def command(definition: Definition) -> list[str]:
    replaced = {"%h": str(definition.address), "%p": str(definition.port)}
    return [replaced.get(word, word) for word in (definition.program or "").split()]


def _wanted(definition: Definition) -> Wanted | None:
    if not definition.expect:
        return None
    return matching.wanted(definition.expect, use_regex=definition.use_regex)


def _not_started(error: OSError) -> str:
    if error.errno in OURS:
        raise NotTriedError(f"not tried: no program could be started ({error.strerror})")
    if isinstance(error, FileNotFoundError):
        return "is no program that can be found"
    return f"could not be started: {error.strerror}"


def _judged(definition: Definition, wanted: Wanted | None, ended: Ended) -> tuple[bool, str]:
    printed = ended.printed.removesuffix(b"\n")
    said = f"printed {wording.quoted(printed)}" if printed else "printed nothing"
    if ended.code is None:
        return False, _killed(definition, ended)
    if ended.code < 0:
        return False, f"was ended by signal {-ended.code} ({said})"
    if ended.code in confinement.NOT_STARTED and not printed:
        return False, f"exited with status {ended.code}: it could not be started, or ended so"
    if ended.code > 0:
        return False, f"exited with status {ended.code} ({said})"
    if wanted is None:
        return True, "exited with status 0"
    try:
        if bounded(partial(wanted.is_all_of, printed)):
            return True, said
    except TooLongError:
        return False, f"{said}; {wording.endless_search(wanted)}"
    return False, f"{said} where {wanted} was expected"


def _killed(definition: Definition, ended: Ended) -> str:
    if len(ended.printed) > PRINTED_BYTES:
        return f"printed more than {PRINTED_BYTES} bytes and was killed"
    return f"did not end within {definition.timeout_s:g} s and was killed"
