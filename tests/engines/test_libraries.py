"""Engines that run on other libraries: every operation as its definition has it.

Which engines are tried is said by what is installed: the rest is skipped by name. By
default one sample of each operation runs, and all of them with `make engines`.
"""

import numpy as np
import pytest

from cornu import engines, ops
from cornu.graph import OPS, Spec, trace
from cornu.graph.trace import bind
from tests.engines.test_programs import UNARY, arguments, graph_of
from tests.ops.samples import SAMPLES, all_samples

NAMES = sorted(set(engines.available()) - {"numpy"})
# What an engine has not, and why: for each a sentence in docs/engines.md.
GAPS = {
    # ONNX has no decompositions of matrices (`pinv` rests on one), and its `Unique`
    # neither takes equal elements apart that are NaN nor has a static shape.
    "cntk": {
        *("cholesky", "cofactor", "det", "eigh", "lu_factor", "pinv", "qr", "slogdet"),
        *("solve", "solve_triangular", "svd", "unique"),
    },
}


@pytest.fixture(params=NAMES)
def engine(request):
    try:
        return engines.get(request.param)
    except ImportError as error:
        pytest.skip(str(error).splitlines()[0])


def lacks(engine, graph):
    """Whether an operation of the graph is one of the stated gaps."""
    try:
        engine.prepared(graph)
    except NotImplementedError:
        names = {n.op.name for n in graph.nodes}
        assert names & GAPS.get(engine.name, set()), names
        return True
    return False


def compare(found, expected, specs):
    """The specs to the letter; the values to rounding.

    Libraries compute elementary functions by formulas of their own, each good to a few
    units in the last place.
    """
    for a, b, spec in zip(found, expected, specs, strict=True):
        assert (a.shape, a.dtype.name) == spec[:2]
        if b.dtype.kind != "f":
            np.testing.assert_array_equal(a, b)
            continue
        places = 1e-12 if b.dtype == np.float64 else 1e-5
        np.testing.assert_allclose(a, b, rtol=places, atol=places)


def turned(x):
    return ops.swapaxes(x, -1, -2)


def scaled(u, s, vh):
    k = s.shape[-1]
    return ops.matmul(u[..., :k] * s[..., None, :], vh[..., :k, :])


def unit(q):
    return ops.matmul(turned(q), q)


# Whose results are no numbers of their own: any basis of a space, any sign of a vector.
# What they make together is one, and so are the sizes.
FACTORS = {
    "eigh": lambda w, v: (w, scaled(v, w, turned(v)), unit(v)),
    "svd": lambda u, s, vh: (s, scaled(u, s, vh), unit(u), unit(turned(vh))),
    "qr": lambda q, r: (ops.matmul(q, r), unit(q)),
}


def run(engine, graph, arrays):
    if lacks(engine, graph):
        return
    expected = [np.asarray(a) for a in graph.evaluate(*arrays)]
    found = engine.compile(graph)(*arrays)
    compare(found, expected, [v.spec for v in graph.outputs])


def check(engine, op, sample):
    graph = graph_of(op, sample)
    if op.name in FACTORS:
        whole = FACTORS[op.name]
        graph = trace(
            lambda *xs: whole(*bind(op, xs, sample.params)), sample.specs, op.name
        )
    run(engine, graph, sample.inputs)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_one_call_of_each_operation(engine, name):
    if name not in OPS:
        pytest.skip("made by another test")
    check(engine, OPS[name], SAMPLES[name][-1])


@pytest.mark.slow
@pytest.mark.parametrize(("op", "sample"), all_samples())
def test_every_operation(engine, op, sample):
    check(engine, op, sample)


@pytest.mark.slow
@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_edge_values(engine, name, dtype):
    arrays = arguments(OPS[name], dtype)
    if arrays is None:
        pytest.skip("takes no floats")
    # Libraries let numbers below the smallest normal one be zero, and may divide by
    # multiplying with the inverse, which is below it for the largest.
    tiny = np.finfo(dtype).tiny
    arrays = [np.where(np.abs(a) < tiny, np.copysign(0, a), a) for a in arrays]
    arrays = [np.where(np.abs(a) * tiny > 1, a / 8, a) for a in arrays]
    specs = [Spec(a.shape, dtype) for a in arrays]
    run(engine, trace(lambda *xs: bind(OPS[name], xs, {}), specs, name), arrays)
