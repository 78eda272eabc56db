"""Initializers without chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.eager import Tensor
from cornu.graph.tensor import TensorBase
from cornu.initializers.base import Initializer, dtype_name


class Zeros(Initializer):
    """Zeros everywhere.

    Example:

    >>> Zeros()((2, 2)).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        return Tensor(np.zeros(shape, dtype_name(dtype)))


class Ones(Initializer):
    """Ones everywhere."""

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        return Tensor(np.ones(shape, dtype_name(dtype)))


class Constant(Initializer):
    """One value everywhere, or the values of an array.

    Args:
        value: a number, or an array that broadcasts to the shape.
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        value = np.asarray(self.value, dtype_name(dtype))
        return Tensor(np.broadcast_to(value, tuple(shape)).copy())

    def get_config(self) -> dict[str, Any]:
        value = self.value
        if isinstance(value, (np.ndarray, np.generic, TensorBase)):
            array = np.asarray(value)
            inner = {"value": array.tolist(), "dtype": array.dtype.name}
            value = {"class_name": "__numpy__", "config": inner}
        return {"value": value}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        value = config["value"]
        if isinstance(value, dict):
            value = np.array(value["config"]["value"], value["config"]["dtype"])
        return cls(value)


class Identity(Initializer):
    """The identity matrix; only for shapes of two axes.

    Args:
        gain: factor in front of it.

    Raises:
        ValueError: when called for another number of axes.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        if len(shape) != 2:
            raise ValueError(
                f"Identity was asked for shape {tuple(shape)}.\n"
                "Expected two axes, (rows, columns): it makes a matrix.\n"
                "Use Orthogonal for kernels of convolutions, for example."
            )
        name = dtype_name(dtype)
        return Tensor((self.gain * np.eye(*shape)).astype(name))

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}
