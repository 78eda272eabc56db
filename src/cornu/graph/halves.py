"""A graph and its gradients for a library with automatic differentiation of its own.

PyTorch and JAX let a function bring its own derivative, in two halves: the first one
computes the results and keeps what the second one will read, the second one makes the
gradients of it. Both are graphs here, which can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cornu.graph import passes
from cornu.graph.gradients import adopt, backpropagate
from cornu.graph.graph import Graph, copy_node
from cornu.graph.node import Value
from cornu.graph.trace import Trace


class Halves(NamedTuple):
    """What computes a graph's outputs, and then their gradients.

    Attributes:
        forward: of the graph's inputs; gives its outputs, and then what is kept.
        backward: of what was kept and of the targets' cotangents; gives the gradients.
        found: which sources the targets depend on: one gradient for each of these.
    """

    forward: Graph
    backward: Graph
    found: list[int]


def without_state(graph: Graph) -> Graph:
    """The graph as a pure function: state before among the inputs, after in the end."""
    after = [slot.after for slot in graph.state if slot.after is not None]
    return Graph(
        graph.arguments, graph.nodes, [*graph.outputs, *after], name=graph.name
    )


def with_gradients(
    graph: Graph, targets: Sequence[int], sources: Sequence[int]
) -> tuple[Graph, list[int]]:
    """A graph that gives its outputs, and then gradients of some of them.

    Args:
        graph: a graph without state.
        targets: numbers of outputs of floating dtype.
        sources: numbers of inputs to differentiate by.

    Returns:
        The graph, whose inputs are those of `graph` and a cotangent for each target,
        and the sources that some target depends on: there is one gradient for each.

    Example:

    >>> from cornu.graph import Spec, trace
    >>> product = trace(lambda x, y: x * y, [Spec((), "float64")] * 2)
    >>> graph, found = with_gradients(product, [0], [0, 1])
    >>> [float(y) for y in graph.evaluate(2.0, 3.0, 10.0)], found
    ([6.0, 30.0, 20.0], [0, 1])
    """
    with Trace(graph.name) as t:
        inputs = [t.input(v.spec, v.name) for v in graph.inputs]
        nodes, outputs = graph.inline(inputs)
        adopt(t, nodes)
        wanted = [outputs[i] for i in targets]
        cotangents = [t.input(v.spec, f"d_output_{i}") for i, v in enumerate(wanted)]
        with t.section("backward"):
            slopes = backpropagate(
                list(t.nodes), wanted, cotangents, [inputs[i] for i in sources]
            )
        found = [i for i, g in zip(sources, slopes, strict=True) if g is not None]
        made = [g for g in slopes if g is not None]
        return t.finish([*outputs, *made]), found


def halves(graph: Graph, targets: Sequence[int], sources: Sequence[int]) -> Halves:
    """Cut a graph with its gradients in two.

    Args:
        graph: a graph without state.
        targets: numbers of outputs of floating dtype.
        sources: numbers of inputs to differentiate by.

    Example:

    >>> from cornu import ops
    >>> from cornu.graph import Spec, trace
    >>> graph = trace(lambda x: ops.exp(x), [Spec((), "float64")])
    >>> forward, backward, _ = halves(graph, [0], [0])
    >>> y, kept = forward.evaluate(0.0)
    >>> float(y), float(backward.evaluate(kept, 5.0)[0])
    (1.0, 5.0)
    """
    whole, found = with_gradients(graph, targets, sources)
    # What a composite computes is met again in its gradient: once is enough.
    whole = passes.merge_common_subexpressions(passes.expand(whole))
    whole = passes.eliminate_dead_code(whole)
    given, results = whole.inputs[: len(graph.inputs)], whole.outputs
    count = len(graph.outputs)
    first = _leading_to(whole, results[:count])
    fixed = _fixed(whole)
    later = [n for n in whole.nodes if id(n) not in first or id(n) in fixed]
    there = {id(v) for n in later for v in n.outputs}
    there |= {id(v) for v in whole.inputs[len(given) :]}
    read = [v for n in later for v in n.inputs] + results[count:]
    kept = list({id(v): v for v in read if id(v) not in there}.values())
    forward = Graph(
        given,
        [n for n in whole.nodes if id(n) in first],
        [*results[:count], *kept],
        name=graph.name,
    )
    inputs = [Value(v.spec, None, None, v.name) for v in kept]
    cotangents = [Value(v.spec, None, None, v.name) for v in whole.inputs[len(given) :]]
    old = [*kept, *whole.inputs[len(given) :]]
    known = {id(a): b for a, b in zip(old, [*inputs, *cotangents], strict=True)}
    nodes = [copy_node(n, known) for n in later]
    backward = Graph(
        [*inputs, *cotangents],
        nodes,
        [known[id(v)] for v in results[count:]],
        name=f"gradients of {graph.name}",
    )
    return Halves(forward, passes.eliminate_dead_code(backward), found)


def _leading_to(graph: Graph, results: Sequence[Value]) -> set[int]:
    """The nodes, by identity, that these results are made of."""
    live, found = {id(v) for v in results}, set()
    for node in reversed(graph.nodes):
        if any(id(v) in live for v in node.outputs):
            found.add(id(node))
            live.update(id(v) for v in node.inputs)
    return found


def _fixed(graph: Graph) -> set[int]:
    """The nodes that depend on constants alone: both halves may have them."""
    varying, found = {id(v) for v in graph.inputs}, set()
    for node in graph.nodes:
        if any(id(v) in varying for v in node.inputs):
            varying.update(id(v) for v in node.outputs)
        else:
            found.add(id(node))
    return found
