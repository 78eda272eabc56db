"""The operators that every kind of tensor answers, whatever stands behind it.

`TensorBase` only names the operations; the functions are those of `cornu.ops`, which
enter themselves in `FUNCTIONS` when they are defined. So `x + y` and `ops.add(x, y)`
are one thing, on a concrete array, under trace, and on a symbolic tensor.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any


class _Functions(dict[str, Callable[..., Any]]):
    """The functions of `cornu.ops` by name; whoever asks first has them loaded.

    They stand above this room: it knows their names only.
    """

    def __missing__(self, name: str) -> Callable[..., Any]:
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return found

    def find(self, name: str) -> Callable[..., Any] | None:
        """The function of that name, or None."""
        if name not in self:
            importlib.import_module("cornu.ops")
        return self.get(name)


FUNCTIONS = _Functions()


def keras_mask(value: Any) -> Any:
    """The mask that a tensor carries (`_keras_mask`, as in Keras), or None."""
    return getattr(value, "_keras_mask", None)


def set_keras_mask(tensor: Any, mask: Any) -> None:
    """Let a tensor carry a mask: booleans, False where it is to be left out."""
    tensor._keras_mask = mask


def unscaled(tensor: Any) -> Any:
    """The loss that a tensor is a multiple of, if that was noted; or the tensor."""
    return getattr(tensor, "_unscaled", tensor)


def set_unscaled(tensor: Any, loss: Any) -> None:
    """Note that a tensor is a loss, scaled: whoever watches losses looks at that one.

    Where a dynamic scale is too large, the scaled loss overflows as a matter of course.
    """
    tensor._unscaled = loss


class TensorBase:
    """Operators and basic attributes common to eager, traced and symbolic tensors."""

    __slots__ = ()
    # NumPy must leave `array + tensor` to `tensor.__radd__`.
    __array_priority__ = 1000

    @property
    def shape(self) -> tuple[Any, ...]:
        raise NotImplementedError("a kind of tensor says what its shape is")

    @property
    def dtype(self) -> str:
        raise NotImplementedError("a kind of tensor says what its dtype is")

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def T(self) -> Any:
        """The tensor with its axes in reverse order."""
        return FUNCTIONS["transpose"](self)

    def astype(self, dtype: Any) -> Any:
        """The tensor converted to `dtype`, as in NumPy."""
        return FUNCTIONS["cast"](self, dtype)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(
                f"{self!r} has no length: it is a single number, without axes.\n"
                "Expected a tensor of at least one axis.\n"
                "Use the number itself, or add an axis with ops.expand_dims(x, 0)."
            )
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __hash__(self) -> int:
        return id(self)

    def __getitem__(self, index: Any) -> Any:
        return FUNCTIONS["get_item"](self, index)

    def __neg__(self) -> Any:
        return FUNCTIONS["negative"](self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return FUNCTIONS["absolute"](self)

    def __round__(self, ndigits: int | None = None) -> Any:
        return FUNCTIONS["round"](self, ndigits or 0)

    def __invert__(self) -> Any:
        return FUNCTIONS["logical_not" if self.dtype == "bool" else "bitwise_not"](self)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any
    ) -> Any:
        """`np.exp(t)` and `array + t` are Cornu's operations, with their gradients."""
        function = FUNCTIONS.find(ufunc.__name__)
        if any(isinstance(x, TensorBase) for x in kwargs.get("out", ())):
            raise TypeError(
                f"np.{ufunc.__name__} was to write its result into a tensor (out=).\n"
                "Expected an array of NumPy's: tensors do not change.\n"
                f"Use what np.{ufunc.__name__} returns, or assign it to a Variable."
            )
        if method == "__call__" and function is not None and not kwargs:
            return function(*inputs)
        arrays = [x.__array__() if isinstance(x, TensorBase) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise NotImplementedError("a kind of tensor says what its array is")


def _forward(name: str) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        return FUNCTIONS[name](self, other)

    return method


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        return FUNCTIONS[name](other, self)

    return method


# On booleans `&`, `|` and `^` are logical, as in NumPy.
_BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
_COMPARE = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}
for _dunder, _name in _BINARY.items():
    setattr(TensorBase, f"__{_dunder}__", _forward(_name))
    setattr(TensorBase, f"__r{_dunder}__", _reflected(_name))
for _dunder, _name in _COMPARE.items():
    setattr(TensorBase, f"__{_dunder}__", _forward(_name))
