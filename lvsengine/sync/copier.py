"""The background copier: a thread that copies after edits, and again after failures."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from lvsengine.errors import EngineError
from lvsengine.sync import plan
from lvsengine.sync.syncer import Syncer
from lvsengine.sync.values import Standing, State, Trouble

log = logging.getLogger("piranha.sync")

POLL_S = 1.0  # how late another process's edit is seen


class Copier:
    """Copies in the background: a thread that sleeps until an edit, or until a retry is due.

    Start one in every worker process, after it forked; they share the work by a lock. At the
    start it looks whether a copy is due, for an edit may have been saved while nothing ran.
    Does nothing where `sync` is off.
    """

    def __init__(self, syncer: Syncer) -> None:
        self._syncer = syncer
        self._wake = threading.Event()
        self._ends = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failure = ""
        self._unkept: Trouble | None = None

    def start(self) -> None:
        """Start the thread; once started, does nothing."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
                self._thread.start()

    def edited(self) -> None:
        """Tell that lvs.cf was saved, or a host key accepted. Returns at once, never raises.

        Pauses begin anew at 5 s. Works in a process whose copier was not started, too: those
        of other processes hear of it within a second.
        """
        try:
            self._syncer.recorder.want()
        except FileNotFoundError:
            pass  # the directors have not met: the state says so
        except OSError as error:
            self._say(f"an edit cannot be marked for the sync: {error.strerror}")
        self._wake.set()

    def state(self) -> State:
        """Tell how it stands, as the syncer does, and what could not even be kept."""
        state = self._syncer.state()
        if self._unkept is None or state.standing is not Standing.DUE:
            return state
        return replace(state, record=plan.unkept(self._unkept, state.record.revisions.ours))

    def stop(self, wait_s: float = 0.0) -> None:
        """End the thread; a copy at work is whole or not at all, whenever it ends."""
        self._ends.set()
        self._wake.set()
        if self._thread is not None and wait_s:
            self._thread.join(wait_s)

    def _run(self) -> None:
        starting = True
        while not self._ends.is_set():
            self._wake.clear()
            if self._syncer.is_due(starting=starting):
                self._copy()
            starting = False
            self._wake.wait(POLL_S)

    def _copy(self) -> None:
        try:
            state = self._syncer.copy(wait_s=0.0)
        except EngineError as error:
            if error.code != "busy":  # another process is at it
                self._unkept = Trouble.of(error)
                self._say(error.sentence)
        except Exception:  # a thread that died would copy nothing for ever
            log.exception("the sync failed")
            self._ends.wait(POLL_S * 60)
        else:
            self._unkept = None
            self._say(state.trouble.sentence if state.trouble is not None else "")

    def _say(self, failure: str) -> None:
        """Log what is new, not every try."""
        if failure and failure != self._failure:
            log.warning("lvs.cf is not copied to the peer reason=%s", failure)
        elif self._failure and not failure:
            log.info("lvs.cf is in step with the peer again")
        self._failure = failure
