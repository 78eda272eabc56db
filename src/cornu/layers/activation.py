"""Activation functions that have parameters, as layers: ReLU, ELU, PReLU, Softmax."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from cornu import activations, constraints, initializers, ops, regularizers
from cornu.graph.trace import convert
from cornu.layers.layer import Layer
from cornu.layers.spec import InputSpec


class _ElementWise(Layer):
    """Base of layers that do the same to every element, without weights."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def _not_negative(self, value: Any, argument: str) -> Any:
        if isinstance(value, Real) and 0 <= float(value) < math.inf:
            return value
        raise ValueError(
            f"{type(self).__name__} was given {argument}={value!r}.\n"
            "Expected a number, 0 or greater.\n"
            f"Leave {argument} away for the usual value."
        )


class ReLU(_ElementWise):
    """max(x, 0), with a limit, a slope for small numbers and a threshold.

    Args:
        max_value: the largest result; None for no limit.
        negative_slope: below the threshold, negative_slope * (x - threshold).
        threshold: results are x from it on.

    Raises:
        ValueError: when one of them is negative.

    Example:

    >>> ReLU(max_value=6.0, negative_slope=0.5)([-2.0, 0.5, 9.0]).tolist()
    [-1.0, 0.5, 6.0]
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if max_value is not None:
            max_value = self._not_negative(max_value, "max_value")
        self.max_value = max_value
        self.negative_slope = self._not_negative(negative_slope, "negative_slope")
        self.threshold = self._not_negative(threshold, "threshold")

    def call(self, inputs: Any) -> Any:
        limits = self.negative_slope, self.max_value, self.threshold
        return activations.relu(inputs, *limits)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(_ElementWise):
    """x where x >= 0, negative_slope * x elsewhere.

    Args:
        negative_slope: the slope below 0; Keras 2 called it `alpha`.

    Raises:
        ValueError: when it is negative.

    Example:

    >>> LeakyReLU(0.5)([-2.0, 3.0]).tolist()
    [-1.0, 3.0]
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = self._not_negative(negative_slope, "negative_slope")

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(_ElementWise):
    """x where x > 0, alpha * (exp(x) - 1) elsewhere (Clevert et al., 2016).

    Args:
        alpha: minus the limit for small x.

    Example:

    >>> ELU()([-100.0, 3.0]).tolist()
    [-1.0, 3.0]
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


class PReLU(Layer):
    """x where x >= 0, alpha * x elsewhere, with a learned alpha (He et al., 2015).

    Args:
        alpha_initializer: initializer of alpha, of the shape of one sample.
        alpha_regularizer: penalty on alpha.
        alpha_constraint: constraint on alpha.
        shared_axes: axis or axes along which alpha is one number: [1, 2] for images
            gives one per channel.

    Raises:
        ValueError: when there is no such axis, or the size of one that is not shared
            is open.

    Example:

    >>> import numpy as np
    >>> PReLU(alpha_initializer="ones")(np.array([[-2.0, 3.0]])).tolist()
    [[-2.0, 3.0]]
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if isinstance(shared_axes, int):
            shared_axes = [shared_axes]
        self.shared_axes = None if shared_axes is None else list(shared_axes)

    def build(self, input_shape: Any) -> None:
        n = len(input_shape)
        shared = [a % n for a in self.shared_axes or [] if -n <= a < n and a % n]
        shape = [1 if i in shared else m for i, m in enumerate(input_shape)][1:]
        if len(shared) < len(self.shared_axes or []) or None in shape:
            raise ValueError(
                f"{self._title()}: its input has shape {input_shape}, and "
                f"shared_axes={self.shared_axes}.\n"
                f"Expected axes from 1 to {n - 1}, and among them each whose size is "
                "open: it has one alpha.\n"
                "Write for example PReLU(shared_axes=[1, 2]) for images."
            )
        self.alpha = self.add_weight(
            shape,
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )
        own = {i: m for i, m in enumerate(input_shape) if i and i not in shared}
        self.input_spec = InputSpec(ndim=n, axes=own)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }


class Softmax(_ElementWise):
    """exp(x) divided by its sum along an axis, or several.

    Args:
        axis: axis or axes along which the result sums to 1.

    Call arguments:
        inputs: tensor.
        mask: booleans (or numbers, of which those above 1/2 are True) that broadcast
            to `inputs`; where it is False the result is 0.

    Raises:
        ValueError: when the mask does not broadcast to the inputs.

    Example:

    >>> import numpy as np
    >>> mask = np.array([True, True, False])
    >>> Softmax()(np.array([1.0, 1.0, 5.0]), mask=mask).tolist()
    [0.5, 0.5, 0.0]
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return ops.softmax(inputs, self.axis)
        mask = convert(mask)
        have, wanted = tuple(mask.shape), tuple(inputs.shape)
        pairs = zip(reversed(have), reversed(wanted), strict=False)
        if len(have) > len(wanted) or any(m not in (1, n) for m, n in pairs):
            raise ValueError(
                f"{self._title()}: its mask has shape {have}, and its input {wanted}.\n"
                "Expected a mask that broadcasts to the input: from the last axis "
                "backwards equal sizes or 1.\n"
                "Add an axis with ops.expand_dims, or Reshape the input."
            )
        if mask.dtype != "bool":
            mask = ops.greater(mask, 0.5)
        low = -3e4 if inputs.dtype == "float16" else -1e9
        y = ops.softmax(ops.where(mask, inputs, low), self.axis)
        return ops.where(mask, y, 0.0)  # also where nothing is left

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
