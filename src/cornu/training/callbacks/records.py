"""Callbacks that write down, or call what the user gives: CSVLogger, LambdaCallback."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cornu.graph.messages import refuse_unknown
from cornu.spelling import closest
from cornu.training.callbacks.base import BATCH_HOOKS, Callback


class CSVLogger(Callback):
    """Writes the numbers of each epoch to a CSV file, a line as soon as it is known.

    The columns are 'epoch' and the names of the logs in order. What an epoch has no
    number for is NA, as the columns 'val_...' of epochs without a validation. Lines end
    as RFC 4180 has it, in CR and LF.

    Args:
        filename: the file.
        separator: what stands between the numbers.
        append: whether to go on with a file that exists.

    Raises:
        OSError: when the file cannot be written.

    Example:

    >>> log = CSVLogger("training.csv", append=True)
    """

    reports = True

    def __init__(
        self,
        filename: str | os.PathLike[str],
        separator: str = ",",
        append: bool = False,
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep, self.append = separator, append
        self._path = Path(self.filename)
        self._keys: list[str] | None = None  # the columns, once they are known
        self._size = 0  # of the part of the file that counts, in bytes
        self._to_cut = False  # whether there may be more behind it

    def on_train_begin(self, logs: Any = None) -> None:
        # As it is now: the folder of the process may change.
        self._path = path = Path(self.filename).absolute()
        lines = path.read_text().splitlines() if self.append and path.exists() else []
        # A file that is gone on with keeps its columns.
        self._keys = lines[0].split(self.sep)[1:] if lines else None
        # Begun at once, so that a wrong name is told at once. What is in it goes when
        # the first line comes: until then `set_state` may go on with it.
        path.open("a").close()
        self._size, self._to_cut = path.stat().st_size if lines else 0, True

    def get_state(self) -> dict[str, Any]:
        return {"keys": self._keys, "size": self._size}

    def set_state(self, state: dict[str, Any]) -> None:
        size = self._path.stat().st_size
        if size < state["size"]:
            raise ValueError(
                f"CSVLogger is to go on with {self.filename!r}, which has {size} "
                f"bytes.\nExpected the {state['size']} bytes of the epochs until now.\n"
                "Put the file back, or delete the backup to train from the start."
            )
        keys = state["keys"]
        self._keys, self._size = None if keys is None else list(keys), state["size"]
        self._to_cut = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        rows = []
        if self._keys is None:
            self._keys = self._columns(logs)
            rows.append(["epoch", *self._keys])
        # An epoch without validation leaves its columns open.
        rows.append([epoch, *(_cell(logs.get(key, "NA")) for key in self._keys)])
        self._write(rows)

    def _columns(self, logs: dict[str, Any]) -> list[str]:
        names = sorted(logs)
        if not any(name.startswith("val_") for name in names):
            # They may be yet to come; as in Keras, without any validation too.
            names += [f"val_{name}" for name in names]
        return names

    def _write(self, rows: list[list[Any]]) -> None:
        # Opened for each line: an interrupted training leaves no open file behind.
        with self._path.open("a", newline="") as file:
            if self._to_cut:
                file.truncate(self._size)
                self._to_cut = False
            writer = csv.writer(file, delimiter=self.sep)
            writer.writerows(rows)
        self._size = self._path.stat().st_size

    def on_train_end(self, logs: Any = None) -> None:
        self._write([])  # no epoch at all: what was there goes now


def _cell(value: Any) -> Any:
    """A number or text as it is; an array on one line, as Keras writes it."""
    if isinstance(value, str) or not np.ndim(value):
        return value
    return f'"[{", ".join(map(str, value))}]"'


class LambdaCallback(Callback):
    """Calls functions of yours.

    Args:
        on_epoch_begin: `f(epoch, logs)`.
        on_epoch_end: `f(epoch, logs)`.
        on_train_begin: `f(logs)`.
        on_train_end: `f(logs)`.
        on_train_batch_begin: `f(batch, logs)`; also `on_batch_begin`.
        on_train_batch_end: `f(batch, logs)`; also `on_batch_end`.
        **kwargs: any other hook of `Callback`; what has another name becomes an
            attribute, for your own code to call.

    Raises:
        TypeError: for names that look like hooks and are none, offering the nearest.

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
        others = [name for name in kwargs if name not in known]
        slips = [n for n in others if n.startswith("on_") or closest(n, known)]
        refuse_unknown("LambdaCallback", slips, known)
        self._hooks = [name for name, function in hooks.items() if function is not None]
        for name in self._hooks:
            setattr(self, name, hooks[name])

    def wants_batches(self) -> bool:
        return any(name in BATCH_HOOKS for name in self._hooks)
