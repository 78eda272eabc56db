"""Adam and AdamW: steps scaled by running means of the gradient and its square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.graph import config
from cornu.graph.trace import bind
from cornu.graph.variable import Variable
from cornu.ops.families import composite
from cornu.optimizers.base import Optimizer
from cornu.optimizers.sgd import NOT_DIFFERENTIATED


@composite("adam_update", no_gradient=NOT_DIFFERENTIATED)
def adam_update(variable, gradient, m, v, alpha, *, beta_1, beta_2, epsilon):
    """One step of Adam at the corrected rate alpha; new variable, mean and square."""
    m = m + (gradient - m) * (1 - beta_1)
    v = v + (ops.square(gradient) - v) * (1 - beta_2)
    return variable - m * alpha / (ops.sqrt(v) + epsilon), m, v


def rest(beta: float, t: Any) -> Any:
    """1 - beta**t, rounded in the variable's dtype as Keras does.

    In float32 that loses five digits of 1 - 0.999. -expm1(t * log(beta)) would not, but
    would be another learning rate than Keras's in the first steps.
    """
    return 1.0 - ops.power(ops.full((), beta, t.dtype), t)


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2014).

    m is a running mean of the gradient g, v of its square, both corrected for having
    begun at 0: w - learning_rate * m / (sqrt(v) + epsilon).

    Args:
        learning_rate: number, schedule, or function without arguments.
        beta_1: part of the mean that stays.
        beta_2: part of the mean square that stays.
        epsilon: keeps the divisor from 0; None stands for `config.epsilon()`.
        amsgrad: whether the largest mean square until now divides (Reddi et al., 2018).
        **kwargs: see `Optimizer`.

    Example:

    >>> w = Variable([1.0])
    >>> Adam(learning_rate=0.1).apply([ops.array([4.0])], [w])
    >>> round(float(w[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)
        self.epsilon = config.epsilon() if epsilon is None else float(epsilon)
        self.amsgrad = amsgrad

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        slots = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        self._momentums, self._velocities = slots
        if self.amsgrad:
            self._largest = self.add_optimizer_variables(variables, "velocity_hat")

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        dtype, i = variable.dtype, self._get_variable_index(variable)
        lr, g = ops.cast(learning_rate, dtype), ops.cast(gradient, dtype)
        t = ops.cast(self.iterations + 1, dtype)
        alpha = lr * ops.sqrt(rest(self.beta_2, t)) / rest(self.beta_1, t)
        m, v = self._momentums[i], self._velocities[i]
        inputs = (variable.value, g, m.value, v.value, alpha)
        betas = {"beta_1": self.beta_1, "beta_2": self.beta_2}
        new, new_m, new_v = bind(
            adam_update, inputs, {**betas, "epsilon": self.epsilon}
        )
        if self.amsgrad:
            largest = self._largest[i]
            largest.assign(ops.maximum(largest.value, new_v))
            new = variable.value - new_m * alpha / (
                ops.sqrt(largest.value) + self.epsilon
            )
        variable.assign(new)
        m.assign(new_m)
        v.assign(new_v)

    def get_config(self) -> dict[str, Any]:
        names = ("beta_1", "beta_2", "epsilon", "amsgrad")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019).

    Args:
        learning_rate: number, schedule, or function without arguments.
        weight_decay: part of a weight, times the learning rate, taken off at each step.
        beta_1: part of the mean that stays.
        beta_2: part of the mean square that stays.
        epsilon: keeps the divisor from 0.
        amsgrad: whether the largest mean square until now divides.
        **kwargs: see `Optimizer`.

    Raises:
        ValueError: when `weight_decay` is None.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        if weight_decay is None:
            raise ValueError(
                "AdamW was given weight_decay=None.\nExpected a number.\n"
                "Use Adam for no weight decay."
            )
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay=weight_decay,
            **kwargs,
        )
