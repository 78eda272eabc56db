"""Symbolic tensors: stand-ins with an open batch axis, and the DAG that they form.

A symbolic tensor remembers the call that made it: a layer, or any public function of
`cornu.ops`. The DAG of these calls is what a functional model is; it can be replayed on
traced or concrete tensors, and it is what is serialised.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from cornu.graph.node import Value
from cornu.graph.open_axes import DIVISIBLE, SIZES, SMALL, Known, guesses, sizes_among
from cornu.graph.spec import STRING, Spec, standardize_dtype
from cornu.graph.tensor import TensorBase, keras_mask, set_keras_mask
from cornu.graph.trace import Trace, current, no_trace
from cornu.graph.tree import flatten, map_structure


class Call:
    """One call in the DAG: a function or layer, and its arguments.

    `depth_first` order of calls is the order in which a replay runs them.
    """

    __slots__ = ("args", "function", "kwargs", "outputs")

    def __init__(
        self, function: Callable[..., Any], args: tuple, kwargs: dict[str, Any]
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.outputs: Any = None

    @property
    def parents(self) -> list[SymbolicTensor]:
        """The symbolic tensors among the arguments."""
        leaves = flatten([self.args, self.kwargs])
        return [leaf for leaf in leaves if isinstance(leaf, SymbolicTensor)]


class SymbolicTensor(TensorBase):
    """A tensor of which shape and dtype are known, the batch size usually not.

    Args:
        shape: with None for axes that are open.
        dtype: dtype name; "string" for text, which layers on the host take.
        name: for people.
        call: the call that makes it; None for an input.
    """

    __slots__ = (
        "__weakref__",
        "_keras_mask",
        "call",
        "dtype_",
        "name",
        "optional",
        "shape_",
        "sparse",
    )

    def __init__(
        self,
        shape: tuple[int | None, ...],
        dtype: str = "float32",
        name: str = "",
        call: Call | None = None,
    ) -> None:
        if not isinstance(shape, (tuple, list)):
            raise ValueError(
                f"A symbolic tensor was given shape={shape!r}.\n"
                "Expected a tuple of whole numbers, and None for open axes.\n"
                f"For example ({shape},) for one axis."
            )
        self.shape_ = tuple(shape)
        text = dtype is str or dtype == STRING
        self.dtype_ = STRING if text else standardize_dtype(dtype)
        self.name = name
        self.call = call
        self.optional = False  # whether an Input may be left out
        self.sparse = False  # whether an Input is meant for sparse matrices

    @property
    def shape(self) -> tuple[int | None, ...]:
        return self.shape_

    @property
    def dtype(self) -> str:
        return self.dtype_

    @property
    def value(self) -> Any:
        """Its value in the replay that is under way, computed from its ancestors."""
        trace = current()
        table = trace.symbols if trace is not None else _eager_table()
        if table is None:
            raise ValueError(
                f"The symbolic tensor {self!r} was used where numbers are needed.\n"
                "Expected a concrete tensor: a symbolic one only stands for data.\n"
                "Build a Model from it and call that on data, or use "
                "keras.backend.function."
            )
        while True:
            try:
                return replay([self], table)[0]
            except ValueError:
                # A layer inside a nested model may look at tensors of the outer one.
                outer = getattr(table, "outer", None)
                if outer is None:
                    raise
                table = outer

    def __repr__(self) -> str:
        return f"<symbolic {self.name or 'tensor'} {self.shape} {self.dtype}>"

    def __len__(self) -> int:
        if self.shape and self.shape[0] is None:
            raise TypeError(
                f"{self!r} has no length: its first axis is open (the batch).\n"
                "Expected an axis of known size.\nUse ops.shape(x)[0] instead."
            )
        return super().__len__()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(
            f"NumPy was given the symbolic tensor {self!r}, which has no numbers.\n"
            "Expected an array.\n"
            "Call the function of cornu.ops of the same name, or wrap the NumPy code "
            "in a layer that runs on data."
        )

    def __bool__(self) -> bool:
        raise TypeError(
            f"The symbolic tensor {self!r} was used as a Python truth value.\n"
            "Expected a concrete value: this one only stands for data.\n"
            "Write ops.where(condition, a, b), or put the `if` into a layer."
        )


KerasTensor = SymbolicTensor  # its name in Keras


class Bindings(dict[int, Any]):
    """Values of symbolic tensors in one replay; `outer` are those around it."""

    outer: Any = None


class _Eager(threading.local):
    symbols: dict[int, Any] | None = None


_eager = _Eager()


def _eager_table() -> dict[int, Any] | None:
    return _eager.symbols


@contextmanager
def symbols(table: dict[int, Any]) -> Any:
    """Let symbolic tensors stand for the values in `table` (by identity)."""
    trace = current()
    holder: Any = _eager if trace is None else trace
    before, holder.symbols = holder.symbols, table
    if isinstance(table, Bindings):
        table.outer = before
    try:
        yield table
    finally:
        holder.symbols = before


def has_symbolic(args: Iterable[Any]) -> bool:
    """Whether a symbolic tensor is among the arguments, also inside lists and dicts."""
    for a in args:
        kind = type(a)
        if kind is SymbolicTensor:
            return True
        if (kind is list or kind is tuple) and has_symbolic(a):
            return True
        if kind is dict and has_symbolic(a.values()):
            return True
    return False


def replaying() -> bool:
    """Whether symbolic tensors have values just now."""
    trace = current()
    return (trace.symbols if trace is not None else _eager.symbols) is not None


def record(
    function: Callable[..., Any],
    args: tuple,
    kwargs: dict[str, Any],
    name: str,
    spec_of: Callable[..., Any] | None = None,
) -> Any:
    """Enter a call in the DAG and return its symbolic outputs.

    Args:
        function: what is called.
        args: its arguments, symbolic tensors among them.
        kwargs: the same by name.
        name: its name, for the outputs and for messages.
        spec_of: gives the symbolic outputs; by default `function` is traced for them.
    """
    # Copies of the lists: the caller may append to them for the next layer.
    args, kwargs = map_structure(lambda leaf: leaf, (args, kwargs))
    call = Call(function, args, kwargs)
    _refuse_text(call, name)
    try:
        if spec_of is None:
            specs = compute_output_spec(function, *args, **kwargs)
        else:
            specs = spec_of(*args, **kwargs)
    except (TypeError, ValueError, IndexError) as error:
        told = _told_of_open_axes(error, name)
        if told is None:
            raise
        raise told.with_traceback(error.__traceback__) from None

    def output(spec: Any) -> Any:
        if not isinstance(spec, SymbolicTensor):
            return spec  # a static result, such as a tuple of ints
        spec.call = call
        spec.name = name
        return spec

    call.outputs = map_structure(output, specs)
    return call.outputs


def _refuse_text(call: Call, name: str) -> None:
    """Raise where text goes to what computes with numbers."""
    if getattr(call.function, "takes_text", False):
        return
    for symbol in call.parents:
        if symbol.dtype == STRING:
            raise TypeError(
                f"{name!r} was called on {symbol!r}, which is text.\n"
                "Expected numbers: only layers that look words up take text.\n"
                "Put a TextVectorization, StringLookup or Hashing layer before it."
            )


def _told_of_open_axes(error: Exception, name: str) -> Exception | None:
    """The error with None for the sizes that open axes had, and whose it is."""
    text = str(error)
    shown = re.sub(rf"\b({SIZES[0]}|{SIZES[1]})\b", "None", text)
    kind = type(error)
    if kind is IndexError:  # of a symbolic tensor it is the shape that is wrong
        return ValueError(shown)
    if kind not in (TypeError, ValueError) or shown == text:
        return None
    return kind(shown if repr(name) in shown else f"{name!r}: {shown}")


def compute_output_spec(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Symbolic tensors of the outputs that `function` would give, without computing.

    The function is traced with two sizes for the open axes; an axis whose size differs
    between the two is open in the output. An operation is tried with more sizes where
    these do not fit: see `open_axes`.
    """
    leaves = flatten([args, kwargs])
    symbols = [x for x in leaves if isinstance(x, SymbolicTensor)]
    if not any(None in x.shape for x in symbols):
        first, opened = _trace_specs(function, args, kwargs, SIZES[0])
        second = _trace_specs(function, args, kwargs, SIZES[1])[0] if opened else first
        return map_structure(_symbol, first, second)
    try:
        return _inferred(function, args, kwargs, SIZES)
    except (TypeError, ValueError, IndexError) as error:
        if not getattr(function, "is_operation", False):
            raise
        lists = [len(x) for x in (*args, *kwargs.values()) if isinstance(x, list)]
        known = guesses(symbols, sizes_among(leaves) | {*lists})
        for sizes, guess in [(DIVISIBLE, {}), *((SIZES, g) for g in known)]:
            with suppress(TypeError, ValueError, IndexError):
                return _inferred(function, args, kwargs, sizes, guess)
        raise error


def _inferred(
    function: Any,
    args: tuple,
    kwargs: dict[str, Any],
    sizes: tuple[int, int],
    known: Known | None = None,
) -> Any:
    first, _ = _trace_specs(function, args, kwargs, sizes[0], known)
    second, _ = _trace_specs(function, args, kwargs, sizes[1], known)
    found = map_structure(_symbol, first, second)
    if getattr(function, "ends_early", False):
        with suppress(TypeError, ValueError, IndexError):
            third, _ = _trace_specs(function, args, kwargs, SMALL, known)
            return map_structure(_symbol_of_three, first, found, third)
    return found


def _symbol(a: Any, b: Any) -> Any:
    if not isinstance(a, Spec_):
        if isinstance(a, int) and a != b:
            raise ValueError(
                "The size of an open axis (the batch) was asked of a symbolic tensor.\n"
                "Expected it only where data is at hand: inside a layer's call.\n"
                "Put this computation in a Layer or Lambda, or use shape -1 in reshape."
            )
        return a
    symbol = SymbolicTensor(_common(a.spec, b.spec), a.spec.dtype)
    if a.mask is not None and b.mask is not None:
        mask = SymbolicTensor(_common(a.mask, b.mask), a.mask.dtype, "mask")
        # In a replay the value itself carries the mask.
        mask.call = Call(keras_mask, (symbol,), {})
        mask.call.outputs = mask
        set_keras_mask(symbol, mask)
    return symbol


def _symbol_of_three(first: Any, found: Any, third: Any) -> Any:
    if not isinstance(first, Spec_):
        return found
    shape = _common(first.spec, third.spec)
    opened = tuple(
        None if n is None else m for n, m in zip(shape, found.shape, strict=True)
    )
    return SymbolicTensor(opened, found.dtype)


def _common(a: Spec, b: Spec) -> tuple[int | None, ...]:
    return tuple(n if n == m else None for n, m in zip(a.shape, b.shape, strict=True))


class Spec_:
    """A value's Spec as a leaf (a Spec is a tuple, and would be taken apart)."""

    def __init__(self, value: Value) -> None:
        self.spec = value.spec
        mask = keras_mask(value)
        self.mask: Spec | None = None if mask is None else mask.spec


def _trace_specs(
    function: Any,
    args: tuple,
    kwargs: dict[str, Any],
    size: int,
    known: Known | None = None,
) -> tuple[Any, bool]:
    """Specs of what comes out, and whether a layer on the host opened an axis."""
    with no_trace(), Trace("shape inference") as t:
        t.open_size = size
        table = t.symbols = Placeholders(t, size, known)

        def stand_in(leaf: Any) -> Any:
            return table[id(leaf), leaf] if isinstance(leaf, SymbolicTensor) else leaf

        args, kwargs = map_structure(stand_in, (args, kwargs))
        result = function(*args, **kwargs)
        specs = map_structure(lambda v: Spec_(v) if isinstance(v, Value) else v, result)
        return specs, t.opened


class Placeholders(dict):
    """During shape inference every symbolic tensor stands for an input of its spec."""

    def __init__(self, trace: Trace, size: int, known: Known | None = None) -> None:
        super().__init__()
        self.trace = trace
        self.size = size
        self.known = known or {}

    def __getitem__(self, key: tuple[int, SymbolicTensor]) -> Any:
        identity, symbol = key
        if identity not in self:
            shape = tuple(
                self.known.get((identity, i), self.size) if n is None else n
                for i, n in enumerate(symbol.shape)
            )
            value = self.trace.input(Spec(shape, symbol.dtype), symbol.name)
            self[identity] = value
            mask = keras_mask(symbol)
            if mask is not None:
                set_keras_mask(value, self[id(mask), mask])
        return super().__getitem__(identity)


def replay(
    outputs: list[Any], table: dict[int, Any], call_with: Any = None
) -> list[Any]:
    """Compute symbolic tensors from the values of others.

    Args:
        outputs: symbolic tensors; anything else is returned as it is.
        table: values by identity of the symbolic tensor; what is computed is entered.
        call_with: extra keyword arguments for layers, `f(layer) -> dict`.

    Raises:
        ValueError: when an Input is needed that has no value, naming it.
    """
    if isinstance(table, Placeholders):
        return [
            table[id(o), o] if isinstance(o, SymbolicTensor) else o for o in outputs
        ]
    for call in calls_between(outputs, table):

        def value(leaf: Any) -> Any:
            return table[id(leaf)] if isinstance(leaf, SymbolicTensor) else leaf

        args, kwargs = map_structure(value, (call.args, call.kwargs))
        if call_with is not None:
            kwargs = {**call_with(call.function), **kwargs}
        result = call.function(*args, **kwargs)
        for symbol, each in zip(flatten(call.outputs), flatten(result), strict=True):
            if isinstance(symbol, SymbolicTensor):
                table[id(symbol)] = each
    return [table[id(o)] if isinstance(o, SymbolicTensor) else o for o in outputs]


def calls_between(outputs: list[Any], known: Any) -> list[Call]:
    """The calls that lead from the `known` symbolic tensors to `outputs`, in order.

    Raises:
        ValueError: when the path starts at an Input that is not known.
    """
    calls, missing = _ancestors(outputs, known)
    for symbol in missing:
        raise ValueError(
            f"The value of Input {symbol.name!r} (shape {symbol.shape}) is needed, but "
            "it is not among the inputs of this model or function.\n"
            "Expected every Input that the outputs depend on.\n"
            f"Add {symbol.name!r} to the inputs."
        )
    return calls


def unknown_inputs(outputs: Sequence[Any], known: Any) -> list[SymbolicTensor]:
    """The Inputs that lead to `outputs` and are not among the `known` ones."""
    return _ancestors(outputs, known)[1]


def _ancestors(
    outputs: Sequence[Any], known: Any
) -> tuple[list[Call], list[SymbolicTensor]]:
    """All calls on the way to `outputs`, in order, and the Inputs where it begins."""
    order: list[Call] = []
    entrances: dict[int, SymbolicTensor] = {}
    done: set[int] = set()
    stack: list[tuple[Any, bool]] = [(o, False) for o in reversed(outputs)]
    while stack:  # depth first without recursion: networks are deep
        symbol, ready = stack.pop()
        if not isinstance(symbol, SymbolicTensor) or id(symbol) in known:
            continue
        call = symbol.call
        if call is None:
            entrances[id(symbol)] = symbol
        elif id(call) in done:
            continue
        elif ready:
            done.add(id(call))
            order.append(call)
        else:
            stack.append((symbol, True))
            stack += [(p, False) for p in reversed(call.parents)]
    return order, list(entrances.values())
