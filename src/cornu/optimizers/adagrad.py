"""Adagrad and Adadelta: steps scaled by the squares of gradients, all or the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import initializers, ops
from cornu.graph.variable import Variable
from cornu.optimizers.base import Optimizer


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011).

    With a the sum of the squares of all gradients g until now:
    w - learning_rate * g / sqrt(a + epsilon).

    Args:
        learning_rate: number, schedule, or function without arguments.
        initial_accumulator_value: where the sum begins.
        epsilon: keeps the divisor from 0.
        **kwargs: see `Optimizer`.

    Example:

    >>> w = Variable([1.0])
    >>> Adagrad(learning_rate=0.1, initial_accumulator_value=0.0).apply(
    ...     [ops.array([2.0])], [w])
    >>> round(float(w[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value = float(initial_accumulator_value)
        self.epsilon = float(epsilon)

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators = self.add_optimizer_variables(
            variables, "accumulator", start
        )

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, g = ops.cast(learning_rate, variable.dtype), gradient
        total = self._accumulators[self._get_variable_index(variable)]
        total.assign(total.value + ops.square(g))
        variable.assign(variable.value - lr * g / ops.sqrt(total.value + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        names = ("initial_accumulator_value", "epsilon")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}


class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012).

    a and d are running means of the squares of the gradient g and of the step s:
    s = -sqrt(d + epsilon) / sqrt(a + epsilon) * g, and w + learning_rate * s.

    Args:
        learning_rate: number, schedule, or function without arguments.
        rho: part of the means that stays.
        epsilon: keeps the divisor from 0.
        **kwargs: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho, self.epsilon = float(rho), float(epsilon)

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._gradients, self._steps = self.add_optimizer_variables(
            variables, ["accumulated_grad", "accumulated_delta_var"]
        )

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, g = ops.cast(learning_rate, variable.dtype), gradient
        i, rho = self._get_variable_index(variable), self.rho
        squares, steps = self._gradients[i], self._steps[i]
        squares.assign(rho * squares.value + (1 - rho) * ops.square(g))
        step = -self._root(steps.value) * g / self._root(squares.value)
        steps.assign(rho * steps.value + (1 - rho) * ops.square(step))
        variable.assign(variable.value + lr * step)

    def _root(self, mean_square: Any) -> Any:
        return ops.sqrt(mean_square + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
