"""Where every value of a graph lives: planned once, so that a step allocates nothing.

A value that is computed gets a *buffer*: a stretch of one block of memory, from the
node that makes it to the last that reads it. What is no longer needed makes room for
what comes; an element-wise result takes the place of an input that dies with it; and
the new value of a variable is computed in the variable's own memory where nobody reads
the old one any more, and not before the step's checks. In the body of a loop that holds
for what is handed on, and what is kept of each step is computed where it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cornu.engines.numpy.layout import is_whole, stand_in, view_of
from cornu.graph.graph import Graph, StateSlot
from cornu.graph.node import Node, Value
from cornu.graph.printer import literal_text
from cornu.graph.spec import Spec
from cornu.graph.trace import constant

if TYPE_CHECKING:
    from cornu.engines.numpy.claims import KernelClaim

ALIGNMENT = 64  # bytes: a cache line


class Place:
    """Memory that values live in: a buffer, an input, a variable, or a constant."""

    __slots__ = ("kind", "last", "offset", "spec", "value")

    def __init__(self, kind: str, value: Value, spec: Spec) -> None:
        self.kind = kind  # 'buffer', 'input', 'state', 'constant' or 'literal'
        self.value = value  # the first value in it, which names it
        self.spec = spec
        self.last = -1  # index of the last node that reads it
        self.offset = 0  # bytes from the start of the block, for a buffer


class Home:
    """Where one value is found: a place, and how it is seen there."""

    __slots__ = ("array", "base", "place", "text")

    def __init__(self, place: Place, array: np.ndarray, base: Value | None, text: str):
        self.place = place
        self.array = array  # its layout, without memory
        self.base = base  # the value that this is a view of, or None
        self.text = text  # how the view is written after the base's name


class Carried:
    """What a loop hands on: as a step gets it, and as it leaves it."""

    __slots__ = ("after", "before")

    def __init__(self, before: Value, after: Value) -> None:
        self.before, self.after = before, after


class FreeList:
    """Stretches of the block that nobody uses, and the size that it must have."""

    def __init__(self) -> None:
        self.holes: list[tuple[int, int]] = []
        self.size = 0

    def take(self, nbytes: int) -> int:
        """The start of a stretch: the smallest hole that fits, or new memory."""
        need = max(ALIGNMENT, -(-nbytes // ALIGNMENT) * ALIGNMENT)
        fitting = [h for h in self.holes if h[1] - h[0] >= need]
        if fitting:
            start, stop = min(fitting, key=lambda h: h[1] - h[0])
            self.holes.remove((start, stop))
            if stop - start > need:
                self.holes.append((start + need, stop))
            return start
        # A hole at the very end can be made longer.
        start = next((a for a, b in self.holes if b == self.size), self.size)
        self.holes = [h for h in self.holes if h[0] != start]
        self.size = start + need
        return start

    def give(self, start: int, nbytes: int) -> None:
        """Hand a stretch back, merging it with its neighbours."""
        stop = start + max(ALIGNMENT, -(-nbytes // ALIGNMENT) * ALIGNMENT)
        for hole in list(self.holes):
            if hole[1] == start:
                start = hole[0]
                self.holes.remove(hole)
            elif hole[0] == stop:
                stop = hole[1]
                self.holes.remove(hole)
        self.holes.append((start, stop))


class Plan:
    """The homes of all values of a graph.

    Args:
        graph: the graph, after the passes.
        shares: `shares(node)` gives the input positions whose memory the result may
            take over.
        scratch: `scratch(plan, node)` gives the specs of extra memory for a node.
        claims: what runs on kernels, by the name of the operation; none by default.
        n_carry: for the body of a loop, how many of its first inputs are handed on.
            Their new values are its first outputs, and the others are kept of each
            step.

    Attributes:
        homes: id of value -> Home.
        scratch: id of node -> places of its extra memory.
        bodies: (id of node, parameter) -> Plan of a sub-graph, in the node's scratch.
        slots: variables, or what the loop hands on: the values before and after.
        copies: those of the slots whose new value must be copied in at the end.
        stacked: ids of the values that are computed where the loop keeps them.
        early: ids of the values that it keeps as they are at the start of a step.
        border: index of the first node after the graph's checks; no variable's memory
            is written before.
        nbytes: how much memory the block needs.
    """

    def __init__(
        self,
        graph: Graph,
        shares: Callable[[Node], Sequence[int]],
        scratch: Callable[[Plan, Node], list[Spec]],
        n_carry: int | None = None,
        claims: Mapping[str, KernelClaim] | None = None,
    ) -> None:
        self.graph = graph
        self._claims = claims or {}
        self.slots: Sequence[StateSlot | Carried] = graph.state
        self._results, self._kept = graph.outputs, list[Value]()
        if n_carry is not None:
            pairs = zip(graph.inputs[:n_carry], graph.outputs, strict=False)
            self.slots = [Carried(before, after) for before, after in pairs]
            self._results = self._kept = graph.outputs[n_carry:]
        self.border = border_of(graph)
        self._shares_of, self._scratch_of = shares, scratch
        self.homes: dict[int, Home] = {}
        self.scratch: dict[int, list[Place]] = {}
        self.bodies: dict[tuple[int, str], Plan] = {}
        self.copies: list[StateSlot | Carried] = []
        self.stacked: set[int] = set()
        self.early: set[int] = set()
        self._in_state: dict[int, Place] = {}
        self._memory = FreeList()
        self._find_roots()
        self._find_lifetimes()
        self._use_state_memory()
        self._use_stacks()
        self._allocate()
        self.nbytes = self._memory.size

    def claimed(self, node: Node) -> KernelClaim | None:
        """The claim by which a node runs on a kernel, or None."""
        claim = self._claims.get(node.op.name)
        return claim if claim is not None and claim.accepts(node) else None

    @property
    def on_kernels(self) -> bool:
        """Whether the program may call kernels."""
        return bool(self._claims)

    def _shares(self, node: Node) -> Sequence[int]:
        claim = self.claimed(node)
        return self._shares_of(node) if claim is None else claim.shares(node)

    def _scratch(self, node: Node) -> list[Spec]:
        claim = self.claimed(node)
        if claim is None:
            return self._scratch_of(self, node)
        return claim.scratch(self, node)

    def home(self, value: Value) -> Home:
        """Where a value is found."""
        return self.homes[id(value)]

    def spared(self, node: Node) -> set[int]:
        """Positions of the results that are not computed, since nobody reads them."""
        claim = self.claimed(node)
        found = claim.spares(node) if claim is not None else ()
        return {i for i in found if self.home(node.outputs[i]).place.last < 0}

    def body(self, node: Node, param: str) -> Plan:
        """The plan of a sub-graph, whose memory is part of the node's scratch."""
        plan = self.bodies.get((id(node), param))
        if plan is None:
            n_carry = node.params["n_carry"] if node.op.name == "scan" else None
            how = self._shares_of, self._scratch_of, n_carry, self._claims
            plan = Plan(node.params[param], *how)
            self.bodies[id(node), param] = plan
        return plan

    def _enter(self, kind: str, value: Value) -> Place:
        place = Place(kind, value, value.spec)
        self.homes[id(value)] = Home(place, stand_in(value.spec), None, "")
        return place

    def _find_roots(self) -> None:
        """Give every value a place of its own or that of the value it is a view of."""
        for value in self.graph.inputs:
            self._enter("input", value)
        for slot in self.slots:
            self._enter("state", slot.before)
        for node in self.graph.nodes:
            if node.op is constant:
                text = literal_text(node.params["value"].array)
                kind = "constant" if text is None else "literal"
                self._enter(kind, node.outputs[0])
                continue
            if len(node.outputs) == 1 and self._enter_view(node):
                continue
            for value in node.outputs:
                self._enter("buffer", value)

    def _enter_view(self, node: Node) -> bool:
        value = node.outputs[0]
        source = self.homes[id(node.inputs[0])] if node.inputs else None
        if source is None:
            return False
        if node.op.name == "broadcast_to":
            shape = value.shape
            array = np.broadcast_to(source.array, shape)
            text = f"np.broadcast_to({{}}, {shape})"
        else:
            found = view_of(node, source.array)
            if found is None or source.place.kind == "literal":
                return False
            array, text = found
            text = "{}" + text
        self.homes[id(value)] = Home(source.place, array, node.inputs[0], text)
        return True

    def _find_lifetimes(self) -> None:
        for i, node in enumerate(self.graph.nodes):
            for value in node.inputs:
                self.home(value).place.last = i
        for value in self.graph.checks:
            place = self.home(value).place
            place.last = max(place.last, self.border)
        end = len(self.graph.nodes)
        given = ("input", "state")
        kept = [v for v in self._kept if self.home(v).place.kind in given]
        self.early = {id(v) for v in kept}
        for value in self._results:
            if id(value) not in self.early:
                self.home(value).place.last = end
        # What a variable becomes is read at the end too, unless it is computed in the
        # variable's own memory.
        for slot in self.slots:
            if slot.after is not None:
                home = self.home(slot.after)
                if home.base is not None or home.place.kind != "buffer":
                    home.place.last = end

    # A variable's new value in its own memory

    def _use_state_memory(self) -> None:
        index = {id(n): i for i, n in enumerate(self.graph.nodes)}
        uses: dict[int, list[int]] = {}
        for i, node in enumerate(self.graph.nodes):
            for value in node.inputs:
                uses.setdefault(id(value), []).append(i)
        taken: set[int] = set()
        self._afters = {id(s.after) for s in self.slots}
        for slot in self.slots:
            after = slot.after
            if after is None:
                continue
            home = self.home(after)
            makes = after.node
            own = (
                makes is not None
                and home.base is None
                and home.place.kind == "buffer"
                and id(after) not in taken
            )
            place = self.home(slot.before).place
            if not own or not self._may_write(after, index, place):
                self.copies.append(slot)
                # Read at the very end, by the copy.
                home.place.last = len(self.graph.nodes)
                continue
            taken.add(id(after))
            value = after
            while True:
                self._in_state[id(value)] = place
                value = self._partial_result(value, index, uses, place)
                if value is None:
                    break

    def _use_stacks(self) -> None:
        """Compute what a loop keeps of each step where it keeps it."""
        for value in self._kept:
            home = self.home(value)
            own = home.base is None and home.place.kind == "buffer"
            if own and id(value) not in self._in_state:
                self._in_state[id(value)] = Place("state", value, value.spec)
                self.stacked.add(id(value))

    def _may_write(
        self, value: Value | None, index: dict[int, int], place: Place
    ) -> bool:
        """Whether a result may be put where `place` still holds the old value."""
        if value is None or value.node is None:
            return False
        node = value.node
        if index[id(node)] < self.border:
            return False
        if len(node.outputs) != 1 and not self._shares(node):
            return False
        if place.last > index[id(node)]:
            return False
        return place.last < index[id(node)] or self._in_place(node, value, place)

    def _in_place(self, node: Node, result: Value, place: Place) -> bool:
        """Whether what the node reads from `place` may be overwritten as it goes."""
        allowed = self._shares(node)
        spec = result.spec
        for i, value in enumerate(node.inputs):
            home = self.home(value)
            if home.place is not place:
                continue
            whole = is_whole(home.array, place.spec) and value.spec == spec
            if i not in allowed or not whole:
                return False
        return True

    def _partial_result(
        self,
        value: Value,
        index: dict[int, int],
        uses: dict[int, list[int]],
        place: Place,
    ) -> Value | None:
        """An input of the node that makes `value` which may live in `place` too."""
        node = value.node
        assert node is not None
        allowed = self._shares(node)
        for i in allowed:
            if i >= len(node.inputs):
                continue
            part = node.inputs[i]
            home = self.home(part)
            if (
                part.node is not None
                and home.base is None
                and home.place.kind == "buffer"
                and part.spec == value.spec
                and id(part) not in self._afters
                and id(part) not in self._in_state
                and uses[id(part)] == [index[id(node)]]
                and home.place.last == index[id(node)]
                # Between the two nobody may read the old value: it is gone.
                and self._may_write(part, index, place)
            ):
                return part
        return None

    # Buffers

    def _allocate(self) -> None:
        ends: dict[int, list[Place]] = {}
        for i, node in enumerate(self.graph.nodes):
            if id(node) in self.scratch:
                continue
            extra = [Place("buffer", node.outputs[0], s) for s in self._scratch(node)]
            for place in extra:
                place.offset = self._memory.take(place.spec.nbytes)
            self.scratch[id(node)] = extra
            spared = self.spared(node)
            for position, value in enumerate(node.outputs):
                home = self.home(value)
                needed = position not in spared and home.base is None
                if needed and home.place.kind == "buffer":
                    self._settle(i, node, value, home)
                    if home.place.kind == "buffer":
                        ends.setdefault(max(home.place.last, i), []).append(home.place)
            for place in extra:
                self._memory.give(place.offset, place.spec.nbytes)
            for place in {id(p): p for p in ends.pop(i, [])}.values():
                if max(place.last, i) == i:
                    self._memory.give(place.offset, place.spec.nbytes)

    def _settle(self, i: int, node: Node, value: Value, home: Home) -> None:
        """Give a computed value its memory: a variable's, a dying input's, or new."""
        state = self._in_state.get(id(value))
        if state is not None:
            self._move(home.place, state)
            return
        for position in self._shares(node):
            if position >= len(node.inputs):
                continue
            source = self.home(node.inputs[position]).place
            dies = source.kind == "buffer" and source.last == i
            fits = dies and source.spec.nbytes == value.spec.nbytes
            if fits and self._in_place(node, value, source):
                source.last = home.place.last
                self._move(home.place, source)
                return
        home.place.offset = self._memory.take(value.spec.nbytes)

    def _move(self, old: Place, new: Place) -> None:
        """All that lives in `old` lives in `new` from here on."""
        new.last = max(new.last, old.last)
        for home in self.homes.values():
            if home.place is old:
                home.place = new


def border_of(graph: Graph) -> int:
    """Index of the first node after all that the graph's checks are made by."""
    made = {id(v.node) for v in graph.checks}
    return max((i + 1 for i, n in enumerate(graph.nodes) if id(n) in made), default=0)
