"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.graph.trace import bind
from cornu.graph.variable import Variable
from cornu.ops.families import composite
from cornu.optimizers.base import Optimizer

NOT_DIFFERENTIATED = "an update is not differentiated"


@composite("sgd_update", no_gradient=NOT_DIFFERENTIATED)
def sgd_update(variable, gradient, learning_rate):
    """One step against the gradient: variable - gradient * learning_rate."""
    return variable - gradient * learning_rate


@composite("sgd_momentum_update", no_gradient=NOT_DIFFERENTIATED)
def sgd_momentum_update(
    variable, gradient, velocity, learning_rate, *, momentum, nesterov
):
    """One step with momentum; new variable and velocity."""
    step = gradient * learning_rate
    velocity = velocity * momentum - step
    if nesterov:
        return variable + (velocity * momentum - step), velocity
    return variable + velocity, velocity


class SGD(Optimizer):
    """Stochastic gradient descent (Robbins and Monro, 1951).

    Without momentum w - learning_rate * g. With momentum, the velocity
    v = momentum * v - learning_rate * g, and w + v (Polyak, 1964); with `nesterov`,
    w + momentum * v - learning_rate * g (Sutskever et al., 2013).

    Args:
        learning_rate: number, schedule, or function without arguments.
        momentum: part of the velocity that stays, from 0 to 1.
        nesterov: whether to look ahead.
        **kwargs: see `Optimizer`.

    Raises:
        ValueError: when the momentum is not from 0 to 1.

    Example:

    >>> w = Variable([1.0])
    >>> SGD(learning_rate=0.1).apply([ops.array([2.0])], [w])
    >>> round(float(w[0]), 6)
    0.8
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if not 0 <= momentum <= 1:
            raise ValueError(
                f"SGD was given momentum={momentum}.\nExpected a number from 0 to 1.\n"
                "0.9 is usual."
            )
        self.momentum = float(momentum)
        self.nesterov = bool(nesterov)

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        if self.momentum:
            self.momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        if not self.momentum:
            variable.assign(bind(sgd_update, (variable.value, gradient, lr), {}))
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        inputs = (variable.value, gradient, velocity.value, lr)
        params = {"momentum": self.momentum, "nesterov": self.nesterov}
        new, new_velocity = bind(sgd_momentum_update, inputs, params)
        variable.assign(new)
        velocity.assign(new_velocity)

    def get_config(self) -> dict[str, Any]:
        own = {"momentum": self.momentum, "nesterov": self.nesterov}
        return {**super().get_config(), **own}
