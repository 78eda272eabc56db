"""Graph to Graph: what does not change the numbers, only the work.

A pass never changes a limit or a rounding: it removes what nobody reads, computes once
what is written twice, and computes beforehand what depends on constants alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu.graph.graph import Graph, copy_node
from cornu.graph.node import Node, Value
from cornu.graph.op import OPS
from cornu.graph.spec import Spec
from cornu.graph.trace import Literal, constant

# A folded constant is held by the program for ever, so only small ones are folded.
_FOLD_LIMIT = 4096


def eliminate_dead_code(graph: Graph) -> Graph:
    """Keep only the nodes that some output or written state depends on."""
    live = {id(v) for v in graph.results}
    kept = []
    for node in reversed(graph.nodes):
        if any(id(v) in live for v in node.outputs):
            kept.append(node)
            live.update(id(v) for v in node.inputs)
    return graph.with_nodes(reversed(kept))


def merge_common_subexpressions(graph: Graph) -> Graph:
    """Compute once what several nodes compute alike."""
    seen: dict[Any, Node] = {}
    known: dict[int, Value] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(known.get(id(v), v) for v in node.inputs)
        key = (
            node.op.name,
            tuple(id(v) for v in inputs),
            tuple(sorted(node.params.items(), key=lambda kv: kv[0])),
        )
        first = seen.get(key)
        if first is None:
            changed = any(a is not b for a, b in zip(inputs, node.inputs, strict=True))
            new = copy_node(node, known) if changed else node
            seen[key] = new
            nodes.append(new)
        else:
            for old, same in zip(node.outputs, first.outputs, strict=True):
                known[id(old)] = same
    return graph.with_nodes(nodes, known)


def fold_constants(graph: Graph) -> Graph:
    """Compute now what depends on constants alone, where the result is small."""
    arrays: dict[int, Any] = {}
    known: dict[int, Value] = {}
    nodes = []
    for node in graph.nodes:
        if node.op is constant:
            arrays[id(node.outputs[0])] = node.params["value"].array
            nodes.append(node)
            continue
        foldable = (
            node.op.numpy is not None
            and all(id(v) in arrays for v in node.inputs)
            and sum(v.spec.size for v in node.outputs) <= _FOLD_LIMIT
        )
        if not foldable:
            nodes.append(copy_node(node, known) if known else node)
            continue
        assert node.op.numpy is not None
        outs = node.op.numpy(*[arrays[id(v)] for v in node.inputs], **node.params)
        outs = outs if isinstance(outs, tuple) else (outs,)
        for old, array in zip(node.outputs, outs, strict=True):
            literal = Literal(array)
            spec = Spec(literal.array.shape, literal.array.dtype.name)
            params = {"value": literal}
            made = Node(constant, (), params, (spec,), node.scope, node.source, None)
            nodes.append(made)
            known[id(old)] = made.outputs[0]
            arrays[id(old)] = arrays[id(made.outputs[0])] = literal.array
    return graph.with_nodes(nodes, known)


def skip_identities(graph: Graph) -> Graph:
    """Drop operations that return their input: identity, stop_gradient, x * 1, x + 0.

    Dropping `+ 0` would turn -0.0 into 0.0's place, so only `x - 0` is dropped.
    """
    known: dict[int, Value] = {}
    constants: dict[int, Any] = {}
    nodes = []
    for node in graph.nodes:
        if node.op is constant:
            constants[id(node.outputs[0])] = node.params["value"].array
        kept = _same_as_input(node, constants)
        if kept is None:
            nodes.append(copy_node(node, known) if known else node)
        else:
            value = known.get(id(kept), kept)
            if value.node is not None and not value.name:
                value.name = node.outputs[0].name
            known[id(node.outputs[0])] = value
    return graph.with_nodes(nodes, known)


def _same_as_input(node: Node, constants: dict[int, Any]) -> Value | None:
    name = node.op.name
    if name in ("identity", "stop_gradient"):
        return node.inputs[0]
    if name in _NO_MOVE and node.inputs[0].spec == node.outputs[0].spec:
        order = node.params.get("axes")
        if order is None or tuple(order) == tuple(range(len(order))):
            return node.inputs[0]
    neutral = _NEUTRAL.get(name)
    if neutral is not None:
        for position, number in neutral:
            array = constants.get(id(node.inputs[position]))
            other = node.inputs[1 - position]
            if (
                array is not None
                and array.ndim == 0
                and array == number
                and other.spec == node.outputs[0].spec
            ):
                return other
    return None


_NO_MOVE = ("reshape", "broadcast_to", "cast", "transpose")
_NEUTRAL = {
    "multiply": [(1, 1), (0, 1)],
    "true_divide": [(1, 1)],
    "subtract": [(1, 0)],
}


def expand(graph: Graph, keep: Callable[[Node], bool] = lambda node: False) -> Graph:
    """Replace composites by their expansions, all the way down.

    Args:
        graph: the graph.
        keep: tells of a composite whether the engine runs it as it is.
    """
    known: dict[int, Value] = {}
    nodes: list[Node] = []

    def visit(node: Node) -> None:
        if not node.op.is_composite or keep(node):
            nodes.append(copy_node(node, known) if known else node)
            return
        inputs = [known.get(id(v), v) for v in node.inputs]
        specs = tuple(v.spec for v in inputs)
        body = node.op.expanded(specs, node.params)
        inner = {id(a): b for a, b in zip(body.inputs, inputs, strict=True)}
        for part in body.nodes:
            copy = copy_node(part, inner, node.scope)
            copy.source = node.source
            visit(copy)
            inner |= {
                id(v): known.get(id(inner[id(v)]), inner[id(v)]) for v in part.outputs
            }
        for old, new in zip(node.outputs, body.outputs, strict=True):
            value = inner[id(new)]
            if old.name and value.node is not None:
                value.name = old.name
            known[id(old)] = value

    for node in graph.nodes:
        visit(node)
    return graph.with_nodes(nodes, known)


def reduce_to_subset(graph: Graph, has: Callable[[str], bool]) -> Graph:
    """Replace primitives that an engine lacks by their expansions.

    Raises:
        NotImplementedError: when an operation is missing and has no expansion.
    """
    for node in graph.nodes:
        if not has(node.op.name) and node.op.expansion is None:
            raise NotImplementedError(
                f"This engine has no {node.op.name!r}, and it has no expansion into "
                "simpler operations.\nExpected an operation that the engine runs.\n"
                "Choose another engine for this network."
            )
    lacking = [n for n in graph.nodes if not has(n.op.name)]
    if not lacking:
        return graph
    nodes: list[Node] = []
    known: dict[int, Value] = {}
    for node in graph.nodes:
        if has(node.op.name):
            nodes.append(copy_node(node, known) if known else node)
            continue
        inputs = [known.get(id(v), v) for v in node.inputs]
        body = node.op.expanded(tuple(v.spec for v in inputs), node.params)
        copies, outputs = body.inline(inputs, node.scope)
        nodes += copies
        known |= {id(a): b for a, b in zip(node.outputs, outputs, strict=True)}
    return reduce_to_subset(graph.with_nodes(nodes, known), has)


def simplify(graph: Graph) -> Graph:
    """The passes that every engine wants, in order."""
    graph = eliminate_dead_code(graph)
    graph = fold_constants(graph)
    graph = skip_identities(graph)
    graph = merge_common_subexpressions(graph)
    return eliminate_dead_code(graph)


assert "constant" in OPS
