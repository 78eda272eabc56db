"""What `fit` returns: the course of losses and metrics, under all their names."""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Iterable
from typing import Any

from cornu import files
from cornu.graph import html
from cornu.training.callbacks import Callback, MonitorCallback

# Short and long spellings of one thing: books print the one, Keras 3 records the other.
_ALIASES = [
    {"acc", "accuracy"},
    {"mae", "mean_absolute_error"},
    {"mse", "mean_squared_error"},
    {"mape", "mean_absolute_percentage_error"},
    {"msle", "mean_squared_logarithmic_error"},
    {"lr", "learning_rate"},
]


def other_names(name: str) -> list[str]:
    """The other spellings of a metric's name, with its `val_` if it has one.

    Example:

    >>> other_names("val_acc")
    ['val_accuracy']
    """
    prefix, bare = ("val_", name[4:]) if name.startswith("val_") else ("", name)
    for group in _ALIASES:
        if bare in group:
            return [prefix + other for other in sorted(group - {bare})]
    return []


class NotRecorded(KeyError):
    """A KeyError whose message is shown as text."""

    def __str__(self) -> str:
        return str(self.args[0])


class Logs(dict[str, Any]):
    """A dict that also answers to the other spellings of its keys.

    Example:

    >>> logs = Logs(accuracy=[0.9, 0.95])
    >>> logs["acc"], "acc" in logs, list(logs)
    ([0.9, 0.95], True, ['accuracy'])
    """

    def __missing__(self, key: str) -> Any:
        for other in other_names(key):
            if super().__contains__(other):
                return super().__getitem__(other)
        raise NotRecorded(
            f"{key!r} was not recorded.\n"
            f"Expected one of: {_listed(self)}.\n"
            "Pass validation data to fit for keys with 'val_', and metrics to compile."
        )

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or any(
            super(Logs, self).__contains__(other) for other in other_names(str(key))
        )

    def get(self, key: str, default: Any = None) -> Any:
        """The value under any spelling of `key`."""
        try:
            return self[key]
        except KeyError:
            return default


class History(Callback):
    """Records losses and metrics of each epoch; `fit` returns it.

    Attributes:
        history: name -> list with one number per epoch. It also answers to the other
            spelling of a name: 'acc' and 'accuracy'.
        epoch: the numbers of the epochs.
        params: what `fit` was called with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: Logs = Logs()
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []
        self.history = Logs()

    def get_state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "history": dict(self.history)}

    def set_state(self, state: dict[str, Any]) -> None:
        self.epoch = list(state["epoch"])
        self.history = Logs({k: list(v) for k, v in state["history"].items()})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the curves: loss and metrics by epoch, training and validation.

        Args:
            path: a PNG file to write; none by default.

        Returns:
            A matplotlib Figure, one panel per metric.

        Raises:
            ModuleNotFoundError: without matplotlib, which the extra `lab` brings.
            ValueError: when no epoch was recorded.
        """
        from cornu.training.plots import as_png, curves

        figure = curves(self.history, epochs=[n + 1 for n in self.epoch])
        if path is not None:
            files.write(path, as_png(figure))
        return figure

    def _repr_html_(self) -> str:
        """What notebooks show: last and best numbers, and the curves."""
        rows = [[name, *self._told(name)] for name in self.history]
        title = html.heading(f"History of {len(self.epoch)} epochs")
        table = html.table(["", "Last", "Best", "In epoch"], rows, [1, 2, 3])
        return title + table + self._curves()

    def _told(self, name: str) -> list[str]:
        """Texts of the last number under a name, the best one, and its epoch."""
        numbers = self.history[name]
        watcher = MonitorCallback(name)
        watcher.set_model(self.model)
        try:
            worst = -math.inf if watcher._direction() == "up" else math.inf
        except (AttributeError, ValueError):  # neither metric nor model says it
            return [_text(numbers[-1]), "-", "-"]
        known = [worst if math.isnan(n) else n for n in numbers]
        at = known.index(max(known) if worst < 0 else min(known))
        # With validation_freq there are fewer numbers, and no record of their epochs.
        complete = len(numbers) == len(self.epoch)
        epoch = str(self.epoch[at] + 1) if complete else "-"
        return [_text(numbers[-1]), _text(numbers[at]), epoch]

    def _curves(self) -> str:
        """The curves as HTML; nothing without matplotlib, or without an epoch."""
        if not self.epoch:
            return ""
        try:
            figure = self.plot()
        except ModuleNotFoundError:
            return ""
        from cornu.training.plots import as_png

        picture = base64.b64encode(as_png(figure)).decode()
        width = round(figure.get_figwidth() * 64)
        return (
            '<img alt="Losses and metrics by epoch" style="max-width:100%" '
            f'width="{width}" src="data:image/png;base64,{picture}">'
        )

    def __repr__(self) -> str:
        return f"<History of {len(self.epoch)} epochs: {_listed(self.history)}>"


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
