"""Callbacks that write down, or call what the user gives: CSVLogger, LambdaCallback."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from cornu.graph.messages import refuse_unknown
from cornu.training.callbacks.base import BATCH_HOOKS, Callback


class CSVLogger(Callback):
    """Writes the numbers of each epoch to a CSV file, a line as soon as it is known.

    Args:
        filename: the file.
        separator: what stands between the numbers.
        append: whether to go on with a file that exists.

    Example:

    >>> log = CSVLogger("training.csv", append=True)
    """

    def __init__(
        self,
        filename: str | os.PathLike[str],
        separator: str = ",",
        append: bool = False,
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep, self.append = separator, append
        self._file: TextIO | None = None
        self._writer: Any = None
        self._keys: list[str] = []

    def on_train_begin(self, logs: Any = None) -> None:
        path = Path(self.filename)
        lines = path.read_text().splitlines() if self.append and path.exists() else []
        # A file that is gone on with keeps its columns.
        self._keys = lines[0].split(self.sep)[1:] if lines else []
        self._file = path.open("a" if self.append else "w", newline="")
        self._writer = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        assert self._file is not None
        logs = logs or {}
        new = not self._keys
        self._keys = self._keys or sorted(logs)
        if self._writer is None:
            self._writer = csv.writer(
                self._file, delimiter=self.sep, lineterminator="\n"
            )
        if new:
            self._writer.writerow(["epoch", *self._keys])
        # An epoch without validation leaves its columns open.
        row = [logs.get(key, "NA") for key in self._keys]
        self._writer.writerow([epoch, *row])
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class LambdaCallback(Callback):
    """Calls functions of yours.

    Args:
        on_epoch_begin: `f(epoch, logs)`.
        on_epoch_end: `f(epoch, logs)`.
        on_train_begin: `f(logs)`.
        on_train_end: `f(logs)`.
        on_train_batch_begin: `f(batch, logs)`; also `on_batch_begin`.
        on_train_batch_end: `f(batch, logs)`; also `on_batch_end`.
        **kwargs: any other hook of `Callback`.

    Raises:
        TypeError: for names that are no hooks, offering the nearest.

    Example:

    >>> tell = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Callable[..., Any] | None,
    ) -> None:
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        known = [name for name in dir(Callback) if name.startswith("on_")]
        refuse_unknown("LambdaCallback", [n for n in kwargs if n not in known], known)
        self._hooks = [name for name, function in hooks.items() if function is not None]
        for name in self._hooks:
            setattr(self, name, hooks[name])

    def wants_batches(self) -> bool:
        return any(name in BATCH_HOOKS for name in self._hooks)
