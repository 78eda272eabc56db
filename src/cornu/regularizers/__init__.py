"""Regularizers: what large weights cost, added to the loss."""

from __future__ import annotations

import math
from typing import Any

from cornu import ops
from cornu.graph.dispatch import Edged
from cornu.registry import Registry, refuse_unknown

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]


class Regularizer(Edged):
    """Base of all regularizers.

    A subclass has `__call__(self, x)`, which returns the cost of a weight tensor, and
    `get_config`, which returns the arguments of its `__init__`.

    Example:

    >>> class Cubes(Regularizer):
    ...     def __call__(self, x):
    ...         return ops.sum(abs(x) ** 3)
    >>> float(Cubes()(ops.array([1.0, -2.0])))
    9.0
    """

    def __call__(self, x: Any) -> Any:
        """The cost of a weight tensor; 0 here."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this regularizer again."""
        raise NotImplementedError(
            f"The regularizer {type(self).__name__} has no method `get_config`.\n"
            "Expected a dictionary of the arguments of __init__.\n"
            "Write it in the class, so that the model can be saved."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The regularizer of a `get_config` dictionary."""
        return cls(**config)


def _factor(value: Any, name: str, default: float) -> float:
    if value is None:
        return default
    good = isinstance(value, (int, float)) or hasattr(value, "__float__")
    if good and math.isfinite(float(value)) and float(value) >= 0:
        return float(value)
    raise ValueError(
        f"A regularizer was given {name}={value!r}.\n"
        "Expected a finite number that is not negative.\n"
        "0.01 or less is usual."
    )


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x**2).

    Args:
        l1: factor of the absolute values.
        l2: factor of the squares.

    Raises:
        ValueError: when a factor is negative or not finite.

    Example:

    >>> float(L1L2(l1=1.0, l2=0.5)(ops.array([1.0, -2.0])))
    5.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor(l1, "l1", 0.0)
        self.l2 = _factor(l2, "l2", 0.0)

    def __call__(self, x: Any) -> Any:
        cost: Any = ops.zeros((), x.dtype)
        if self.l1:
            cost = cost + self.l1 * ops.sum(ops.absolute(x))
        if self.l2:
            cost = cost + self.l2 * ops.sum(ops.square(x))
        return cost

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """l1 * sum(|x|).

    Args:
        l1: the factor.
        **kwargs: `l`, its older name.

    Raises:
        ValueError: when the factor is negative or not finite.
    """

    def __init__(self, l1: float = 0.01, **kwargs: Any) -> None:
        l1 = kwargs.pop("l", l1)
        refuse_unknown(self, kwargs)
        self.l1 = _factor(l1, "l1", 0.01)

    def __call__(self, x: Any) -> Any:
        return self.l1 * ops.sum(ops.absolute(x))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """l2 * sum(x**2).

    Args:
        l2: the factor.
        **kwargs: `l`, its older name.

    Raises:
        ValueError: when the factor is negative or not finite.
    """

    def __init__(self, l2: float = 0.01, **kwargs: Any) -> None:
        l2 = kwargs.pop("l", l2)
        refuse_unknown(self, kwargs)
        self.l2 = _factor(l2, "l2", 0.01)

    def __call__(self, x: Any) -> Any:
        return self.l2 * ops.sum(ops.square(x))

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between different rows (or columns), times a factor.

    Args:
        factor: the factor.
        mode: "rows" or "columns".

    Raises:
        ValueError: for another mode, or when called on a tensor of other than two axes.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor(factor, "factor", 0.01)
        if mode not in ("rows", "columns"):
            raise ValueError(
                f"OrthogonalRegularizer was given mode={mode!r}.\n"
                "Expected 'rows' or 'columns'.\nWrite one of these."
            )
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        if len(x.shape) != 2:
            raise ValueError(
                f"OrthogonalRegularizer was called on shape {tuple(x.shape)}.\n"
                "Expected two axes: it compares rows or columns of a matrix.\n"
                "Use it for kernels of dense layers."
            )
        x = ops.transpose(x) if self.mode == "columns" else ops.cast(x, x.dtype)
        x = ops.normalize(x, axis=1)
        n = x.shape[0]
        cosines = ops.matmul(x, ops.transpose(x)) * (1.0 - ops.eye(n, dtype=x.dtype))
        pairs = n * (n - 1.0) / 2.0
        return self.factor * 0.5 * ops.sum(ops.absolute(cosines)) / pairs

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

REGISTRY = Registry("regularizer", "keras.regularizers")
REGISTRY.enter(L1, L2, L1L2, OrthogonalRegularizer)


def serialize(regularizer: Any) -> Any:
    """The dictionary from which `deserialize` makes the regularizer again."""
    return REGISTRY.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer of a name or of a `serialize` dictionary.

    Args:
        config: name or dictionary.
        custom_objects: names of the user's own.

    Raises:
        ValueError: for unknown names, offering the nearest.
    """
    return REGISTRY.deserialize(config, custom_objects)


def get(identifier: Any) -> Any:
    """The regularizer that an identifier stands for.

    Args:
        identifier: name ("l2"), dictionary, class, function of a tensor, or None.

    Returns:
        A function of a tensor, or None.

    Raises:
        ValueError: when it stands for nothing, offering the nearest name.

    Example:

    >>> get("l2").l2
    0.01
    """
    return REGISTRY.get(identifier)
