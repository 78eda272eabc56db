"""ProgbarLogger: what fit, evaluate and predict show."""

from __future__ import annotations

from typing import Any

from cornu.training.callbacks.base import BATCH_HOOKS, ThrottledCallback
from cornu.training.progress import Progress, tell, verbosity


class ProgbarLogger(ThrottledCallback):
    """Shows how far training has come, and the losses and metrics.

    `fit`, `evaluate` and `predict` have one, unless `verbose=0`; they take one that is
    among the callbacks for their own. Of a batch it hears only when it draws.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.progbar: Progress | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._in_fit = False
        self._latest: tuple[int, dict[str, Any]] | None = None

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self.verbose = verbosity(params.get("verbose", 1))
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def wants_batches(self) -> bool:
        own = type(self)
        return any(
            getattr(own, h) is not getattr(ProgbarLogger, h) for h in BATCH_HOOKS
        )

    every_batch = False  # it goes by time

    def due(self, mode: str, step: int) -> bool:
        """Whether it draws after this step of 'train', 'test' or 'predict'."""
        if self.progbar is None:
            return False
        if mode == "train" or not self._in_fit:
            return self.progbar.due(step)
        # Validation is silent; but the end of the epoch may not have been drawn yet.
        return self._latest is not None and self.progbar.due(self._latest[0])

    def ended(self, mode: str, step: int, logs: dict[str, Any]) -> None:
        """Take what the last batch gave: it may not have been due."""
        if mode == "train" or not self._in_fit:
            self.seen, self._latest = step, (step, dict(logs))

    # In fit

    def on_train_begin(self, logs: Any = None) -> None:
        self._in_fit = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begin()
        if self.verbose and self.epochs > 1:
            tell(f"Epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._update(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._in_fit = False

    # In evaluate and predict

    def on_test_begin(self, logs: Any = None) -> None:
        if not self._in_fit:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._in_fit:
            self._update(batch, logs)
        elif self._latest is not None and self.due("test", batch + 1):
            assert self.progbar is not None
            self.progbar.update(*self._latest)
            self._latest = None

    def on_test_end(self, logs: Any = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._update(batch, None)  # the outputs are not shown

    def on_predict_end(self, logs: Any = None) -> None:
        self._finish(None)

    # The line

    def hide(self) -> None:
        """Take the line away, so that other callbacks can print."""
        if self.progbar is not None:
            self.progbar.hide()

    def leave(self) -> None:
        """Leave the line as it is: there will be no more."""
        self._in_fit = False
        if self.progbar is not None:
            self.progbar.leave()

    def _begin(self) -> None:
        self.seen, self._latest = 0, None
        self.progbar = Progress(self.verbose, self.target)

    def _update(self, batch: int, logs: Any) -> None:
        self.seen = batch + 1
        if self.progbar is not None and self.progbar.due(self.seen):
            self.progbar.update(self.seen, logs or {})

    def _finish(self, logs: Any) -> None:
        if self.progbar is not None:
            self.progbar.close(self.seen or self.target or 0, logs or {})
            self.progbar = None
