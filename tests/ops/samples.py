"""Samples of the elementary operations; those of windows, networks and control follow.

Import the table from here: then all of it is there.
"""

import numpy as np

from tests.ops.table import (
    SAMPLES,
    Sample,
    all_samples,
    away_from_zero,
    call,
    distinct,
    normal,
    rough,
    samples_of,
    whole,
)

__all__ = ["SAMPLES", "Sample", "all_samples"]

SHAPES = ((), (5,), (2, 3), (1, 4, 1), (0,), (2, 0, 3))
PAIRS = (
    ((), ()),
    ((4,), (4,)),
    ((3,), ()),
    ((), (2, 2)),
    ((2, 3), (3,)),
    ((2, 1, 4), (3, 1)),
    ((1,), (5,)),
    ((0, 3), (1, 3)),
    ((2, 0), (1,)),
)

# Element by element


@samples_of("exp", "expm1", "sin", "cos", "tanh", "sigmoid", "erf", "softplus")
def _everywhere(rng, name):
    for shape in SHAPES:
        yield call(np.asarray(rng.uniform(-2.5, 2.5, shape)))


@samples_of("negative", "identity", "stop_gradient")
def _any_number(rng, name):
    for shape in SHAPES:
        yield call(np.asarray(rng.uniform(-2.5, 2.5, shape)))
    yield call(whole(rng, -9, 9, 2, 3))


@samples_of("log", "log1p", "sqrt")
def _positive(rng, name):
    for shape in SHAPES:
        yield call(np.asarray(rng.uniform(0.2, 3.0, shape)))


@samples_of("absolute", "sign", "relu")
def _kink_at_zero(rng, name):
    for shape in SHAPES:
        yield call(away_from_zero(rng, shape))
    yield call(whole(rng, -9, 9, 2, 3))


@samples_of("floor", "ceil", "round_to_even", "isfinite", "relu6")
def _steps(rng, name):
    for shape in SHAPES:
        yield call(whole(rng, -9, 9, *shape) + rng.uniform(0.1, 0.4, shape))
    yield rough(np.array([-2.5, -1.5, -0.5, -0.0, 0.5, 1.5, 2.5, 6.0]))


@samples_of("isfinite")
def _not_finite(rng, name):
    yield call(np.array([1.0, np.inf, -np.inf, np.nan]))
    yield call(whole(rng, 0, 3, 2))


@samples_of("logical_not")
def _boolean(rng, name):
    for shape in SHAPES:
        yield call(rng.random(shape) < 0.5)


@samples_of("bitwise_not")
def _bits(rng, name):
    for dtype in ("int32", "uint8", "int64", "uint32"):
        yield call(whole(rng, 0, 200, 3, dtype=dtype))
    yield call(np.array([True, False]))
    yield call(whole(rng, 0, 9))
    yield call(whole(rng, 0, 9, 0))


# Two tensors


@samples_of("add", "subtract", "multiply")
def _two(rng, name):
    for a, b in PAIRS:
        yield call(normal(rng, *a), normal(rng, *b))
    yield call(whole(rng, -9, 9, 2, 3), whole(rng, -9, 9, 3))


@samples_of("true_divide")
def _quotient(rng, name):
    for a, b in PAIRS:
        yield call(normal(rng, *a), away_from_zero(rng, b))


@samples_of("maximum", "minimum")
def _two_distinct(rng, name):
    for a, b in PAIRS:
        yield call(np.round(normal(rng, *a)), np.round(normal(rng, *b)) + 0.3)
    yield call(whole(rng, -3, 3, 2, 3), whole(rng, -3, 3, 3))


@samples_of("mod", "floor_divide")
def _division_with_rest(rng, name):
    for a, b in PAIRS:
        divisor = rng.choice([-2.0, 1.5, 3.0], b)
        yield call(
            whole(rng, -3, 4, *a) + rng.uniform(0.3, 0.4, a), np.asarray(divisor)
        )
    yield call(whole(rng, -9, 9, 2, 3), np.array([2, -3, 4], np.int32))


@samples_of("power")
def _powers(rng, name):
    for a, b in PAIRS:
        yield call(np.asarray(rng.uniform(0.3, 2.0, a)), normal(rng, *b))
    base, exponent = np.array([0.0, 0.0, 2.0]), np.array([2.0, 1.0, 0.0])
    yield rough(base, exponent)
    numbers = np.array([-2, -1, 0, 1, 2, 3], np.int32)
    yield call(numbers[:, None], numbers[None])


@samples_of("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
def _compare(rng, name):
    for a, b in PAIRS:
        yield call(
            whole(rng, 0, 3, *a).astype(float), whole(rng, 0, 3, *b).astype(float)
        )
    yield call(whole(rng, 0, 3, 2, 3), whole(rng, 0, 3, 3))
    yield call(rng.random(4) < 0.5, rng.random(4) < 0.5)


@samples_of("logical_and", "logical_or")
def _two_boolean(rng, name):
    for a, b in PAIRS:
        yield call(rng.random(a) < 0.5, rng.random(b) < 0.5)


@samples_of("bitwise_and", "bitwise_or", "bitwise_xor")
def _two_bits(rng, name):
    for a, b in PAIRS:
        yield call(whole(rng, 0, 99, *a), whole(rng, 0, 99, *b))
    yield call(
        whole(rng, 0, 200, 3, dtype="uint8"), whole(rng, 0, 200, 3, dtype="uint8")
    )
    yield call(rng.random(4) < 0.5, rng.random(4) < 0.5)


@samples_of("bitwise_left_shift", "bitwise_right_shift")
def _shifts(rng, name):
    for a, b in PAIRS:
        yield call(whole(rng, 0, 99, *a), whole(rng, 0, 9, *b))
    yield call(whole(rng, 0, 99, 3, dtype="int64"), whole(rng, 0, 40, 3, dtype="int64"))


@samples_of("where")
def _choice(rng, name):
    for a, b in PAIRS:
        common = np.broadcast_shapes(a, b)
        for c in (a, common, ()):
            yield call(
                np.asarray(rng.random(c) < 0.5), normal(rng, *a), normal(rng, *b)
            )


@samples_of("cast")
def _casts(rng, name):
    # Not smooth: finite differences would drown in float32's rounding.
    for shape in SHAPES:
        yield rough(normal(rng, *shape), dtype="float32")
    yield call(normal(rng, 4) * 9, dtype="int32")
    yield call(np.array([0.0, 0.5, -2.0]), dtype="bool")
    yield call(whole(rng, 0, 9, 3), dtype="float64")
    yield call(np.array([True, False]), dtype="float64")


# Along axes

REDUCTIONS = (
    ((5,), (0,)),
    ((2, 3), (0,)),
    ((2, 3), (1,)),
    ((2, 3), (0, 1)),
    ((2, 3, 2), (0, 2)),
    ((1, 4), (0,)),
    ((0, 3), (1,)),
)


@samples_of("reduce_sum", "reduce_prod", "reduce_max", "reduce_min")
def _reductions(rng, name):
    for shape, axis in REDUCTIONS:
        for keepdims in (False, True):
            yield call(distinct(rng, shape), axis=axis, keepdims=keepdims)
    yield call(whole(rng, -5, 5, 2, 3), axis=(1,), keepdims=False)


@samples_of("reduce_sum", "reduce_prod")
def _empty_reductions(rng, name):
    yield call(np.zeros((0, 3)), axis=(0,), keepdims=False)
    yield call(np.zeros((0, 3)), axis=(0, 1), keepdims=True)


@samples_of("reduce_sum", "reduce_max", "reduce_min")
def _larger_reductions(rng, name):
    """So large that engines may have another way."""
    for axis in ((0,), (1,), (2,), (0, 1), (1, 2)):
        yield rough(normal(rng, 9, 11, 13), axis=axis, keepdims=False)


@samples_of("reduce_prod")
def _products_with_zeros(rng, name):
    x = distinct(rng, (3, 4))
    x[0, 1] = x[1, 0] = x[1, 2] = 0.0
    yield call(x, axis=(1,), keepdims=False)


@samples_of("reduce_max", "reduce_min")
def _ties(rng, name):
    x = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]])
    yield rough(x, axis=(1,), keepdims=False)


@samples_of("argmax", "argmin")
def _places(rng, name):
    for shape, axis in (((5,), 0), ((2, 3), 0), ((2, 3), 1), ((2, 3, 4), 1)):
        yield call(distinct(rng, shape), axis=axis)
    yield call(np.array([1.0, 3.0, 0.0, 3.0, 0.0]), axis=0)
    yield call(np.zeros((0, 3)), axis=1)
    yield call(whole(rng, 0, 3, 7), axis=0)


@samples_of("cumsum")
def _running(rng, name):
    for reverse in (False, True):
        for shape, axis in (((5,), 0), ((2, 3), 0), ((2, 3, 2), 1), ((0, 3), 0)):
            yield call(normal(rng, *shape), axis=axis, reverse=reverse)
        yield call(whole(rng, 0, 9, 4), axis=0, reverse=reverse)


@samples_of("sort", "argsort")
def _orders(rng, name):
    for shape, axis in (((5,), 0), ((2, 3), 0), ((2, 4), 1), ((2, 3, 2), 1), ((0,), 0)):
        yield call(distinct(rng, shape), axis=axis)
    yield rough(np.array([2.0, 1.0, 2.0, np.nan, 1.0]), axis=0)
    yield call(whole(rng, 0, 4, 6), axis=0)


# Shapes


@samples_of("reshape")
def _reshapes(rng, name):
    for a, b in (
        ((6,), (2, 3)),
        ((2, 3), (6,)),
        ((), (1, 1)),
        ((1,), ()),
        ((0, 3), (0,)),
    ):
        yield call(normal(rng, *a), shape=b)


@samples_of("transpose")
def _transposes(rng, name):
    for shape, axes in (
        ((2, 3), (1, 0)),
        ((2, 3, 4), (2, 0, 1)),
        ((2, 3, 4), (1, 2, 0)),
        ((2, 0), (1, 0)),
        ((), ()),
    ):
        yield call(normal(rng, *shape), axes=axes)


@samples_of("broadcast_to")
def _broadcasts(rng, name):
    for a, b in (
        ((), (2, 3)),
        ((3,), (2, 3)),
        ((2, 1), (2, 3)),
        ((1, 3, 1), (4, 2, 3, 2)),
        ((1,), (0,)),
        ((), ()),
    ):
        yield call(normal(rng, *a), shape=b)


@samples_of("concatenate")
def _joins(rng, name):
    for shapes, axis in (
        (((2,), (3,)), 0),
        (((2, 3), (2, 1), (2, 2)), 1),
        (((1, 2, 3), (2, 2, 3)), 0),
        (((2, 0), (2, 3)), 1),
        (((4,),), 0),
    ):
        yield call(*(normal(rng, *s) for s in shapes), axis=axis)
    yield call(whole(rng, 0, 9, 2), whole(rng, 0, 9, 2), axis=0)


@samples_of("pad")
def _pads(rng, name):
    for shape, pads in (
        ((3,), ((1, 2),)),
        ((2, 3), ((0, 1), (2, 0))),
        ((4, 5), ((-1, 2), (1, -2))),
        ((4,), ((-1, -2),)),
        ((0, 2), ((1, 1), (0, 0))),
        ((), ()),
    ):
        for value in (0, 1.5):
            yield call(normal(rng, *shape), pads=pads, value=value)


@samples_of("flip")
def _flips(rng, name):
    for shape, axes in (((4,), (0,)), ((2, 3), (0, 1)), ((2, 3, 2), (1,)), ((2,), ())):
        yield call(normal(rng, *shape), axes=axes)


SLICES = (
    ((5,), (1,), (4,), (1,)),
    ((5,), (0,), (5,), (2,)),
    ((4, 6), (1, 0), (4, 5), (2, 3)),
    ((2, 3), (0, 2), (2, 2), (1, 1)),
    ((2, 3, 4), (0, 1, 3), (1, 3, 4), (1, 1, 1)),
)


@samples_of("slice")
def _slices(rng, name):
    for shape, starts, stops, steps in SLICES:
        where = {"starts": starts, "stops": stops, "steps": steps}
        yield call(normal(rng, *shape), **where)


@samples_of("slice_grad")
def _slices_back(rng, name):
    for shape, starts, stops, steps in SLICES:
        where = {"starts": starts, "stops": stops, "steps": steps}
        index = tuple(slice(*part) for part in zip(starts, stops, steps, strict=True))
        got = np.zeros(shape)[index].shape
        yield call(normal(rng, *got), shape=shape, **where)


# Picking


def _gathers(rng):
    yield normal(rng, 5), whole(rng, 0, 5), 0
    yield normal(rng, 5), np.array([3, 0, 3, 3], np.int32), 0
    yield normal(rng, 4, 3), np.array([[1, 1], [3, 0]], np.int32), 0
    yield normal(rng, 2, 4, 3), np.array([2, 2, 0], np.int32), 1
    yield normal(rng, 2, 4), np.array([[3], [1]], np.int32), 1
    yield normal(rng, 4, 2), np.zeros((0,), np.int32), 0
    yield normal(rng, 3, 0), np.array([1, 1], np.int32), 0


@samples_of("gather")
def _picks(rng, name):
    for x, indices, axis in _gathers(rng):
        yield call(x, indices, axis=axis)


@samples_of("scatter_add")
def _puts(rng, name):
    for x, indices, axis in _gathers(rng):
        updates = normal(rng, *np.take(x, indices, axis=axis).shape)
        yield call(x, indices, updates, axis=axis)


# Products


@samples_of("dot_general")
def _products(rng, name):
    for a, b, contract, batch in (
        ((2, 3), (3, 4), ((1,), (0,)), ((), ())),
        ((3,), (3,), ((0,), (0,)), ((), ())),
        ((3,), (2,), ((), ()), ((), ())),
        ((), (), ((), ()), ((), ())),
        ((2, 3, 4), (4, 2), ((2,), (0,)), ((), ())),
        ((2, 3, 4), (4, 3, 2), ((2, 1), (0, 1)), ((), ())),
        ((2, 3, 4), (3, 4, 2), ((2, 1), (1, 0)), ((), ())),
        ((5, 2, 3), (5, 3, 4), ((2,), (1,)), ((0,), (0,))),
        ((3, 5, 2), (4, 3, 5), ((0,), (1,)), ((1,), (2,))),
        ((2, 5, 3, 2), (3, 2, 4, 5), ((2,), (0,)), ((0, 1), (1, 3))),
        ((2, 3), (2, 3), ((), ()), ((0, 1), (0, 1))),
        ((2, 0), (0, 3), ((1,), (0,)), ((), ())),
        ((0, 2), (2, 3), ((1,), (0,)), ((), ())),
    ):
        pair = normal(rng, *a), normal(rng, *b)
        yield call(*pair, contract=contract, batch=batch)
    pair = whole(rng, -5, 5, 2, 3), whole(rng, -5, 5, 3, 2)
    yield call(*pair, contract=((1,), (0,)), batch=((), ()))


@samples_of("to_dense")
def _to_dense(rng, name):
    yield call(normal(rng, 3, 4))
    yield call(normal(rng, 0, 2))


@samples_of("sparse_dot")
def _sparse_dot(rng, name):
    yield call(normal(rng, 3, 4), normal(rng, 4, 2))
    yield call(normal(rng, 0, 4), normal(rng, 4, 1))


@samples_of("sparse_dot_transposed")
def _sparse_dot_transposed(rng, name):
    yield call(normal(rng, 3, 4), normal(rng, 3, 2))
    yield call(normal(rng, 2, 0), normal(rng, 2, 1))


from tests.ops import (  # noqa: E402
    samples_attention,  # noqa: F401
    samples_control,  # noqa: F401
    samples_extended,  # noqa: F401
    samples_networks,  # noqa: F401
    samples_recurrent,  # noqa: F401
    samples_search,  # noqa: F401
    samples_updates,  # noqa: F401
)
