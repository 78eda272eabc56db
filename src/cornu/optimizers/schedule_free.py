"""AdamW without a schedule: the weights are averaged instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.graph.trace import no_trace
from cornu.graph.variable import Variable
from cornu.optimizers.adam import rest
from cornu.optimizers.base import Optimizer


class ScheduleFreeAdamW(Optimizer):
    """Schedule-free AdamW (Defazio et al., 2024).

    z makes the steps of Adam, x is the mean of all z until now, and the weights are
    beta_1 * x + (1 - beta_1) * z.

    Args:
        learning_rate: number, schedule, or function without arguments.
        beta_1: how near the weights are to the mean.
        beta_2: part of the mean square of the gradient that stays.
        epsilon: keeps the divisor from 0.
        warmup_steps: steps in which the rate grows from 0.
        **kwargs: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)
        self.epsilon, self.warmup_steps = float(epsilon), warmup_steps

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._ahead, self._squares = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )
        with no_trace():
            for z, variable in zip(self._ahead, variables, strict=True):
                z.assign(variable.numpy())

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, g = ops.cast(learning_rate, variable.dtype), gradient
        t = ops.cast(self.iterations + 1, variable.dtype)
        if self.warmup_steps > 0:
            lr = lr * ops.minimum(t / float(self.warmup_steps), 1.0)
        i, near = self._get_variable_index(variable), self.beta_1
        z, v = self._ahead[i], self._squares[i]
        before = z.value
        v.assign(v.value + (ops.square(g) - v.value) * (1 - self.beta_2))
        divisor = ops.sqrt(v.value / rest(self.beta_2, t)) + self.epsilon
        z.assign(before - lr * g / divisor)
        mean = (variable.value - (1 - near) * before) / near
        mean = (1 - 1.0 / t) * mean + 1.0 / t * z.value
        variable.assign((1 - near) * z.value + near * mean)

    def get_config(self) -> dict[str, Any]:
        names = ("beta_1", "beta_2", "epsilon", "warmup_steps")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}
