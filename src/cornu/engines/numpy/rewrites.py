"""What NumPy does better in another form: sums and products of one term."""

from __future__ import annotations

import math
from typing import Any

from cornu.graph.graph import Graph, copy_node
from cornu.graph.node import Node, Value
from cornu.graph.op import OPS
from cornu.graph.spec import Spec


def without_sums_of_one(graph: Graph) -> Graph:
    """Reductions of one element are reshapes, products of one term multiplications.

    Both occur in every step on a single sample, and can be joined with what follows.
    """
    known: dict[int, Value] = {}
    nodes: list[Node] = []

    def make(name: str, like: Node, inputs: list[Value], spec: Spec, **params: Any):
        node = Node(
            OPS[name], tuple(inputs), params, (spec,), like.scope, like.source, None
        )
        nodes.append(node)
        return node.outputs[0]

    for node in graph.nodes:
        value = None
        if node.op.name.startswith("reduce_") and _one(node, node.params["axis"]):
            spec = node.outputs[0].spec
            source = known.get(id(node.inputs[0]), node.inputs[0])
            if source.spec.size and source.dtype == spec.dtype:
                value = make("reshape", node, [source], spec, shape=spec.shape)
        elif node.op.name == "dot_general" and _of_one_term(node):
            (ca, cb), (ba, bb) = node.params["contract"], node.params["batch"]
            a, b = (known.get(id(v), v) for v in node.inputs)
            groups = [a.shape[i] for i in ba]
            fa = [n for i, n in enumerate(a.shape) if i not in (*ca, *ba)]
            fb = [n for i, n in enumerate(b.shape) if i not in (*cb, *bb)]
            left = (*groups, *fa, *(1 for _ in fb))
            right = (*groups, *(1 for _ in fa), *fb)
            pair = [
                make("reshape", node, [v], Spec(shape, v.dtype), shape=shape)
                for v, shape in ((a, left), (b, right))
            ]
            value = make("multiply", node, pair, node.outputs[0].spec)
        if value is None:
            nodes.append(copy_node(node, known) if known else node)
        else:
            value.name = node.outputs[0].name
            known[id(node.outputs[0])] = value
    return graph.with_nodes(nodes, known)


def _one(node: Node, axes: Any) -> bool:
    shape = node.inputs[0].shape
    return all(shape[i] == 1 for i in axes)


def _of_one_term(node: Node) -> bool:
    """Whether a product sums over nothing, and its common axes come first in order."""
    (ca, _), (ba, bb) = node.params["contract"], node.params["batch"]
    a, out = node.inputs[0], node.outputs[0]
    return (
        math.prod(a.shape[i] for i in ca) == 1
        and list(ba) == list(range(len(ba)))
        and list(bb) == list(range(len(bb)))
        and all(v.dtype == out.dtype and not v.spec.sparse for v in node.inputs)
        and bool(out.spec.size)
    )
