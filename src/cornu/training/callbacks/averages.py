"""SwapEMAWeights: evaluations see the averages of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.training.callbacks.base import Callback


class SwapEMAWeights(Callback):
    """Evaluates with the averages that the optimizer keeps, and trains on without them.

    The optimizer has `use_ema=True`. Its moving averages of the weights stand in for
    the weights during each evaluation and prediction that has this callback, the
    validations of `fit` included; afterwards the weights are back.

    Args:
        swap_on_epoch: whether the averages also stand in from the end of each epoch to
            the start of the next one: for a ModelCheckpoint that comes after this
            callback in the list.

    Raises:
        ValueError: when the model's optimizer keeps no averages.

    Example:

    >>> averaged = SwapEMAWeights(swap_on_epoch=True)
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._weights: list[np.ndarray] | None = None  # while averages stand in

    def get_state(self) -> dict[str, Any]:
        return {"weights": self._weights}

    def set_state(self, state: dict[str, Any]) -> None:
        self._weights = state["weights"]

    def _check(self) -> None:
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise ValueError(
                "SwapEMAWeights was given to a model whose optimizer keeps no "
                f"averages: {type(optimizer).__name__} with use_ema=False.\n"
                "Expected an optimizer with use_ema=True.\n"
                f"Compile with {type(optimizer).__name__}(use_ema=True)."
            )

    def _put_averages(self) -> None:
        self._check()
        optimizer = self.model.optimizer
        # Before the first step there are no averages yet.
        if self._weights is not None or not int(optimizer._iterations):
            return
        trained = optimizer._trainable_variables
        self._weights = [v.numpy() for v in trained]
        for variable, average in zip(trained, optimizer._averages, strict=True):
            variable.assign(average.value)

    def _put_weights(self) -> None:
        if self._weights is not None:
            trained = self.model.optimizer._trainable_variables
            for variable, array in zip(trained, self._weights, strict=True):
                variable.assign(array)
            self._weights = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._weights = None
        self._check()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._put_weights()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._put_averages()

    def on_train_end(self, logs: Any = None) -> None:
        self._weights = None  # `fit` ends with the averages

    def on_test_begin(self, logs: Any = None) -> None:
        self._put_averages()

    def on_test_end(self, logs: Any = None) -> None:
        self._put_weights()

    def on_predict_begin(self, logs: Any = None) -> None:
        self._put_averages()

    def on_predict_end(self, logs: Any = None) -> None:
        self._put_weights()
