"""Callbacks that change the learning rate from epoch to epoch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from cornu.optimizers import LossScaleOptimizer, MultiOptimizer
from cornu.training.callbacks.base import Callback
from cornu.training.callbacks.monitor import MonitorCallback
from cornu.training.progress import tell


def parts_of(optimizer: Any) -> dict[str, Any]:
    """The optimizers that have a rate, by the name of that rate in the logs.

    It is 'learning_rate', and 'learning_rate_adam' for that of a `MultiOptimizer`.
    """
    if isinstance(optimizer, LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    if isinstance(optimizer, MultiOptimizer):
        return {f"learning_rate_{each.name}": each for each in optimizer.optimizers}
    return {"learning_rate": optimizer}


def rates_of(optimizer: Any) -> dict[str, float]:
    """The learning rates, by their names in the logs."""
    return {k: float(v.learning_rate) for k, v in parts_of(optimizer).items()}


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch.

    Args:
        schedule: `f(epoch, rate)` or `f(epoch)`, which gives the new rate.
        verbose: whether to tell the rate of each epoch.

    Raises:
        ValueError: when the schedule gives no number.

    Example:

    >>> slower = LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise TypeError(
                f"LearningRateScheduler was given {schedule!r}.\n"
                "Expected a function of the epoch and the learning rate.\n"
                "For example LearningRateScheduler(lambda epoch, rate: rate * 0.9)."
            )
        self.schedule, self.verbose = schedule, verbose
        try:
            inspect.signature(schedule).bind(0, 0.1)
            self._takes_rate = True
        except TypeError:  # the form of Keras 1
            self._takes_rate = False
        except ValueError:  # a function in C that does not tell what it takes
            self._takes_rate = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for name, optimizer in parts_of(self.model.optimizer).items():
            self._set_rate(optimizer, epoch, name)

    def _set_rate(self, optimizer: Any, epoch: int, name: str) -> None:
        before = float(optimizer.learning_rate)
        given = (epoch, before) if self._takes_rate else (epoch,)
        rate = self.schedule(*given)
        if not isinstance(rate, Real) and getattr(rate, "shape", None) != ():
            raise ValueError(
                f"The schedule of LearningRateScheduler gave {rate!r} for epoch "
                f"{epoch}.\nExpected a number.\n"
                "Return the rate of that epoch from the function."
            )
        optimizer.learning_rate = float(rate)
        if self.verbose:
            shown = name.replace("_", " ", 2)
            tell(f"Epoch {epoch + 1}: {shown} {float(rate)}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs.update(rates_of(self.model.optimizer))


class ReduceLROnPlateau(MonitorCallback):
    """Makes the learning rate smaller when a metric no longer improves.

    Args:
        monitor: name of the metric in the logs.
        factor: the new rate is the old one times this, from 0 to 1.
        patience: so many epochs without an improvement are allowed.
        verbose: whether to tell of each change.
        mode: 'min', 'max', or 'auto': as the metric says.
        min_delta: the least change that counts as an improvement.
        cooldown: epochs to wait after a change before counting again.
        min_lr: the smallest rate.

    Raises:
        ValueError: when `factor` is 1 or more, or `monitor` is not measured.

    Example:

    >>> slower = ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=5)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if factor >= 1:
            raise ValueError(
                f"ReduceLROnPlateau was given factor={factor}.\n"
                "Expected less than 1: the rate becomes smaller.\nFor example 0.1."
            )
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._begin()

    def _begin(self) -> None:
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._begin()

    def get_state(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "wait": self.wait,
            "cooldown_counter": self.cooldown_counter,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        self.best, self.wait = state["best"], state["wait"]
        self.cooldown_counter = state["cooldown_counter"]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = {} if logs is None else logs
        current = self.monitored(logs)
        logs.update(rates_of(self.model.optimizer))
        if current is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best, self.wait = current, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        for name, optimizer in parts_of(self.model.optimizer).items():
            rate = float(optimizer.learning_rate)
            # The rate may be a float32, which is a little above the smallest one.
            if rate <= np.float32(self.min_lr):
                continue
            rate = max(rate * self.factor, self.min_lr)
            optimizer.learning_rate = rate
            self.cooldown_counter, self.wait = self.cooldown, 0
            if self.verbose:
                shown = name.replace("_", " ", 2)
                tell(f"Epoch {epoch + 1}: {shown} reduced to {rate}")
