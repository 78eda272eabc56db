"""What makes a Python function a public operation, on every kind of tensor."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from cornu.graph import config
from cornu.graph.dispatch import DISPATCH, PLACE, from_outside
from cornu.graph.eager import Tensor
from cornu.graph.spec import Spec, is_float
from cornu.graph.symbolic import SymbolicTensor, has_symbolic, record, replaying
from cornu.graph.tensor import FUNCTIONS, TensorBase
from cornu.graph.trace import convert, current
from cornu.graph.tree import map_structure
from cornu.graph.variable import Variable

F = TypeVar("F", bound=Callable[..., Any])


def public(function: F) -> F:
    """Make `function` an operation of `ops`: recordable, and found under its name.

    Operators and files look for it there.
    """
    operation = recordable(function)
    FUNCTIONS[function.__name__] = operation
    return operation


def recordable(function: F) -> F:
    """Let `function` also take symbolic tensors: then the call is recorded in the DAG.

    Args:
        function: takes tensors, also inside lists and dicts.
    """

    @functools.wraps(function)
    def operation(*args: Any, **kwargs: Any) -> Any:
        if has_symbolic(args) or (kwargs and has_symbolic(kwargs.values())):
            if not replaying():
                if recorded.of_symbols is not None:
                    return recorded.of_symbols(*args, **kwargs)
                return record(operation, args, kwargs, function.__name__)
            args, kwargs = map_structure(_resolve, (args, kwargs))
        if DISPATCH.native is None or PLACE.inside:
            return function(*args, **kwargs)
        return from_outside(function, args, kwargs)

    recorded: Any = operation
    recorded.is_operation, recorded.of_symbols = True, None
    return recorded


def _resolve(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, SymbolicTensor) else leaf


def of_symbols(answer: Callable[..., Any]) -> Callable[[F], F]:
    """Let a public function give `answer` of symbolic tensors, instead of a record.

    Args:
        answer: takes what the function takes; for what is known without data.
    """

    def decorate(function: F) -> F:
        function.of_symbols = answer  # pyright: ignore[reportFunctionMemberAccess]
        return function

    return decorate


def ends_early(function: F) -> F:
    """Say that on a short axis `function` gives a shorter result, as `x[:5]` does.

    So an open axis leaves the result open, however long the axis may be.
    """
    function.ends_early = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def exact_sizes(function: F) -> F:
    """Say that `function` must know its sizes: open axes are not guessed for it."""
    function.is_operation = False  # pyright: ignore[reportFunctionMemberAccess]
    return function


def is_open_size(size: int) -> bool:
    """Whether, while shapes are inferred, a size stands for one that is open."""
    trace = current()
    return trace is not None and trace.open_size == size


def of_open_size(shape: tuple[int | None, ...], dtype: str) -> Any:
    """A stand-in for a result whose size the data decides, while shapes are inferred.

    Returns:
        None where data is at hand, or a program is traced.
    """
    trace, n_open = current(), open_size()
    if trace is None or n_open is None:
        return None
    sizes = tuple(n_open if n is None else n for n in shape)
    return trace.input(Spec(sizes, dtype), "of open size")


def open_size() -> int | None:
    """The size that stands for one which the data decides, while shapes are inferred.

    Returns:
        None where data is at hand, or a program is traced.
    """
    trace = current()
    if trace is None or trace.open_size is None:
        return None
    trace.opened = True
    return trace.open_size


# Type promotion: as JAX and Keras 3 do it. Integers never make a float wider, and a
# Python number takes the dtype of the tensor that it meets.


def result_type(*dtypes: str) -> str:
    """The dtype in which tensors of these dtypes meet.

    Example:

    >>> result_type("int64", "float32"), result_type("bool", "uint8")
    ('float32', 'uint8')
    """
    floats = {d for d in dtypes if is_float(d)}
    if not floats:
        joined = np.result_type(*dtypes).name
        if joined == "int64" and joined not in dtypes:
            return (
                "int32"  # uint32 and a signed dtype: there is no wider one by default
            )
        return config.floatx() if is_float(joined) else joined
    if floats == {"float16", "bfloat16"}:
        return "float32"
    for name in ("float64", "float32", "bfloat16", "float16"):
        if name in floats:
            return name
    raise AssertionError(floats)


def promote(*values: Any) -> list[Any]:
    """Tensors of one common dtype; casts are explicit nodes of the graph.

    Raises:
        ValueError: when there are none.
    """
    if not values:
        raise ValueError(
            "An empty list of tensors was given.\nExpected at least one tensor.\n"
            "Handle the case of nothing before, for example with ops.zeros."
        )
    if len(values) == 2 and current() is None:
        pair = _pair(*[v.value if type(v) is Variable else v for v in values])
        if pair is not None:
            return pair
    tensors = [v if _is_weak(v) else convert(v) for v in values]
    strong = [t.dtype for t in tensors if isinstance(t, TensorBase)]
    if not strong:
        return promote(*[convert(v) for v in values])
    dtype = result_type(*strong)
    for v in tensors:
        kind = type(v)
        if kind is float and not is_float(dtype):
            dtype = config.floatx()
        elif kind is int and dtype == "bool":
            dtype = "int32"
    return [
        (t if t.dtype == dtype else cast_to(t, dtype))
        if isinstance(t, TensorBase)
        else convert(np.asarray(t, dtype))
        for t in tensors
    ]


def _pair(a: Any, b: Any) -> list[Any] | None:
    """The short way for two concrete tensors of one dtype, or one and its number."""
    kinds = type(a), type(b)
    if kinds == (Tensor, Tensor):
        return [a, b] if a.dtype == b.dtype else None
    if kinds == (Tensor, float) or kinds == (Tensor, int):
        number = _beside(a, b)
        return None if number is None else [a, number]
    if kinds == (float, Tensor) or kinds == (int, Tensor):
        number = _beside(b, a)
        return None if number is None else [number, b]
    return None


def _beside(tensor: Tensor, number: float) -> Tensor | None:
    dtype = tensor._array.dtype
    if dtype.kind == "f" or (dtype.kind in "iu" and type(number) is int):
        return Tensor(np.asarray(number, dtype))
    return None


def _is_weak(value: Any) -> bool:
    kind = type(value)
    return kind is int or kind is float or kind is bool


def cast_to(tensor: Any, dtype: str) -> Any:
    """`tensor` in `dtype`, without a node where it is that already."""
    return tensor if tensor.dtype == dtype else FUNCTIONS["cast"](tensor, dtype)


def floating(value: Any) -> Any:
    """`value` as a tensor of floating dtype: integers become floatx."""
    tensor = convert(value)
    return tensor if is_float(tensor.dtype) else cast_to(tensor, config.floatx())


def promote_floating(*values: Any) -> list[Any]:
    """Tensors of one common floating dtype; that of integers alone is floatx.

    Integers and booleans take a half-precision dtype that they meet.
    """
    tensors = promote(*values)
    return tensors if is_float(tensors[0].dtype) else [floating(t) for t in tensors]


def canonical_axis(axis: int, ndim: int, what: str = "axis") -> int:
    """A non-negative axis.

    Raises:
        ValueError: when the tensor has no such axis.
    """
    if not -ndim <= axis < ndim:
        raise ValueError(
            f"{what}={axis} was asked of a tensor with {ndim} axes.\n"
            f"Expected a whole number from {-ndim} to {ndim - 1}.\n"
            "Check the shape of the tensor with x.shape."
        )
    return axis % ndim


def canonical_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes as a sorted tuple; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, (int, np.integer)):
        return (canonical_axis(int(axis), ndim),)
    return tuple(sorted({canonical_axis(int(a), ndim) for a in axis}))
