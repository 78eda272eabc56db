# pyright: reportMissingImports=false
"""The `theano` engine: a graph becomes a function of PyTensor, Theano's continuation.

PyTensor's own rewriting is left out: a Cornu graph is simplified already, and what
PyTensor would rewrite (x / x is 1, exp(log(x)) is x) changes limits. Its C and Numba
compilers are left out too: they need seconds to minutes for a step, which then takes as
long as the same step of NumPy calls. So every operation is performed by NumPy or SciPy.

What PyTensor lacks, and what it performs element by element in Python (a cast), is an
operation of PyTensor's with Cornu's definition as its meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.link.vm import VMLinker

from cornu.engines.library import LibraryEngine, Lowerings, by_name, into, with_param
from cornu.graph import Graph, Node, Spec, Value

LOWERINGS: Lowerings = by_name(
    {
        "to_dense": lambda x: x,
        "identity": lambda x: x,
        "stop_gradient": lambda x: x,
        "negative": pt.neg,
        "absolute": pt.abs,
        "sign": pt.sign,
        "floor": pt.floor,
        "ceil": pt.ceil,
        "round_to_even": pt.round_half_to_even,
        "trunc": pt.trunc,
        "exp": pt.exp,
        "exp2": pt.exp2,
        "expm1": pt.expm1,
        "log": pt.log,
        "log2": pt.log2,
        "log10": pt.log10,
        "log1p": pt.log1p,
        "sqrt": pt.sqrt,
        "sin": pt.sin,
        "cos": pt.cos,
        "tan": pt.tan,
        "arcsin": pt.arcsin,
        "arccos": pt.arccos,
        "arctan": pt.arctan,
        "sinh": pt.sinh,
        "cosh": pt.cosh,
        "tanh": pt.tanh,
        "arcsinh": pt.arcsinh,
        "arccosh": pt.arccosh,
        "arctanh": pt.arctanh,
        "sigmoid": pt.sigmoid,
        "erf": pt.erf,
        "erfc": pt.erfc,
        "erfinv": pt.erfinv,
        "i0": pt.i0,
        "bitwise_not": pt.invert,
        "bitwise_and": pt.and_,
        "bitwise_or": pt.or_,
        "bitwise_xor": pt.xor,
        "add": pt.add,
        "subtract": pt.sub,
        "multiply": pt.mul,
        "true_divide": pt.true_div,
        "maximum": pt.maximum,
        "minimum": pt.minimum,
        "mod": pt.mod,
        "floor_divide": pt.int_div,
        "arctan2": pt.arctan2,
        "equal": pt.eq,
        "not_equal": pt.neq,
        "less": pt.lt,
        "less_equal": pt.le,
        "greater": pt.gt,
        "greater_equal": pt.ge,
        "where": pt.switch,
    }
)

LOWERINGS |= with_param(
    {
        "reshape": (pt.reshape, "shape"),
        "transpose": (pt.transpose, "axes"),
        "broadcast_to": (pt.broadcast_to, "shape"),
    }
)
lowering = into(LOWERINGS)


@lowering("constant")
def _constant(engine, node: Node) -> Any:
    return pt.constant(node.params["value"].array)


# Shapes


@lowering("concatenate")
def _concatenate(engine, node: Node, *xs) -> Any:
    return pt.concatenate(xs, axis=node.params["axis"])


@lowering("flip")
def _flip(engine, node: Node, x) -> Any:
    axes = node.params["axes"]
    return x[tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim))]


@lowering("slice")
def _slice(engine, node: Node, x) -> Any:
    p = node.params
    return x[tuple(map(slice, p["starts"], p["stops"], p["steps"]))]


# By index


def _along(node: Node, indices) -> Any:
    return (slice(None),) * node.params["axis"] + (indices,)


@lowering("gather")
def _gather(engine, node: Node, x, indices) -> Any:
    return x[_along(node, indices)]


@lowering("scatter_add")
def _scatter_add(engine, node: Node, x, indices, updates) -> Any:
    return pt.inc_subtensor(x[_along(node, indices)], updates)


@lowering("sort")
def _sort(engine, node: Node, x) -> Any:
    return pt.sort(x, axis=node.params["axis"], kind="stable")


# Along axes


@lowering("reduce_sum", "reduce_prod", "reduce_max")
def _reduce(engine, node: Node, x) -> Any:
    name, axis = node.op.name.removeprefix("reduce_"), node.params["axis"]
    if not axis:
        return x
    keepdims = node.params["keepdims"]
    if x.dtype == "bool":
        function = pt.all if name == "prod" else pt.any
        return function(x, axis=axis, keepdims=keepdims)
    if name == "max":
        return pt.max(x, axis=axis, keepdims=keepdims)
    function = pt.sum if name == "sum" else pt.prod
    return function(x, axis, x.dtype, keepdims=keepdims, acc_dtype=x.dtype)


@lowering("dot_general")
def _dot_general(engine, node: Node, a, b) -> Any:
    (ca, cb), (batch, _) = node.params["contract"], node.params["batch"]
    if batch or len(ca) != 1 or a.ndim != 2 or b.ndim != 2:
        return _by_definition(engine, node, a, b)
    return pt.dot(a.T if ca[0] == 0 else a, b.T if cb[0] == 1 else b)


@lowering("custom_gradient")
def _custom_gradient(engine, node: Node, *values) -> Any:
    return values[: node.params["n_outputs"]]


# What PyTensor lacks


def _type(spec: Spec) -> Any:
    if spec.dtype == "bfloat16":
        raise NotImplementedError(
            "A program on the engine 'theano' holds numbers of dtype bfloat16.\n"
            "Expected a dtype that PyTensor has: whole numbers, float16 to float64.\n"
            "Use float16 or float32, or choose another engine."
        )
    return pt.TensorType(spec.dtype, shape=spec.shape)


class Defined(Op):
    """An operation of PyTensor's whose meaning is a function on arrays.

    Args:
        name: what it is called.
        function: takes arrays and gives an array, or a tuple of them.
        specs: of the results.
    """

    def __init__(
        self, name: str, function: Callable[..., Any], specs: list[Spec]
    ) -> None:
        self.name, self.function = name, function
        self.types = [_type(spec) for spec in specs]

    def make_node(self, *inputs: Any) -> Apply:
        """What PyTensor asks of an operation: the node that it makes."""
        return Apply(self, list(inputs), [t() for t in self.types])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """What PyTensor asks of an operation: to compute."""
        with np.errstate(all="ignore"):
            found = self.function(*inputs)
        found = found if isinstance(found, tuple) else (found,)
        for cell, type_, y in zip(output_storage, self.types, found, strict=True):
            y = np.asarray(y, type_.dtype)
            # PyTensor counts on results that are nobody else's.
            shared = any(np.may_share_memory(y, x) for x in inputs)
            cell[0] = y.copy() if shared else y

    def __str__(self) -> str:
        return self.name


class _Body(NamedTuple):
    """A sub-graph as definitions see it, and as PyTensor has compiled it."""

    outputs: list[Value]
    evaluate: Callable[..., list[Any]]


@lowering(
    *("cast", "view", "isfinite", "signbit", "cbrt", "power", "fmod", "gcd", "hypot"),
    *("logical_not", "logical_and", "logical_or", "logaddexp", "logaddexp2"),
    *("bitwise_left_shift", "bitwise_right_shift", "ldexp", "nextafter"),
    *("pad", "slice_grad", "reduce_min", "argmax", "argmin", "cumsum", "cumprod"),
    *("argsort", "searchsorted", "unique", "scatter_reduce", "random_bits"),
    *("conv", "conv_input_grad", "conv_kernel_grad"),
    *("window_argmax", "window_put", "window_sum_grad"),
    *("scan", "cond", "while_loop"),
    *("solve", "solve_triangular", "det", "cofactor", "slogdet", "cholesky"),
    *("lu_factor", "qr", "eigh", "svd", "dft", "rdft", "irdft"),
)
def _by_definition(engine, node: Node, *values) -> Any:
    assert node.op.numpy is not None
    params = {
        k: _Body(p.outputs, engine.compiled(engine.body(p), p))
        if isinstance(p, Graph)
        else p
        for k, p in node.params.items()
    }
    specs = [v.spec for v in node.outputs]
    made = Defined(node.op.name, partial(node.op.numpy, **params), specs)(*values)
    return tuple(made) if isinstance(made, list) else made


def _exactly(function: Callable[..., Any]) -> Callable[..., Any]:
    """A lowering whose results have the shapes of their specs, where PyTensor lost one.

    It broadcasts only what is known to have size 1.
    """

    def lower(engine, node: Node, *values) -> Any:
        found = function(engine, node, *values)
        if type(found) is tuple:
            return found
        return pt.specify_shape(found, node.outputs[0].shape)

    return lower


# Each operation as a call of Python's, in order; no rewriting.
_MODE = Mode(
    linker=VMLinker(use_cloop=False, c_thunks=False),
    optimizer=RewriteDatabaseQuery(include=[]),
)


class TheanoEngine(LibraryEngine):
    """Runs graphs as functions of PyTensor."""

    name = "theano"
    package = "pytensor"
    lowerings = {name: _exactly(function) for name, function in LOWERINGS.items()}

    def from_numpy(self, array: np.ndarray) -> Any:
        """A copy: PyTensor computes on NumPy's arrays."""
        return np.array(array)

    def to_numpy(self, value: Any) -> np.ndarray:
        """A copy in C order."""
        return np.array(value, order="C")

    def compiled(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., list[Any]]:
        """One function of PyTensor's."""
        inputs = [_type(v.spec)() for v in graph.arguments]
        results = function(*inputs)
        run = pytensor.function(
            inputs, results, mode=_MODE, on_unused_input="ignore", trust_input=True
        )

        def quiet(*values: Any) -> list[Any]:
            with np.errstate(all="ignore"):  # inf and NaN are results like others
                return run(*map(np.asarray, values))

        return quiet
