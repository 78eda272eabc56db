"""Ctrl-C waits for the end of the step: weights are never half updated."""

from __future__ import annotations

import signal
import threading
from typing import Any


class DeferredInterrupt:
    """While active, the first SIGINT is kept for `check`; a second one acts at once.

    In other threads than the main one Python delivers no signals, and nothing is done.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            if self._before is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._note)
            else:
                self._before = None  # somebody else handles it
        return self

    def __exit__(self, *exc: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: Any) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if it was asked for since the last step."""
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt
