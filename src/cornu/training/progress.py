"""What `fit` shows while it runs: Keras's line per epoch, and a bar on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

# The bar is drawn no more often, and not at all in runs shorter than this (seconds).
_INTERVAL = 0.1


class Progress:
    """Tells of one pass over the data.

    Args:
        verbose: 0 for silence, 1 (or 'auto') for a bar on a terminal and a line per
            epoch, 2 for the line alone.
        title: what stands before the bar, such as `Epoch 1/5`.
        steps: number of batches.
    """

    def __init__(self, verbose: Any, title: str, steps: int) -> None:
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.steps, self.title = steps, title
        self.started = self._drawn = time.perf_counter()
        self._bar: Any = None
        self._task: Any = None
        self._live = self.verbose == 1 and sys.stdout.isatty()
        if self.verbose and title:
            print(title, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()  # an interrupted pass leaves no bar behind, and no line

    def due(self) -> bool:
        """Whether it is time to draw: only then are the logs computed."""
        return self._live and time.perf_counter() - self._drawn >= _INTERVAL

    def update(self, step: int, logs: dict[str, Any]) -> None:
        """Draw the bar."""
        if self._bar is None:
            # Imported only now: short runs and scripts never pay for it.
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
            )

            self._bar = Progress(
                MofNCompleteColumn(),
                BarColumn(30),
                TextColumn("{task.description}"),
                transient=True,
            )
            self._task = self._bar.add_task("", total=self.steps)
            self._bar.start()
        self._bar.update(self._task, completed=step, description=self._text(step, logs))
        self._drawn = time.perf_counter()

    def close(self, logs: dict[str, Any] | None = None) -> None:
        """Remove the bar and print the line of the pass."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self.verbose and logs is not None:
            line = f"{self.steps}/{self.steps} - {self._text(self.steps, logs)}"
            print(line, flush=True)

    def _text(self, step: int, logs: dict[str, Any]) -> str:
        seconds = time.perf_counter() - self.started
        per_step = seconds / max(step, 1)
        unit = (
            f"{per_step * 1e3:.0f}ms" if per_step >= 1e-3 else f"{per_step * 1e6:.0f}us"
        )
        parts = [f"{seconds:.0f}s", f"{unit}/step"]
        for name, value in logs.items():
            if isinstance(value, (int, float)):
                small = value != 0 and abs(value) < 1e-3
                parts.append(
                    f"{name}: {value:.4e}" if small else f"{name}: {value:.4f}"
                )
            else:
                parts.append(f"{name}: {value}")
        return " - ".join(parts)
