"""What is the `cntk` engine's own; all of it that engines share is tested beside."""

import numpy as np
import pytest

from cornu import ops
from cornu.graph import OPS, Spec, trace
from tests.engines.test_programs import graph_of
from tests.ops.samples import SAMPLES

cntk = pytest.importorskip("cornu.engines.cntk")
ENGINE = cntk.CntkEngine()


def found(function, *arrays):
    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    return ENGINE.compile(trace(function, specs))(*arrays)


def narrow(op, sample, dtype):
    arrays = [a.astype(dtype) if a.dtype == "float64" else a for a in sample.inputs]
    graph = graph_of(op, sample._replace(inputs=tuple(arrays)))
    return graph.evaluate(*arrays), ENGINE.compile(graph)(*arrays)


@pytest.mark.parametrize("name", ["conv", "conv_input_grad", "conv_kernel_grad"])
def test_convolution_in_float32_has_kernels_of_its_own(name):
    for sample in SAMPLES[name]:
        expected, given = narrow(OPS[name], sample, "float32")
        np.testing.assert_allclose(given[0], expected[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm_sequence_grad", "simple_rnn_sequence_grad"])
def test_what_a_body_returns_and_reads_is_not_lost(name):
    expected, given = narrow(OPS[name], SAMPLES[name][0], "float32")
    for a, b in zip(given, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_a_factor_that_float32_takes_for_1_counts_in_float64():
    x = np.array([3.0])
    (y,) = found(lambda x: (abs(x) * (1 + 1e-9)) + 1e-50, x)
    assert y[0] == 3.0 * (1 + 1e-9)
    assert found(lambda x: abs(x) + 1e-50, 0 * x)[0][0] == 1e-50


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", [0, 1, -1])
def test_extremes_are_nan_where_an_element_is(dtype, place):
    x = np.arange(33.0).astype(dtype)
    x[place] = np.nan
    results = found(lambda x: [ops.max(x), ops.min(x), ops.argmax(x)], x)
    assert np.isnan(results[:2]).all()
    assert results[2] == np.argmax(x)


def test_a_number_of_float16_equals_itself():
    x = np.array([0.4197, 0.5947, 0.5205], np.float16)

    def shares(x):
        share = x / ops.sum(x)
        return ops.equal(share, ops.maximum(share, 1e-7))

    assert found(shares, x)[0].all()


def test_no_update_of_a_place_is_lost():
    x, n = np.zeros((3, 2)), 50_000
    places = np.full(n, 1, np.int32)
    (y,) = found(lambda x, i: ops.scatter_add(x, i, np.ones((n, 2))), x, places)
    np.testing.assert_array_equal(y, [[0, 0], [n, n], [0, 0]])


def test_bfloat16_is_refused():
    graph = trace(lambda x: x + x, [Spec((2,), "bfloat16")])
    with pytest.raises(NotImplementedError, match="bfloat16"):
        ENGINE.compile(graph)


def test_numbers_that_are_not_there_are_told():
    graph = trace(
        lambda x, i: ops.take(x, i, axis=0),
        [Spec((4,), "float64"), Spec((2,), "int32")],
    )
    program = ENGINE.compile(graph)
    with pytest.raises(IndexError, match="from 0 to 3"):
        program(np.zeros(4), np.array([1, 4], np.int32))
