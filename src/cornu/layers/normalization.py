"""Layers that normalize each sample: over axes, groups of channels, to a length.

That which normalizes batches has a file of its own, and its base is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from cornu import constraints, initializers, ops, regularizers
from cornu.layers.layer import Layer
from cornu.layers.spec import InputSpec
from cornu.ops.normalization import standardize
from cornu.ops.public import canonical_axes, result_type


class Normalizing(Layer):
    """Base of normalizations that end with a learned factor and offset.

    Args:
        axis: axis, or axes where a subclass takes several.
        epsilon: added to the variance.
        center: whether an offset, beta, is learned.
        scale: whether a factor, gamma, is learned.
        beta_initializer: initializer of beta.
        gamma_initializer: initializer of gamma.
        beta_regularizer: penalty on beta.
        gamma_regularizer: penalty on gamma.
        beta_constraint: constraint on beta.
        gamma_constraint: constraint on gamma.
    """

    def __init__(
        self,
        axis: Any,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis, self.epsilon = axis, epsilon
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma: Any = None
        self.beta: Any = None

    def _add_factor_and_offset(
        self, shape: tuple[int, ...], scale: bool, center: bool
    ) -> None:
        if scale:
            self.gamma = self.add_weight(
                shape,
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if center:
            self.beta = self.add_weight(
                shape,
                self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


def sizes_along(
    layer: Layer, shape: Any, axes: Any
) -> tuple[list[int], tuple[int, ...]]:
    """Axes that are not negative, in order, and their sizes, which must be known."""
    n = len(shape)
    wanted = list(axes) if isinstance(axes, (list, tuple)) else [axes]
    places = sorted({a % n for a in wanted if -n <= a < n})
    if len(places) < len(wanted) or any(shape[a] is None for a in places):
        raise ValueError(
            f"{layer._title()}: its input has shape {tuple(shape)}, and axis={axes}.\n"
            f"Expected axes from {-n} to {n - 1}, each once, whose sizes are known.\n"
            "Change axis=, or give the Input sizes there."
        )
    return places, tuple(shape[a] for a in places)


def _axis_or_axes(layer: Layer, axis: Any) -> Any:
    if isinstance(axis, Integral) and not isinstance(axis, bool):
        return int(axis)
    if isinstance(axis, (list, tuple)) and all(isinstance(a, Integral) for a in axis):
        return [int(a) for a in axis]
    raise TypeError(
        f"{type(layer).__name__} was given axis={axis!r}.\n"
        "Expected a whole number, or a list of them.\n"
        "Write axis=-1 for the last axis."
    )


def at_least_float32(x: Any) -> Any:
    """Half precision is computed in float32: its sums would run over."""
    return ops.cast(x, result_type(x.dtype, "float32"))


class LayerNormalization(Normalizing):
    """Normalizes each sample by its own mean and variance (Ba et al., 2016).

    Args:
        axis: axis or axes that are normalized over.
        epsilon: added to the variance.
        center: whether an offset, beta, is learned.
        scale: whether a factor, gamma, is learned.
        beta_initializer: initializer of beta, of the sizes of the axes.
        gamma_initializer: initializer of gamma, of the sizes of the axes.
        beta_regularizer: penalty on beta.
        gamma_regularizer: penalty on gamma.
        beta_constraint: constraint on beta.
        gamma_constraint: constraint on gamma.
        rms_scaling: (keyword) divide only, and learn no offset: what an older Keras
            took for RMS normalization. `RMSNormalization` is that.

    Raises:
        TypeError: when `axis` is no whole number or list of them.
        ValueError: when there is no such axis, or its size is open.

    Example:

    >>> import numpy as np
    >>> LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        self.rms_scaling = kwargs.pop("rms_scaling", False)
        given = (beta_initializer, gamma_initializer, beta_regularizer)
        given += (gamma_regularizer, beta_constraint, gamma_constraint)
        axis = _axis_or_axes(self, axis)
        super().__init__(axis, epsilon, center, scale, *given, **kwargs)
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        _, shape = sizes_along(self, input_shape, self.axis)
        self.axis = [self.axis] if isinstance(self.axis, int) else sorted(self.axis)
        plain = not self.rms_scaling
        self._add_factor_and_offset(
            shape, self.scale or self.rms_scaling, self.center and plain
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        weights = self.gamma, self.beta, self.axis, self.epsilon
        y = ops.layer_normalization(inputs, *weights, rms_scaling=self.rms_scaling)
        return ops.cast(y, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rms_scaling": self.rms_scaling}


class GroupNormalization(Normalizing):
    """Normalizes groups of channels of each sample (Wu and He, 2018).

    Args:
        groups: number of groups; -1 for one per channel (instance normalization).
        axis: the axis of the channels.
        epsilon: added to the variance.
        center: whether an offset, beta, is learned.
        scale: whether a factor, gamma, is learned.
        beta_initializer: initializer of beta, of shape (channels,).
        gamma_initializer: initializer of gamma, of shape (channels,).
        beta_regularizer: penalty on beta.
        gamma_regularizer: penalty on gamma.
        beta_constraint: constraint on beta.
        gamma_constraint: constraint on gamma.

    Raises:
        ValueError: when the channels are not a multiple of the groups, or their number
            is open.

    Example:

    >>> import numpy as np
    >>> layer = GroupNormalization(groups=2, epsilon=0.0)
    >>> layer(np.array([[1.0, 3.0, 10.0, 30.0]])).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        given = (beta_initializer, gamma_initializer, beta_regularizer)
        given += (gamma_regularizer, beta_constraint, gamma_constraint)
        super().__init__(axis, epsilon, center, scale, *given, **kwargs)
        if not isinstance(groups, Integral) or (groups <= 0 and groups != -1):
            raise ValueError(
                f"GroupNormalization was given groups={groups!r}.\n"
                "Expected a positive whole number, or -1 for one group per channel.\n"
                "For example GroupNormalization(groups=8)."
            )
        self.groups = groups
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        (axis,), (size,) = sizes_along(self, input_shape, self.axis)
        if self.groups == -1:
            self.groups = size
        if size % self.groups:
            raise ValueError(
                f"{self._title()}: its input has {size} channels (axis {self.axis} of "
                f"shape {tuple(input_shape)}), which cannot be parted into "
                f"{self.groups} equal groups.\nExpected a multiple of {self.groups}.\n"
                "Change groups=, or axis= if the channels are elsewhere."
            )
        self._add_factor_and_offset((size,), self.scale, self.center)
        self._place = axis
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: size})
        self.built = True

    def call(self, inputs: Any) -> Any:
        x, at = at_least_float32(inputs), self._place
        parted = (self.groups, x.shape[at] // self.groups)
        apart = ops.reshape(x, (*x.shape[:at], *parted, *x.shape[at + 1 :]))
        beside = [1] * (x.ndim + 1)
        beside[at : at + 2] = parted
        weights = [
            w if w is None else ops.reshape(ops.cast(w, x.dtype), beside)
            for w in (self.gamma, self.beta)
        ]
        axes = [i for i in range(1, x.ndim + 1) if i != at]
        y = standardize(apart, axes, *weights, epsilon=self.epsilon)[0]
        return ops.cast(ops.reshape(y, x.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}


class RMSNormalization(Layer):
    """Divides each sample by its root mean square (Zhang and Sennrich, 2019).

    Args:
        axis: axis or axes that are normalized over.
        epsilon: added to the mean square.

    Raises:
        TypeError: when `axis` is no whole number or list of them.
        ValueError: when there is no such axis, or its size is open.

    Example:

    >>> import numpy as np
    >>> RMSNormalization(epsilon=0.0)(np.array([[3.0, 3.0, -3.0]])).tolist()
    [[1.0, 1.0, -1.0]]
    """

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis = _axis_or_axes(self, axis)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        _, shape = sizes_along(self, input_shape, self.axis)
        self.axis = [self.axis] if isinstance(self.axis, int) else sorted(self.axis)
        self.scale = self.add_weight(shape, "ones", name="scale")
        self.built = True

    def call(self, x: Any) -> Any:
        return ops.rms_normalization(x, self.scale, self.axis, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """Divides each sample by its Euclidean norm.

    Args:
        axis: axis or axes that are normalized over.

    Raises:
        TypeError: when `axis` is no whole number or list of them.
        ValueError: when there is no such axis.

    Example:

    >>> import numpy as np
    >>> UnitNormalization()(np.array([[0.0, -4.0]])).tolist()
    [[0.0, -1.0]]
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = _axis_or_axes(self, axis)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        sizes = [n or 1 for n in input_shape]  # an open one will do here
        sizes_along(self, sizes, self.axis)
        self.built = True

    def call(self, inputs: Any) -> Any:
        axes: Any = canonical_axes(self.axis, inputs.ndim)
        x = at_least_float32(inputs)
        y = ops.normalize(x, axis=axes, order=2, epsilon=1e-12)
        return ops.cast(y, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
