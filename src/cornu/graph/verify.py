"""Is this graph well formed? Run after every transform in the tests."""

from __future__ import annotations

from cornu.graph.graph import Graph
from cornu.graph.spec import DTYPES


class InvalidGraph(AssertionError):
    """A transform has broken a graph: a fault of Cornu, not of its user."""


def verify(graph: Graph) -> Graph:
    """Check a graph and return it.

    Checked: arguments are given, not made; every value is made before it is read, and
    once; every spec is what the shape rule says; state keeps its spec, and one variable
    has one slot; sub-graphs have no state and are well formed too.

    Raises:
        InvalidGraph: naming the node at fault.
    """
    known = {id(v) for v in graph.arguments}
    if len(known) != len(graph.arguments):
        raise InvalidGraph(f"{graph.name}: an argument is listed twice")
    for value in graph.arguments:
        if value.node is not None:
            raise InvalidGraph(
                f"{graph.name}: the argument {value!r} is made by a node"
            )
    for i, node in enumerate(graph.nodes):
        where = f"{graph.name}, node {i}: {node.op.name}"
        for value in node.inputs:
            if id(value) not in known:
                raise InvalidGraph(f"{where} reads {value!r} before it is made")
        try:
            specs = node.op.infer(*[v.spec for v in node.inputs], **node.params)
        except (TypeError, ValueError) as error:
            raise InvalidGraph(f"{where} cannot be: {error}") from error
        specs = specs if type(specs) is tuple else (specs,)
        if list(specs) != [v.spec for v in node.outputs]:
            said = ", ".join(map(str, specs))
            have = ", ".join(str(v.spec) for v in node.outputs)
            raise InvalidGraph(f"{where} should give {said}, but has {have}")
        for value in node.outputs:
            if id(value) in known:
                raise InvalidGraph(f"{where} makes {value!r} a second time")
            if value.node is not node:
                raise InvalidGraph(f"{where}: {value!r} does not know its node")
            if value.dtype not in DTYPES:
                raise InvalidGraph(f"{where}: unknown dtype {value.dtype}")
            known.add(id(value))
        for param in node.params.values():
            if isinstance(param, Graph):
                if param.state:
                    raise InvalidGraph(f"{where}: its {param.name} has state")
                verify(param)
    for value in graph.results:
        if id(value) not in known:
            raise InvalidGraph(f"{graph.name} returns {value!r}, which nothing makes")
    if len({id(slot.variable) for slot in graph.state}) != len(graph.state):
        raise InvalidGraph(f"{graph.name}: a variable has two slots")
    for slot in graph.state:
        if slot.after is not None and slot.after.spec != slot.before.spec:
            raise InvalidGraph(
                f"{graph.name}: state {slot.variable.path} goes in as "
                f"{slot.before.spec} and comes out as {slot.after.spec}"
            )
    return graph
