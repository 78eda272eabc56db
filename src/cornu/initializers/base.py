"""What an initializer is: a function of shape and dtype that files can hold."""

from __future__ import annotations

from typing import Any

from cornu.graph import config
from cornu.graph.dispatch import Edged
from cornu.graph.spec import standardize_dtype


class Initializer(Edged):
    """Base of all initializers.

    A subclass has `__call__(self, shape, dtype=None)`, which returns a tensor, and
    `get_config`, which returns the arguments of its `__init__`.

    Example:

    >>> from cornu import ops
    >>> class Sevens(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return ops.full(shape, 7.0, dtype)
    >>> Sevens()((2,)).tolist()
    [7.0, 7.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """The initial value: a tensor of this shape and dtype."""
        raise NotImplementedError(
            f"{type(self).__name__} has no __call__ of its own.\n"
            "Expected a method __call__(self, shape, dtype=None) that returns a "
            "tensor.\nWrite it in the class."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this initializer again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The initializer of a `get_config` dictionary."""
        return cls(**config)

    def clone(self) -> Any:
        """Another initializer with the same configuration."""
        return type(self).from_config(self.get_config())


def dtype_name(dtype: Any) -> str:
    """A dtype's name, floatx for None."""
    return config.floatx() if dtype is None else standardize_dtype(dtype)
