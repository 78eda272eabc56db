"""Muon: the momentum of a matrix, made orthogonal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.graph.variable import Variable
from cornu.optimizers.adam import rest
from cornu.optimizers.base import Optimizer


class Muon(Optimizer):
    """Muon (Jordan et al., 2024), for matrices; what is no matrix is left to AdamW.

    The step is a matrix near U @ V.T, where U S V.T is the momentum: a polynomial of
    degree 5, taken `ns_steps` times, brings all singular values near 1 (Newton and
    Schulz). It is made sqrt(max(rows, columns)) * rms_rate times as long (Liu et al.,
    2025).

    Args:
        learning_rate: number, schedule, or function without arguments.
        adam_beta_1: Adam's part of the mean that stays.
        adam_beta_2: Adam's part of the mean square that stays.
        adam_weight_decay: weight decay of what Adam trains.
        epsilon: keeps Adam's divisor from 0.
        weight_decay: weight decay of matrices.
        clipnorm: see `Optimizer`, as the arguments up to `name`.
        clipvalue: see `Optimizer`.
        global_clipnorm: see `Optimizer`.
        use_ema: see `Optimizer`.
        ema_momentum: see `Optimizer`.
        ema_overwrite_frequency: see `Optimizer`.
        loss_scale_factor: see `Optimizer`.
        gradient_accumulation_steps: see `Optimizer`.
        name: see `Optimizer`.
        exclude_layers: regular expressions; weights whose path holds one go to Adam.
        exclude_embeddings: whether embeddings go to Adam.
        muon_a: first coefficient of the polynomial.
        muon_b: second coefficient.
        muon_c: third coefficient.
        adam_lr_ratio: Adam's learning rate by Muon's.
        momentum: part of the momentum that stays.
        ns_steps: how often the polynomial is taken.
        nesterov: whether to look ahead.
        rms_rate: see above; None for steps as they are.
        **kwargs: see `Optimizer`.
    """

    _own = (
        "adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b",
        "muon_c", "adam_lr_ratio", "momentum", "ns_steps", "nesterov",
        "exclude_embeddings", "adam_weight_decay", "rms_rate",
    )  # fmt: skip

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm,
            use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.adam_beta_1, self.adam_beta_2 = adam_beta_1, adam_beta_2
        self.adam_weight_decay, self.epsilon = adam_weight_decay, epsilon
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.adam_lr_ratio, self.momentum = adam_lr_ratio, momentum
        self.ns_steps, self.nesterov, self.rms_rate = ns_steps, nesterov, rms_rate

    def _is_for_adam(self, variable: Variable) -> bool:
        embedding = "embedding" in variable.path.lower() and self.exclude_embeddings
        named = any(re.search(each, variable.path) for each in self.exclude_layers)
        return len(variable.shape) != 2 or embedding or named

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._momentums: list[Any] = []
        self._squares: list[Any] = []
        for v in variables:
            self._momentums.append(self.add_variable_from_reference(v, "momentum"))
            square = None
            if self._is_for_adam(v):
                square = self.add_variable_from_reference(v, "velocity")
            self._squares.append(square)

    def _decay_of(self, variable: Variable) -> float | None:
        adam = self._is_for_adam(variable)
        return self.adam_weight_decay if adam else self.weight_decay

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        lr, g = ops.cast(learning_rate, variable.dtype), gradient
        i = self._get_variable_index(variable)
        m, v = self._momentums[i], self._squares[i]
        if v is not None:
            self._adam_step(g, variable, lr * self.adam_lr_ratio, m, v)
            return
        m.assign(m.value + (g + m.value * (self.momentum - 1)))
        step = g + self.momentum * m.value if self.nesterov else m.value
        rows, columns = variable.shape
        far = 1.0
        if self.rms_rate is not None:
            far = max(rows, columns) ** 0.5 * self.rms_rate
        variable.assign(variable.value - lr * self._orthogonal(step) * far)

    def _orthogonal(self, x: Any) -> Any:
        tall = x.shape[0] > x.shape[1]
        x = ops.transpose(x) if tall else x
        x = x / (ops.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
        for _ in range(self.ns_steps):
            square = x @ ops.transpose(x)
            x = (
                self.muon_a * x
                + (self.muon_b * square + self.muon_c * square @ square) @ x
            )
        return ops.transpose(x) if tall else x

    def _adam_step(self, g: Any, variable: Variable, lr: Any, m: Any, v: Any) -> None:
        t = ops.cast(self.iterations + 1, variable.dtype)
        alpha = lr * ops.sqrt(rest(self.adam_beta_2, t)) / rest(self.adam_beta_1, t)
        m.assign(m.value + (g - m.value) * (1 - self.adam_beta_1))
        v.assign(v.value + (ops.square(g) - v.value) * (1 - self.adam_beta_2))
        step = m.value * alpha / (ops.sqrt(v.value) + self.epsilon)
        variable.assign(variable.value - step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{n: getattr(self, n) for n in self._own}}
