"""Dynamic loss scaling: small gradients of float16 do not vanish."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from cornu import initializers, ops, serialization
from cornu.graph.tensor import TensorBase, set_unscaled
from cornu.graph.variable import Variable
from cornu.optimizers.base import Optimizer, apply_where

# What files of older versions of Keras hold, without a meaning.
_NEUTRAL = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "dynamic": True,
}


class LossScaleOptimizer(Optimizer):
    """Another optimizer, with a loss that is scaled (Micikevicius et al., 2018).

    The loss is multiplied by a scale, and the gradients are divided by it. A step with
    a gradient that is not finite halves the scale and is left out; so many finite ones
    after each other double it.

    Args:
        inner_optimizer: the optimizer; its `loss_scale_factor` becomes None.
        initial_scale: the scale to begin with.
        dynamic_growth_steps: finite steps after which the scale is doubled.
        name: its name.

    Example:

    >>> from cornu.optimizers import SGD
    >>> w, scaled = Variable([1.0]), LossScaleOptimizer(SGD(0.5), initial_scale=4.0)
    >>> scaled.apply([ops.array([4.0])], [w])
    >>> scaled.apply([ops.array([float("inf")])], [w])
    >>> w.numpy().tolist(), float(scaled.dynamic_scale)
    ([0.5], 2.0)
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        set_ = {n: v for n, v in kwargs.items() if v != _NEUTRAL.get(n, not v)}
        if set_:
            raise ValueError(
                f"LossScaleOptimizer was given {', '.join(map(repr, set_))}.\n"
                "Expected the optimizer, initial_scale, dynamic_growth_steps and name: "
                "it scales dynamically, and what else there is is the inner "
                "optimizer's.\n"
                "Set them there: LossScaleOptimizer(Adam(clipnorm=1.0)); for a scale "
                "that is fixed write Adam(loss_scale_factor=1024)."
            )
        if not isinstance(inner_optimizer, Optimizer):
            raise TypeError(
                f"LossScaleOptimizer was given {inner_optimizer!r}.\n"
                "Expected an optimizer to be wrapped.\n"
                "Write LossScaleOptimizer(Adam()), for example."
            )
        super().__init__(0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None  # or it would be scaled twice

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        self.step_counter = self.add_variable((), "zeros", "int32", "step_counter")
        self.dynamic_scale = self.add_variable(
            (),
            initializers.Constant(self.initial_scale),
            "float32",
            "dynamic_scale",
        )
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, and those of the inner optimizer."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    lr = learning_rate

    @property
    def iterations(self) -> Any:
        """How many updates the inner optimizer has made."""
        return self.inner_optimizer.iterations

    def apply(
        self,
        grads: Sequence[Any],
        trainable_variables: Sequence[Variable] | None = None,
    ) -> None:
        grads = list(grads)
        variables = self._variables_of(grads, trainable_variables)
        there = [ops.convert_to_tensor(g) for g in grads if g is not None]
        if not there:
            return  # there is nothing to train
        finite = ops.all(ops.stack([ops.all(ops.isfinite(g)) for g in there]))
        scale, count = self.dynamic_scale.value, self.step_counter.value
        whole = [
            g
            if g is None or getattr(v, "overwrite_with_gradient", False)
            else ops.divide(g, scale)
            for g, v in zip(grads, variables, strict=True)
        ]
        inner = self.inner_optimizer
        apply_where(
            finite,
            [*variables, *inner.variables],
            lambda: inner.apply(whole, variables),
        )
        grows = ops.equal(count, self.dynamic_growth_steps - 1)
        self.dynamic_scale.assign(
            scale * ops.where(finite, ops.where(grows, 2.0, 1.0), 0.5)
        )
        goes_on = ops.logical_and(finite, ops.logical_not(grows))
        self.step_counter.assign(ops.where(goes_on, count + 1, 0))

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale of this step, which may overflow: `apply` sees to
        it."""
        scale = self.dynamic_scale.value if self.built else self.initial_scale
        scaled = loss * scale
        if isinstance(scaled, TensorBase):
            set_unscaled(scaled, loss)
        return scaled

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Leave variables out of the weight decay of the inner optimizer."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        inner = serialization.serialize_keras_object(self.inner_optimizer)
        names = ("name", "initial_scale", "dynamic_growth_steps")
        return {"inner_optimizer": inner, **{n: getattr(self, n) for n in names}}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        config = {
            name: value
            for name, value in config.items()
            if name not in _NEUTRAL or value != _NEUTRAL[name]
        }
        inner = serialization.deserialize_keras_object(
            config.pop("inner_optimizer"), custom_objects=custom_objects
        )
        return cls(inner, **config)


# What its **kwargs takes is refused, so the signature does not list it.
_own = inspect.signature(LossScaleOptimizer.__init__)
LossScaleOptimizer.__signature__ = _own.replace(
    parameters=list(_own.parameters.values())[1:]
)
