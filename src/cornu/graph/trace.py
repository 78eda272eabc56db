"""Tracing: ordinary Python runs once on stand-ins for tensors, and a Graph remains."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from cornu.graph import eager
from cornu.graph.dispatch import DISPATCH, PLACE, native
from cornu.graph.eager import Tensor, as_array, is_native
from cornu.graph.graph import Graph, StateSlot
from cornu.graph.node import Node, Scope, Source, Value, user_source
from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.tensor import TensorBase

if TYPE_CHECKING:
    from cornu.graph.variable import Variable


class Literal:
    """The array of a constant, compared by its contents so that equal ones merge."""

    __slots__ = ("_key", "array")

    def __init__(self, array: np.ndarray) -> None:
        array = np.array(array)
        array.flags.writeable = False
        self.array = array
        self._key = (array.dtype.name, array.shape, array.tobytes())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._key == other._key


constant = Op(
    "constant",
    infer=lambda *, value: Spec(value.array.shape, value.array.dtype.name),
    numpy=lambda *, value: value.array,
    no_gradient="a constant depends on nothing",
    doc="A fixed array.",
)


to_dense = Op(
    "to_dense",
    infer=lambda x: x.dense,
    numpy=np.asarray,
    gradient=lambda g, ins, out: (g,),
    doc="A sparse matrix as the array that it stands for; an array as it is.",
    core=False,
)
# Operations whose first input may be a sparse matrix.
SPARSE = {to_dense}


class _Local(threading.local):
    def __init__(self) -> None:
        self.trace: Trace | None = None


_local = _Local()


def current() -> Trace | None:
    """The trace that operations are recorded in, or None in eager mode."""
    return _local.trace


class Trace:
    """A Graph in the making.

    Args:
        name: the name of the Graph.
        parent: for the body of a `scan` or a branch of a `cond`, the trace around it.
            What the body uses from there becomes an input of it (`captured`).
    """

    def __init__(self, name: str = "graph", parent: Trace | None = None) -> None:
        self.name = name
        self.parent = parent
        self.nodes: list[Node] = []
        self.inputs: list[Value] = []
        self.captured: list[tuple[Value, Value]] = []  # (outside, inside)
        self.slots: dict[int, StateSlot] = {}
        self.losses: list[Value] = []  # numbers that gradients were taken of
        self.symbols: dict[int, Any] | None = None  # symbolic tensor -> its value here
        self.on_read: list[Callable[[Variable, Value], None]] = []
        self.around_is_eager = False  # a body traced in eager mode captures Tensors
        # While shapes are found out alone: what open axes are taken for, and whether
        # an axis has been opened that is not the input's.
        self.open_size: int | None = None
        self.opened = False
        self.scope = Scope()
        self._literals: dict[Literal, Value] = {}
        self._base_frame: Any = None

    def __enter__(self) -> Trace:
        self._outer, self._was_inside = _local.trace, PLACE.inside
        PLACE.inside = True
        self._base_frame = sys._getframe(1)
        _local.trace = self
        return self

    def __exit__(self, *exc: Any) -> None:
        _local.trace, PLACE.inside = self._outer, self._was_inside
        self._base_frame = None  # a frame keeps every local of its caller alive

    def finish(self, outputs: Sequence[Value], checks: Sequence[Value] = ()) -> Graph:
        """The Graph of what was traced, with these outputs and checks."""
        slots = [
            StateSlot(s.variable, s.before, None if s.after is s.before else s.after)
            for s in self.slots.values()
        ]
        outputs = [self.dense(v) for v in outputs]
        return Graph(self.inputs, self.nodes, outputs, slots, self.name, checks)

    # What goes into the graph

    def input(self, spec: Spec, name: str) -> Value:
        """A new input of the graph."""
        value = Value(spec, None, self, name)
        self.inputs.append(value)
        return value

    def literal(self, array: np.ndarray) -> Value:
        """The value of a constant; equal constants are one."""
        literal = Literal(array)
        value = self._literals.get(literal)
        if value is None:
            spec = Spec(literal.array.shape, literal.array.dtype.name)
            node = Node(constant, (), {"value": literal}, (spec,), Scope(), None, self)
            self.nodes.append(node)
            value = self._literals[literal] = node.outputs[0]
        return value

    def own(self, value: Value) -> Value:
        """`value` as seen from here: captured, if it belongs to a trace around this."""
        if value.trace is self:
            return value
        for outside, inside in self.captured:
            if outside is value:
                return inside
        if self.parent is None or value.trace is None:
            raise RuntimeError(
                f"{value!r} belongs to a step that was traced before.\n"
                "Expected only tensors of the step that is being traced now.\n"
                "Do not keep tensors from inside call() or a loss in attributes or "
                "globals; return them, or assign them to a Variable."
            )
        if value.node is not None and value.node.op is constant:
            return self.literal(value.node.params["value"].array)
        outside = self.parent.dense(self.parent.own(value))
        if outside is value:
            return self.capture(value, value.spec, value.name)
        inside = self.own(outside)
        self.captured.append((value, inside))
        return inside

    def capture(self, outside: Any, spec: Spec, name: str) -> Value:
        """A new input of a body, standing for a tensor of what is around it."""
        inside = Value(spec, None, self, name)
        self.captured.append((outside, inside))
        return inside

    def lift(self, tensor: Tensor) -> Value:
        """A concrete tensor as seen from here: a constant, or captured by a body."""
        if self.parent is not None:
            return self.own(self.parent.lift(tensor))
        if not self.around_is_eager:
            return self.literal(tensor._array)
        for outside, inside in self.captured:
            if outside is tensor:
                return inside
        return self.capture(tensor, tensor.spec, "")

    def record(self, op: Op, inputs: Sequence[Value], params: dict[str, Any]) -> Any:
        """Append a node, and return its output, or a tuple of them."""
        values = tuple([self.own(v) for v in inputs])
        if any(v.spec.sparse for v in values):
            op, values, params = self._of_sparse(op, values, params)
        inferred = op.infer(*[v.spec for v in values], **params)
        several = type(inferred) is tuple
        source = user_source(self._base_frame) or self.scope.source
        specs = inferred if several else (inferred,)
        node = Node(op, values, params, specs, self.scope, source, self)
        self.nodes.append(node)
        return tuple(node.outputs) if several else node.outputs[0]

    def _of_sparse(
        self, op: Op, values: tuple[Value, ...], params: dict[str, Any]
    ) -> tuple[Op, tuple[Value, ...], dict[str, Any]]:
        """What is recorded of an operation of which an input is a sparse matrix."""
        if op in SPARSE:
            return op, values, params
        found = None if op.of_sparse is None else op.of_sparse(*values, **params)
        if found is None:
            return op, tuple([self.dense(v) for v in values]), params
        return *found, {}

    def dense(self, value: Value) -> Value:
        """`value` as an array: a sparse matrix is written out."""
        return self.record(to_dense, (value,), {}) if value.spec.sparse else value

    def note_loss(self, value: Value) -> None:
        """Note a number that gradients are taken of, as long as no weight has changed.

        What comes later, as the second loss of a step that trains two networks in
        turn, cannot be looked at before the first one is updated.
        """
        changed = any(
            s.after is not s.before and s.variable.trains for s in self.slots.values()
        )
        if value.shape == () and self.parent is None and not changed:
            if value.node is not None and not value.name:
                value.name = "loss"
            self.losses.append(value)

    # Taking back

    def mark(self) -> tuple[Any, ...]:
        """Where the recording is now, for `back_to`."""
        state = [(slot, slot.after) for slot in self.slots.values()]
        symbols = None if self.symbols is None else dict(self.symbols)
        return len(self.nodes), len(self.losses), dict(self._literals), state, symbols

    def back_to(self, mark: tuple[Any, ...]) -> None:
        """Forget all that was recorded since `mark`."""
        nodes, losses, literals, state, symbols = mark
        del self.nodes[nodes:], self.losses[losses:]
        self._literals = dict(literals)
        self.slots = {id(slot.variable): slot for slot, _ in state}
        for slot, after in state:
            slot.after = after
        if self.symbols is not None and symbols is not None:
            self.symbols.clear()
            self.symbols.update(symbols)

    # State

    def read(self, variable: Variable) -> Value:
        """The variable's value at this point of the step."""
        if self.parent is not None:
            return self.own(self.parent.read(variable))
        if self.around_is_eager:
            with no_trace():
                tensor = variable.value
            return self.lift(tensor)
        slot = self.slots.get(id(variable))
        if slot is None:
            before = Value(variable.spec, None, self, variable.path)
            slot = self.slots[id(variable)] = StateSlot(variable, before, before)
        assert slot.after is not None
        for listener in self.on_read:
            listener(variable, slot.after)
        return slot.after

    def write(self, variable: Variable, value: Value) -> None:
        """Make `value` what the variable holds from here on; the last write wins."""
        if self.parent is not None or self.around_is_eager:
            raise RuntimeError(
                f"Variable {variable.path!r} was assigned inside the body of a scan "
                "or a branch of a cond.\n"
                "Expected: bodies return new values and change nothing.\n"
                "Carry the value through the loop and assign it afterwards."
            )
        self.read(variable)
        value = self.dense(self.own(value))
        if value.node is not None and not value.name:
            value.name = f"new_{variable.path}"
        self.slots[id(variable)].after = value

    # Where in the step

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Nodes recorded here belong to this section (forward, loss, ...)."""
        with self.at(self.scope._replace(section=name)):
            yield

    @contextmanager
    def layer(self, path: str, source: Source | None) -> Iterator[None]:
        """Nodes recorded here belong to the layer at this path."""
        with self.at(self.scope._replace(layer=path, source=source)):
            yield

    @contextmanager
    def at(self, scope: Scope) -> Iterator[None]:
        """Nodes recorded here belong to this scope."""
        before, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = before


@contextmanager
def no_trace() -> Iterator[None]:
    """Run eagerly inside a trace: building layers, initializing, reading the clock."""
    before, _local.trace = _local.trace, None
    try:
        yield
    finally:
        _local.trace = before


def trace(
    function: Callable[..., Any], specs: Sequence[Spec], name: str = "graph"
) -> Graph:
    """The Graph of `function` on inputs of these specs.

    Args:
        function: takes one tensor per spec; returns a tensor or a tuple of tensors.
        specs: shape and dtype of each input.
        name: name of the graph.
    """
    with Trace(name) as t:
        inputs = [t.input(spec, f"x{i}") for i, spec in enumerate(specs)]
        outputs = function(*inputs)
        if not isinstance(outputs, (tuple, list)):
            outputs = (outputs,)
        return t.finish([t.own(convert(v)) for v in outputs])


def trace_body(
    function: Callable[..., Any], specs: Sequence[Spec], name: str
) -> tuple[Graph, list[Any], Any]:
    """Trace a sub-graph inside the current trace, or in eager mode.

    Returns:
        The body, whose inputs are those of `specs` and then the captured ones; the
        captured values outside; and what `function` returned, to repack outputs.
    """
    from cornu.graph.tree import flatten

    parent = current()
    with Trace(name, parent) as t:
        t.around_is_eager = parent is None
        if parent is not None:
            t.symbols, t.scope = parent.symbols, parent.scope
        inputs = [t.input(spec, f"{name}_{i}") for i, spec in enumerate(specs)]
        result = function(*inputs)
        outputs = [t.own(convert(v)) for v in flatten(result)]
        graph = t.finish(outputs)
    # A value from two traces out is also listed as itself; its owner is the parent.
    captured = [
        (outside, inside)
        for outside, inside in t.captured
        if parent is None or outside.trace is parent
    ]
    graph.inputs += [inside for _, inside in captured]
    return graph, [outside for outside, _ in captured], result


def convert(value: Any, dtype: str | None = None) -> Any:
    """Anything tensor-like as a tensor of the mode we are in (eager or trace).

    Args:
        value: tensor, variable, array, number or nested list.
        dtype: dtype to convert to; by default the value's own.
    """
    trace = _local.trace
    if isinstance(value, Value):
        if trace is None:
            raise RuntimeError(
                f"{value!r} was used after the step that it belongs to was traced.\n"
                "Expected a concrete tensor: traced ones live only inside call(), a "
                "loss or a train_step.\n"
                "Return what you need from there, or assign it to a Variable."
            )
        result: Any = trace.own(value)
    elif isinstance(value, Tensor):
        result = value if trace is None else trace.lift(value)
    elif isinstance(value, TensorBase):
        # A Variable reads its slot; a symbolic tensor finds its value in this trace.
        result = convert(value.value)  # pyright: ignore[reportAttributeAccessIssue]
    elif DISPATCH.native is not None and is_native(value):
        tensor = native().tensor(value)
        result = tensor if trace is None else trace.lift(tensor)
    else:
        if isinstance(value, (list, tuple)) and _has_tensor(value):
            from cornu.graph.tensor import FUNCTIONS

            result = FUNCTIONS["stack"](list(value))
        else:
            array = as_array(value, dtype)
            return Tensor(array) if trace is None else trace.literal(array)
    if dtype is not None and result.dtype != dtype:
        result = result.astype(dtype)
    return result


def _has_tensor(parts: Any) -> bool:
    return any(
        isinstance(p, TensorBase)
        or (isinstance(p, (list, tuple)) and _has_tensor(p))
        or is_native(p)
        for p in parts
    )


def bind(op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Apply an operation: at once in eager mode, as a node under trace."""
    trace = _local.trace
    if trace is not None:
        return trace.record(op, [convert(v) for v in inputs], params)
    return eager.run(
        op,
        tuple([x if type(x) is Tensor else convert(x) for x in inputs]),
        params,
    )
