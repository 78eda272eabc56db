"""Callbacks that watch one number of the logs: is it better than it was?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cornu import ops
from cornu.graph.messages import described
from cornu.spelling import closest
from cornu.training.callbacks.base import Callback

_MODES = ("auto", "min", "max")


class MonitorCallback(Callback):
    """Base of callbacks that watch a metric.

    Args:
        monitor: its name in the logs, such as 'val_loss'; older spellings ('val_acc')
            are understood.
        mode: 'min' or 'max', what is better; 'auto' asks the metric.
        min_delta: the least change that counts as better, not negative.

    Raises:
        ValueError: for another mode, and when the logs do not hold `monitor`.

    Attributes:
        monitor_op: what compares a new number with the best one, `ops.less` or
            `ops.greater`; None until the metric has been asked. A class of your own may
            set it.
        min_delta: of the sign that `monitor_op` wants, once it is known: negative
            where less is better.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0.0
    ) -> None:
        super().__init__()
        if mode not in _MODES:
            raise ValueError(
                f"{type(self).__name__} was given mode={mode!r}.\n"
                f"Expected one of {', '.join(map(repr, _MODES))}.\n"
                "Write 'min' where less is better, as of a loss."
            )
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.monitor_op: Callable[..., Any] | None = None

    def monitored(self, logs: dict[str, Any]) -> float | None:
        """The number that is watched; None after an epoch that was not validated.

        Raises:
            ValueError: when it is not in the logs, and not to come either, or is an
                array; the message lists what there is.
        """
        if self.monitor in logs:
            return self._number(logs[self.monitor])
        if self._comes_later(logs):
            return None
        close = closest(self.monitor, list(logs))
        fix = f"Write monitor={close or next(iter(logs), 'loss')!r}, or compile with "
        fix += "the metric."
        if self.monitor.startswith("val_") and not any(
            name.startswith("val_") for name in logs
        ):
            fix = "Pass validation_data= or validation_split= to fit."
        raise ValueError(
            f"{type(self).__name__} watches {self.monitor!r}, which is not measured.\n"
            f"Expected one of: {', '.join(logs)}.\n{fix}"
        )

    def _number(self, value: Any) -> float:
        try:
            # An array of one number is one, as F1Score gives for one class.
            return float(value if np.size(value) != 1 else np.reshape(value, ())[()])
        except (TypeError, ValueError):
            raise ValueError(
                f"{type(self).__name__} watches {self.monitor!r}, which is "
                f"{described(value)}.\nExpected one number.\n"
                "Compile with a metric that gives one, or watch another."
            ) from None

    def _comes_later(self, logs: dict[str, Any]) -> bool:
        """Whether `fit` validates (`validation_freq`), but did not in this epoch."""
        watches_validation = self.monitor.startswith("val_")
        validated = any(name.startswith("val_") for name in logs)
        planned = bool(self.params.get("do_validation"))
        return watches_validation and planned and not validated

    def improves(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`."""
        if self.monitor_op is None:
            upwards = self.mode == "max"
            if self.mode == "auto":
                upwards = self._direction() == "up"
            self.monitor_op = ops.greater if upwards else ops.less
            self.min_delta *= 1 if upwards else -1
        if reference is None:
            return True
        # As float64: the operations would round Python's numbers to float32.
        pair = np.float64(value - self.min_delta), np.float64(reference)
        return bool(self.monitor_op(*pair))

    def _direction(self) -> str:
        """'up' or 'down', as the metric says."""
        from cornu.training.history import other_names

        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return "down"
        wanted = {name, *other_names(name)}
        for metric in self.model._each_metric:
            # Of several outputs the logs name the output, too: 'a_accuracy'.
            if wanted & {metric.name, self.model._log_name(metric)}:
                direction = getattr(metric, "_direction", None)
                if direction is not None:
                    return direction
        raise ValueError(
            f"{type(self).__name__} does not know whether {self.monitor!r} should rise "
            "or fall.\nExpected mode='max' or mode='min' for this metric.\n"
            f"Write {type(self).__name__}(monitor={self.monitor!r}, mode='max')."
        )
