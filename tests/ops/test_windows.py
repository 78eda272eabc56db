"""Convolution, pooling, gather and scatter against loops by the definition."""

import itertools

import numpy as np
import pytest
import scipy.signal

from cornu import ops
from cornu.graph import OPS, GradientTape
from tests.ops.samples import SAMPLES
from tests.ops.samples_networks import CONVOLUTIONS

RNG = np.random.default_rng(2)


def by_definition(x, w, strides, padding, dilation, groups):
    """y[b, p, f]: the sum over taps t and channels c of x[b, ps + td, c] w[t, c, f]."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    window, cin, filters = w.shape[:-2], w.shape[-2], w.shape[-1]
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    places = [
        (n - r) // s + 1 for n, r, s in zip(x.shape[1:-1], reach, strides, strict=True)
    ]
    y = np.zeros((x.shape[0], *places, filters))
    for b, *p, f in np.ndindex(*y.shape):
        group = f // (filters // groups)
        for *tap, c in np.ndindex(*window, cin):
            at = [i * s + t * d for i, s, t, d in zip(p, strides, tap, dilation)]
            y[(b, *p, f)] += x[(b, *at, group * cin + c)] * w[(*tap, c, f)]
    return y


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution(case):
    x, w, strides, padding, dilation, groups = case
    x, w = RNG.normal(size=x), RNG.normal(size=w)
    found = ops.conv_general(x, w, strides, padding, dilation, groups)
    np.testing.assert_allclose(found, by_definition(x, w, *case[2:]), atol=1e-12)


def test_convolution_is_correlation():
    x, w = RNG.normal(size=(9, 8)), RNG.normal(size=(3, 2))
    for padding, mode in (("valid", "valid"), (((2, 2), (1, 1)), "full")):
        found = ops.conv_general(x[None, :, :, None], w[:, :, None, None], 1, padding)
        expected = scipy.signal.correlate2d(x, w, mode)
        np.testing.assert_allclose(np.asarray(found)[0, :, :, 0], expected, atol=1e-12)


@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("size", [5, 6, 7])
@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_padding_same_gives_a_place_per_stride(size, window, strides, dilation):
    """ceil(size / stride) places, and the odd one of padding comes at the end."""
    x, w = RNG.normal(size=(1, size, 1)), RNG.normal(size=(window, 1, 1))
    found = ops.conv_general(x, w, strides, "same", dilation)
    places = -(-size // strides)
    assert found.shape == (1, places, 1)
    total = max(0, (places - 1) * strides + (window - 1) * dilation + 1 - size)
    padding = ((total // 2, total - total // 2),)
    expected = by_definition(x, w, (strides,), padding, (dilation,), 1)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def windows(x, window, strides, padding, beyond):
    """Each window's values, `beyond` where it reaches over the edge."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=beyond)
    places = [
        (n - k) // s + 1 for n, k, s in zip(x.shape[1:-1], window, strides, strict=True)
    ]
    for place in itertools.product(*map(range, places)):
        index = [slice(p * s, p * s + k) for p, s, k in zip(place, strides, window)]
        yield place, x[(slice(None), *index)]


POOLS = [
    ((2, 6, 3), (2,), (2,), ((0, 0),)),
    ((1, 7, 2), (3,), (2,), ((1, 2),)),
    ((2, 4, 5, 2), (2, 2), (2, 1), ((0, 0), (1, 0))),
    ((1, 5, 6, 2), (3, 2), (1, 2), ((1, 1), (0, 1))),
]


@pytest.mark.parametrize(("shape", "window", "strides", "padding"), POOLS)
def test_pooling(shape, window, strides, padding):
    x = RNG.normal(size=shape) - 3.0  # negative: zeros of the padding must not win
    axes = tuple(range(1, len(shape) - 1))
    largest = np.asarray(ops.max_windows(x, window, strides, padding))
    for place, values in windows(x, window, strides, padding, -np.inf):
        found = largest[(slice(None), *place)]
        np.testing.assert_array_equal(found, values.max(axis=axes))
    total = np.asarray(ops.window_sum(x, window, strides, padding))
    for place, values in windows(x, window, strides, padding, 0.0):
        found = total[(slice(None), *place)]
        np.testing.assert_allclose(found, values.sum(axis=axes), atol=1e-12)
    assert largest.shape == total.shape


def test_the_first_of_equals_gets_the_gradient():
    x = ops.convert_to_tensor(np.array([2.0, 2.0, 1.0, np.nan]).reshape(1, 4, 1))
    with GradientTape() as tape:
        y = ops.max_windows(x, 2)
    assert np.asarray(y).ravel().tolist()[0] == 2
    assert np.isnan(np.asarray(y).ravel()[1])
    assert np.asarray(tape.gradient(y, x)).ravel().tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("sample", SAMPLES["scatter_add"], ids=lambda s: s.label)
def test_scatter_add(sample):
    x, indices, updates = sample.inputs
    axis = sample.params["axis"]
    expected = np.moveaxis(x.copy(), axis, 0)
    parts = updates.reshape(*x.shape[:axis], indices.size, *x.shape[axis + 1 :])
    for i, part in zip(indices.ravel(), np.moveaxis(parts, axis, 0), strict=True):
        expected[i] = expected[i] + part
    found = OPS["scatter_add"].numpy(*sample.inputs, axis=axis)
    np.testing.assert_allclose(found, np.moveaxis(expected, 0, axis))
    # Negative indices count from the end, here as in NumPy.
    back = ops.scatter_add(x, indices - x.shape[axis], updates, axis)
    np.testing.assert_array_equal(back, found)


def test_gather_with_negative_indices():
    x = RNG.normal(size=(4, 3))
    np.testing.assert_array_equal(
        ops.take(x, [[-1, 0], [3, -4]], 0), x[[[-1, 0], [3, 0]]]
    )
