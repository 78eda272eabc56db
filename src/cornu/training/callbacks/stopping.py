"""Callbacks that end the training: EarlyStopping, TerminateOnNaN."""

from __future__ import annotations

import math
from typing import Any

from cornu.training.callbacks.base import Callback
from cornu.training.callbacks.monitor import MonitorCallback
from cornu.training.progress import tell


class EarlyStopping(MonitorCallback):
    """Stops the training when a metric has not improved for some epochs.

    Args:
        monitor: name of the metric in the logs.
        min_delta: the least change that counts as an improvement.
        patience: so many epochs without one are allowed.
        verbose: whether to say so when it stops.
        mode: 'min', 'max', or 'auto': as the metric says.
        baseline: the metric must also become better than this.
        restore_best_weights: whether the model ends with the weights of its best epoch.
        start_from_epoch: epochs before this one do not count.

    Raises:
        ValueError: when `monitor` is not measured.

    Example:

    >>> stop = EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)
    """

    _COUNTED = ("wait", "stopped_epoch", "best_epoch", "best", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose = patience, verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._begin()

    def _begin(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._begin()

    def get_state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._COUNTED}

    def set_state(self, state: dict[str, Any]) -> None:
        for name in self._COUNTED:
            setattr(self, name, state[name])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        current = self.monitored(logs or {})
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._remember(epoch)  # should no epoch ever improve
        self.wait += 1
        if self.improves(current, self.best):
            self.best = current
            self._remember(epoch)
            if self.improves(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch and self.verbose:
            tell(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                tell(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Stops the training as soon as a loss is NaN or infinite.

    The model keeps the weights from before that step, and the logs of the epoch hold
    the loss. A warning tells where in the step it began.

    Args:
        raise_error: whether `fit` raises what the warning says instead, so that no
            callback hears of an end of the training.

    Raises:
        RuntimeError: by `fit`, with `raise_error=True`.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            if self.raise_error:
                raise RuntimeError(
                    f"The loss is {loss} in batch {batch}.\n"
                    "Expected finite numbers.\n"
                    "Try a smaller learning rate, and look for NaN in the data."
                )
            tell(f"Batch {batch}: the loss is {loss}; training ends here.")
            self.model.stop_training = True

    def wants_batches(self) -> bool:
        # `fit` looks at the loss in the step itself, before anything is changed. Only
        # what a train_step of the user's logs may be another one.
        return type(self) is not TerminateOnNaN or self.model._own_train_step
