"""Constraints: what a weight is made to be after each update."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.graph import config
from cornu.graph.dispatch import Edged
from cornu.registry import Registry, refuse_unknown

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]


class Constraint(Edged):
    """Base of all constraints.

    A subclass has `__call__(self, w)`, which returns the weight that takes the place of
    `w`, and `get_config`, which returns the arguments of its `__init__`.

    Example:

    >>> class Rounded(Constraint):
    ...     def __call__(self, w):
    ...         return ops.round(w)
    >>> Rounded()(ops.array([0.2, 0.9])).tolist()
    [0.0, 1.0]
    """

    def __call__(self, w: Any) -> Any:
        """The weight that takes the place of `w`; `w` itself here."""
        return w

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this constraint again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The constraint of a `get_config` dictionary."""
        return cls(**config)


def _norms(w: Any, axis: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Weights of a unit with a norm above `max_value` are scaled down to it.

    Args:
        max_value: the largest norm.
        axis: axis or axes of the weights of one unit: 0 for dense kernels, (0, 1, 2)
            for kernels of 2-d convolutions.
        **kwargs: `m`, the name of `max_value` in Keras 1.

    Example:

    >>> MaxNorm(1.0)(ops.array([[3.0], [4.0]])).numpy().round(4).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, max_value: float = 2, axis: Any = 0, **kwargs: Any) -> None:
        self.max_value = kwargs.pop("m", max_value)
        refuse_unknown(self, kwargs)
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        return w * (ops.clip(norms, 0, self.max_value) / (config.epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Negative weights become 0."""

    def __call__(self, w: Any) -> Any:
        return ops.maximum(w, 0)


class UnitNorm(Constraint):
    """The weights of a unit are scaled to norm 1.

    Args:
        axis: axis or axes of the weights of one unit.
    """

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        return w / (config.epsilon() + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """The norm of the weights of a unit is brought between two values.

    Args:
        min_value: the smallest norm.
        max_value: the largest norm.
        rate: part of the way that is gone at each step; 1 goes it all.
        axis: axis or axes of the weights of one unit.
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Any = 0,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        wanted = ops.clip(norms, self.min_value, self.max_value)
        wanted = self.rate * wanted + (1 - self.rate) * norms
        return w * (wanted / (config.epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        names = ("min_value", "max_value", "rate", "axis")
        return {name: getattr(self, name) for name in names}


# The last names are those of Keras 1.
max_norm = maxnorm = MaxNorm
non_neg = nonneg = NonNeg
unit_norm = unitnorm = UnitNorm
min_max_norm = MinMaxNorm

REGISTRY = Registry("constraint", "keras.constraints")
REGISTRY.enter(MaxNorm, NonNeg, UnitNorm, MinMaxNorm)
REGISTRY.enter(maxnorm=MaxNorm, nonneg=NonNeg, unitnorm=UnitNorm)


def serialize(constraint: Any) -> Any:
    """The dictionary from which `deserialize` makes the constraint again."""
    return REGISTRY.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint of a name or of a `serialize` dictionary.

    Args:
        config: name or dictionary.
        custom_objects: names of the user's own.

    Raises:
        ValueError: for unknown names, offering the nearest.
    """
    return REGISTRY.deserialize(config, custom_objects)


def get(identifier: Any) -> Any:
    """The constraint that an identifier stands for.

    Args:
        identifier: name ("max_norm"), dictionary, class, function of a tensor, or None.

    Returns:
        A function of a tensor, or None.

    Raises:
        ValueError: when it stands for nothing, offering the nearest name.

    Example:

    >>> type(get("non_neg")).__name__
    'NonNeg'
    """
    return REGISTRY.get(identifier)
