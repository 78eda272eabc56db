"""Convolution and pooling in programs: block by block, in any layout, with any bits."""

import numpy as np
import pytest

from cornu import ops
from cornu.engines.numpy import Program, lowerings
from cornu.graph import OPS, Spec, Trace, gradients, trace
from cornu.graph.trace import bind

RNG = np.random.default_rng(8)
CASES = {
    # input, kernel, arguments
    "plain": ((5, 6, 7, 3), (3, 2, 3, 4), {}),
    "padded": ((5, 6, 7, 3), (3, 2, 3, 4), {"padding": ((1, 0), (2, 3)), "strides": 2}),
    "groups": ((5, 7, 6), (3, 2, 9), {"groups": 3, "padding": "same"}),
    "apart": ((5, 7, 4), (3, 1, 8), {"groups": 4, "strides": 2}),
    "apart, padded": ((5, 6, 5, 3), (2, 3, 1, 3), {"groups": 3, "padding": "same"}),
    "many channels": ((5, 6, 16), (2, 16, 3), {"dilation": 2}),
}


def with_gradients(shape, kernel, params):
    """The graph of a convolution and of both its gradients, along a cotangent."""
    with Trace() as t:
        x, w = (t.input(Spec(n, "float64"), "x") for n in (shape, kernel))
        y = ops.conv_general(x, w, **params)
        g = t.input(y.spec, "g")
        return t.finish([y, *gradients(ops.sum(y * g), [x, w])])


@pytest.mark.parametrize("nbytes", [0, 1500, 2**24])
@pytest.mark.parametrize("name", CASES)
def test_convolution_in_blocks(monkeypatch, name, nbytes):
    """One sample at a time, a few (and a rest of another number), or all at once."""
    monkeypatch.setattr(lowerings, "_MANY_BYTES", nbytes)
    monkeypatch.setattr(lowerings, "_FEW_BYTES", nbytes)
    graph = with_gradients(*CASES[name])
    arrays = [RNG.normal(size=v.shape) for v in graph.inputs]
    program = Program(graph)
    expected = graph.evaluate(*arrays)
    for _ in range(2):
        for a, b in zip(program(*arrays), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    for turned in (
        [a[::-1][::-1] for a in arrays],
        [np.asfortranarray(a) for a in arrays],
    ):
        for a, b in zip(program(*turned), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_what_a_block_needs_is_bounded():
    """However many samples there are, windows are copied for a few at a time."""
    shape, kernel = (64, 64, 64, 32), (3, 3, 32, 8)
    copied = 64 * 62 * 62 * 3 * 3 * 32 * 4
    graph = trace(ops.conv_general, (Spec(shape, "float32"), Spec(kernel, "float32")))
    assert Program(graph)._source.nbytes < copied / 10


def test_a_window_of_one_element_is_a_product():
    x, w = Spec((2, 5, 5, 3), "float32"), Spec((1, 1, 3, 4), "float32")
    graph = trace(lambda x, w: ops.conv_general(x, w, 2), (x, w))
    assert "conv" not in graph.count()
    assert graph.count()["dot_general"] == 1


# Pooling


def put(g, places, **params):
    sizes = tuple(n * 2 for n in g.shape[1:-1])
    params = {"window": (2,), "strides": (2,), "padding": ((0, 0),), **params}

    def function(g, p):
        return bind(OPS["window_put"], (g, p), {"sizes": sizes, **params})

    specs = [Spec(a.shape, a.dtype.name) for a in (g, places)]
    return Program(trace(function, specs))(g, places)[0]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_infinities_and_nan_are_put_in_one_place_only(dtype):
    g = np.array([np.inf, -np.inf, np.nan, -0.0, 1.0], dtype).reshape(1, 5, 1)
    places = np.array([0, 1, 0, 1, 1], np.int8).reshape(1, 5, 1)
    found = put(g, places).reshape(5, 2)
    for row, value, place in zip(found, g.ravel(), places.ravel(), strict=True):
        np.testing.assert_array_equal(row[place], value)
        assert row[1 - place] == 0


def test_the_gradient_of_a_maximum_in_a_program():
    """Of equals the first; of windows with NaN the first NaN; never what is padded."""
    inf, nan = np.inf, np.nan
    for x, expected in (
        ([2, 2, 1, nan, nan, 0, -inf, -inf], [1, 0, 0, 2, 0, 1, 0, 0]),
        ([-inf, -inf, -inf, -inf, -inf, 3, 3, 1], [1, 1, 0, 0, 0, 2, 0, 0]),
    ):
        with Trace() as t:
            value = t.input(Spec((1, 8, 1), "float64"), "x")
            y = ops.max_windows(value, 3, 2, ((1, 1),))
            graph = t.finish(gradients(ops.sum(y), [value]))
        (found,) = Program(graph)(np.array(x, float).reshape(1, 8, 1))
        assert found.ravel().tolist() == expected


@pytest.mark.parametrize("window", [(5, 4), (3, 7)])
def test_many_taps_are_reduced_axis_by_axis_with_the_same_gradient(window):
    """Ties go to the first in the order of the taps, as with all taps at once."""
    x = RNG.integers(0, 3, (2, 11, 12, 2)).astype(float)
    params = {"window": window, "strides": (2, 3), "padding": ((1, 2), (0, 3))}

    def gradient(pool):
        with Trace() as t:
            value = t.input(Spec(x.shape, "float64"), "x")
            y = pool(value)
            weights = np.arange(y.spec.size, dtype=float).reshape(y.shape)
            graph = t.finish([y, *gradients(ops.sum(y * weights), [value])])
        return graph, Program(graph)(x)

    graph, by_axes = gradient(lambda v: ops.max_windows(v, **params))
    _, at_once = gradient(lambda v: bind(OPS["window_max"], (v,), params))
    assert graph.count()["window_max"] == 2
    for a, b in zip(by_axes, at_once, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_no_window_sees_gets_nothing_whatever_was_in_memory():
    """Padding before the first element moves all windows away from the last."""
    x = RNG.normal(size=(2, 8, 3))
    with Trace() as t:
        value = t.input(Spec(x.shape, "float64"), "x")
        y = ops.max_windows(value, 4, 4, ((1, 2),))
        graph = t.finish(gradients(ops.sum(y), [value]))
    for kernels in (False, True):
        program = Program(graph, kernels)
        program(x)
        program.arena.memory(0)[:] = 255
        (found,) = program(x)
        assert not found[:, 7].any()
        assert found.sum() == 2 * 2 * 3
