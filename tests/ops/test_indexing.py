"""Indexing a tensor beside indexing an array: all kinds of keys, in all orders."""

import itertools

import numpy as np
import pytest

from cornu import KerasTensor, ops
from cornu.graph import GradientTape

X = np.arange(2 * 3 * 4.0).reshape(2, 3, 4)
PARTS = [
    1, -1, slice(None), slice(0, 2), None, [0, 1], np.array([[1], [0]]), Ellipsis,
    np.array([1, -1]),
]  # fmt: skip


def keys_of(length):
    for key in itertools.product(PARTS, repeat=length):
        if sum(part is Ellipsis for part in key) > 1:
            continue
        try:
            yield key, X[key]
        except IndexError:  # too many of them
            continue


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_keys_in_every_order_pick_what_numpy_picks(length):
    cases = list(keys_of(length))
    assert len(cases) >= len(PARTS)
    for key, expected in cases:
        found = np.asarray(ops.get_item(X, key))
        assert found.shape == expected.shape, key
        assert (found == expected).all(), key


def test_a_boolean_mask_picks_where_it_is_true():
    x = ops.convert_to_tensor(X)
    for mask in (X > 7, X[..., 0] > 7, X[:, 0, 0] > 7, X < 0):
        np.testing.assert_array_equal(x[mask], X[mask])
    rows = np.array([True, False])
    np.testing.assert_array_equal(x[rows, :, 1:], X[rows, :, 1:])


def test_the_gradient_goes_to_what_was_picked():
    x = ops.convert_to_tensor(X)
    rows, columns = np.array([0, 1, 1]), np.array([2, 0, 0])
    with GradientTape() as tape:
        tape.watch(x)
        total = ops.sum(x[rows, columns])
    expected = np.zeros_like(X)
    np.add.at(expected, (rows, columns), 1.0)
    np.testing.assert_array_equal(tape.gradient(total, x), expected)


@pytest.mark.parametrize(
    "key", [([0, 1], [0, 2]), (slice(None), [0, 1], [2, 0]), ([[0], [1]], [2, 0])]
)
def test_a_symbolic_tensor_has_the_shape_that_numpy_gives(key):
    assert KerasTensor((2, 3, 4))[key].shape == X[key].shape


def test_a_mask_that_is_not_known_is_refused():
    mask = KerasTensor((2, 3, 4), "bool")
    with pytest.raises(TypeError, match="boolean mask"):
        KerasTensor((2, 3, 4))[mask]


@pytest.mark.parametrize("key", [([0, 2], [0, 0]), (slice(None), [0, 0], [4, 0])])
def test_an_index_out_of_range_is_told(key):
    with pytest.raises(IndexError, match="size"):
        ops.get_item(X, key)
