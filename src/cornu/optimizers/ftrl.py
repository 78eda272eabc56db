"""FTRL: follow the regularized leader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import initializers, ops
from cornu.graph.variable import Variable
from cornu.optimizers.base import Optimizer


class Ftrl(Optimizer):
    """FTRL-Proximal (McMahan et al., 2013), which makes sparse weights.

    With p = -learning_rate_power, n the sum of squares of the gradients g and z a
    linear sum of them: z + g - (n_new**p - n**p) / learning_rate * w, and
    w = (clip(z, -l1, l1) - z) / (n_new**p / learning_rate + 2 * l2).

    Args:
        learning_rate: number, schedule, or function without arguments.
        learning_rate_power: how the rate falls with n; not positive.
        initial_accumulator_value: where n begins; not negative.
        l1_regularization_strength: pulls weights to 0; not negative.
        l2_regularization_strength: makes them smaller; not negative.
        l2_shrinkage_regularization_strength: the same, as part of the gradient.
        beta: added to l2 as beta / (2 * learning_rate).
        **kwargs: see `Optimizer`.

    Raises:
        ValueError: when a number has the wrong sign.
    """

    _own = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for name in self._own[:-1]:
            value, down = getattr(self, name), name == "learning_rate_power"
            if value > 0 if down else value < 0:
                raise ValueError(
                    f"Ftrl was given {name}={value}.\n"
                    f"Expected a number that is not "
                    f"{'positive' if down else 'negative'}.\n"
                    f"Write {name}={-value}."
                )

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        start = initializers.Constant(self.initial_accumulator_value)
        self._squares, self._linears = [], []
        for variable in variables:  # in pairs, as in Keras's files
            self._squares.append(
                self.add_variable_from_reference(variable, "accumulator", start)
            )
            self._linears.append(self.add_variable_from_reference(variable, "linear"))

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, g = ops.cast(learning_rate, variable.dtype), gradient
        i, power = self._get_variable_index(variable), -self.learning_rate_power
        n, z, w = self._squares[i], self._linears[i], variable.value
        new = n.value + ops.square(g)
        shrunk = g + 2 * self.l2_shrinkage_regularization_strength * w
        pull = (ops.power(new, power) - ops.power(n.value, power)) / lr
        z.assign(z.value + shrunk - pull * w)
        l1 = self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2.0 * lr)
        quadratic = ops.power(new, power) / lr + 2 * l2
        variable.assign((ops.clip(z.value, -l1, l1) - z.value) / quadratic)
        n.assign(new)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{n: getattr(self, n) for n in self._own}}
