"""Where values live, checked by playing the program on memory that knows its owners."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from cornu.engines.numpy import Program
from cornu.engines.numpy.lowerings import scratch, shares
from cornu.engines.numpy.planner import ALIGNMENT, FreeList, Plan
from cornu.graph import Graph, passes, verify
from cornu.graph.trace import constant
from tests.engines.test_programs import graph_of
from tests.graph.random_graphs import (
    juggling_graphs,
    random_graphs,
    with_gradients,
    without_state,
)
from tests.ops.derivatives import Case
from tests.ops.samples import all_samples
from tests.ops.test_gradients import differentiable

SLOW = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Memory:
    """Bytes that remember whose value they hold.

    `cells` maps a name of a stretch (the block, or a variable's memory) to one owner
    per byte.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.cells = {"block": np.full(plan.nbytes, -1, np.int64)}
        for slot in plan.slots:
            place = plan.home(slot.before).place
            self.cells[id(place)] = np.full(place.spec.nbytes, id(slot.before))
        for value in plan.graph.outputs:
            if id(value) in plan.stacked:  # one step of what a loop keeps
                place = plan.home(value).place
                self.cells[id(place)] = np.full(place.spec.nbytes, -1, np.int64)

    def stretch(self, place) -> np.ndarray:
        if place.kind == "state":
            return self.cells[id(place)]
        return self.cells["block"][place.offset : place.offset + place.spec.nbytes]

    def root(self, value):
        """The value whose memory this one is a view of."""
        home = self.plan.home(value)
        return value if home.base is None else self.root(home.base)

    def lives(self, value) -> None:
        """Assert that the memory of a value still holds it."""
        place = self.plan.home(value).place
        if place.kind in ("buffer", "state"):
            owners = set(self.stretch(place).tolist())
            assert owners <= {id(self.root(value))}, f"{value!r} has been overwritten"

    def takes(self, owner: int, place) -> None:
        self.stretch(place)[:] = owner


def check_plan(graph: Graph, plan: Plan | None = None) -> None:
    """Play a graph's plan: everything read is still there."""
    plan = plan or Plan(graph, shares, scratch)
    memory = Memory(plan)
    for node in graph.nodes:
        if node.op is constant or plan.home(node.outputs[0]).base is not None:
            continue
        for value in node.inputs:
            memory.lives(value)
        extra = plan.scratch[id(node)]
        for n, place in enumerate(extra):
            assert place.offset % ALIGNMENT == 0
            memory.takes(-2 - n, place)  # a lowering may write there at any time
        for value in node.inputs:
            memory.lives(value)
        check_sharing(plan, node)
        for value in node.outputs:
            place = plan.home(value).place
            assert place.kind in ("buffer", "state")
            assert place.spec.nbytes == value.spec.nbytes
            assert place.kind == "state" or place.offset % ALIGNMENT == 0
            memory.takes(id(value), place)
        for value in node.outputs:
            memory.lives(value)
        for n, place in enumerate(extra):
            assert set(memory.stretch(place).tolist()) <= {-2 - n}
        for param, body in node.params.items():
            if isinstance(body, Graph):
                assert plan.body(node, param).nbytes <= extra[0].spec.nbytes
                check_plan(body, plan.body(node, param))
    for value in graph.results:
        if id(value) not in plan.early:
            memory.lives(value)
    for slot in plan.slots:
        if slot.after is not None and slot not in plan.copies:
            assert plan.home(slot.after).place is plan.home(slot.before).place


def check_sharing(plan: Plan, node) -> None:
    """An input and an output overlap only where the lowering allows it, and wholly."""
    for value in node.outputs:
        out = plan.home(value).place
        for i, each in enumerate(node.inputs):
            place = plan.home(each).place
            if place.kind not in ("buffer", "state") or place.kind != out.kind:
                continue
            if out.kind == "state":
                overlap = place is out
            else:
                a, b = place.offset, out.offset
                ends = a + place.spec.nbytes, b + out.spec.nbytes
                overlap = max(a, b) < min(ends)
            if overlap:
                assert place is out
                assert i in shares(node)
                assert plan.home(each).array.flags.c_contiguous
                assert each.spec == value.spec


@pytest.mark.parametrize(("op", "sample"), all_samples())
def test_the_plan_of_every_operation(op, sample):
    check_plan(passes.prepare(graph_of(op, sample)))


@pytest.mark.parametrize(("op", "sample"), all_samples(differentiable))
def test_the_plan_of_gradients(op, sample):
    check_plan(passes.prepare(Case(op, sample).graph(1)))


@given(random_graphs(state=True))
@SLOW
def test_the_plan_of_random_graphs(case):
    check_plan(passes.prepare(passes.simplify(case[0])))


@given(random_graphs())
@SLOW
def test_the_plan_of_random_gradients(case):
    check_plan(passes.prepare(with_gradients(case[0])))


def test_the_checker_sees_a_value_that_is_overwritten(monkeypatch):
    """Were everything put at the start of the block, it would be noticed."""
    monkeypatch.setattr(
        FreeList, "take", lambda self, nbytes: setattr(self, "size", 4096) or 0
    )
    seen = 0
    for op, sample in [
        p.values for p in all_samples(lambda op, s: op.name == "softmax")
    ]:
        if 0 not in sample.inputs[0].shape:
            with pytest.raises(AssertionError):
                check_plan(passes.prepare(Case(op, sample).graph(1)))
            seen += 1
    assert seen


def close(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert type(a) is np.ndarray
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def evaluated(graph, arrays):
    with np.errstate(all="ignore"):
        return [np.asarray(a) for a in graph.evaluate(*arrays)]


@given(random_graphs(state=True))
@SLOW
def test_programs_of_random_graphs(case):
    check_steps(*case)


@given(juggling_graphs())
@settings(SLOW, max_examples=300)
def test_programs_that_move_values_between_variables(case):
    check_steps(*case)


def check_steps(graph, arrays):
    """The plan holds, and three steps do what `evaluate` says."""
    check_plan(passes.prepare(passes.simplify(graph)))
    plain = without_state(verify(graph))
    program = Program(graph)
    state = [slot.variable.numpy() for slot in graph.state]
    for step in range(3):
        arrays = [a * (1 - 0.1 * step) for a in arrays]
        kept = [a.copy() for a in arrays]
        expected = evaluated(plain, [*arrays, *state])
        found = program(*arrays)
        n = len(graph.outputs)
        close(found, expected[:n])
        state = expected[n:]
        close([slot.variable.numpy() for slot in graph.state], state)
        for a, b in zip(arrays, kept, strict=True):
            np.testing.assert_array_equal(a, b)


@given(random_graphs())
@SLOW
def test_programs_of_random_gradients(case):
    graph, arrays = case
    full = verify(with_gradients(graph))
    expected = evaluated(full, arrays)
    program = Program(full)
    for _ in range(2):
        close(program(*arrays), expected)


# The list of free stretches


def test_free_stretches_are_aligned_merged_and_used_again():
    free = FreeList()
    a, b, c = free.take(10), free.take(100), free.take(1)
    assert (a, b, c, free.size) == (0, 64, 192, 256)
    free.give(b, 100)
    assert free.take(65) == b  # the hole that fits
    free.give(b, 65)
    free.give(a, 10)
    assert free.take(192) == 0  # two neighbours are one hole
    free.give(c, 1)
    assert free.take(1000) == c  # a hole at the end grows
    assert free.size == c + 1024


def test_the_smallest_hole_that_fits_is_taken():
    free = FreeList()
    starts = [free.take(n) for n in (640, 64, 128, 64)]
    free.give(starts[0], 640)
    free.give(starts[2], 128)
    assert free.take(100) == starts[2]
    assert free.take(64) == starts[0]
