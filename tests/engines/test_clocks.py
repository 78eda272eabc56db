"""Programs with clocks around their lines: the same lines, the same numbers."""

import numpy as np
import pytest

import cornu
from cornu import ops
from cornu.engines.numpy import Arena, Program
from cornu.engines.numpy.clocks import ClockedProgram
from cornu.graph import Spec, Variable, trace

KERNELS = pytest.mark.parametrize("kernels", [True, False])


def loop(x):
    """A loop whose body has lines of its own."""
    step = lambda carry, row: (ops.tanh(carry + row), carry * 2.0)  # noqa: E731
    return ops.scan(step, ops.zeros_like(x[0]), x)


GRAPHS = {
    "lines": lambda x: ops.exp(x) @ ops.transpose(x) + 1.0,
    "loop": loop,
    "branch": lambda x: ops.cond(ops.sum(x) > 0.0, lambda: ops.sin(x), lambda: x),
    "open loop": lambda x: ops.while_loop(
        lambda a: ops.sum(a) < 100.0, lambda a: (a * 2.0 + 1.0,), (ops.absolute(x),)
    ),
}


@KERNELS
@pytest.mark.parametrize("name", GRAPHS)
def test_the_same_numbers(name, kernels):
    graph = trace(GRAPHS[name], (Spec((5, 3), "float64"),))
    plain, clocked = Program(graph, kernels), ClockedProgram(graph, kernels)
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(5, 3))
        for a, b in zip(plain(x), clocked(x), strict=True):
            np.testing.assert_array_equal(a, b)
    assert clocked.kernel_source == plain.kernel_source
    assert clocked.source == plain.source


@KERNELS
def test_every_lap_is_counted_as_often_as_it_ran(kernels):
    program = ClockedProgram(trace(loop, (Spec((7, 2), "float32"),)), kernels)
    for _ in range(3):
        program(np.ones((7, 2), np.float32))
    assert program.runs == 3
    inner = [i for i, lap in enumerate(program.laps) if lap.parent is not None]
    assert inner
    for i, lap in enumerate(program.laps):
        assert program.calls[i] == (21 if i in inner else 3), lap.text
        assert program.spent[i] > 0.0
    for i in inner:
        assert program.laps[program.laps[i].parent].node.op.name == "scan"
    top = [s for i, s in enumerate(program.spent) if i not in inner]
    assert sum(top) < program.seconds
    parents = {program.laps[i].parent for i in inner}
    assert sum(program.spent[i] for i in inner) < sum(program.spent[p] for p in parents)


def test_reset():
    program = ClockedProgram(trace(ops.exp, (Spec((2,), "float32"),)))
    program(np.ones(2, np.float32))
    program.reset()
    assert (program.runs, program.seconds, program.calls) == (0, 0.0, [0])
    program(np.ones(2, np.float32))
    assert (program.runs, program.calls) == (1, [1])


def test_state_is_written_and_memory_is_shared():
    variable = Variable(np.zeros(3, np.float32))

    def add(x):
        variable.assign(variable.value + ops.exp(x))
        return ops.sum(variable.value)

    graph = trace(add, (Spec((3,), "float32"),))
    arena = Arena()
    program = ClockedProgram(graph, arena=arena)
    other = Program(
        trace(lambda x: ops.exp(x) * x, (Spec((999,), "float32"),)), True, arena
    )
    program(np.zeros(3, np.float32))
    other(np.ones(999, np.float32))  # the block grows: the program is set up anew
    assert program(np.zeros(3, np.float32))[0] == 6.0
    assert variable.numpy().tolist() == [2.0, 2.0, 2.0]
    assert program.runs == 2
    assert set(program.calls) == {2}


def test_a_value_may_be_called_as_the_clocks_are():
    inputs = {
        "clock_now": Spec((2,), "float32"),
        "clock_since_1": Spec((2,), "float32"),
    }
    x = [cornu.Input((2,), name=name) for name in inputs]
    model = cornu.Model(x, cornu.layers.Add()(x))
    arrays = [np.ones((4, 2), np.float32)] * 2
    program = ClockedProgram(model.step_program("predict", arrays).graph)
    assert program(*arrays)[0].tolist() == [[2.0, 2.0]] * 4
