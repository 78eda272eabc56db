"""A program as text: it can be read, saved, and run where there is only NumPy."""

import ast
import base64
import builtins
import dis
import subprocess
import sys
import threading
import tracemalloc
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from cornu import ops, random
from cornu.engines.numpy import NumpyEngine, Program
from cornu.engines.numpy.lowerings import _param
from cornu.engines.numpy.writer import array_text
from cornu.graph import OPS, Spec, Trace, Variable, gradients, trace
from tests.engines.test_plan import SLOW
from tests.engines.test_programs import graph_of
from tests.graph.random_graphs import random_graphs
from tests.ops.samples import all_samples


def mlp_step(n=8, width=16, dropout=True):
    """A step of a small network, written by hand: two layers, dropout, momentum."""
    rng = np.random.default_rng(3)

    def variable(name, *shape):
        return Variable(rng.normal(size=shape).astype("float32") * 0.3, name=name)

    weights = [
        variable("first/kernel", 5, width),
        variable("first/bias", width),
        variable("second/kernel", width, 3),
        variable("second/bias", 3),
    ]
    speed = [
        Variable(np.zeros(w.shape, w.dtype), name=f"{w.name}_speed") for w in weights
    ]
    seed = random.SeedGenerator(5)
    with Trace("step of a network") as t:
        x = t.input(Spec((n, 5), "float32"), "x")
        y = t.input(Spec((n,), "int32"), "y")
        w1, b1, w2, b2 = [w.value for w in weights]
        with t.section("forward"):
            h = ops.relu(ops.matmul(x, w1) + b1)
            h = random.dropout(h, 0.25, seed=seed) if dropout else h
            p = ops.softmax(ops.matmul(h, w2) + b2)
        with t.section("loss"):
            loss = ops.mean(ops.sparse_categorical_crossentropy(y, p))
        with t.section("backward"):
            slopes = gradients(loss, [w1, b1, w2, b2])
        with t.section("update"):
            for w, v, g in zip(weights, speed, slopes, strict=True):
                v.assign(v.value * 0.9 - g * 0.1)
                w.assign(w.value + v.value)
        graph = t.finish([loss, p])
    return (
        graph,
        rng.normal(size=(n, 5)).astype("float32"),
        rng.integers(0, 3, n, "int32"),
    )


ALONE = """
import sys
sys.path[:0] = [{folder!r}]
import numpy as np
import step
assert "cornu" not in sys.modules, "the program is not alone"
data = np.load({data!r})
state = [data[f"state{{i}}"] for i in range(len(step.STATE))]
for array, (path, shape, dtype) in zip(state, step.STATE):
    assert array.shape == shape and array.dtype == dtype
losses = [step.step(data["x"], data["y"], state)[0] for _ in range(50)]
np.savez({out!r}, *state, losses=np.array(losses))
"""


def alone(script):
    """Run a script in a Python that finds NumPy and nothing else."""
    # -S leaves out site-packages; NumPy's folder alone comes back.
    site = Path(np.__file__).parent.parent
    start = (
        "import sys, importlib.util, types\n"
        "class OnlyNumPy:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        from importlib.machinery import PathFinder\n"
        "        if name.partition('.')[0] == 'numpy':\n"
        f"            return PathFinder.find_spec(name, path or [{str(site)!r}])\n"
        "sys.meta_path.append(OnlyNumPy)\n"
    )
    command = [sys.executable, "-S", "-E", "-W", "error", "-c", start + script]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_saved_program_is_bit_equal_with_nothing_but_numpy(tmp_path):
    graph, x, y = mlp_step()
    program = NumpyEngine().compile(graph, kernels=False)
    program.save(tmp_path / "step.py")
    state = {f"state{i}": v.numpy() for i, v in enumerate(program.variables)}
    np.savez(tmp_path / "data.npz", x=x, y=y, **state)
    names = {
        "folder": tmp_path,
        "data": tmp_path / "data.npz",
        "out": tmp_path / "o.npz",
    }
    alone(ALONE.format(**{k: str(v) for k, v in names.items()}))
    losses = [program(x, y)[0] for _ in range(50)]
    assert losses[-1] < losses[0] / 2  # it learns its eight examples
    after = np.load(tmp_path / "o.npz")
    np.testing.assert_array_equal(after["losses"], np.array(losses))
    for i, v in enumerate(program.variables):
        np.testing.assert_array_equal(after[f"arr_{i}"], v.numpy())


def run_text(program):
    """The step of a program, from the text of what runs."""
    namespace = {}
    exec(compile(program.kernel_source, "program", "exec"), namespace)
    return namespace["step"]


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize(("op", "sample"), all_samples())
def test_every_program_is_valid_python_and_does_the_same(op, sample, kernels):
    program = Program(graph_of(op, sample), kernels)
    ast.parse(program.source)
    assert "kernels" not in program.source
    assert kernels or program.kernel_source == program.source
    found = run_text(program)(*map(np.asarray, sample.inputs), [])
    for a, b in zip(found, program(*sample.inputs), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kernels", [True, False])
@given(random_graphs(state=True))
@settings(SLOW, max_examples=40)
def test_the_text_of_random_programs(kernels, case):
    graph, arrays = case
    program = Program(graph, kernels)
    state = [slot.variable.numpy() for slot in graph.state]
    step = run_text(program)
    for _ in range(2):
        for a, b in zip(step(*arrays, state), program(*arrays), strict=True):
            np.testing.assert_array_equal(a, b)
        for array, slot in zip(state, graph.state, strict=True):
            np.testing.assert_array_equal(array, slot.variable.numpy())


def test_a_program_reads_from_top_to_bottom():
    text = str(Program(mlp_step()[0]))
    titles = [f"    # {name}: " for name in ("forward", "loss", "backward", "update")]
    places = [text.index(t) for t in titles]
    assert places == sorted(places)
    assert "np.matmul(x, first_kernel, out=" in text
    assert '("first/kernel", (5, 16), "float32"),' in text
    step = text[text.index("def step(") :]
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "np.empty" not in step


# Names


@pytest.mark.parametrize(
    "name",
    [
        "lambda",
        "np",
        "step",
        "state",
        "memory",
        "results",
        "3d",
        "a b/c-d",
        "größe",
        'quo"te',
        "back\\slash",
        "new\nline",
        '"""',
        "sum_numpy",
        "softmax",
        "max",
        "t",
        "",
    ],
)
def test_names_of_the_users_do_no_harm(name):
    v = Variable(np.array([1.0, 2.0]), name=name or None)
    v.path = name
    with Trace(name) as t, t.layer(f"net/{name}", None):
        x = t.input(Spec((2, 3), "float64"), name)
        z = t.input(Spec((2, 3), "float64"), name)
        v.assign(v.value + ops.sum(ops.softmax(ops.cumsum(x + z, axis=0)), axis=1))
        graph = t.finish([v.value, ops.sort(x)])
    program = Program(graph)
    given = np.arange(6.0).reshape(2, 3)
    state = [v.numpy()]
    step = run_text(program)
    found, expected = step(given, given, state), program(given, given)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(state[0], v.numpy())
    assert str(graph)


# Constants


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_constants_are_written_in_full_precision(dtype):
    rng = np.random.default_rng(0)
    info = np.finfo(dtype)
    edge = [np.inf, -np.inf, np.nan, 0.0, -0.0, info.max, info.tiny, info.eps, 0.1]
    for array in (
        np.array(edge, dtype),
        rng.normal(size=(3, 4)).astype(dtype),
        (rng.normal(size=1000) * 10.0 ** rng.integers(-4, 4, 1000)).astype(dtype),
        rng.normal(size=(40, 50)).astype(dtype),
        np.array(np.inf, dtype),
        np.zeros((0, 3), dtype),
    ):
        with np.printoptions(
            precision=2,
            suppress=True,
            threshold=5,
            sign=" ",
            formatter={"float": lambda v: "?"},
            nanstr="-",
            infstr="-",
            linewidth=20,
        ):
            text = array_text(array)
        found = eval(text, {"np": np, "base64": base64})
        assert found.dtype == dtype
        assert found.shape == array.shape
        assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "bool"])
def test_whole_constants(dtype):
    for array in (
        np.array([[0, 1], [1, 1]], dtype),
        np.arange(5).astype(dtype),
        np.arange(9, 0, -3).astype(dtype),
        np.array([0, 2, 3], dtype),
        np.tile(np.array([0, 1, 1], dtype), 700),
    ):
        found = eval(array_text(array), {"np": np, "base64": base64})
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, array)


def test_a_big_constant_in_a_saved_program(tmp_path):
    big = np.random.default_rng(0).normal(size=(64, 64))
    program = Program(trace(lambda x: ops.matmul(x, big), (Spec((2, 64), "float64"),)))
    program.save(tmp_path / "p.py")
    namespace = {}
    exec((tmp_path / "p.py").read_text(), namespace)
    x = np.ones((2, 64))
    np.testing.assert_array_equal(namespace["step"](x, [])[0], program(x)[0])
    assert max(map(len, program.source.splitlines())) < 120


@pytest.mark.parametrize("number", [0.1, 1e-7, 1 / 3, 1e30, -0.0, 16777217.0])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_number_beside_an_array_keeps_its_precision(number, dtype):
    with np.errstate(over="ignore"):
        c = np.asarray(number, dtype)
    x = np.linspace(-2, 2, 7).astype(dtype)
    graph = trace(lambda x: (x * c, x - c, ops.maximum(x, c)), (Spec((7,), dtype),))
    for a, b in zip(Program(graph)(x), graph.evaluate(x), strict=True):
        assert a.tobytes() == b.tobytes()


# Files


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "step.py"
    path.write_text("the old one")
    program = Program(trace(lambda x: x + 1.0, (Spec((2,), "float32"),)))

    def fail(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="no space"):
        program.save(path)
    monkeypatch.undo()
    assert path.read_text() == "the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["step.py"]
    program.save(str(path))
    assert path.read_text() == program.source
    assert [p.name for p in tmp_path.iterdir()] == ["step.py"]


def test_a_program_saved_with_kernels_is_saved_without_them(tmp_path):
    graph = trace(lambda x: ops.softmax(x), (Spec((2, 3), "float32"),))
    program = NumpyEngine().compile(graph, kernels=True)
    program.save(tmp_path / "p.py")
    bare = NumpyEngine().compile(graph, kernels=False)
    assert (tmp_path / "p.py").read_text() == bare.source


# Memory


def test_a_step_allocates_nothing_but_what_it_returns():
    graph, x, y = mlp_step(n=256, width=512, dropout=False)
    program = NumpyEngine().compile(graph, kernels=False)
    for _ in range(3):
        program(x, y)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        results = program(x, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    returned = sum(r.nbytes for r in results)
    assert program.arena.memory(0).nbytes > 500_000
    # NumPy itself takes 32 KiB for a moment where booleans meet numbers; the smallest
    # of this step's big arrays has 512 KiB.
    assert peak - before - returned < 40_000


def test_programs_share_an_arena_and_outgrow_it():
    engine = NumpyEngine()
    small = trace(lambda x: ops.sum(ops.exp(x) * 2.0), (Spec((4,), "float64"),))
    big = trace(lambda x: ops.sum(ops.exp(x) * 2.0), (Spec((4000,), "float64"),))
    first = engine.compile(small)
    second = engine.compile(big, first.arena)
    x, y = np.arange(4.0), np.zeros(4000)
    expected = (np.exp(x) * 2).sum()
    for _ in range(2):  # the arena grows under the first one's feet
        assert first(x)[0] == pytest.approx(expected)
        assert second(y)[0] == 8000
    assert first._memory is second._memory
    assert first.arena.memory(0).ctypes.data % 64 == 0


def test_programs_run_from_several_threads():
    graph = trace(
        lambda x: ops.tanh(ops.matmul(x, x)) + 1.0, (Spec((40, 40), "float64"),)
    )
    program = Program(graph)
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(40, 40)) for _ in range(8)]
    expected = [graph.evaluate(x)[0] for x in inputs]
    wrong = []

    def work(i):
        for _ in range(50):
            (found,) = program(inputs[i])
            if not np.allclose(found, expected[i], rtol=1e-12):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_helpers_are_written_once_and_use_nothing_but_numpy():
    for op in OPS.values():
        if not isinstance(op.numpy, types.FunctionType):
            continue  # a function of NumPy's, or a composite
        if op.name in ("scan", "cond", "custom_gradient", "constant"):
            continue  # they hold graphs, and have lowerings of their own
        used = {
            i.argval
            for i in dis.get_instructions(op.numpy)
            if i.opname == "LOAD_GLOBAL"
        }
        assert used <= {*dir(builtins), "np"}, op.name
        assert not op.numpy.__code__.co_freevars
    text = Program(
        trace(
            lambda x: ops.argsort(ops.argsort(x)) + ops.argsort(-x),
            (Spec((5,), "float64"),),
        )
    ).source
    assert text.count("def argsort_numpy(") == 1


def test_a_parameter_that_cannot_be_written_is_told_in_three_parts():
    assert _param((1, "a", None, 2.5)) == "(1, 'a', None, 2.5)"
    assert eval(_param(float("inf"))) == float("inf")
    with pytest.raises(TypeError) as caught:
        _param(object())
    assert len(str(caught.value).splitlines()) == 3
