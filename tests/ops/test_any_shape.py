"""Slicing, broadcasting and reducing of arrays of any shape, against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cornu import ops
from cornu.engines.numpy import Program
from cornu.graph import GradientTape, Spec, SymbolicTensor, Tensor, trace
from cornu.graph.symbolic import replay, symbols

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def array_of(shape, dtype="float64"):
    n = int(np.prod(shape))
    return np.arange(n, dtype=dtype).reshape(shape) - n // 2


def in_every_mode(function, *arrays):
    """The results of a function eager, traced, compiled, and on symbolic tensors."""
    tensors = [Tensor(a) for a in arrays]
    yield function(*tensors).numpy()
    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    graph = trace(function, specs)
    (found,) = graph.evaluate(*arrays)
    yield np.asarray(found)
    yield from Program(graph)(*arrays)
    stand_ins = [SymbolicTensor(a.shape, a.dtype.name) for a in arrays]
    symbol = function(*stand_ins)
    table = {id(s): t for s, t in zip(stand_ins, tensors, strict=True)}
    with symbols(table):
        (found,) = replay([symbol], table)
    assert isinstance(symbol, SymbolicTensor)
    assert (symbol.shape, symbol.dtype) == (found.shape, found.dtype)
    yield found.numpy()


def equal_everywhere(function, expected, *arrays):
    for found in in_every_mode(function, *arrays):
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


# Slicing


@st.composite
def shape_and_index(draw):
    shape = draw(SHAPES)
    index = draw(
        hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True, max_dims=6)
    )
    return shape, index


@given(shape_and_index())
@settings(max_examples=120)
def test_basic_indexing_is_numpys(case):
    shape, index = case
    x = array_of(shape)
    equal_everywhere(lambda t: t[index], x[index], x)


@given(shape_and_index())
@settings(max_examples=60)
def test_the_gradient_of_a_slice_goes_where_it_was_taken(case):
    shape, index = case
    x = Tensor(array_of(shape))
    expected = np.zeros(shape)
    expected[index] += 1 + np.arange(expected[index].size).reshape(
        expected[index].shape
    )
    with GradientTape() as tape:
        y = x[index]
    weights = 1.0 + np.arange(y.size, dtype="float64").reshape(y.shape)
    found = tape.gradient(y, x, output_gradients=weights)
    np.testing.assert_array_equal(
        ops.zeros_like(x) if found is None else found, expected
    )


@st.composite
def shape_and_array_index(draw):
    """Slices and integers, and one array (or list) of integers at one axis."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    axis = draw(st.integers(0, len(shape) - 1))
    n = shape[axis]
    picked = draw(
        hnp.arrays(
            np.int32,
            hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
            elements=st.integers(-n, n - 1),
        )
    )
    before = [draw(st.slices(m)) for m in shape[:axis]]
    after = [draw(st.slices(m)) for m in shape[axis + 1 :]]
    return shape, (*before, picked, *after)


@given(shape_and_array_index())
@settings(max_examples=80)
def test_one_array_of_integers_picks_as_numpys(case):
    shape, index = case
    x = array_of(shape)
    equal_everywhere(lambda t: t[index], x[index], x)
    picked = next(part for part in index if isinstance(part, np.ndarray))
    if picked.ndim == 1 and picked.size:
        as_list = tuple(p.tolist() if p is picked else p for p in index)
        equal_everywhere(lambda t: t[as_list], x[index], x)
    as_tensor = tuple(Tensor(p) if p is picked else p for p in index)
    np.testing.assert_array_equal(Tensor(x)[as_tensor], x[index])


def test_an_index_may_be_traced():
    x = array_of((4, 3))
    specs = Spec(x.shape, "float64"), Spec((2,), "int32")
    graph = trace(lambda t, i: t[i], specs)
    found = Program(graph)(x, np.array([3, -1], np.int32))
    np.testing.assert_array_equal(found[0], x[[3, -1]])
    with pytest.raises(IndexError):
        Program(graph)(x, np.array([4, 0], np.int32))
    with pytest.raises(IndexError):
        Program(graph)(x, np.array([-5, 0], np.int32))


def test_a_traced_index_beyond_its_row_does_not_pick_from_another():
    x = array_of((2, 3))
    specs = Spec(x.shape, "float64"), Spec((2, 1), "int32")
    program = Program(trace(lambda t, i: ops.take_along_axis(t, i, 1), specs))
    found = program(x, np.array([[2], [-3]], np.int32))
    np.testing.assert_array_equal(found[0], [[x[0, 2]], [x[1, 0]]])
    for wrong in (3, -4):
        with pytest.raises(IndexError):
            program(x, np.array([[wrong], [0]], np.int32))
        with pytest.raises(IndexError) as caught:
            ops.take_along_axis(x, np.array([[wrong], [0]]), 1)
        assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("index", "kind"),
    [
        ((0, 0, 0), IndexError),
        (2, IndexError),
        (-3, IndexError),
        ((slice(None), 3), IndexError),
        ((0, [0, 1], [1, 2]), (TypeError, IndexError)),
        (([0], [3]), IndexError),
        (([0, 1], [0, 1, 2]), ValueError),
        (True, TypeError),
        (np.array([True, False, True]), IndexError),
        (0.5, TypeError),
        ([0.5], TypeError),
        ("a", TypeError),
        ((Ellipsis, Ellipsis), IndexError),
        ([2], IndexError),
        ([-3], IndexError),
    ],
)
def test_what_is_no_index_is_told_in_three_parts(index, kind):
    with pytest.raises(kind) as caught:
        Tensor(array_of((2, 3)))[index]
    assert len(str(caught.value).splitlines()) == 3


def test_an_open_axis_stays_open_through_slices():
    x = SymbolicTensor((None, 6, 3))
    assert x[:, 0].shape == (None, 3)
    assert x[:, ::2, -1:].shape == (None, 3, 1)
    assert x[..., None].shape == (None, 6, 3, 1)
    assert x[:, [0, 5]].shape == (None, 2, 3)
    assert x[0].shape == (6, 3)


# Broadcasting

PAIRS = hnp.mutually_broadcastable_shapes(
    num_shapes=2, max_dims=4, min_side=0, max_side=4
)


@given(PAIRS)
@settings(max_examples=80)
def test_two_tensors_broadcast_as_numpys(pair):
    a, b = (array_of(s) for s in pair.input_shapes)
    b = b + 0.5
    equal_everywhere(lambda x, y: x * y + 1.0, a * b + 1.0, a, b)
    equal_everywhere(lambda x, y: x < y, a < b, a, b)


@given(PAIRS)
@settings(max_examples=40)
def test_cotangents_are_summed_over_what_was_repeated(pair):
    a, b = (Tensor(array_of(s)) for s in pair.input_shapes)
    with GradientTape() as tape:
        y = a * b
    ga, gb = tape.gradient(y, [a, b])
    assert ga.shape == a.shape
    assert gb.shape == b.shape
    full = np.ones(pair.result_shape)
    np.testing.assert_allclose(ga, summed_to(full * b.numpy(), a.shape))
    np.testing.assert_allclose(gb, summed_to(full * a.numpy(), b.shape))


def summed_to(x, shape):
    """By NumPy: the sum over axes that were added or stretched."""
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    for axis, n in enumerate(shape):
        if n == 1:
            x = x.sum(axis=axis, keepdims=True)
    return x


@given(st.tuples(SHAPES, SHAPES))
@settings(max_examples=60)
def test_what_does_not_broadcast_in_numpy_does_not_here(shapes):
    a, b = (array_of(s) for s in shapes)
    try:
        expected = a + b
    except ValueError:
        with pytest.raises(ValueError, match="do not fit together"):
            Tensor(a) + Tensor(b)
        with pytest.raises(ValueError, match="do not fit together"):
            trace(lambda x, y: x + y, [Spec(s, "float64") for s in shapes])
    else:
        np.testing.assert_array_equal(Tensor(a) + Tensor(b), expected)


# Reducing


@st.composite
def shape_and_axes(draw):
    shape = draw(SHAPES)
    n = len(shape)
    axes = st.lists(st.integers(-n, n - 1), unique_by=lambda a: a % n, max_size=n)
    axis = draw(st.none() | axes.map(tuple)) if n else None
    if axis and draw(st.booleans()):
        axis = axis[0]
    return shape, axis, draw(st.booleans())


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "any", "all"])
@given(case=shape_and_axes())
@settings(max_examples=30)
def test_reductions_are_numpys(name, case):
    shape, axis, keepdims = case
    x = array_of(shape)
    empty = any(shape[a] == 0 for a in np.arange(len(shape))[axis_index(axis)])
    if empty and name in ("max", "min"):
        with pytest.raises(ValueError, match="empty"):
            getattr(ops, name)(x, axis=axis, keepdims=keepdims)
        return
    with np.errstate(all="ignore"):
        if empty and name == "mean":
            out = np.sum(x, axis=axis, keepdims=keepdims)
            expected = np.full_like(out, np.nan)
        else:
            expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    reduce = getattr(ops, name)
    equal_everywhere(
        lambda t: reduce(t, axis=axis, keepdims=keepdims), np.asarray(expected), x
    )


def axis_index(axis):
    return slice(None) if axis is None else list(np.atleast_1d(np.array(axis, int)))


# Moving


@given(st.data())
@settings(max_examples=40)
def test_moves_are_numpys(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3))
    x = array_of(shape)
    order = data.draw(st.permutations(range(x.ndim)))
    flipped = data.draw(st.lists(st.sampled_from(range(x.ndim)), unique=True))
    times = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=x.ndim + 1))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    equal_everywhere(lambda t: ops.transpose(t, order), np.transpose(x, order), x)
    equal_everywhere(lambda t: ops.flip(t, flipped), np.flip(x, flipped), x)
    equal_everywhere(lambda t: ops.tile(t, times), np.tile(x, times), x)
    equal_everywhere(lambda t: ops.repeat(t, 2, axis), np.repeat(x, 2, axis), x)
    equal_everywhere(
        lambda t: ops.concatenate([t, t[::-1]], axis),
        np.concatenate([x, x[::-1]], axis),
        x,
    )
    equal_everywhere(lambda t: ops.stack([t, t], axis), np.stack([x, x], axis), x)


@given(st.data())
@settings(max_examples=40)
def test_products_are_einsums(data):
    """dot_general with any batch, free and contracted axes, in any order."""
    letters = "abcdef"
    sizes = dict(
        zip(letters, data.draw(st.permutations([1, 2, 3, 2, 3, 0])), strict=True)
    )
    batch, contracted = letters[: data.draw(st.integers(0, 2))], letters[2:4]
    contracted = contracted[: data.draw(st.integers(0, 2))]
    left = data.draw(st.permutations(batch + contracted + "e"))
    right = data.draw(st.permutations(batch + contracted + "f"))
    x, y = (array_of([sizes[c] for c in side]) for side in (left, right))
    expected = np.einsum(f"{''.join(left)},{''.join(right)}->{batch}ef", x, y)
    axes = [[side.index(c) for c in contracted] for side in (left, right)]
    groups = [[side.index(c) for c in batch] for side in (left, right)]
    for found in list(
        in_every_mode(lambda a, b: ops.dot_general(a, b, axes, groups), x, y)
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
