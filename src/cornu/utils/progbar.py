"""Progbar: the line that `fit` draws, for loops of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cornu.training.progress import Progress


class Progbar:
    """Shows how far a loop is, and numbers, as `fit` does.

    On a terminal and in a notebook a line is drawn again and again; elsewhere, as in a
    log file, there is one line at the end.

    Args:
        target: how many steps there will be, or None where nobody knows.
        width: characters of the bar.
        verbose: 0 silent, 1 a bar, 2 one line at the end.
        interval: seconds from one drawing to the next, at least.
        stateful_metrics: names of numbers to show as they are; others are averaged over
            the steps.
        stateless_metrics: names of numbers to average; others are shown as they are.
        unit_name: what a step is called.

    Raises:
        ValueError: when both lists of names are given, and for another `verbose`.

    Example:

    >>> bar = Progbar(2, verbose=0)
    >>> for step in (1, 2):
    ...     bar.update(step, [("loss", 1 / step)])
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Progbar was given both stateful_metrics and stateless_metrics.\n"
                "Expected one of them: what it does not name is of the other kind.\n"
                "Leave one away."
            )
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self._as_they_are = set(stateful_metrics or ())
        self._averaged = None if stateless_metrics is None else set(stateless_metrics)
        self._seen = 0
        self._sums: dict[str, tuple[Any, int]] = {}  # name -> (sum, steps)
        self._line = self._begin()

    def _begin(self) -> Progress:
        return Progress(
            self.verbose, self.target, self.width, self.interval, self.unit_name
        )

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Tell how far the loop is.

        Args:
            current: steps that are done.
            values: pairs of a name and its value in the last step.
            finalize: whether this was the last one; by default, when `target` is
                reached. Then numbers are shown as given, and the line stays.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            sum_, count = self._sums.get(name, (0, 0))
            if finalize or not self._is_averaged(name):
                self._sums[name] = (value, 1)
            else:
                self._sums[name] = (sum_ + value * steps, count + steps)
        self._seen = current
        due = self._line.due(current)
        if finalize:
            self._line.close(current, self._means())
            self._line = self._begin()
        elif due:
            self._line.update(current, self._means())

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Tell that `n` more steps are done; see `update`."""
        self.update(self._seen + n, values)

    def _is_averaged(self, name: str) -> bool:
        if self._averaged is not None:
            return name in self._averaged
        return name not in self._as_they_are

    def _means(self) -> dict[str, Any]:
        return {k: np.mean(v) / max(n, 1) for k, (v, n) in self._sums.items()}
