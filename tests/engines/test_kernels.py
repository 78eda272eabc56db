"""Compiled kernels against what NumPy says, and programs on them against those without.

Where nothing was compiled, programs run on NumPy alone: the other tests are about that.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cornu.optimizers  # noqa: F401 (their updates enter themselves)
from cornu import ops
from cornu.engines.numpy import CLAIMS, Program, kernels
from cornu.engines.numpy.fusion import fuse
from cornu.graph import OPS, Spec, Variable, passes, trace, verify
from cornu.graph.trace import Trace, bind
from tests.graph.random_graphs import random_graphs, with_gradients
from tests.ops.samples import SAMPLES
from tests.ops.test_edge_values import edges

pytestmark = pytest.mark.skipif(
    not kernels.AVAILABLE, reason="the kernels have not been compiled"
)

# Units of the last place that a function may be off. The rest are exact.
ULPS = {"exp": 2, "expm1": 3, "log": 2, "log1p": 3, "tanh": 4, "sigmoid": 4}
ULPS |= {"erf": 4, "sin": 2, "cos": 2, "power": 2}


def lone(key):
    """The fusion of one operation, and the dtypes of its operands and its result."""
    name, _, types = key.partition(":")
    ins, _, out = types.partition("->")
    operands = ins.split(",")
    names = [f"x{i}" for i in range(len(operands))]
    given = ", ".join(f"{n}: {d}" for n, d in zip(names, operands, strict=True))
    text = f"({given})\ny = {name}({', '.join(names)}) -> {out}\nreturn y"
    return name, kernels.fusion(text), operands, out


def numbers(dtype, rng, n):
    """Edge values, and others of all sizes."""
    if dtype == "bool":
        return rng.random(n) < 0.5
    if dtype.startswith(("int", "uint")):
        info = np.iinfo(dtype)
        some = rng.integers(0 if dtype[0] == "u" else -40, 40, n).astype(dtype)
        some[:3] = info.min, info.max, 0
        return some
    some = (rng.normal(size=n) * 10.0 ** rng.integers(-9, 3, n)).astype(dtype)
    some[: len(edges(dtype))] = edges(dtype)
    return some


def grid(dtypes, rng):
    """Arguments in which every edge value of one meets every one of the others."""
    n = 48
    first = numbers(dtypes[0], rng, n)
    if len(dtypes) == 1:
        return [np.tile(first, 100)[:4321]]
    others = [numbers(d, rng, n) for d in dtypes[1:]]
    return [np.repeat(first, n), *(np.tile(o, n) for o in others)]


def meaning(name, arrays, out):
    with np.errstate(all="ignore"):
        if name == "cast":
            return arrays[0].astype(out)
        return OPS[name].numpy(*arrays)


@pytest.mark.parametrize("key", sorted(kernels.LOOPS))
def test_a_loop_is_what_the_operation_means(key):
    name, run, dtypes, out = lone(key)
    rng = np.random.default_rng(0)
    arrays = grid(dtypes, rng)
    if name == "cast" and out.startswith("int") and dtypes[0].startswith("float"):
        # What is no number of the other kind has no meaning.
        arrays = [np.nan_to_num(arrays[0], posinf=9.0, neginf=-9.0).clip(-2e9, 2e9)]
    expected = meaning(name, arrays, out)
    found = np.empty(expected.shape, out)
    run(*arrays, found)
    assert expected.dtype == out
    if name not in ULPS:
        np.testing.assert_array_equal(found, expected)
    else:
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(found[~finite], expected[~finite])
        distance = np.abs(found[finite] - expected[finite])
        with np.errstate(over="ignore"):  # the next number after the largest
            last = np.spacing(np.abs(expected[finite]))
        assert np.all(distance <= ULPS[name] * last)
    if out.startswith("float") and name not in ("maximum", "minimum"):
        number = ~np.isnan(expected)
        signs = np.signbit(found[number]), np.signbit(expected[number])
        np.testing.assert_array_equal(*signs)


TEXT = """
    (x: float64, y: float64)
    a = multiply(x, 2.0:float64) -> float64
    b = subtract(y, a) -> float64
    c = greater(b, x) -> bool
    return b, c
"""


@st.composite
def layouts(draw):
    """A shape, and for two operands how they lie: views of arrays, broadcast to it."""
    sizes = st.sampled_from([1, 2, 3, 10, 64, 300, 1025, 2500])
    shape = tuple(draw(st.lists(sizes, min_size=1, max_size=4)))
    while np.prod(shape) > 40000:
        shape = shape[1:]
    views = []
    for _ in range(2):
        own = [1 if draw(st.booleans()) else n for n in shape]
        own = own[draw(st.integers(0, len(own))) :]
        order = draw(st.permutations(range(len(own))))
        steps = [draw(st.sampled_from([1, 2, -1])) for _ in own]
        views.append((tuple(own), tuple(order), steps))
    return shape, views


@given(layouts())
@settings(deadline=None, max_examples=150)
def test_operands_may_lie_in_any_way(case):
    shape, views = case
    rng = np.random.default_rng(0)
    arrays = []
    for own, order, steps in views:
        wide = [n * abs(k) for n, k in zip(own, steps, strict=True)]
        base = np.array(rng.normal(size=[wide[i] for i in order]))
        moved = base.transpose(np.argsort(order))
        cut = tuple(slice(None, None, k) for k in steps)
        arrays.append(moved[cut] if cut else moved)
        assert arrays[-1].shape == own
    found = np.empty(shape), np.empty(shape, bool)
    run = kernels.fusion(TEXT)
    for _ in range(2):  # the second call finds the layout known
        run(*arrays, *found)
        x, y = np.broadcast_arrays(*arrays, np.empty(shape))[:2]
        np.testing.assert_array_equal(found[0], y - x * 2.0)
        np.testing.assert_array_equal(found[1], y - x * 2.0 > x)


def test_a_result_may_lie_where_an_operand_is_read_again():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 5000))
    b, c = y - x * 2.0, y - x * 2.0 > x
    sign = np.empty(5000, bool)
    kernels.fusion(TEXT)(x, y, x, sign)
    np.testing.assert_array_equal(x, b)
    np.testing.assert_array_equal(sign, c)


@pytest.mark.parametrize(
    "arrays",
    [
        [np.ones(3)],
        [np.ones(3, "float32"), np.ones(3), np.ones(3), np.ones(3, bool)],
        [np.ones(4), np.ones(3), np.ones(3), np.ones(3, bool)],
        [np.ones((2, 3)), np.ones(3), np.ones(3), np.ones(3, bool)],
        [np.ones(3), np.ones(3), np.ones(6)[::2], np.ones(3, bool)],
        [np.ones(3), np.ones(3), np.broadcast_to(1.0, 3), np.ones(3, bool)],
        [np.ones(3), 1.0, np.ones(3), np.ones(3, bool)],
    ],
)
def test_what_does_not_fit_is_refused(arrays):
    with pytest.raises((TypeError, ValueError)):
        kernels.fusion(TEXT)(*arrays)


def test_an_operation_without_a_loop_is_refused():
    with pytest.raises(ValueError, match="no loop for gcd:int32,int32->int32"):
        kernels.fusion("(x: int32)\ny = gcd(x, x) -> int32\nreturn y")


@pytest.fixture
def threads():
    yield kernels.set_threads
    kernels.set_threads(0)


def test_several_threads_give_the_same_bits(threads):
    x, y = np.random.default_rng(0).normal(size=(2, 1_000_003))
    results = []
    for n in (1, 2, 3):
        threads(n)
        found = np.empty_like(x), np.empty(x.shape, bool)
        kernels.fusion(TEXT)(x, y, *found)
        results.append(found)
    for found in results[1:]:
        np.testing.assert_array_equal(found[0], results[0][0])
        np.testing.assert_array_equal(found[1], results[0][1])


def alone(code, **env):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


BIG = """
import os
import numpy as np
from cornu.engines.numpy import kernels
run = kernels.fusion("(x: float32)\\ny = add(x, x) -> float32\\nreturn y")
x, y = np.ones(2_000_000, "float32"), np.zeros(2_000_000, "float32")
run(x, y)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_of_fork_has_threads_of_its_own():
    child = """
pid = os.fork()
if not pid:
    y[:] = 0
    run(x, y)
    os._exit(0 if (y == 2).all() else 1)
assert os.waitpid(pid, 0)[1] == 0
run(x, y)
print(y.sum())
"""
    assert float(alone(BIG + child, CORNU_NUM_THREADS="3")) == 4_000_000


def test_they_can_be_switched_off():
    code = """
import cornu.optimizers  # noqa: F401 (their updates enter themselves)
from cornu import ops
from cornu.engines.numpy import CLAIMS, Program, kernels
from cornu.graph import Spec, trace
import numpy as np
program = Program(trace(lambda x: ops.tanh(x) * 2.0 + x, (Spec((3,), "float32"),)))
assert kernels.AVAILABLE is False and kernels.instruction_set() is None
assert "kernels" not in program.kernel_source
print(program(np.zeros(3, "float32"))[0].sum())
"""
    assert float(alone(code, CORNU_KERNELS="off")) == 0.0


# Products


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "sizes",
    [(1, 1, 1), (5, 3, 7), (13, 300, 33), (25, 257, 65), (12, 256, 32), (100, 1, 50)],
)
def test_products_in_every_layout(sizes, dtype):
    m, k, n = sizes
    rng = np.random.default_rng(0)
    for turned in range(4):
        a = rng.normal(size=(k, m) if turned & 1 else (m, k)).astype(dtype)
        b = rng.normal(size=(n, k) if turned & 2 else (k, n)).astype(dtype)
        a, b = (a.T if turned & 1 else a), (b.T if turned & 2 else b)
        found = np.full((m, n), np.nan, dtype)
        kernels.matmul(a, b, found)
        exact = a.astype("longdouble") @ b.astype("longdouble")
        bound = k * np.finfo(dtype).eps * (np.abs(a) @ np.abs(b))
        assert np.all(np.abs(found - exact) <= bound)


def test_products_of_groups_that_lie_apart(threads):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6, 20, 4, 30)).transpose(0, 2, 1, 3)
    b = rng.normal(size=(6, 30, 4, 10)).transpose(0, 2, 1, 3)
    for n in (1, 2, 3):
        threads(n)
        found = np.empty((6, 4, 20, 10))
        kernels.matmul(a, b, found)
        np.testing.assert_allclose(found, a @ b, rtol=1e-12, atol=1e-12)
        wide = np.empty((200, 300))
        left, right = rng.normal(size=(200, 400)), rng.normal(size=(400, 300))
        kernels.matmul(left, right, wide)
        np.testing.assert_allclose(wide, left @ right, rtol=1e-12, atol=1e-11)


def test_products_let_infinities_and_nan_through():
    a = np.array([[1.0, np.inf], [np.nan, 0.0], [2.0, 3.0], [0.0, -np.inf]])
    b = np.array([[1.0, 2.0, 3.0, 0.0], [1.0, 0.0, -1.0, 1.0]])
    found = np.empty((4, 4))
    kernels.matmul(a, b, found)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(found, a @ b)


@pytest.mark.parametrize(
    "arrays",
    [
        [np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3))],
        [np.ones((2, 3)), np.ones((3, 2)), np.ones((2, 3))],
        [np.ones((2, 3)), np.ones((3, 2), "float32"), np.ones((2, 2))],
        [np.ones((2, 3)), np.ones((3, 4)), np.ones((4, 2)).T],
        [np.ones((2, 2, 3)), np.ones((3, 3, 2)), np.ones((2, 2, 2))],
        [np.ones((2, 3), "int32"), np.ones((3, 2), "int32"), np.ones((2, 2), "int32")],
        [np.ones(3), np.ones((3, 2)), np.ones(2)],
    ],
)
def test_products_that_do_not_fit_are_refused(arrays):
    with pytest.raises(ValueError, match=r"\w"):
        kernels.matmul(*arrays)


# Claims


def of_floats(sample, dtype):
    arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in sample.inputs]
    return sample._replace(inputs=tuple(arrays))


def claimed_samples():
    """The samples of operations that are claimed, in both dtypes."""
    for name, claim in CLAIMS.items():
        for i, sample in enumerate(SAMPLES[name]):
            for dtype in ("float64", "float32"):
                given = of_floats(sample, dtype)
                graph = graph_of(OPS[name], given)
                node = next(n for n in graph.nodes if n.op.name == name)
                if claim.accepts(node):
                    yield pytest.param(graph, given, dtype, id=f"{name}-{i}-{dtype}")


def graph_of(op, sample):
    return trace(lambda *xs: bind(op, xs, sample.params), sample.specs, op.name)


def test_every_claim_has_a_sample():
    found = {p.id.split("-")[0] for p in claimed_samples()}
    assert found == set(CLAIMS)


@pytest.mark.parametrize(("graph", "sample", "dtype"), list(claimed_samples()))
def test_a_claimed_operation_is_what_it_means(graph, sample, dtype):
    program = Program(graph)
    assert "kernels." in program.kernel_source
    expected = Program(graph, kernels=False)(*sample.inputs)
    places = 1e-12 if dtype == "float64" else 2e-5
    for _ in range(2):  # the second time in memory that holds the results of the first
        for a, b in zip(program(*sample.inputs), expected, strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            if a.dtype.kind == "f":
                np.testing.assert_allclose(a, b, rtol=places, atol=places)
            else:
                np.testing.assert_array_equal(a, b)


# Graphs


@pytest.mark.parametrize("of_gradients", [False, True])
@given(random_graphs(state=True))
@settings(deadline=None, max_examples=60)
def test_a_fused_graph_is_well_formed_and_means_the_same(of_gradients, case):
    graph, arrays = case
    if of_gradients and not graph.state:
        graph = with_gradients(graph)
    before = passes.prepare(graph)
    after = verify(fuse(before, kernels.LOOPS))
    assert len(after.nodes) <= len(before.nodes)
    if not graph.state:
        pairs = zip(after.evaluate(*arrays), before.evaluate(*arrays), strict=True)
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)


def test_nothing_that_waits_for_itself_is_joined():
    def through_a_product(x, w):
        a = ops.exp(x) + 1.0
        return ops.matmul(a, w) * a + ops.tanh(a)

    specs = (Spec((3, 3), "float64"), Spec((3, 3), "float64"))
    graph = passes.prepare(trace(through_a_product, specs))
    found = verify(fuse(graph, kernels.LOOPS)).count()
    assert found == {"fusion": 2, "dot_general": 1, "constant": 1}


def test_what_was_joined_across_a_node_is_waited_for_as_a_whole():
    """tanh(y) + a waits for a, so for b, whose second use waits for tanh(y)."""

    def crossed(x, y):
        b = ops.exp(x)
        a, u = ops.sum(b), ops.tanh(y)
        return b * ops.sum(u), u + a

    specs = (Spec((3,), "float64"), Spec((4,), "float64"))
    graph = passes.prepare(trace(crossed, specs))
    fused = verify(fuse(graph, kernels.LOOPS))
    assert fused.count()["fusion"] == 1
    x, y = np.ones(3), np.ones(4)
    for a, b in zip(fused.evaluate(x, y), graph.evaluate(x, y), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_optimizers_step_is_one_pass_in_the_variables_own_memory():
    w, v = (Variable(np.ones((40, 30)), name=n) for n in "wv")
    with Trace("update") as t:
        g = t.input(Spec((40, 30), "float64"), "g")
        inputs = (w.value, g, v.value, ops.array(0.1, "float64"))
        new = bind(OPS["rmsprop_update"], inputs, {"rho": 0.9, "epsilon": 1e-7})
        w.assign(new[0])
        v.assign(new[1])
        graph = t.finish([])
    program = Program(graph)
    text = program.kernel_source
    calls = [x for x in text.splitlines() if x.startswith("    fused")]
    assert len(calls) == 1
    assert (
        "buffer(" not in text.partition("def step(")[0].partition("reshape(shape)")[2]
    )
    given = np.random.default_rng(0).normal(size=(40, 30))
    kept = v.numpy() * 0.9 + 0.1 * given**2
    step = np.array(1.0) - 0.1 * given / np.sqrt(kept + 1e-7)
    program(given)
    np.testing.assert_allclose(w.numpy(), step, rtol=1e-14)
    np.testing.assert_allclose(v.numpy(), kept, rtol=1e-14)
