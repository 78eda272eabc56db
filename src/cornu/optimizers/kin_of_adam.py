"""Adamax, Nadam, Lamb and Lion: what became of Adam's running means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import initializers, ops
from cornu.graph.variable import Variable
from cornu.optimizers.adam import rest
from cornu.optimizers.base import Optimizer


class _Means(Optimizer):
    """An optimizer with two running means per variable, and the parts that stay."""

    _slots: tuple[str, ...] = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)
        self.epsilon = float(epsilon)

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._first, self._second = self.add_optimizer_variables(
            variables, list(self._slots)
        )

    def _update_means(self, gradient: Any, variable: Variable) -> tuple[Any, Any]:
        """The running means of the gradient and of its square, after this one."""
        i = self._get_variable_index(variable)
        m, v = self._first[i], self._second[i]
        m.assign(m.value + (gradient - m.value) * (1 - self.beta_1))
        v.assign(v.value + (ops.square(gradient) - v.value) * (1 - self.beta_2))
        return m.value, v.value

    def _step(self, variable: Variable) -> Any:
        return ops.cast(self.iterations + 1, variable.dtype)

    def get_config(self) -> dict[str, Any]:
        names = ("beta_1", "beta_2", "epsilon")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}


class Adamax(_Means):
    """Adamax (Kingma and Ba, 2014, section 7.1).

    As Adam, but u, the largest gradient of late, divides:
    u = max(beta_2 * u, |g|), and w - learning_rate / (1 - beta_1**t) * m / u.

    Args:
        learning_rate: number, schedule, or function without arguments.
        beta_1: part of the mean that stays.
        beta_2: part of the largest gradient that stays.
        epsilon: keeps the divisor from 0.
        **kwargs: see `Optimizer`.
    """

    _slots = ("momentum", "norm")

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, g = ops.cast(learning_rate, variable.dtype), gradient
        i = self._get_variable_index(variable)
        m, u = self._first[i], self._second[i]
        m.assign(m.value + (g - m.value) * (1 - self.beta_1))
        u.assign(ops.maximum(self.beta_2 * u.value, ops.abs(g)))
        divisor = rest(self.beta_1, self._step(variable)) * (u.value + self.epsilon)
        variable.assign(variable.value - lr * m.value / divisor)


class Nadam(_Means):
    """Nadam: Adam with Nesterov's look ahead (Dozat, 2016).

    Args:
        learning_rate: number, schedule, or function without arguments.
        beta_1: part of the mean that stays; it is warmed up by 1 - 0.96**t / 2.
        beta_2: part of the mean square that stays.
        epsilon: keeps the divisor from 0.
        **kwargs: see `Optimizer`.
    """

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        dtype = variables[0].dtype if variables else None
        # The product of all beta_1 until now; Keras gave it no name.
        self._product = self.add_variable((), initializers.Ones(), dtype)
        self._product.path = self._product.name

    def _beta_at(self, t: Any) -> Any:
        decay = ops.power(ops.full((), 0.96, t.dtype), t)
        return self.beta_1 * (1.0 - 0.5 * decay)

    def _update(self, grads: list[Any], variables: list[Variable]) -> None:
        t = ops.cast(self.iterations + 1, self._product.dtype)
        self._product.assign(self._product.value * self._beta_at(t))
        super()._update(grads, variables)

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, g = ops.cast(learning_rate, variable.dtype), gradient
        t = self._step(variable)
        now, later = self._beta_at(t), self._beta_at(t + 1)
        product = ops.cast(self._product.value, variable.dtype)
        m, v = self._update_means(g, variable)
        ahead = later * m / (1 - product * later) + (1 - now) * g / (1 - product)
        square = v / rest(self.beta_2, t)
        variable.assign(variable.value - ahead * lr / (ops.sqrt(square) + self.epsilon))


class Lamb(_Means):
    """LAMB: Adam's step, as long as the weights are (You et al., 2019).

    With s the step of Adam: w - learning_rate * |w| / |s| * s, where neither is 0.

    Args:
        learning_rate: number, schedule, or function without arguments.
        beta_1: part of the mean that stays.
        beta_2: part of the mean square that stays.
        epsilon: keeps the divisor from 0.
        **kwargs: see `Optimizer`.
    """

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, t = ops.cast(learning_rate, variable.dtype), self._step(variable)
        m, v = self._update_means(gradient, variable)
        divisor = ops.sqrt(v / rest(self.beta_2, t)) + self.epsilon
        step = m / rest(self.beta_1, t) / divisor
        long, short = _length(variable.value), _length(step)
        usable = ops.logical_and(long > 0, short > 0)
        ratio = ops.where(usable, long / ops.where(usable, short, 1.0), 1.0)
        variable.assign(variable.value - ratio * lr * step)


def _length(x: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(x)))


class Lion(Optimizer):
    """Lion: steps by the sign alone (Chen et al., 2023).

    w - learning_rate * sign(beta_1 * m + (1 - beta_1) * g), and then
    m = beta_2 * m + (1 - beta_2) * g.

    Args:
        learning_rate: number, schedule, or function without arguments; a tenth of
            Adam's is usual.
        beta_1: how much the sign listens to the mean; more than 0 and up to 1.
        beta_2: part of the mean that stays.
        **kwargs: see `Optimizer`.

    Raises:
        ValueError: for another beta_1.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if not 0 < beta_1 <= 1:
            raise ValueError(
                f"Lion was given beta_1={beta_1}.\n"
                "Expected a number above 0 and up to 1: at 0 only the last gradient's "
                "sign would count.\n0.9 is usual."
            )
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, g = ops.cast(learning_rate, variable.dtype), gradient
        m = self._momentums[self._get_variable_index(variable)]
        way = ops.sign(m.value * self.beta_1 + g * (1 - self.beta_1))
        variable.assign(variable.value - lr * way)
        m.assign(m.value * self.beta_2 + g * (1 - self.beta_2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
