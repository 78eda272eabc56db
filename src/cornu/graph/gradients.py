"""Reverse-mode differentiation, once for all engines, eager and traced.

A trace's nodes and a tape's records have the same form, so one walk serves both. It
calls the gradient rules of the operations, which are ordinary Python over the same
vocabulary: what they compute is recorded in turn, and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import chain
from typing import Any

from cornu.graph.dispatch import DISPATCH, PLACE, edge, native
from cornu.graph.eager import TAPES, Record, is_native
from cornu.graph.graph import Graph
from cornu.graph.node import Node, Value
from cornu.graph.spec import is_float
from cornu.graph.tensor import FUNCTIONS, unscaled
from cornu.graph.trace import Trace, convert, current
from cornu.graph.variable import Variable


def backpropagate(
    entries: Sequence[Node | Record],
    targets: Sequence[Any],
    cotangents: Sequence[Any],
    sources: Sequence[Any],
) -> list[Any]:
    """Vector-Jacobian product of `targets` with respect to `sources`.

    Args:
        entries: operations in the order in which they ran.
        targets: tensors among their results.
        cotangents: one per target, of its shape and dtype.
        sources: tensors among their inputs or results.

    Returns:
        One cotangent per source, None where no target depends on it.
    """
    wanted = {id(s) for s in sources}
    path = []
    for entry in entries:
        if any(id(v) in wanted for v in entry.inputs):
            carriers = [v for v in entry.outputs if is_float(v.dtype)]
            if carriers:
                wanted.update(id(v) for v in carriers)
                path.append(entry)
    sums: dict[int, Any] = {}

    def accumulate(value: Any, cotangent: Any) -> None:
        known = sums.get(id(value))
        total = cotangent if known is None else FUNCTIONS["add"](known, cotangent)
        if isinstance(total, Value) and not total.name and value.name:
            total.name = f"d_{value.name}"
        sums[id(value)] = total

    for target, cotangent in zip(targets, cotangents, strict=True):
        accumulate(target, cotangent)
    for entry in reversed(path):
        outs = [sums.get(id(v)) for v in entry.outputs]
        if all(g is None for g in outs):
            continue
        with _scope_of(entry):
            parts = cotangents_of(entry, outs)
            for value, part in zip(entry.inputs, parts, strict=True):
                if part is None or id(value) not in wanted:
                    continue
                accumulate(value, part() if callable(part) else part)
    return [sums.get(id(s)) for s in sources]


def _scope_of(entry: Node | Record) -> Any:
    trace = current()
    if trace is None or isinstance(entry, Record):
        return nullcontext()
    section = trace.scope.section or entry.scope.section
    return trace.at(entry.scope._replace(section=section))


def cotangents_of(entry: Node | Record, outs: list[Any]) -> Sequence[Any]:
    """The cotangents of the inputs of one entry, by its operation's rule.

    Args:
        entry: an operation, its inputs and its outputs.
        outs: the cotangents of the outputs, None for zero.

    Returns:
        For each input a tensor, None for zero, or a function that makes it.
    """
    op = entry.op
    if op.gradient is not None:
        several = len(entry.outputs) > 1
        return op.gradient(
            tuple(outs) if several else outs[0],
            entry.inputs,
            tuple(entry.outputs) if several else entry.outputs[0],
            **entry.params,
        )
    if op.no_gradient is not None:
        return (None,) * len(entry.inputs)
    return _through_expansion(entry, outs)


def _through_expansion(entry: Node | Record, outs: list[Any]) -> Sequence[Any]:
    """The gradient of a composite that names none: its expansion's."""
    expansion, params = entry.op.expansion, entry.params
    assert expansion is not None, f"{entry.op.name} has no gradient rule"
    return vector_jacobian(lambda *xs: expansion(*xs, **params), entry.inputs, outs)


def vector_jacobian(
    function: Callable[..., Any], inputs: Sequence[Any], cotangents: Sequence[Any]
) -> list[Any]:
    """The cotangents of the inputs of a function over operations.

    Args:
        function: takes the inputs and gives a tensor, or a tuple of tensors.
        inputs: tensors of the mode we are in.
        cotangents: one per result; None for zero.

    Returns:
        One cotangent per input, None where no result depends on it.
    """
    inputs = [FUNCTIONS["copy"](v) for v in inputs]  # told apart by identity
    with Recording() as tape:
        outs = function(*inputs)
    outs = outs if isinstance(outs, tuple) else (outs,)
    given = [(v, g) for v, g in zip(outs, cotangents, strict=True) if g is not None]
    return backpropagate(
        tape.entries, [v for v, _ in given], [g for _, g in given], inputs
    )


class Recording:
    """All operations from entry to exit, eager or traced; what a GradientTape holds."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.reads: dict[int, tuple[Variable, list[Any]]] = {}
        self.seen: dict[int, Any] = {}  # see TAPES

    def __enter__(self) -> Recording:
        self._trace = current()
        if self._trace is None:
            # A new list: what runs a composite swaps the list of open tapes.
            self._before = TAPES.seen, PLACE.inside
            TAPES.seen = self.seen = {} if TAPES.seen is None else TAPES.seen
            PLACE.inside = True  # what it records are tensors of Cornu's
            TAPES.open = [*TAPES.open, self.entries]
            TAPES.on_read = [*TAPES.on_read, self._note_read]
        else:
            self._start = len(self._trace.nodes)
            self._trace.on_read.append(self._note_read)
        return self

    def __exit__(self, *exc: Any) -> None:
        if self._trace is None:
            TAPES.seen, PLACE.inside = self._before
            TAPES.open = [t for t in TAPES.open if t is not self.entries]
            TAPES.on_read = [f for f in TAPES.on_read if f != self._note_read]
        else:
            self._trace.on_read.remove(self._note_read)
            self.entries = self._trace.nodes[self._start :]

    def so_far(self) -> list[Any]:
        """The operations up to now, also while the recording is still open."""
        if self._trace is None or self.entries:
            return list(self.entries)
        return self._trace.nodes[self._start :]

    def reads_of(self, variable: Variable) -> list[Any]:
        """The tensors that a variable was read as, one per assignment between."""
        return self.reads.get(id(variable), (variable, []))[1]

    def _note_read(self, variable: Variable, value: Any) -> None:
        reads = self.reads.setdefault(id(variable), (variable, []))[1]
        if not any(v is value for v in reads):
            reads.append(value)


def gradients(target: Any, sources: Sequence[Any], cotangent: Any = None) -> list[Any]:
    """Gradients of a traced tensor, computed in the trace that it belongs to.

    Args:
        target: a traced tensor of floating dtype; the sum of its elements is
            differentiated, unless `cotangent` weighs them.
        sources: traced tensors or variables that `target` was computed from.
        cotangent: tensor of the shape of `target`.

    Returns:
        One tensor per source, None where `target` does not depend on it.

    Raises:
        TypeError: when the target is not of floating dtype.
    """
    trace = current()
    assert trace is not None, (
        "gradients() needs a trace; in eager mode use GradientTape"
    )
    target = convert(target)
    check_differentiable(target)
    if cotangent is None:
        cotangent = FUNCTIONS["ones_like"](target)
    values = [trace.read(s) if isinstance(s, Variable) else convert(s) for s in sources]
    return backpropagate(list(trace.nodes), [target], [cotangent], values)


def check_differentiable(target: Any) -> None:
    """Raise where a tensor of integers or booleans is to be differentiated."""
    if not is_float(target.dtype):
        raise TypeError(
            f"The gradient of a {target.dtype} tensor was asked for.\n"
            "Expected a tensor of floating dtype: integers and booleans do not vary "
            "smoothly.\n"
            "Differentiate the loss before it is rounded, compared or cast."
        )


def gradient_graph(graph: Graph, wrt: Sequence[int] = (0,)) -> Graph:
    """Graph to Graph: the gradients of the first output's sum by some of the inputs.

    Args:
        graph: a graph without state whose first output is of floating dtype.
        wrt: indices of the inputs to differentiate by.

    Returns:
        A graph of the same inputs, with one output per index.

    Example:

    >>> from cornu import ops
    >>> from cornu.graph import Spec, gradient_graph, trace
    >>> cube = trace(lambda x: x * x * x, (Spec((), "float64"),))
    >>> slope = gradient_graph(cube)
    >>> float(slope.evaluate(2.0)[0])
    12.0
    >>> float(gradient_graph(slope).evaluate(2.0)[0])
    12.0
    """
    with Trace(f"gradient of {graph.name}") as t:
        inputs = [t.input(v.spec, v.name) for v in graph.inputs]
        nodes, outputs = graph.inline(inputs)
        adopt(t, nodes)
        sources = [inputs[i] for i in wrt]
        found = gradients(outputs[0], sources)
        zeros = FUNCTIONS["zeros_like"]
        return t.finish(
            [zeros(s) if g is None else g for g, s in zip(found, sources, strict=True)]
        )


def adopt(trace: Trace, nodes: Sequence[Node]) -> None:
    """Enter nodes that were made elsewhere into a trace."""
    for node in nodes:
        for value in node.outputs:
            value.trace = trace
    trace.nodes += nodes


class GradientTape:
    """Record operations, to take gradients through them afterwards.

    In eager mode it keeps what ran while it was open; under trace (in a `train_step`
    that `fit` compiles) the same code becomes part of the step's graph.

    Args:
        persistent: whether `gradient` may be called more than once.
        watch_accessed_variables: only True: Cornu's tape sees every operation.

    Raises:
        RuntimeError: when `gradient` is called twice on a tape that is not persistent.

    Example:

    >>> import cornu
    >>> w = cornu.Variable(3.0)
    >>> with cornu.GradientTape() as tape:
    ...     loss = w * w
    >>> float(tape.gradient(loss, w))
    6.0
    """

    def __init__(
        self, persistent: bool = False, watch_accessed_variables: bool = True
    ) -> None:
        if not watch_accessed_variables:
            raise ValueError(
                "GradientTape(watch_accessed_variables=False) is not supported.\n"
                "Cornu's tape records every operation; nothing has to be watched.\n"
                "Leave the argument away."
            )
        self._persistent = persistent
        self._recording = Recording()
        self._used = False

    def __enter__(self) -> GradientTape:
        self._recording.__enter__()
        self._open = True
        return self

    def __exit__(self, *exc: Any) -> None:
        self._open = False
        self._recording.__exit__(*exc)

    def watch(self, tensor: Any) -> None:
        """Check that gradients can be taken by `tensor`; every tensor is watched."""
        for each in tensor if isinstance(tensor, (list, tuple)) else [tensor]:
            check_differentiable(convert(each) if is_native(each) else each)

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None) -> Any:
        """Gradients of the sum of `target` (or of each target in a list).

        Args:
            target: tensor, or list of tensors, computed while the tape was open.
            sources: tensors or variables, in any nesting.
            output_gradients: weights of the elements of `target`, of its shape; a list
                of them for a list of targets, with None for ones.

        Returns:
            The nesting of `sources`, with None where `target` does not depend on it.

        Raises:
            RuntimeError: when a tape that is not persistent is asked again.
            TypeError: when a target is not of floating dtype.
            ValueError: when the weights do not fit the targets.
        """
        before, TAPES.seen = TAPES.seen, self._recording.seen
        try:
            return self._gradient(target, sources, output_gradients)
        finally:
            TAPES.seen = before

    @edge
    def _gradient(self, target: Any, sources: Any, output_gradients: Any) -> Any:
        from cornu.graph.tree import flatten, pack_like

        if self._used and not self._persistent:
            raise RuntimeError(
                "GradientTape.gradient was called a second time.\n"
                "Expected one call on a tape that is not persistent.\n"
                "Make it with GradientTape(persistent=True)."
            )
        self._used = True
        targets = [convert(t) for t in flatten(target)]
        for each in targets:
            check_differentiable(each)
            _note_loss(each)
        seeds = _seeds(target, targets, output_gradients)
        flat = flatten(sources)
        entries = self._recording.so_far()
        # A variable that was assigned while the tape was open was read as several
        # tensors; its gradient is the sum over them.
        reads = [self._reads(s) for s in flat]
        known = [*chain(*reads)]
        _refuse_unknown(targets, known, entries)
        parts = iter(backpropagate(entries, targets, seeds, known))
        found = []
        for each in reads:
            known = [g for g in (next(parts) for _ in each) if g is not None]
            found.append(FUNCTIONS["add_n"](known) if known else None)
        if not self._persistent and not self._open:
            self._recording.entries, self._recording.reads = [], {}
            self._recording.seen = {}
        return pack_like(sources, found)

    def _reads(self, source: Any) -> list[Any]:
        if not isinstance(source, Variable):
            return [convert(source)]
        # Where the tape saw no read, one before it was opened may count.
        return self._recording.reads_of(source) or [source.value]


def _refuse_unknown(
    targets: list[Any], sources: list[Any], entries: Sequence[Any]
) -> None:
    """Raise for what the engine's library has computed: no tape of Cornu's saw it."""
    evaluator = None if DISPATCH.native is None else native()
    if evaluator is None or current() is not None:
        return
    there = {id(v) for v in sources}
    there.update(id(v) for entry in entries for v in (*entry.inputs, *entry.outputs))
    if not all(id(t) in there for t in targets):
        raise RuntimeError(
            "GradientTape.gradient was given what was not computed while it was open.\n"
            "Expected a target that operations and layers of Cornu's gave inside the "
            "`with` block.\n"
            f"Compute it there, or take the gradient by {evaluator.derivatives}, which "
            "sees through Cornu's operations, too."
        )


def _note_loss(target: Any) -> None:
    """Tell whoever watches the losses of a step of another one."""
    trace, target = current(), unscaled(target)
    if trace is not None:
        trace.note_loss(target)
    else:
        for listener in TAPES.on_loss:
            listener(target)


def _seeds(target: Any, targets: list[Any], weights: Any) -> list[Any]:
    """The cotangents to start from: one per target, of its shape and dtype."""
    if not isinstance(target, (list, tuple)):
        weights = [weights]
    elif weights is None:
        weights = [None] * len(targets)
    seeds = [
        FUNCTIONS["ones_like"](t) if w is None else convert(w).astype(t.dtype)
        for t, w in zip(targets, weights, strict=False)
    ]
    shapes = [tuple(t.shape) for t in targets]
    if len(weights) != len(targets) or [tuple(s.shape) for s in seeds] != shapes:
        raise ValueError(
            f"GradientTape.gradient was given output_gradients for {len(weights)} "
            f"targets, of shapes {', '.join(str(s.shape) for s in seeds)}.\n"
            f"Expected {len(targets)}, of the targets' shapes "
            f"{', '.join(map(str, shapes))}.\n"
            "Leave the argument away to differentiate the sum of all elements."
        )
    return seeds
