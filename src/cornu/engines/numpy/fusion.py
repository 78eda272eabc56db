"""Element-wise operations on arrays of one shape become one pass over memory.

What NumPy would write to memory and read again stays in the processor's cache: an
optimizer's step, a bias with its activation, the gates of a loop's step. Only what
a kernel has a loop for is joined, and nothing that would have to wait for itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from cornu.engines.numpy.planner import border_of
from cornu.graph import passes
from cornu.graph.graph import Graph, copy_node
from cornu.graph.node import Node, Value
from cornu.graph.trace import constant
from cornu.ops.primitives.fusion import fusion

# Operations of one kernel at most: what is open at a time should fit in the cache.
_MOST_STEPS = 48
_MOST_ARRAYS = 24
# From so many elements on, a single operation is worth a kernel, which shares the work
# between threads.
_WORTH_ALONE = 1 << 18
# What takes NumPy more than one pass, or has no function there, and the least size.
_SLOW, _MANY = frozenset({"sigmoid", "where", "erf"}), 4096


def loop_key(node: Node) -> str:
    """What the inner loop of a node is called, as kernels name them."""
    dtypes = ",".join(v.dtype for v in node.inputs)
    return f"{node.op.name}:{dtypes}->{node.outputs[0].dtype}"


class _Unit:
    """A node, or several that are to become one."""

    __slots__ = ("before", "of", "places")

    def __init__(self, index: int, node: Node, of: object | None) -> None:
        self.places = [(index, node)]
        self.before: set[_Unit] = set()  # units whose results it reads
        self.of = of  # which others it may be joined with; None for none

    @property
    def nodes(self) -> list[Node]:
        return [node for _, node in self.places]

    @property
    def first(self) -> int:
        return self.places[0][0]

    @property
    def last(self) -> int:
        return self.places[-1][0]

    def absorb(self, other: _Unit) -> None:
        self.places = sorted(self.places + other.places, key=lambda place: place[0])
        self.before |= other.before
        self.before -= {self, other}


class _Fuser:
    def __init__(self, graph: Graph, loops: frozenset[str]) -> None:
        self.graph = graph
        self.loops = loops
        self.unit: dict[int, _Unit] = {}  # of the nodes, by identity
        self.joined: set[_Unit] = set()  # those of several nodes
        self.border = border_of(graph)
        self.literals: dict[int, Node] = {}
        for node in graph.nodes:
            if node.op is constant and node.outputs[0].spec.size == 1:
                self.literals[id(node.outputs[0])] = node

    def kind(self, index: int, node: Node) -> object | None:
        """What a node has in common with those that it may be joined with.

        What the step's checks are made of must not wait for what comes after them.
        """
        if len(node.outputs) != 1 or not node.inputs:
            return None
        spec = node.outputs[0].spec
        if not spec.size or loop_key(node) not in self.loops or node.params.get("axes"):
            return None
        return spec.shape, index < self.border

    def run(self) -> list[_Unit]:
        for index, node in enumerate(self.graph.nodes):
            unit = _Unit(index, node, self.kind(index, node))
            self.unit[id(node)] = unit
            makers = [v.node for v in node.inputs if v.node is not None]
            unit.before = {self.unit[id(m)] for m in makers}
            if unit.of is not None:
                for other in sorted(unit.before, key=lambda u: -u.last):
                    self.join(unit, other)
        return list({id(u): u for u in self.unit.values()}.values())

    def join(self, unit: _Unit, other: _Unit) -> None:
        """Make one of two where that is possible."""
        if other.of != unit.of or other is unit:
            return
        if len(unit.places) + len(other.places) > _MOST_STEPS:
            return
        if self.arrays(unit, other) > _MOST_ARRAYS or self.waits(unit, other):
            return
        unit.absorb(other)
        self.joined.discard(other)
        self.joined.add(unit)
        for node in other.nodes:
            self.unit[id(node)] = unit

    def arrays(self, unit: _Unit, other: _Unit) -> int:
        """How many arrays both read that they do not make, at least."""
        made = {id(n) for n in (*unit.nodes, *other.nodes)}
        read = {
            id(v)
            for n in (*unit.nodes, *other.nodes)
            for v in n.inputs
            if v.node is None or id(v.node) not in made
        }
        return len(read)

    def waits(self, unit: _Unit, other: _Unit) -> bool:
        """Whether what one of two reads depends, on its way, on what one makes."""
        both, first = {unit, other}, self.reach(min(unit.first, other.first))
        waiting = [u for u in self.ahead(both) if u.last > first]
        seen: set[_Unit] = set(waiting)
        while waiting:
            for before in self.ahead([waiting.pop()]):
                if before in both:
                    return True
                if before.last > first and before not in seen:
                    seen.add(before)
                    waiting.append(before)
        return False

    def reach(self, first: int) -> int:
        """The index before which nothing depends on what comes at `first` or later.

        A unit on both sides of it depends, as a whole, on what its last node reads.
        """
        while True:
            across = [u.first for u in self.joined if u.first < first < u.last]
            if not across:
                return first
            first = min(across)

    def ahead(self, units: Iterable[_Unit]) -> set[_Unit]:
        """The units that some read, as they are now."""
        found = set()
        for unit in units:
            # What was read may have become part of another unit since.
            unit.before = {self.unit[id(u.places[0][1])] for u in unit.before} - {unit}
            found |= unit.before
        return found - set(units)


def fuse(graph: Graph, loops: frozenset[str]) -> Graph:
    """Join element-wise operations of a graph; bodies of loops are fused by themselves.

    Args:
        graph: the graph, after the passes.
        loops: the inner loops that the kernels have, by `loop_key`.
    """
    graph = passes.with_bodies(graph, lambda body: fuse(body, loops))
    fuser = _Fuser(graph, loops)
    units = fuser.run()
    if not any(_worth_it(unit) for unit in units):
        return graph
    read = _readers(graph)
    known: dict[int, Value] = {}
    nodes: list[Node] = []
    for unit in _in_order(units, fuser):
        if _worth_it(unit):
            nodes.append(_fused(unit, fuser.literals, read, known))
        else:
            nodes += [copy_node(n, known) if known else n for n in unit.nodes]
    return graph.with_nodes(nodes, known)


def _worth_it(unit: _Unit) -> bool:
    if unit.of is None:
        return False
    if len(unit.places) > 1:
        return True
    node = unit.nodes[0]
    least = _MANY if node.op.name in _SLOW else _WORTH_ALONE
    return node.outputs[0].spec.size >= least


def _readers(graph: Graph) -> dict[int, list[Node | None]]:
    """The nodes that read each value; None stands for the graph's caller."""
    read: dict[int, list[Node | None]] = {}
    for node in graph.nodes:
        for value in node.inputs:
            read.setdefault(id(value), []).append(node)
    for value in graph.results:
        read.setdefault(id(value), []).append(None)
    return read


def _in_order(units: list[_Unit], fuser: _Fuser) -> list[_Unit]:
    """The units, each after what it reads, and otherwise where its last node was."""
    after: dict[_Unit, list[_Unit]] = {u: [] for u in units}
    missing = {}
    for unit in units:
        ahead = fuser.ahead([unit])
        missing[unit] = len(ahead)
        for before in ahead:
            after[before].append(unit)
    ready = [(u.last, id(u), u) for u in units if not missing[u]]
    heapq.heapify(ready)
    order = []
    while ready:
        unit = heapq.heappop(ready)[-1]
        order.append(unit)
        for later in after[unit]:
            missing[later] -= 1
            if not missing[later]:
                heapq.heappush(ready, (later.last, id(later), later))
    assert len(order) == len(units), "a unit waits for itself"
    return order


def _fused(
    unit: _Unit,
    literals: dict[int, Node],
    read: dict[int, list[Node | None]],
    known: dict[int, Value],
) -> Node:
    """One node in place of a unit's; enters what it makes in `known`."""
    members = {id(n) for n in unit.nodes}
    inside: dict[int, Value] = {}
    outer: list[Value] = []
    body: list[Node] = []
    inputs: list[Value] = []
    for node in unit.nodes:
        for value in node.inputs:
            if id(value) in inside:
                continue
            if id(value) in literals:
                body.append(copy_node(literals[id(value)], inside))
                continue
            given = Value(value.spec, None, None, value.name or _made_by(value))
            inside[id(value)] = given
            inputs.append(given)
            outer.append(known.get(id(value), value))
        body.append(copy_node(node, inside))
    outputs = [
        node.outputs[0]
        for node in unit.nodes
        if any(
            reader is None or id(reader) not in members
            for reader in read.get(id(node.outputs[0]), ())
        )
    ]
    graph = Graph(inputs, body, [inside[id(v)] for v in outputs], name="fusion")
    last = unit.nodes[-1]
    specs = tuple(v.spec for v in outputs)
    new = Node(
        fusion, tuple(outer), {"body": graph}, specs, last.scope, last.source, None
    )
    for old, value in zip(outputs, new.outputs, strict=True):
        value.name = old.name or _made_by(old)
        known[id(old)] = value
    return new


def _made_by(value: Value) -> str:
    return value.node.op.name if value.node is not None else ""
