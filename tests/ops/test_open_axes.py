"""Shapes of operations on symbolic tensors whose axes are open.

What is expected is what NumPy gives for every size that an open axis may have: a size
that is always the same is known, and one that differs is None.
"""

import itertools

import numpy as np
import pytest

from cornu import KerasTensor, Model, layers, ops

SIZES = range(1, 7)


def by_trying(function, *shapes):
    """The shape of what `function` gives, whatever the open sizes are."""
    places = [
        (i, j) for i, s in enumerate(shapes) for j, n in enumerate(s) if n is None
    ]
    found = []
    for sizes in itertools.product(SIZES, repeat=len(places)):
        concrete = [list(s) for s in shapes]
        for (i, j), n in zip(places, sizes, strict=True):
            concrete[i][j] = n
        # The batch is never known to be one sample: what fits only then does not count.
        if 1 in sizes and len(places) > 1:
            continue
        try:
            found.append(np.shape(function(*[np.ones(s) for s in concrete])))
        except (ValueError, IndexError):
            continue
    assert found, "no size fits"
    return tuple(
        sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*found, strict=True)
    )


ONE = [
    ("reshape", (None, 3), ((3, 2),)),
    ("broadcast_to", (None, 3), ((4, 2, 3),)),
    ("transpose", (None, 3), ()),
    ("diagonal", (None, 3), ()),
    ("diag", (None, 3), (1,)),
    ("diag", (None,), ()),
    ("ravel", (None, 3), ()),
    ("tile", (None, 3), ((2, 2),)),
]


@pytest.mark.parametrize(("name", "shape", "args"), ONE, ids=str)
def test_one_open_tensor_gives_the_shape_that_numpy_gives(name, shape, args):
    found = getattr(ops, name)(KerasTensor(shape), *args)
    assert found.shape == by_trying(lambda x: getattr(np, name)(x, *args), shape)


def test_repeats_say_how_long_an_open_axis_is():
    found = ops.repeat(KerasTensor((None, 3)), [1, 2], axis=0)
    assert found.shape == by_trying(lambda x: np.repeat(x, [1, 2], axis=0), (None, 3))


KEYS = [
    np.s_[:5], np.s_[2:4], np.s_[-3:], np.s_[:, 1], np.s_[..., ::2], np.s_[:, None, 1:],
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_slice_of_an_open_axis_is_open(key):
    found = KerasTensor((None, 6))[key]
    assert found.shape == by_trying(lambda x: x[key], (None, 6))


TWO = [
    ("add", (None, 3), (2, None)),
    ("add", (None, 3), (None, 3)),
    ("maximum", (None, 4, 3), (4, None)),
    ("arctan2", (None, 1), (1, None)),
    ("matmul", (None, 3), (None, 4)),
    ("matmul", (2, None), (None, None)),
    ("inner", (None,), (3,)),
    ("dot", (None, 3), (None, 2)),
    ("cross", (2, 3), (None, 3)),
    ("tensordot", (None, 3, 4), (None, 4, 2)),
]


@pytest.mark.parametrize(("name", "a", "b"), TWO, ids=str)
def test_an_open_axis_that_meets_a_known_one_is_known(name, a, b):
    found = getattr(ops, name)(KerasTensor(a), KerasTensor(b))
    expected = by_trying(getattr(np, name), a, b)
    assert found.shape == expected


JOINED = [((None, 3), (None, None), 0), ((None, 3), (2, 3), 0), ((None, 3), (2, 4), 1)]


@pytest.mark.parametrize(("a", "b", "axis"), JOINED)
def test_joined_tensors_agree_in_the_other_axes(a, b, axis):
    found = ops.concatenate([KerasTensor(a), KerasTensor(b)], axis)
    expected = by_trying(lambda *xs: np.concatenate(xs, axis), a, b)
    assert found.shape == expected


def test_an_open_axis_can_be_split():
    parts = ops.split(KerasTensor((None, 3)), 4, axis=0)
    assert [p.shape for p in parts] == [(None, 3)] * 4


MISFITS = [
    (lambda x: ops.add(x, KerasTensor((2, 4))), (None, 3)),
    (lambda x: ops.reshape(x, (4, 4)), (None, 3)),
    (lambda x: ops.squeeze(x, 0), (None, 3)),
    (lambda x: ops.matmul(x, KerasTensor((4, 2))), (None, 3)),
    (lambda x: ops.concatenate([x, x], axis=None), (None, 3)),
    (lambda x: x[:, 7], (None, 3)),
]


@pytest.mark.parametrize(("function", "shape"), MISFITS)
def test_what_fits_for_no_size_is_told_with_the_open_size_as_none(function, shape):
    with pytest.raises(ValueError) as caught:
        function(KerasTensor(shape))
    message = str(caught.value)
    assert len(message.splitlines()) >= 3
    assert "251" not in message


def test_shape_and_size_answer_for_open_axes():
    x = KerasTensor((None, 3))
    assert ops.shape(x) == (None, 3)
    assert ops.size(KerasTensor((2, 3))) == 6
    total = ops.size(x)
    assert (total.shape, total.dtype) == ((), "int32")


def test_the_size_of_an_open_tensor_is_known_when_the_model_runs():
    x = layers.Input((3,))
    model = Model(x, x / ops.cast(ops.size(x), "float32"))
    y = model.predict(np.ones((4, 3)), verbose=0)
    np.testing.assert_allclose(y, np.full((4, 3), 1 / 12), rtol=1e-6)


def test_what_the_data_decides_is_open():
    x = KerasTensor((2, 3), "int32")
    assert [i.shape for i in ops.nonzero(x)] == [(None,), (None,)]
    values, index, inverse, counts = ops.unique(
        x, return_index=True, return_inverse=True, return_counts=True
    )
    assert values.shape == index.shape == counts.shape == (None,)
    assert inverse.shape == (2, 3)
    assert ops.bincount(x).shape == (2, None)
    assert ops.bincount(x, weights=KerasTensor((2, 3))).dtype == "float32"


def test_a_symbolic_tensor_needs_a_tuple_as_its_shape():
    with pytest.raises(ValueError, match=r"shape=3.*\n.*\nFor example \(3,\)"):
        KerasTensor(3)
