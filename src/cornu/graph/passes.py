"""Graph to Graph: what does not change the numbers, only the work.

A pass never changes a limit or a rounding: it removes what nobody reads, computes once
what is written twice, and computes beforehand what depends on constants alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu.graph.graph import Graph, copy_node
from cornu.graph.node import Node, Value
from cornu.graph.op import OPS
from cornu.graph.spec import Spec
from cornu.graph.trace import Literal, constant

# Operations on tensors that broadcast, element by element; `cornu.ops` enters them.
ELEMENTWISE: set[str] = set()

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


def drop_unread_stacks(graph: Graph) -> Graph:
    """Let loops keep of each step only what somebody reads."""
    read = {id(v) for v in graph.results}
    read.update(id(v) for node in graph.nodes for v in node.inputs)
    known: dict[int, Value] = {}
    nodes = []
    for node in graph.nodes:
        new = copy_node(node, known) if known else node
        if node.op.name == "scan":
            body, n = node.params["body"], node.params["n_carry"]
            kept = [i for i, v in enumerate(node.outputs) if i < n or id(v) in read]
            if len(kept) < len(node.outputs):
                less = Graph(
                    body.inputs,
                    body.nodes,
                    [body.outputs[i] for i in kept],
                    name=body.name,
                )
                new = new if new is not node else copy_node(node, known)
                new.params = {**node.params, "body": less}
                new.outputs = [new.outputs[i] for i in kept]
        nodes.append(new)
    return graph.with_nodes(nodes, known)


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
            tuple((k, _told_apart(v)) for k, v in sorted(node.params.items())),
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


def _told_apart(param: Any) -> Any:
    """A parameter by which nodes may be merged: 0.0 and -0.0 are not the same."""
    return repr(param) if type(param) is float else param


def fold_constants(graph: Graph) -> Graph:
    """Compute now what depends on constants alone, where the result is small.

    A constant with equal elements stays one number that is broadcast, whatever its
    size, so that what reads it can use the number.
    """
    arrays: dict[int, Any] = {}  # the array, or a 0-d one where all elements are equal
    known: dict[int, Value] = {}
    nodes: list[Node] = []

    def enter(old: Value, array: Any) -> None:
        spec = old.spec
        value = made = _constant_like(old, array)
        if array.shape != spec.shape:
            shape = {"shape": spec.shape}
            move = Node(
                OPS["broadcast_to"], (made,), shape, (spec,), *_where(old), None
            )
            nodes.append(move)
            value = move.outputs[0]
        arrays[id(old)] = arrays[id(value)] = array
        known[id(old)] = value

    def _constant_like(old: Value, array: Any) -> Value:
        literal = Literal(array)
        spec = Spec(literal.array.shape, literal.array.dtype.name)
        node = Node(constant, (), {"value": literal}, (spec,), *_where(old), None)
        nodes.append(node)
        arrays[id(node.outputs[0])] = array
        return node.outputs[0]

    for node in graph.nodes:
        inputs: list[Any] = [arrays.get(id(v)) for v in node.inputs]
        if node.op is constant:
            enter(node.outputs[0], _shrunk(node.params["value"].array))
        elif node.op.numpy is None or not inputs or any(a is None for a in inputs):
            nodes.append(copy_node(node, known) if known else node)
        elif (
            len(node.outputs) == 1
            and (number := _uniform_result(node, inputs)) is not None
        ):
            enter(node.outputs[0], number)
        elif _total_size(node) <= _FOLD_LIMIT:
            for old, array in zip(node.outputs, _folded(node, inputs), strict=True):
                enter(old, _shrunk(np.asarray(array)))
        else:
            nodes.append(copy_node(node, known) if known else node)
    return graph.with_nodes(nodes, known)


def _folded(node: Node, inputs: list[Any]) -> Sequence[Any]:
    assert node.op.numpy is not None
    pairs = zip(inputs, node.inputs, strict=True)
    full = [np.broadcast_to(a, v.shape) for a, v in pairs]
    with np.errstate(all="ignore"):
        outs = node.op.numpy(*full, **node.params)
    return outs if isinstance(outs, tuple) else (outs,)


def _where(value: Value) -> tuple[Any, Any]:
    assert value.node is not None
    return value.node.scope, value.node.source


def _total_size(node: Node) -> int:
    return sum(v.spec.size for v in (*node.inputs, *node.outputs))


def _shrunk(array: np.ndarray) -> np.ndarray:
    """The number that all elements are, bit for bit, or the array itself."""
    if array.ndim and array.size:
        first = array.reshape(-1)[0]
        if array.tobytes() == first.tobytes() * array.size:
            return np.asarray(first)
    return array


_MOVES = ("reshape", "broadcast_to", "transpose", "flip")


def _uniform_result(node: Node, inputs: list[Any]) -> np.ndarray | None:
    """The one number in the result, where it follows from one in each input."""
    spec = node.outputs[0].spec
    if any(a.ndim for a in inputs) or not spec.size:
        return None
    if node.op.name in _MOVES:
        return inputs[0]
    if node.op.name == "cast" or node.op.name in ELEMENTWISE:
        assert node.op.numpy is not None
        with np.errstate(all="ignore"):
            return np.asarray(node.op.numpy(*inputs, **node.params))
    return None


def drop_broadcasts(graph: Graph) -> Graph:
    """Let element-wise operations broadcast what was broadcast for them."""
    known: dict[int, Value] = {}
    nodes = []
    for node in graph.nodes:
        new = copy_node(node, known) if known else node
        if node.op.name in ELEMENTWISE and len(new.inputs) > 1:
            inputs = list(new.inputs)
            for i, value in enumerate(inputs):
                made = value.node
                if made is None or made.op.name != "broadcast_to":
                    continue
                shorter = [*inputs[:i], made.inputs[0], *inputs[i + 1 :]]
                shape = np.broadcast_shapes(*(v.shape for v in shorter))
                if shape == node.outputs[0].shape:
                    inputs = shorter
            if any(a is not b for a, b in zip(inputs, new.inputs, strict=True)):
                new = new if new is not node else copy_node(node, known)
                new.inputs = tuple(inputs)
        nodes.append(new)
    return graph.with_nodes(nodes, known)


def skip_identities(graph: Graph) -> Graph:
    """Drop operations that return their input: identity, stop_gradient, x * 1, x + 0.

    x + 0 and x - (-0) make 0.0 of -0.0, so only x - 0 is dropped.
    """
    known: dict[int, Value] = {}
    constants: dict[int, Any] = {}
    nodes = []
    for node in graph.nodes:
        if node.op is constant:
            constants[id(node.outputs[0])] = node.params["value"].array
        if node.op.name == "custom_gradient":  # gradients have been taken
            for old, value in zip(node.outputs, node.inputs, strict=False):
                known[id(old)] = known.get(id(value), value)
            continue
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
                and array.tobytes() == np.asarray(number, array.dtype).tobytes()
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
    alive: list[Node] = []  # what is looked up by identity must not be freed

    def visit(node: Node) -> None:
        alive.append(node)
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


def reduce_to_subset(
    graph: Graph, has: Callable[[str], bool], engine: str = ""
) -> Graph:
    """Replace primitives that an engine lacks by their expansions.

    Raises:
        NotImplementedError: when an operation is missing and has no expansion.
    """
    for node in graph.nodes:
        if not has(node.op.name) and node.op.expansion is None:
            raise NotImplementedError(
                f"The engine {engine!r} has no {node.op.name!r}, which cannot be made "
                "of simpler operations either.\nExpected an operation that the engine "
                "runs.\n"
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
    return reduce_to_subset(graph.with_nodes(nodes, known), has, engine)


def with_bodies(graph: Graph, transform: Callable[[Graph], Graph]) -> Graph:
    """The graph with every sub-graph (of a loop or branch) transformed."""
    known: dict[int, Value] = {}
    nodes = []
    for node in graph.nodes:
        new = copy_node(node, known) if known else node
        if any(isinstance(p, Graph) for p in node.params.values()):
            new = new if new is not node else copy_node(node, known)
            new.params = {
                k: transform(p) if isinstance(p, Graph) else p
                for k, p in node.params.items()
            }
        nodes.append(new)
    return graph.with_nodes(nodes, known)


def prepare(graph: Graph, keep: Callable[[Node], bool] = lambda node: False) -> Graph:
    """What every engine starts from: composites expanded, and nothing done in vain.

    Args:
        graph: the graph as it was traced and differentiated.
        keep: tells of a composite whether the engine runs it as it is.
    """
    graph = simplify(expand(graph, keep))
    return with_bodies(graph, lambda body: prepare(body, keep))


def simplify(graph: Graph) -> Graph:
    """The passes that every engine wants, in order."""
    graph = drop_unread_stacks(eliminate_dead_code(graph))
    graph = fold_constants(graph)
    graph = drop_broadcasts(graph)
    graph = skip_identities(graph)
    graph = merge_common_subexpressions(graph)
    return eliminate_dead_code(graph)


assert "constant" in OPS
