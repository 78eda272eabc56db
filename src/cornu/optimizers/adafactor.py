"""Adafactor: the mean squares of a matrix, kept by its rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.graph.variable import Variable
from cornu.optimizers.base import Optimizer


class Adafactor(Optimizer):
    """Adafactor (Shazeer and Stern, 2018), which needs little memory.

    Of the squares of a matrix's gradients it keeps means by rows, r, and by columns, c;
    their product, over the mean of r, stands for v. The step g / sqrt(v), no longer
    than `clip_threshold`, is taken at a rate in proportion to the weights.

    Args:
        learning_rate: number, schedule, or function without arguments; the most that
            the relative rate can be.
        beta_2_decay: the part 1 - t**beta_2_decay of the means stays.
        epsilon_1: added to squares of gradients.
        epsilon_2: the least size of weights that the rate is in proportion to.
        clip_threshold: the largest root mean square of a step.
        relative_step: whether a fixed learning rate is at most 1 / sqrt(t).
        **kwargs: see `Optimizer`.
    """

    _own = (
        "beta_2_decay",
        "epsilon_1",
        "epsilon_2",
        "clip_threshold",
        "relative_step",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1, self.epsilon_2 = epsilon_1, epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._rows: list[Any] = []
        self._columns: list[Any] = []
        self._squares: list[Any] = []
        for v in variables:
            matrix = len(v.shape) >= 2
            shapes = v.shape[:-1], (*v.shape[:-2], *v.shape[-1:])
            # Vectors have a number in their place, for files count the arrays.
            rows, columns = (
                self.add_variable(shape, dtype=v.dtype, name=v.name)
                if matrix
                else self.add_variable((), dtype="int64", name=v.name)
                for shape in shapes
            )
            if not matrix:
                rows.path = columns.path = v.name
            self._rows.append(rows)
            self._columns.append(columns)
            self._squares.append(self.add_variable_from_reference(v, "velocity"))

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, g = ops.cast(learning_rate, variable.dtype), gradient
        t = ops.cast(self.iterations + 1, variable.dtype)
        i = self._get_variable_index(variable)
        rows, columns, v = self._rows[i], self._columns[i], self._squares[i]
        size = ops.maximum(self.epsilon_2, _rms(variable.value))
        rate = ops.minimum(lr, 1 / ops.sqrt(t)) * size
        square = ops.square(g) + self.epsilon_1
        stays = 1 - ops.power(t, self.beta_2_decay)
        if len(variable.shape) < 2:
            v.assign(stays * v.value + (1 - stays) * square)
        else:
            r = stays * rows.value + (1 - stays) * ops.mean(square, axis=-1)
            c = stays * columns.value + (1 - stays) * ops.mean(square, axis=-2)
            rows.assign(r)
            columns.assign(c)
            share = r / ops.mean(r, axis=-1, keepdims=True)
            v.assign(ops.expand_dims(share, -1) * ops.expand_dims(c, -2))
        step = g / ops.sqrt(v.value)
        long = ops.maximum(1.0, _rms(step) / self.clip_threshold)
        variable.assign(variable.value - rate * (step / long))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{n: getattr(self, n) for n in self._own}}


def _rms(x: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(x)))
