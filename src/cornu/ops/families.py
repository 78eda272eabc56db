"""Families of operations: what is common to all unary ones, all binary ones, ...

A family supplies the shape and dtype rule, broadcasting of gradients and the public
function; an operation adds its name, its meaning and its gradient, side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu.graph.gradients import vector_jacobian
from cornu.graph.op import Op
from cornu.graph.passes import ELEMENTWISE
from cornu.graph.spec import Spec, is_float
from cornu.graph.tensor import FUNCTIONS
from cornu.graph.trace import bind, convert
from cornu.ops.public import canonical_axes, cast_to, floating, promote, public

PIECEWISE_CONSTANT = "piecewise constant: its derivative is zero almost everywhere"
NOT_FLOAT = "its result is not of floating dtype"


def _named(function: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return public(function)


def unary(
    name: str,
    numpy: Callable[..., Any],
    gradient: Callable[[Any, Any, Any], Any] | str,
    doc: str,
    *,
    floats_only: bool = True,
    dtype: str | None = None,
    core: bool = True,
) -> Callable[..., Any]:
    """An element-wise operation on one tensor.

    Args:
        name: its name.
        numpy: its meaning.
        gradient: `f(g, x, y)` with the cotangent, input and output; or the reason why
            there is none.
        doc: what it computes.
        floats_only: whether integers are converted to floatx first.
        dtype: dtype of the result, if it is not the input's.
        core: whether every engine must have it.
    """
    ELEMENTWISE.add(name)
    op = Op(
        name,
        infer=lambda x: Spec(x.shape, dtype or x.dtype),
        numpy=numpy,
        gradient=None
        if isinstance(gradient, str)
        else lambda g, ins, out: (gradient(g, ins[0], out),),
        no_gradient=gradient if isinstance(gradient, str) else None,
        doc=doc,
        core=core,
    )
    prepare = floating if floats_only else convert

    def function(x: Any) -> Any:
        return bind(op, (prepare(x),), {})

    return _named(
        function,
        name,
        f"""{doc}

    Args:
        x: tensor of any shape{"; integers become floatx" if floats_only else ""}.

    Returns:
        Tensor of the shape of `x` and of dtype {dtype or "of `x`"}.
    """,
    )


def broadcast_shape(
    a: tuple[int, ...], b: tuple[int, ...], name: str
) -> tuple[int, ...]:
    """The shape that two shapes have in common by NumPy's rules.

    Raises:
        ValueError: naming the operation and both shapes.
    """
    n = max(len(a), len(b))
    long_a, long_b = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
    shape = []
    for i, j in zip(long_a, long_b, strict=True):
        if i != j and i != 1 and j != 1:
            raise ValueError(
                f"[{name}] the shapes {a} and {b} do not fit together.\n"
                "Expected, from the last axis backwards, equal sizes or a size of 1.\n"
                "Reshape one of them, or add an axis with ops.expand_dims."
            )
        shape.append(j if i == 1 else i)
    return tuple(shape)


def unbroadcast(cotangent: Any, shape: tuple[int, ...]) -> Any:
    """Sum a cotangent over the axes along which a value of `shape` was repeated."""
    have = cotangent.shape
    if have == shape:
        return cotangent
    extra = len(have) - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and have[i + extra] != 1
    )
    total = FUNCTIONS["sum"](cotangent, axis=axes) if axes else cotangent
    return FUNCTIONS["reshape"](total, shape)


def binary(
    name: str,
    numpy: Callable[..., Any],
    gradient: Callable[..., Any] | str,
    doc: str,
    *,
    floats_only: bool = False,
    counts_booleans: bool = False,
    dtype: str | None = None,
    core: bool = True,
    names_are_x_y: bool = False,
) -> Callable[..., Any]:
    """An element-wise operation on two tensors that broadcast.

    Args:
        name: its name.
        numpy: its meaning.
        gradient: `f(g, x1, x2, y)` gives functions without arguments that make the two
            cotangents, before they are summed over repeated axes (or None); or the
            reason why there is none.
        doc: what it computes.
        floats_only: whether integers are converted to floatx first.
        counts_booleans: whether two booleans are converted to int32 first.
        dtype: dtype of the result, if it is not the common one.
        core: whether every engine must have it.
        names_are_x_y: whether Keras calls the arguments `x` and `y`, not `x1` and `x2`.
    """

    def infer(x1: Spec, x2: Spec) -> Spec:
        if x1.dtype != x2.dtype:
            raise TypeError(
                f"[{name}] got dtypes {x1.dtype} and {x2.dtype}.\n"
                "Expected one dtype: casts are explicit in a graph.\n"
                "Call the public function of cornu.ops, which casts."
            )
        return Spec(broadcast_shape(x1.shape, x2.shape, name), dtype or x1.dtype)

    def rule(g: Any, ins: Any, out: Any) -> Any:
        assert callable(gradient)
        parts = gradient(g, *ins, out)
        return tuple(
            None if p is None else lambda p=p, x=x: unbroadcast(p(), x.shape)
            for p, x in zip(parts, ins, strict=True)
        )

    ELEMENTWISE.add(name)
    op = Op(
        name,
        infer=infer,
        numpy=numpy,
        gradient=None if isinstance(gradient, str) else rule,
        no_gradient=gradient if isinstance(gradient, str) else None,
        doc=doc,
        core=core,
    )

    def function(x1: Any, x2: Any) -> Any:
        x1, x2 = promote(x1, x2)
        if floats_only:
            x1, x2 = floating(x1), floating(x2)
        if counts_booleans and x1.dtype == "bool":
            x1, x2 = cast_to(x1, "int32"), cast_to(x2, "int32")
        return bind(op, (x1, x2), {})

    first, second = ("x", "y") if names_are_x_y else ("x1", "x2")
    return _named(
        _of_x_and_y(function) if names_are_x_y else function,
        name,
        f"""{doc}

    Args:
        {first}: tensor, array or number.
        {second}: the same; the shapes broadcast by NumPy's rules.

    Returns:
        Tensor of the common shape, of dtype {dtype or "the two have in common"}.

    Raises:
        ValueError: when the shapes do not broadcast.
    """,
    )


def _of_x_and_y(function: Callable[..., Any]) -> Callable[..., Any]:
    def of_x_and_y(x: Any, y: Any) -> Any:
        return function(x, y)

    return of_x_and_y


def reduced_shape(
    shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool
) -> tuple[int, ...]:
    """The shape after reducing over some axes."""
    if keepdims:
        return tuple(1 if i in axis else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axis)


def keep_reduced_axes(
    tensor: Any, shape: tuple[int, ...], axis: tuple[int, ...]
) -> Any:
    """A reduced tensor with its reduced axes of size 1, to broadcast to `shape`."""
    return FUNCTIONS["reshape"](tensor, reduced_shape(shape, axis, True))


def reduction(
    name: str,
    public_name: str,
    numpy: Callable[..., Any],
    gradient: Callable[..., Any] | str,
    doc: str,
    *,
    convert_input: Callable[[Any], Any] = convert,
    identity: bool = True,
) -> Callable[..., Any]:
    """An operation that makes one number of all along some axes.

    Args:
        name: name of the operation.
        public_name: name of the function, as in NumPy.
        numpy: its meaning, `numpy(x, axis=tuple, keepdims=bool)`.
        gradient: `f(g, x, y, axis)` where `g` and `y` have kept their reduced axes;
            or the reason why there is none.
        doc: what it computes.
        convert_input: how the argument becomes a tensor.
        identity: whether it has a value for no elements at all.
    """

    def infer(x: Spec, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
        if not identity and any(x.shape[a] == 0 for a in axis):
            raise ValueError(
                f"[{name}] cannot reduce the empty axis {axis} of shape {x.shape}.\n"
                "Expected at least one element: this operation has no neutral value.\n"
                "Check for empty data first."
            )
        return Spec(reduced_shape(x.shape, axis, keepdims), x.dtype)

    def rule(g: Any, ins: Any, out: Any, *, axis: Any, keepdims: bool) -> Any:
        assert callable(gradient)
        (x,) = ins
        if not keepdims:
            g = keep_reduced_axes(g, x.shape, axis)
            out = keep_reduced_axes(out, x.shape, axis)
        return (gradient(g, x, out, axis),)

    op = Op(
        name,
        infer=infer,
        numpy=numpy,
        gradient=None if isinstance(gradient, str) else rule,
        no_gradient=gradient if isinstance(gradient, str) else None,
        doc=doc,
    )

    def function(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        x = convert_input(x)
        axes = canonical_axes(axis, x.ndim)
        if not axes:
            return x
        return bind(op, (x,), {"axis": axes, "keepdims": bool(keepdims)})

    return _named(
        function,
        public_name,
        f"""{doc}

    Args:
        x: tensor of any shape.
        axis: axis or axes to reduce over; None means all.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        Tensor without the reduced axes (or with size 1 there).

    Raises:
        ValueError: when there is no such axis.
    """,
    )


def composite(
    name: str,
    *,
    gradient: Callable[..., Any] | str | None = None,
    no_gradient: str | None = None,
    hidden: int = 0,
    doc: str = "",
) -> Callable[[Callable[..., Any]], Op]:
    """Make a function over operations a composite: `f(*tensors, **params)`.

    The function is the definition, the fallback of engines without a kernel for it, and
    what kernels are tested against.

    Args:
        name: its name.
        gradient: its gradient rule; "composite" makes a composite `<name>_grad` of the
            expansion's gradient, so that a kernel can take that over too; None goes
            through the expansion.
        no_gradient: why there is none.
        hidden: how many of the last outputs are residuals.
        doc: what it computes; by default the first line of the docstring.
    """

    def decorate(expansion: Callable[..., Any]) -> Op:
        summary = doc or (expansion.__doc__ or "").strip().split("\n")[0]
        op = Op(
            name,
            expansion=expansion,
            gradient=None if isinstance(gradient, str) else gradient,
            no_gradient=no_gradient,
            hidden=hidden,
            doc=summary,
        )
        if gradient == "composite":
            op.gradient = _gradient_composite(op)
        return op

    return decorate


def _gradient_composite(op: Op) -> Callable[..., Any]:
    """A rule that leaves the gradient of a composite with one output in one piece."""

    def expansion(*values: Any, wrt: int, **params: Any) -> Any:
        of, (*inputs, g) = op.expansion, values
        assert of is not None

        def function(x: Any) -> Any:
            return of(*inputs[:wrt], x, *inputs[wrt + 1 :], **params)

        (found,) = vector_jacobian(function, [inputs[wrt]], [g])
        return FUNCTIONS["zeros_like"](inputs[wrt]) if found is None else found

    grad = Op(f"{op.name}_grad", expansion=expansion, doc=f"The gradient of {op.name}.")

    def rule(g: Any, ins: Any, out: Any, **params: Any) -> Any:
        return [
            (lambda i=i: bind(grad, (*ins, g), {"wrt": i, **params}))
            if is_float(v.dtype)
            else None
            for i, v in enumerate(ins)
        ]

    return rule
