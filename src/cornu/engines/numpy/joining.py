"""Maxima of windows and their places become one pass over memory.

The gradient of a maximum asks for its place long after the maximum was taken, when what
the windows look into has left the cache. While it is there the place costs nothing.
"""

from __future__ import annotations

from cornu.graph import passes
from cornu.graph.graph import Graph, copy_node
from cornu.graph.node import Node, Value
from cornu.ops.primitives.pooling import (
    window_argmax_op,
    window_max_at_op,
    window_max_op,
)


def join_maxima(graph: Graph) -> Graph:
    """Find the places of maxima when the maxima are found.

    Args:
        graph: the graph, after the passes; bodies of loops are dealt with too.
    """
    graph = passes.with_bodies(graph, join_maxima)
    makers = {id(n.outputs[0]): n for n in graph.nodes if n.op is window_max_op}
    places: dict[int, list[Node]] = {}  # of a node that takes maxima: who asks
    asking: set[int] = set()
    for node in graph.nodes:
        maker = makers.get(id(node.inputs[1])) if node.op is window_argmax_op else None
        if maker is None:
            continue
        if node.inputs[0] is maker.inputs[0] and node.params == maker.params:
            places.setdefault(id(maker), []).append(node)
            asking.add(id(node))
    if not asking:
        return graph
    known: dict[int, Value] = {}
    nodes = []
    for node in graph.nodes:
        if id(node) in asking:
            continue
        if id(node) in places:
            nodes.append(_both(node, places[id(node)], known))
        else:
            nodes.append(copy_node(node, known) if known else node)
    return graph.with_nodes(nodes, known)


def _both(node: Node, asking: list[Node], known: dict[int, Value]) -> Node:
    """One node for a maximum and its place; enters what it makes in `known`."""
    inputs = tuple(known.get(id(v), v) for v in node.inputs)
    specs = node.outputs[0].spec, asking[0].outputs[0].spec
    scope, source = node.scope, node.source
    new = Node(window_max_at_op, inputs, node.params, specs, scope, source, None)
    for old, value in zip((node, asking[0]), new.outputs, strict=True):
        value.name = old.outputs[0].name or old.op.name
    known[id(node.outputs[0])] = new.outputs[0]
    for other in asking:
        known[id(other.outputs[0])] = new.outputs[1]
    return new
