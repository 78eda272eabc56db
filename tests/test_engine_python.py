"""The loops that a learner would first write, against NumPy."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from cornu.engines import python as naive

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4), (0, 3), (2, 1, 3, 2)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
def test_relu(shape, dtype):
    x = (normal(*shape) * 5).astype(dtype)
    before = x.copy()
    z = naive.naive_relu(x)
    np.testing.assert_array_equal(z, np.maximum(x, 0))
    assert z.dtype == x.dtype
    np.testing.assert_array_equal(x, before)


def test_relu_edges():
    x = [np.nan, np.inf, -np.inf, -0.0]
    np.testing.assert_array_equal(naive.naive_relu(x), np.maximum(x, 0))


@pytest.mark.parametrize(
    "shapes",
    [
        ((), ()),
        ((4,), ()),
        ((3, 4), (3, 4)),
        ((3, 4), (4,)),
        ((3, 1), (4,)),
        ((64, 3, 1, 2), (3, 10, 2)),
        ((0, 3), (3,)),
        ((1,), (0,)),
    ],
)
def test_add(shapes):
    x, y = (normal(*shape) for shape in shapes)
    np.testing.assert_array_equal(naive.naive_add(x, y), x + y)
    np.testing.assert_array_equal(naive.naive_add(y, x), x + y)


def test_add_dtype():
    assert naive.naive_add(np.float32([1]), np.float64([1])).dtype == "float64"
    assert naive.naive_add([1], [2.5]).tolist() == [3.5]


def test_add_matrix_and_vector():
    x, y = normal(3, 4), normal(4)
    np.testing.assert_array_equal(naive.naive_add_matrix_and_vector(x, y), x + y)


@pytest.mark.parametrize(
    "shapes",
    [
        ((4,), (4,)),
        ((3, 4), (4,)),
        ((3, 4), (4, 5)),
        ((4,), (4, 5)),
        ((2, 3, 4), (4, 5)),
        ((2, 3, 4), (6, 4, 5)),
        ((2, 3, 4), (4,)),
        ((), (3, 4)),
        ((3, 4), ()),
        ((3, 0), (0, 2)),
        ((0, 3), (3, 2)),
    ],
)
def test_dot(shapes):
    x, y = (normal(*shape) for shape in shapes)
    z = naive.naive_matrix_dot(x, y)
    np.testing.assert_allclose(z, np.dot(x, y), rtol=1e-12, atol=1e-12)
    assert z.shape == np.dot(x, y).shape


def test_vector_and_matrix_vector_dot():
    x, y = normal(3, 4), normal(4)
    np.testing.assert_allclose(naive.naive_vector_dot(x[0], y), x[0] @ y, rtol=1e-12)
    np.testing.assert_allclose(
        naive.naive_matrix_vector_dot(x, y), np.dot(x, y), rtol=1e-12
    )
    assert naive.naive_vector_dot(np.float32([1]), np.float32([2])).dtype == "float32"


@pytest.mark.parametrize("shape", [(12,), (3, 4), (2, 2, 3), (-1,), (2, -1), 12, -1])
def test_reshape(shape):
    x = normal(4, 3)
    np.testing.assert_array_equal(naive.naive_reshape(x, shape), x.reshape(shape))


def test_reshape_to_and_from_a_number():
    assert naive.naive_reshape([[7]], ()).shape == ()
    assert naive.naive_reshape(7, (1, 1)).tolist() == [[7]]
    assert naive.naive_reshape(np.zeros((0, 3)), (3, 0)).shape == (3, 0)


@pytest.mark.parametrize("axes", [None, (0, 1, 2), (2, 0, 1), (0, -1, 1)])
def test_transpose(axes):
    x = normal(2, 3, 4)
    np.testing.assert_array_equal(naive.naive_transpose(x, axes), np.transpose(x, axes))


@pytest.mark.parametrize(
    "call",
    [
        lambda: naive.naive_add(normal(2, 3), normal(2)),
        lambda: naive.naive_add_matrix_and_vector(normal(2, 3), normal(2)),
        lambda: naive.naive_vector_dot(normal(2), normal(3)),
        lambda: naive.naive_vector_dot(normal(2, 2), normal(2)),
        lambda: naive.naive_matrix_vector_dot(normal(2, 3), normal(2)),
        lambda: naive.naive_matrix_dot(normal(2, 3), normal(2, 3)),
        lambda: naive.naive_reshape(normal(2, 3), (4, -1)),
        lambda: naive.naive_reshape(normal(2, 3), (-1, -1)),
        lambda: naive.naive_reshape(normal(2, 3), (-2, -3)),
        lambda: naive.naive_reshape(normal(2, 3), (0, -1)),
        lambda: naive.naive_transpose(normal(2, 3), (0, 0)),
        lambda: naive.naive_transpose(normal(2, 3), (0,)),
    ],
)
def test_errors_say_what_happened_what_was_expected_and_how_to_fix_it(call):
    with pytest.raises(ValueError, match="naive_") as caught:
        call()
    assert len(str(caught.value).splitlines()) == 3


def test_a_dense_network_by_hand():
    x, kernel, bias = normal(2, 5), normal(5, 3), normal(3)
    z = naive.naive_relu(naive.naive_add(naive.naive_matrix_dot(x, kernel), bias))
    np.testing.assert_allclose(z, np.maximum(x @ kernel + bias, 0), rtol=1e-12)


def test_the_file_stands_alone():
    """It runs without Cornu, so that it can be read, copied and stepped through."""
    text = Path(naive.__file__).read_text(encoding="utf-8")
    assert "cornu" not in text
    spec = importlib.util.spec_from_file_location("alone", naive.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.naive_vector_dot([1, 2], [3, 4]) == 11
