"""A Graph is data: nodes in order, inputs, outputs, and state read and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cornu.graph.node import Node, Scope, Value

if TYPE_CHECKING:
    from cornu.graph.variable import Variable


class StateSlot:
    """A variable in a graph: the value read, and the value to be written (or None)."""

    __slots__ = ("after", "before", "variable")

    def __init__(
        self, variable: Variable, before: Value, after: Value | None = None
    ) -> None:
        self.variable = variable
        self.before = before
        self.after = after


class Graph:
    """Nodes in an order in which they can run, with explicit state in and out.

    Attributes:
        name: what it computes, for people.
        inputs: values that the caller gives.
        nodes: the operations.
        outputs: values that the caller gets.
        state: the variables read, and what becomes of them.
        checks: numbers that are looked at before any state is written: where one of
            them is not finite, a program that is asked to check stops there.

    Example:

    >>> from cornu import ops
    >>> from cornu.graph import Spec, trace
    >>> print(trace(lambda x: ops.exp(x) * 2.0, (Spec((3,), "float32"),)))
    graph(x0: f32[3])
      exp = exp(x0)                    f32[3]
      multiply = multiply(exp, 2.0)    f32[3]
      return multiply
    """

    __slots__ = ("checks", "inputs", "name", "nodes", "outputs", "state")

    def __init__(
        self,
        inputs: Sequence[Value],
        nodes: Sequence[Node],
        outputs: Sequence[Value],
        state: Sequence[StateSlot] = (),
        name: str = "graph",
        checks: Sequence[Value] = (),
    ) -> None:
        self.inputs = list(inputs)
        self.nodes = list(nodes)
        self.outputs = list(outputs)
        self.state = list(state)
        self.name = name
        self.checks = list(checks)

    def __str__(self) -> str:
        from cornu.graph.printer import format_graph

        return format_graph(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What notebooks show: how many operations each section has, and the text."""
        from cornu.graph import html

        sections: dict[str, Counter[str]] = {}
        for node in self.nodes:
            counts = sections.setdefault(node.scope.section or "-", Counter())
            counts[node.op.name] += 1
        rows = [
            [
                name,
                str(counts.total()),
                ", ".join(f"{n} {c}" for n, c in counts.items()),
            ]
            for name, counts in sections.items()
        ]
        title = f"Graph: {self.name}, {len(self.nodes)} operations"
        counted = html.table(["Section", "Operations", "Of each kind"], rows, [1])
        return html.heading(title) + counted + html.preformatted(str(self))

    @property
    def results(self) -> list[Value]:
        """All that must be computed: outputs, state that is written, and checks."""
        written = [slot.after for slot in self.state if slot.after is not None]
        return self.outputs + written + self.checks

    @property
    def arguments(self) -> list[Value]:
        """All that is given: the inputs and the state that is read."""
        return self.inputs + [slot.before for slot in self.state]

    def count(self) -> dict[str, int]:
        """How often each operation occurs, the most frequent first."""
        return dict(Counter(n.op.name for n in self.nodes).most_common())

    def with_nodes(
        self, nodes: Iterable[Node], replace: dict[int, Value] | None = None
    ) -> Graph:
        """The same graph with other nodes; `replace` renames results by identity."""
        swap = replace or {}

        def new(value: Value) -> Value:
            return swap.get(id(value), value)

        return Graph(
            self.inputs,
            list(nodes),
            [new(v) for v in self.outputs],
            [
                StateSlot(
                    s.variable, s.before, None if s.after is None else new(s.after)
                )
                for s in self.state
            ],
            self.name,
            [new(v) for v in self.checks],
        )

    def inline(
        self, arguments: Sequence[Value], scope: Scope | None = None
    ) -> tuple[list[Node], list[Value]]:
        """Copies of the nodes that compute on `arguments`, and the outputs they make.

        State is not copied: only graphs without any can be inlined.
        """
        assert not self.state, "a graph with state cannot stand inside another"
        known = {id(a): b for a, b in zip(self.inputs, arguments, strict=True)}
        nodes = []
        for node in self.nodes:
            copy = copy_node(node, known, scope)
            nodes.append(copy)
        return nodes, [known[id(v)] for v in self.outputs]

    def evaluate(self, *arrays: Any) -> list[np.ndarray]:
        """Run on NumPy arrays by the definitions alone, operation by operation.

        The slow and plain meaning of a graph without state, which every engine must
        agree with.
        """
        assert not self.state, "a graph with state runs through an engine"
        known: dict[int, Any] = {
            id(v): np.asarray(a, v.dtype)
            for v, a in zip(self.inputs, arrays, strict=True)
        }
        with np.errstate(all="ignore"):  # inf and NaN are results like others
            for node in self.nodes:
                ins = [known[id(v)] for v in node.inputs]
                if node.op.numpy is None:
                    specs = tuple(v.spec for v in node.inputs)
                    outs: Any = node.op.expanded(specs, node.params).evaluate(*ins)
                else:
                    outs = node.op.numpy(*ins, **node.params)
                    outs = outs if isinstance(outs, tuple) else (outs,)
                known |= {id(v): o for v, o in zip(node.outputs, outs, strict=True)}
        return [known[id(v)] for v in self.outputs]


def copy_node(node: Node, known: dict[int, Value], scope: Scope | None = None) -> Node:
    """A copy of `node` whose inputs are looked up in `known`; enters its outputs."""
    copy = Node(
        node.op,
        tuple(known.get(id(v), v) for v in node.inputs),
        node.params,
        tuple(v.spec for v in node.outputs),
        scope or node.scope,
        node.source,
        None,
    )
    for old, new in zip(node.outputs, copy.outputs, strict=True):
        new.name = old.name
        known[id(old)] = new
    return copy
