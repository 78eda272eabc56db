"""SwapEMAWeights: evaluations see the averages of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.variable import Variable
from cornu.training.callbacks.base import Callback
from cornu.training.callbacks.rates import parts_of


class SwapEMAWeights(Callback):
    """Evaluates with the averages that the optimizer keeps, and trains on without them.

    The optimizer has `use_ema=True`, also inside a `LossScaleOptimizer`; of a
    `MultiOptimizer` at least one has it, and only its variables are exchanged. The
    moving averages of the weights stand in for
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

    def _averaging(self) -> list[Any]:
        """The optimizers that keep averages.

        Raises:
            ValueError: when there is none.
        """
        parts = list(parts_of(self.model.optimizer).values())
        found = [each for each in parts if getattr(each, "use_ema", False)]
        if not found:
            kinds = " and ".join(type(each).__name__ for each in parts)
            raise ValueError(
                "SwapEMAWeights was given to a model whose optimizer keeps no "
                f"averages: {kinds} with use_ema=False.\n"
                "Expected an optimizer with use_ema=True.\n"
                f"Compile with {type(parts[0]).__name__}(use_ema=True)."
            )
        return found

    def _pairs(self) -> list[tuple[Variable, Variable]]:
        """Each variable that has an average, and it.

        Before the first step of its optimizer there is none yet.
        """
        return [
            pair
            for each in self._averaging()
            if each.built and int(each._iterations)
            for pair in zip(each._trainable_variables, each._averages, strict=True)
        ]

    def _put_averages(self) -> None:
        pairs = self._pairs()
        if self._weights is not None or not pairs:
            return
        self._weights = [variable.numpy() for variable, _ in pairs]
        for variable, average in pairs:
            variable.assign(average.value)

    def _put_weights(self) -> None:
        if self._weights is not None:
            for (variable, _), array in zip(self._pairs(), self._weights, strict=True):
                variable.assign(array)
            self._weights = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._weights = None
        self._averaging()

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
