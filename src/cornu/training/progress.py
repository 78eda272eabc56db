"""What training shows while it runs: Keras's line, drawn seldom.

On a terminal and in a notebook one line is drawn again and again; everywhere else there
is one plain line at the end, so that a log file holds no half lines.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from cornu import processes

clock = time.perf_counter
# A line is drawn no more often than this (in seconds), and not at all in shorter runs.
INTERVAL = 0.1
# A notebook keeps all that was ever written: it gets at most so many lines per pass.
MOST_DRAWN = 100
_WIDTH = 20  # of the bar, in characters
_LEVELS = (0, 1, 2, "auto")
_interactive = [True]
_shown: list[Progress] = []  # whose line stands there unfinished, if anybody's
_lock = threading.RLock()  # of it: several threads may predict


def enable_interactive_logging() -> None:
    """Show on the standard output what training tells, as is the default."""
    _interactive[0] = True


def disable_interactive_logging() -> None:
    """Send what training tells to Python's `logging` (logger 'cornu', level INFO).

    No bar is drawn then: there is a line at the end of each epoch.
    """
    for progress in list(_shown):
        progress.leave()
    _interactive[0] = False


def is_interactive_logging_enabled() -> bool:
    """Whether what training tells is shown on the standard output."""
    return _interactive[0]


def tell(text: str) -> None:
    """Print a line for people, on a row of its own, or send it to the log."""
    if not _interactive[0]:
        logging.getLogger("cornu").info(text)
        return
    with _lock:
        for progress in list(_shown):
            progress.hide()
        _write(text + "\n")


def verbosity(value: Any) -> int:
    """0, 1 or 2 from what `verbose=` was given.

    Raises:
        ValueError: for anything else.

    Example:

    >>> verbosity("auto"), verbosity(False), verbosity(2)
    (1, 0, 2)
    """
    if isinstance(value, np.integer):
        value = int(value)
    if value not in _LEVELS:
        raise ValueError(
            f"verbose={value!r} was given.\n"
            f"Expected one of {', '.join(map(repr, _LEVELS))}.\n"
            "0 is silent, 1 (or 'auto') draws a bar, 2 prints one line at the end."
        )
    if not processes.first():
        return 0
    return 1 if value == "auto" else int(value)


class Progress:
    """Tells of one pass over the data.

    Args:
        verbose: 0 for silence, 1 (or 'auto') for a bar where one can be drawn, 2 for
            one line at the end.
        steps: number of batches, or None where nobody knows it yet.
        width: characters of the bar.
        interval: a line is drawn no more often than this, in seconds; INTERVAL by
            default.
        unit: what a step is called.

    Raises:
        ValueError: for another `verbose`.
    """

    def __init__(
        self,
        verbose: Any,
        steps: int | None,
        width: int = _WIDTH,
        interval: float | None = None,
        unit: str = "step",
    ) -> None:
        self.verbose, self.steps = verbosity(verbose), steps
        self._width, self._unit_name = width, unit
        self._interval = INTERVAL if interval is None else interval
        drawn = self.verbose == 1 and _interactive[0]
        self._terminal = drawn and _on_terminal()
        self._notebook = drawn and not self._terminal and _in_notebook()
        self._live = self._terminal or self._notebook
        self._started = clock()
        # When the first step ended, and its number.
        self._first: tuple[float, int] | None = None
        self._next_time, self._next_step = self._started + self._interval, 0
        self._open = 0  # characters of the line that stands there unfinished

    def due(self, step: int) -> bool:
        """Whether it is time to draw, after this step: only then are logs computed."""
        if self._first is None:
            self._first = (clock(), step)
        if not self._live or step < self._next_step:
            return False
        return clock() >= self._next_time

    def update(self, step: int, logs: Mapping[str, Any]) -> None:
        """Draw the line of a pass that goes on."""
        if not self._live:
            return
        now = clock()
        self._next_time = now + self._interval
        if self._notebook:
            if self.steps:
                self._next_step = step + -(-self.steps // MOST_DRAWN)
            else:  # ever more seldom: the number of lines grows as a logarithm
                self._next_time = now + max(self._interval, (now - self._started) / 20)
        if self.steps:
            shown = _clock_time(max(self.steps - step, 0) * self._per_step(step))
        else:
            shown = f"{now - self._started:.0f}s"
        self._draw([*self._bar(step), *self._rest(step, shown, logs)])

    def close(self, step: int, logs: Mapping[str, Any]) -> None:
        """Draw the line of a pass that is over, which stays."""
        if not self.verbose:
            return
        shown = f"{clock() - self._started:.0f}s"
        if self._live:
            self.steps = self.steps or step
            self._draw([*self._bar(step), *self._rest(step, shown, logs)], whole=True)
            return
        parts = [f"{step}/{self.steps or step}", shown]
        parts += [self._unit(step), *_numbers(logs)]
        tell(" - ".join(parts))

    def hide(self) -> None:
        """Take the line away, so that others can print; it comes back when due."""
        with _lock:
            if self._open:
                _write("\r" + " " * self._open + "\r")
                self._stands(0)

    def leave(self) -> None:
        """Leave the line as it is: the pass ends early."""
        with _lock:
            if self._open:
                _write("\n")
                self._stands(0)

    # Pieces of the line, each with the code of its colour ('' for none)

    def _bar(self, step: int) -> list[tuple[str, str]]:
        if not self.steps:
            return [("1", f"{step:7d}/Unknown")]
        full, empty = _characters()
        done = min(self._width * step // self.steps, self._width)
        count = f"{step:{len(str(self.steps))}d}/{self.steps}"
        bar = [("32", full * done), ("37", empty * (self._width - done))]
        return [("1", count), ("", " "), *bar]

    def _rest(
        self, step: int, shown: str, logs: Mapping[str, Any]
    ) -> list[tuple[str, str]]:
        text = "".join(f" - {number}" for number in _numbers(logs))
        return [("", " "), ("1", shown), ("", f" {self._unit(step)}{text}")]

    def _per_step(self, step: int) -> float:
        """Seconds per step; the first one, which compiles, does not count if it can."""
        now = clock()
        if self._first is None:
            return (now - self._started) / max(step, 1)
        if step > self._first[1]:
            return (now - self._first[0]) / (step - self._first[1])
        return now - self._started

    def _unit(self, step: int) -> str:
        seconds = self._per_step(step)
        if seconds >= 1 or seconds == 0:
            return f"{seconds:.0f}s/{self._unit_name}"
        if seconds >= 1e-3:
            return f"{seconds * 1e3:.0f}ms/{self._unit_name}"
        return f"{seconds * 1e6:.0f}us/{self._unit_name}"

    def _draw(self, pieces: list[tuple[str, str]], whole: bool = False) -> None:
        width = sum(len(text) for _, text in pieces)
        if self._terminal and not whole:
            # A line that wraps cannot be drawn again: '\r' goes back one row only.
            width = min(width, shutil.get_terminal_size().columns - 1)
        colours = self._terminal and _in_colour()
        shown, room = ["\r"], width
        for code, text in pieces:
            part = text[: max(room, 0)]
            room -= len(part)
            shown.append(
                f"\x1b[{code}m{part}\x1b[0m" if part and code and colours else part
            )
        with _lock:
            for other in [each for each in _shown if each is not self]:
                other.hide()
            rest = " " * (self._open - width)  # what the last line had more
            _write("".join([*shown, rest]) + ("\n" if whole else ""))
            self._stands(0 if whole else width)

    def _stands(self, characters: int) -> None:
        """Note how long the line is that stands there unfinished; 0 for none."""
        if self._open:
            _shown.remove(self)
        self._open = characters
        if characters:
            _shown.append(self)


def _numbers(logs: Mapping[str, Any]) -> list[str]:
    """Names and values, with digits as Keras shows them."""
    shown = []
    for name, value in logs.items():
        try:
            number = float(np.mean(value))
        except (TypeError, ValueError):
            shown.append(f"{name}: {value}")
            continue
        digits = ".4f" if abs(number) > 1e-3 else ".4e"
        shown.append(f"{name}: {number:{digits}}")
    return shown


def _clock_time(seconds: float) -> str:
    """Time that is left, as Keras writes it: 59s, 1:05, 2:00:30."""
    minutes, rest = divmod(int(seconds), 60)
    if seconds > 3600:
        return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if seconds > 60 else f"{int(seconds)}s"


# Where it is shown


def _on_terminal() -> bool:
    return bool(getattr(sys.stdout, "isatty", bool)())


def _in_notebook() -> bool:
    """Whether what is printed goes to a cell; nothing is imported to find out."""
    return type(sys.stdout).__module__.split(".")[0] == "ipykernel"


def _in_colour() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _characters() -> tuple[str, str]:
    """Full and empty parts of the bar, in what the output can encode."""
    try:
        "━".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (LookupError, UnicodeEncodeError):
        return "=", "."
    return ("━", "━") if _on_terminal() and _in_colour() else ("━", "╌")


def _write(text: str) -> None:
    if sys.stdout is not None:
        sys.stdout.write(text)
        sys.stdout.flush()
