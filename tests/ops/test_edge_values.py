"""Infinities, NaN, signed zeros, huge, tiny, empty and 0-d, against NumPy and SciPy."""

import warnings

import numpy as np
import pytest
import scipy.special

from cornu import ops
from cornu.graph.passes import ELEMENTWISE

FLOATS = ("float64", "float32")


def edges(dtype):
    info = np.finfo(dtype)
    up = [
        0.0,
        info.smallest_subnormal,
        info.tiny,
        info.eps,
        1e-3,
        0.5,
        0.84375,
        1.0,
        1.25,
        1.5,
        2.0,
        2.5,
        1 / 0.35,
        6.0,
        20.0,
        89.0,
        750.0,
        info.max,
        np.inf,
    ]
    return np.array([*up, *(-np.array(up)), np.nan], dtype)


def shapes(dtype):
    """The edge values as a vector and a matrix, each by itself, and no value at all."""
    x = edges(dtype)
    yield x
    yield x.reshape(3, -1)
    yield from (x[i : i + 1].reshape(()) for i in range(x.size))
    yield np.zeros((0,), dtype)
    yield np.zeros((2, 0), dtype)


def same(found, expected, rtol=0.0, atol=0.0):
    """Equal values, NaN where NaN, zeros of equal sign, the same dtype and shape."""
    found = np.asarray(found)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if rtol:
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)
    else:
        np.testing.assert_array_equal(found, expected)
    if found.dtype.kind == "f":
        zero = (expected == 0) & (found == 0)
        np.testing.assert_array_equal(
            np.signbit(found[zero]), np.signbit(expected[zero])
        )


def quiet(function, *arrays):
    with np.errstate(all="ignore"):
        return np.asarray(function(*arrays))


ONE = {
    "absolute": np.abs,
    "arccos": np.arccos,
    "arccosh": np.arccosh,
    "arcsin": np.arcsin,
    "arcsinh": np.arcsinh,
    "arctan": np.arctan,
    "arctanh": np.arctanh,
    "cbrt": np.cbrt,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "erfinv": lambda x: np.copysign(scipy.special.erfinv(x), x),
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": np.floor,
    "i0": scipy.special.i0,
    "isfinite": np.isfinite,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "negative": np.negative,
    "round_to_even": np.round,
    "sigmoid": scipy.special.expit,
    "sign": np.sign,
    "signbit": np.signbit,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
    "trunc": np.trunc,
    # Composed, and composites.
    "abs": np.abs,
    "isinf": np.isinf,
    "isnan": np.isnan,
    "log_sigmoid": scipy.special.log_expit,
    "reciprocal": np.reciprocal,
    "relu": lambda x: np.where(x <= 0, x.dtype.type(0), x),
    "relu6": lambda x: np.where(x <= 0, x.dtype.type(0), np.minimum(x, 6)),
    "round": np.round,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "softplus": lambda x: np.logaddexp(x, x.dtype.type(0)),
    "square": np.square,
}
# NumPy's and SciPy's own algorithms round differently in the last places.
CLOSE = {
    "erf": 1,
    "erfc": 1,
    "erfinv": 2,
    "i0": 4,
    "sigmoid": 2,
    "log_sigmoid": 2,
    "softplus": 2,
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ONE)
def test_one_tensor(name, dtype):
    for x in shapes(dtype):
        places = 1e-15 if dtype == "float64" else 1.2e-7
        tiny = 4 * float(np.finfo(dtype).smallest_subnormal)
        rtol = CLOSE.get(name, 0) * places
        same(getattr(ops, name)(x), quiet(ONE[name], x), rtol, tiny)


def test_erf_to_the_last_place():
    x = np.concatenate([np.linspace(-7, 7, 400_001), np.logspace(-300, 1, 10_000)])
    same(ops.erf(x), scipy.special.erf(x), rtol=1e-15)


TWO = {
    "add": np.add,
    "arctan2": np.arctan2,
    "equal": np.equal,
    "floor_divide": np.floor_divide,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "fmod": np.fmod,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "heaviside": np.heaviside,
    "hypot": np.hypot,
    "less_equal": np.less_equal,
    "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mod": np.mod,
    "logical_xor": np.logical_xor,
    "multiply": np.multiply,
    "nextafter": np.nextafter,
    "not_equal": np.not_equal,
    "power": np.power,
    "subtract": np.subtract,
    "true_divide": np.divide,
    "divide": np.divide,
    "divide_no_nan": lambda a, b: np.where(b == 0, a.dtype.type(0), a / b),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", TWO)
def test_two_tensors(name, dtype):
    x = edges(dtype)
    function = getattr(ops, name)
    same(function(x[:, None], x), quiet(TWO[name], x[:, None], x))
    for a in x[:: len(x) // 6]:
        a = np.asarray(a)
        same(function(a, x), quiet(TWO[name], a, x))
        same(function(x, a), quiet(TWO[name], x, a))
    empty = np.zeros((0, 1), dtype)
    same(function(empty, x), quiet(TWO[name], empty, x))


@pytest.mark.parametrize("dtype", FLOATS)
def test_where_passes_every_bit_pattern_on(dtype):
    x = edges(dtype)
    condition = np.arange(x.size) % 2 == 0
    same(ops.where(condition, x, x[::-1]), np.where(condition, x, x[::-1]))
    same(
        ops.where(condition[:, None], x, 0.0),
        np.where(condition[:, None], x, dtype_0(x)),
    )


def dtype_0(x):
    return x.dtype.type(0)


WHOLE = {
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "gcd": np.gcd,
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
    "bitwise_not": np.bitwise_not,
    "logical_not": np.logical_not,
}


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "uint32"])
@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers(name, dtype):
    info = np.iinfo(dtype)
    x = np.array([info.min, 0, 1, 2, 100, info.max], dtype)
    function, expected = getattr(ops, name), WHOLE[name]
    if expected.nin == 1:
        same(function(x), expected(x))
        return
    other = np.arange(5, dtype=dtype) if "shift" in name else x
    same(function(x[:, None], other), expected(x[:, None], other))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("name", ["mod", "floor_divide"])
def test_integers_over_zero_give_zero(name, dtype):
    x = np.array([5, -5, 0], dtype)
    same(getattr(ops, name)(x, np.zeros_like(x)), np.zeros_like(x))


def test_negative_powers_of_integers_are_what_integers_can_be():
    base = np.array([-2, -1, 0, 1, 2, 7], np.int32)
    same(ops.power(base, -2), np.array([0, 1, 0, 1, 0, 0], np.int32))
    same(ops.power(base, -1), np.array([0, -1, 0, 1, 0, 0], np.int32))
    same(ops.power(base, 0), np.ones(6, np.int32))


def test_the_whole_element_wise_vocabulary_is_here():
    assert set(ELEMENTWISE) <= {*ONE, *TWO, *WHOLE, "where"}


# Along axes


def _numpy_reductions():
    def names(**functions):
        return functions

    return names(
        sum=np.sum,
        prod=np.prod,
        max=np.max,
        min=np.min,
        mean=np.mean,
        argmax=np.argmax,
        argmin=np.argmin,
        all=np.all,
        any=np.any,
        count_nonzero=np.count_nonzero,
    )


REDUCTIONS = _numpy_reductions()
INDICES = ("argmax", "argmin", "count_nonzero")
ROWS = (
    [1.0, 2.0, 3.0],
    [np.inf, 1.0, -1.0],
    [-np.inf, -np.inf, -np.inf],
    [np.inf, -np.inf, 0.0],
    [1.0, np.nan, np.inf],
    [np.nan, np.nan, np.nan],
    [-0.0, -0.0, -0.0],
    [-0.0, 0.0, -0.0],
    [1e300, 1e300, -1e300],
    [1e-320, 0.0, 1e-320],
)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, dtype):
    with np.errstate(over="ignore", under="ignore"):
        rows = np.array(ROWS, dtype)
    function, reference = getattr(ops, name), REDUCTIONS[name]
    for x in (rows, *rows, *(row[:1] for row in rows)):
        for axis in {None, 0, x.ndim - 1}:
            expected = quiet(lambda x, axis=axis: reference(x, axis=axis), x)
            if name in INDICES:
                expected = expected.astype("int32")
            same(
                function(x, axis=axis), expected, 1e-15 if dtype == "float64" else 1e-6
            )


@pytest.mark.parametrize("dtype", FLOATS)
def test_reductions_of_nothing(dtype):
    x = np.zeros((0, 3), dtype)
    for name in ("sum", "prod", "all", "any", "count_nonzero"):
        function, reference = getattr(ops, name), REDUCTIONS[name]
        for axis in (None, 0):
            expected = np.asarray(reference(x, axis=axis))
            expected = expected.astype("int32") if name in INDICES else expected
            same(function(x, axis=axis), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(np.asarray(ops.mean(x))).all()
    for name in ("max", "min", "argmax", "argmin"):
        with pytest.raises(ValueError, match="empty") as caught:
            getattr(ops, name)(x, axis=0)
        assert len(str(caught.value).splitlines()) == 3
        assert getattr(ops, name)(x, axis=1).shape == (0,)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "all", "any", "mean"])
def test_a_number_is_its_own_reduction(name):
    for value in (3.0, np.nan, -np.inf):
        x = np.array(value)
        same(getattr(ops, name)(x), np.asarray(REDUCTIONS[name](x)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_softmax_and_its_kin(name, dtype):
    rows = np.array([r for r in ROWS if max(r) < 1e300 or max(r) == np.inf], dtype)
    if name == "log_softmax":  # SciPy gives -inf beside inf; by the formula it is NaN
        rows = rows[~np.isposinf(rows).any(axis=1)]
        assert np.isnan(np.asarray(ops.log_softmax(np.array([np.inf, 1], dtype)))).all()
    rows = np.concatenate([rows, np.array([[-1e4, 0, 1e4], [-np.inf, 0, 1]], dtype)])
    reference = getattr(scipy.special, name)
    places = 1e-14 if dtype == "float64" else 1e-6
    for x in (rows, *rows):
        with np.errstate(all="ignore"):
            expected = np.asarray(reference(x, axis=-1), dtype)
        same(getattr(ops, name)(x, axis=-1), expected, places)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sorting_puts_nan_last_and_keeps_equals_in_order(dtype):
    x = np.array([2.0, np.nan, -np.inf, 0.0, -0.0, np.inf, 0.0, np.nan, -3.0], dtype)
    same(ops.sort(x), np.sort(x, kind="stable"))
    same(ops.argsort(x), np.argsort(x, kind="stable").astype("int32"))


@pytest.mark.parametrize("dtype", FLOATS)
def test_running_sums(dtype):
    x = edges(dtype)[:18]
    with np.errstate(over="ignore"):
        same(ops.cumsum(x), np.cumsum(x))
        same(ops.cumsum(x[::-1]), np.cumsum(x[::-1]))
    same(ops.cumsum(np.zeros((0, 2), dtype), axis=0), np.zeros((0, 2), dtype))


def test_casts_of_edges():
    x = np.array([0.0, -0.0, 0.9, -0.9, 255.7, np.inf, np.nan])
    same(ops.cast(x, "bool"), x.astype(bool))
    same(ops.cast(x[:5], "int32"), x[:5].astype("int32"))
    same(ops.cast(x, "float32"), x.astype("float32"))
    with np.errstate(over="ignore"):
        big = np.array([1e300, -1e300, 1e-300])
        same(ops.cast(big, "float32"), big.astype("float32"))
