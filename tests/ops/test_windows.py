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


X, IMAGE = np.ones((2, 7, 4)), np.ones((2, 5, 6, 3))
REFUSED = [
    (lambda: ops.conv(X, np.ones((3, 3, 4, 2))), "as many axes"),
    (lambda: ops.conv(X, np.ones((3, 3, 2))), "with 1 groups"),
    (lambda: ops.conv(X, np.ones((3, 4, 2)), padding="causal"), "'causal'"),
    (lambda: ops.conv(X, np.ones((3, 4, 2)), strides=(1, 1)), "strides=(1, 1)"),
    (lambda: ops.conv(X, np.ones((3, 4, 2)), dilation_rate="2"), "dilation_rate='2'"),
    (lambda: ops.conv(X, np.ones((8, 4, 2))), "larger than the padded input"),
    (lambda: ops.conv(X, np.ones((3, 4, 2)), data_format="last"), "'last'"),
    (lambda: ops.depthwise_conv(X, np.ones((3, 3, 2))), "has 4 channels"),
    (lambda: ops.conv_transpose(X, np.ones((3, 2, 3))), "has 4 channels"),
    (lambda: ops.conv_transpose(X, np.ones((3, 2, 4)), padding="full"), "'full'"),
    (
        lambda: ops.conv_transpose(X, np.ones((3, 2, 4)), output_padding=-1),
        "output_padding=-1",
    ),
    (
        lambda: ops.conv_transpose(
            X[:, :1], np.ones((2, 2, 4)), padding="same", output_padding=0
        ),
        "the sizes (0,)",
    ),
    (lambda: ops.max_pool(X[0], 2), "an input of shape (7, 4)"),
    (lambda: ops.max_pool(X, 8), "does not fit"),
    (lambda: ops.max_pool(IMAGE, (2, 2, 2)), "(2, 2, 2)"),
    (lambda: ops.average_pool(IMAGE, 2, padding="causal"), "'causal'"),
    (lambda: ops.average_pool(IMAGE, 0), "pool_size=0"),
    (lambda: ops.adaptive_max_pool(IMAGE, (2,)), "output_size=(2,)"),
    (lambda: ops.image.resize(X[0], (2, 2)), "(7, 4)"),
    (lambda: ops.image.resize(IMAGE, 4), "size=4"),
    (lambda: ops.image.resize(IMAGE, (4, 0)), "size=(4, 0)"),
    (lambda: ops.image.resize(IMAGE, (4, 4), "area"), "'area'"),
    (lambda: ops.image.resize(IMAGE, (4, 4), fill_mode="reflect"), "'reflect'"),
    (
        lambda: ops.image.resize(
            IMAGE, (4, 4), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True
        ),
        "both given",
    ),
]


@pytest.mark.parametrize(("function", "words"), REFUSED)
def test_what_does_not_fit_is_told(function, words):
    with pytest.raises(ValueError) as caught:
        function()
    assert len(str(caught.value).splitlines()) == 3
    assert words in str(caught.value)


def test_padding_with_pairs_is_that_of_every_window():
    x = RNG.normal(size=(1, 5, 2))
    found = np.asarray(ops.average_pool(x, 3, 2, ((2, 0),)))
    total, count = np.asarray(ops.window_sum(x, 3, 2, ((2, 0),))), [[1], [3], [3]]
    np.testing.assert_allclose(found[0], total[0] / count)
