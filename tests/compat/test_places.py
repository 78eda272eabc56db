"""K.local_conv1d, K.local_conv2d and K.resize_images, beside plain loops."""

import itertools

import numpy as np
import pytest

from cornu import backend as K

RNG = np.random.default_rng(4)
FIRST, LAST = "channels_first", "channels_last"


def local(x, kernel, window, steps, layout):
    """Each window, flattened in its layout, times the kernel of its place."""
    batch = len(x)
    axes = x.shape[2:] if layout == FIRST else x.shape[1:-1]
    counts = [(n - k) // s + 1 for n, k, s in zip(axes, window, steps, strict=True)]
    found = np.zeros((batch, *counts, kernel.shape[2]))
    for number, place in enumerate(itertools.product(*map(range, counts))):
        cut = tuple(
            slice(p * s, p * s + k)
            for p, s, k in zip(place, steps, window, strict=True)
        )
        inside = x[(slice(None), slice(None), *cut)] if layout == FIRST else x[:, *cut]
        found[:, *place] = inside.reshape(batch, -1) @ kernel[number]
    return np.moveaxis(found, -1, 1) if layout == FIRST else found


def drawn(sizes, window, steps, layout):
    shape = (2, 3, *sizes) if layout == FIRST else (2, *sizes, 3)
    counts = [(n - k) // s + 1 for n, k, s in zip(sizes, window, steps, strict=True)]
    kernel = RNG.normal(size=(np.prod(counts), np.prod(window) * 3, 4))
    return RNG.normal(size=shape), kernel, tuple(counts)


@pytest.mark.parametrize("layout", [FIRST, LAST])
@pytest.mark.parametrize(("window", "step"), [(1, 1), (3, 1), (2, 2), (3, 4)])
def test_sequences(window, step, layout):
    x, kernel, _ = drawn((9,), (window,), (step,), layout)
    expected = local(x, kernel, (window,), (step,), layout)
    for given in ((window, step), ((window,), [step])):
        found = K.local_conv1d(x, kernel, *given, layout)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("layout", [FIRST, LAST])
@pytest.mark.parametrize(
    ("window", "steps"), [((1, 1), (1, 1)), ((2, 3), (1, 2)), ((3, 3), (3, 1))]
)
def test_images(window, steps, layout):
    x, kernel, counts = drawn((6, 7), window, steps, layout)
    expected = local(x, kernel, window, steps, layout)
    for shape in (counts, list(counts), None):
        found = K.local_conv2d(x, kernel, window, steps, shape, layout)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_on_symbolic_tensors_and_with_gradients():
    x, kernel, counts = drawn((4, 5), (2, 2), (1, 1), LAST)
    x, kernel = x.astype("float32"), K.variable(kernel)
    entry = K.placeholder((None, 4, 5, 3))
    y = K.local_conv2d(entry, kernel, (2, 2), (1, 1), counts, LAST)
    assert y.shape == (None, 3, 4, 4)
    [slope] = K.gradients(K.sum(y * y), [entry])
    found, slope = K.function([entry], [y, slope])([x])
    weights = K.get_value(kernel).astype("f8")
    expected = local(x.astype("f8"), weights, (2, 2), (1, 1), LAST)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    h = RNG.normal(size=x.shape) * 1e-4
    ends = [
        (local(x + s * h, weights, (2, 2), (1, 1), LAST) ** 2).sum() for s in (1, -1)
    ]
    assert np.sum(slope * h) == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, k: K.local_conv1d(x[0], k, 2, 1),
        lambda x, k: K.local_conv1d(x, k[1:], 2, 1),
        lambda x, k: K.local_conv1d(x, k[:, 1:], 2, 1),
        lambda x, k: K.local_conv1d(x, k, 2, 1, FIRST),
        lambda x, k: K.local_conv2d(x[:, None], k, (1, 2), (1, 1), (2, 4)),
        lambda x, k: K.resize_images(x[..., None], 2, 2, LAST, "nearst"),
    ],
)
def test_what_does_not_fit_is_told(call):
    x, kernel, _ = drawn((9,), (2,), (1,), LAST)
    with pytest.raises(ValueError, match=r"^K\.\w+ was given .*\nExpected .*\n.+$"):
        call(x, kernel)


# Larger images


def bell(x):
    return np.exp(-0.5 * (x / 0.5) ** 2) if x < 1.5 else 0.0


def mitchell(x, b=1 / 3, c=1 / 3):
    if x < 1:
        near = (12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b
        return near / 6
    if x < 2:
        far = (-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x
        return (far + 8 * b + 24 * c) / 6
    return 0.0


@pytest.mark.parametrize(
    ("name", "kernel"), [("gaussian", bell), ("mitchellcubic", mitchell)]
)
@pytest.mark.parametrize("layout", [FIRST, LAST])
def test_images_by_a_kernel(name, kernel, layout):
    x = RNG.normal(size=(2, 3, 4, 5) if layout == FIRST else (2, 4, 5, 3))
    axes = (2, 3) if layout == FIRST else (1, 2)
    expected = x
    for axis, factor in zip(axes, (2, 3), strict=True):
        lines, n = np.moveaxis(expected, axis, 0), x.shape[axis]
        rows = []
        for i in range(n * factor):
            center = (i + 0.5) / factor - 0.5
            parts = np.array([kernel(abs(center - j)) for j in range(n)])
            rows.append(np.tensordot(parts / parts.sum(), lines, 1))
        expected = np.moveaxis(np.array(rows), 0, axis)
    found = K.resize_images(x, 2, 3, layout, name)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    entry = K.placeholder((None, *x.shape[1:]))
    y = K.resize_images(entry, 2, 3, layout, name)
    assert y.shape == (None, *expected.shape[1:])
    [found] = K.function([entry], [y])([x.astype("float32")])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_images_by_areas():
    x = np.arange(12).reshape(1, 2, 3, 2)
    found = K.resize_images(x, 2, 3, LAST, "area")
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, x.repeat(2, 1).repeat(3, 2))
    assert K.resize_images(x.astype("int32"), 2, 3, LAST).dtype == "int32"
