"""What a layer demands of its input, and what its first arguments say of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from cornu.graph.spec import standardize_dtype
from cornu.graph.symbolic import SymbolicTensor
from cornu.graph.tree import map_structure


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


def shape_of(value: Any) -> Any:
    """The shape of a tensor; None for what has none."""
    return tuple(value.shape) if hasattr(value, "shape") else None


def as_shape(shape: Any) -> Any:
    """A shape, or shapes in lists and dicts, of which a file kept lists alone."""
    if isinstance(shape, dict):
        return {name: as_shape(each) for name, each in shape.items()}
    if isinstance(shape, (list, tuple)):
        if any(isinstance(each, (list, tuple, dict)) for each in shape):
            return [as_shape(each) for each in shape]
        return tuple(shape)
    return shape


def noting_build(build: Callable[..., None]) -> Callable[..., None]:
    """A layer's `build` that notes that it was called, and for which shapes.

    Layers are built by their call, by whoever calls `build`, and by files: afterwards
    they are built, whether their class says so or not, and are not built again.
    """
    signature = inspect.signature(build)

    @functools.wraps(build)
    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        if self.__dict__.get("_noting_build"):  # super().build(...)
            return build(self, *args, **kwargs)
        self.__dict__["_noting_build"] = True
        try:
            build(self, *args, **kwargs)
        finally:
            del self.__dict__["_noting_build"]
        given = list(signature.bind(self, *args, **kwargs).arguments.items())[1:]
        shapes = {k: as_shape(v) for k, v in given if v is not None}
        if len(signature.parameters) == 2:  # the layer, and one shape of any name
            shapes = dict(zip(["input_shape"], shapes.values(), strict=False))
        self._build_shapes = shapes or self._build_shapes
        self.built = True
        return None

    return noted


def standing_for(shape: Any, dtype: str) -> Any:
    """Symbolic tensors of a shape, or of shapes in lists and dicts; None for None."""
    if shape is None:
        return None
    if isinstance(shape, dict):
        return {name: standing_for(each, dtype) for name, each in shape.items()}
    if any(isinstance(each, (list, tuple, dict)) for each in shape):
        return type(shape)(standing_for(each, dtype) for each in shape)
    return SymbolicTensor(tuple(shape), dtype)


def shapes_for(
    method: Callable[..., Any],
    call: Callable[..., Any],
    args: tuple,
    kwargs: dict[str, Any],
) -> dict[str, Any]:
    """The shapes of the arguments of a call, by the names that a method has for them.

    Args:
        method: takes shapes: `build` or `compute_output_shape`. One that takes a single
            argument is given the shape of the first.
        call: the layer's `call`.
        args: what it is called with.
        kwargs: the same by name.
    """
    takes = list(inspect.signature(method).parameters)
    if len(takes) == 1:
        given = args[0] if args else next(iter(kwargs.values()), None)
        return {takes[0]: map_structure(shape_of, given)}
    bound = inspect.signature(call).bind(*args, **kwargs).arguments
    return {
        f"{name}_shape": map_structure(shape_of, value)
        for name, value in bound.items()
        if f"{name}_shape" in takes and value is not None
    }


def check_shape_names(
    owner: str, build: Callable[..., Any], call: Callable[..., Any]
) -> None:
    """Raise where arguments of `build` are no shapes of arguments of `call`.

    Args:
        owner: the layer, for the message.
        build: its method.
        call: its other method.
    """
    known = [f"{name}_shape" for name in inspect.signature(call).parameters]
    for name, p in inspect.signature(build).parameters.items():
        several = p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        if name not in known and p.default is p.empty and not several:
            raise ValueError(
                f"{owner}: its build method takes {name!r}, but its call has no "
                "argument that this would be the shape of.\n"
                f"Expected some of: {', '.join(known)}.\n"
                "Name the arguments of build after those of call, each with '_shape' "
                "at its end, or take input_shape alone."
            )
