"""RMSprop: steps divided by the root of a running mean of squared gradients."""

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


@composite("rmsprop_update", no_gradient=NOT_DIFFERENTIATED)
def rmsprop_update(variable, gradient, velocity, learning_rate, *, rho, epsilon):
    """One step of plain RMSprop; new variable and mean square."""
    velocity = rho * velocity + (1 - rho) * ops.square(gradient)
    step = learning_rate * gradient / ops.sqrt(velocity + epsilon)
    return variable - step, velocity


class RMSprop(Optimizer):
    """RMSprop (Hinton, lecture 6e of Neural Networks for Machine Learning, 2012).

    v = rho * v + (1 - rho) * g**2, and w - learning_rate * g / sqrt(v + epsilon).

    Args:
        learning_rate: number, schedule, or function without arguments.
        rho: part of the running mean that stays.
        momentum: part of the last step that is taken again.
        epsilon: keeps the divisor from 0; None stands for `config.epsilon()`.
        centered: whether the gradient's variance is used instead of its mean square.
        **kwargs: see `Optimizer`.

    Example:

    >>> w = Variable([1.0])
    >>> RMSprop(learning_rate=0.1, rho=0.0).apply([ops.array([4.0])], [w])
    >>> round(float(w[0]), 6)
    0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float | None = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = float(rho)
        self.momentum = float(momentum)
        self.epsilon = config.epsilon() if epsilon is None else float(epsilon)
        self.centered = centered

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        if self.momentum > 0:
            self._momentums = self.add_optimizer_variables(variables, "momentum")
        if self.centered:
            self._means = self.add_optimizer_variables(variables, "average_gradient")

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr = ops.cast(learning_rate, variable.dtype)
        g = ops.cast(gradient, variable.dtype)
        i = self._get_variable_index(variable)
        if self.momentum > 0 or self.centered:
            self._update_variant(g, variable, lr, i)
            return
        velocity = self._velocities[i]
        inputs = (variable.value, g, velocity.value, lr)
        params = {"rho": self.rho, "epsilon": self.epsilon}
        new, new_velocity = bind(rmsprop_update, inputs, params)
        variable.assign(new)
        velocity.assign(new_velocity)

    def _update_variant(self, g: Any, variable: Variable, lr: Any, i: int) -> None:
        rho, velocity = self.rho, self._velocities[i]
        velocity.assign(rho * velocity.value + (1 - rho) * ops.square(g))
        divisor = velocity.value
        if self.centered:
            mean = self._means[i]
            mean.assign(rho * mean.value + (1 - rho) * g)
            divisor = divisor - ops.square(mean.value)
        step = lr * g / ops.sqrt(divisor + self.epsilon)
        if self.momentum > 0:
            last = self._momentums[i]
            last.assign(self.momentum * last.value + step)
            step = last.value
        variable.assign_sub(step)

    def get_config(self) -> dict[str, Any]:
        names = ("rho", "momentum", "epsilon", "centered")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}
