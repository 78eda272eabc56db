"""What a layer demands of its input, and what its first arguments say of it."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from cornu.graph.policy import DTypePolicy, dtype_policy
from cornu.graph.spec import standardize_dtype


class InputSpec:
    """What a layer demands of its input.

    Args:
        dtype: dtype name, or None for any.
        shape: shape with None for sizes that are free.
        ndim: exact number of axes.
        max_ndim: largest number of axes.
        min_ndim: smallest number of axes.
        axes: sizes by axis, `{-1: 784}`.
        allow_last_axis_squeeze: whether a last axis of size 1 may be missing, or be one
            too many.
        name: what the input is called, for errors.
        optional: whether the input may be None.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name, self.optional = name, optional
        self.dtype = None if dtype is None else standardize_dtype(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = dict(axes or {})

    def misfit(
        self, shape: tuple[int | None, ...], dtype: str
    ) -> tuple[str, str] | None:
        """What is wrong with an input, and what was expected; None if it fits."""
        input_ = f"its input {self.name!r}" if self.name else "its input"
        if self.allow_last_axis_squeeze and self.ndim is not None:
            if len(shape) == self.ndim + 1 and shape[-1] == 1:
                shape = shape[:-1]
            elif len(shape) == self.ndim - 1 and (self.shape or (1,))[-1] == 1:
                shape = (*shape, 1)
        n = len(shape)
        if self.ndim is not None and n != self.ndim:
            return f"{input_} has shape {shape}", f"{self.ndim} axes"
        if self.min_ndim is not None and n < self.min_ndim:
            at_least = f"at least {self.min_ndim} axes, the batch among them"
            return f"{input_} has shape {shape}", at_least
        if self.max_ndim is not None and n > self.max_ndim:
            return f"{input_} has shape {shape}", f"at most {self.max_ndim} axes"
        if self.dtype is not None and dtype != self.dtype:
            return f"{input_} is {dtype}", self.dtype
        wanted = dict(enumerate(self.shape or ())) | self.axes
        for axis, size in wanted.items():
            if size is not None and shape[axis] not in (None, size):
                size_here = f"has size {shape[axis]} (shape {shape})"
                what = f"axis {axis} of {input_} {size_here}"
                return what, f"size {size} there"
        return None


def sizes(shape: Any, what: str) -> tuple[int | None, ...]:
    """A shape as a tuple of whole numbers and None.

    Raises:
        ValueError: when something else is in it.
    """
    given = (shape,) if isinstance(shape, Integral) else shape
    good = isinstance(given, (list, tuple)) and all(
        n is None or (isinstance(n, Integral) and int(n) >= 0) for n in given
    )
    if not good:
        raise ValueError(
            f"{what}={shape!r} was given.\n"
            "Expected the sizes of the axes, None where a size is open.\n"
            f"For example {what}=(784,)."
        )
    return tuple(None if n is None else int(n) for n in given)


def first_shape(kwargs: dict[str, Any]) -> tuple[int | None, ...] | None:
    """The batch shape said by `input_shape=`, `input_dim=` or `batch_input_shape=`."""
    for key in ("batch_input_shape", "batch_shape"):
        if kwargs.get(key) is not None:
            return sizes(kwargs.pop(key), key)
    for key in ("input_shape", "input_dim"):
        if kwargs.get(key) is not None:
            return (None, *sizes(kwargs.pop(key), key))
    return None


def dtype_of(dtype: Any) -> str:
    if dtype is None:
        return dtype_policy().name
    if isinstance(dtype, DTypePolicy):
        return dtype.name
    if isinstance(dtype, dict):
        dtype = dtype.get("config", dtype).get("name", "float32")
    if isinstance(dtype, str) and dtype.startswith("mixed_"):
        raise ValueError(
            f"dtype={dtype!r}: mixed precision is not supported yet.\n"
            "Expected one dtype for weights and computation, such as 'float32'.\n"
            "Leave dtype away, or set it with cornu.config.set_floatx."
        )
    return standardize_dtype(dtype)
