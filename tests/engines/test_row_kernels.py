"""Kernels that move, reduce and draw: sizes beyond a vector, edges, threads."""

import warnings

import numpy as np
import pytest

import cornu.ops  # noqa: F401 (the operations enter themselves)
from cornu import ops
from cornu.engines.numpy import Program, kernels
from cornu.graph import OPS, Spec, gradients, trace
from cornu.graph.trace import Trace, bind

pytestmark = pytest.mark.skipif(
    not kernels.AVAILABLE, reason="the kernels have not been compiled"
)
DTYPES = ("float32", "float64")


@pytest.fixture(autouse=True)
def threads():
    yield kernels.set_threads
    kernels.set_threads(0)


def program_of(name, arrays, params):
    specs = tuple(Spec(a.shape, a.dtype.name) for a in arrays)
    graph = trace(lambda *xs: bind(OPS[name], xs, params), specs, name)
    program = Program(graph)
    assert "kernels." in program.kernel_source
    return program, Program(graph, kernels=False)


def check(name, *arrays, exact=False, wide=False, **params):
    """A kernel against NumPy's program, on one, two and three threads.

    With `wide` NumPy computes in float64, where its own sums would be worse.
    """
    program, reference = program_of(name, arrays, params)
    given = arrays
    if wide:
        given = [a.astype(np.float64) for a in arrays]
        reference = program_of(name, given, params)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = reference(*given)
    for n in (1, 2, 3):
        kernels.set_threads(n)
        for a, b in zip(program(*arrays), expected, strict=True):
            if exact:
                np.testing.assert_array_equal(a, b)
                continue
            places = 1e-12 if a.dtype == np.float64 else 2e-6
            largest = np.abs(b[np.isfinite(b)]).max(initial=1.0)
            np.testing.assert_allclose(a, b, rtol=places, atol=places * largest)


def with_edges(x):
    """Rows with NaN, infinities and zeros."""
    x = x.copy()
    rows = x.reshape(-1, x.shape[-1])
    n = len(rows)
    rows[0, 0], rows[1 % n, 0], rows[2 % n, 0] = np.nan, np.inf, -np.inf
    rows[3 % n], rows[4 % n], rows[5 % n, -1] = 0.0, -np.inf, np.nan
    return x


# Pooling

WINDOWS = (
    ((3, 9, 9, 37), (2, 2), (2, 2), ((0, 0), (0, 0))),
    ((2, 9, 10, 16), (3, 3), (2, 1), ((1, 1), (1, 1))),
    ((2, 8, 8, 33), (2, 2), (3, 3), ((0, 0), (0, 0))),
    ((2, 7, 70), (3,), (1,), ((1, 1),)),
    ((40, 300, 64), (4,), (4,), ((1, 2),)),
    ((2, 4, 5, 6, 17), (2, 2, 2), (1, 2, 2), ((0, 1), (0, 0), (1, 1))),
)


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "window", "strides", "padding"), WINDOWS)
def test_pooling_is_what_it_means(shape, window, strides, padding, dtype, edges):
    rng = np.random.default_rng(0)
    params = {"window": window, "strides": strides, "padding": padding}
    x = rng.integers(-4, 4, shape).astype(dtype)  # with ties
    x = with_edges(x) if edges else x
    y = np.asarray(OPS["window_max"](x, **params))
    places = np.asarray(OPS["window_argmax"](x, y, **params))
    g = rng.normal(size=y.shape).astype(dtype)
    sizes = shape[1:-1]
    with np.errstate(invalid="ignore"):
        check("window_sum", x, **params)
        check("window_max", x, exact=True, **params)
        check("window_max_at", x, exact=True, **params)
        check("window_argmax", x, y, exact=True, **params)
        check("window_argmax", x, y + 1, exact=True, **params)  # never found
        check("window_pick", x, places, exact=True, **params)
        check("window_put", g, places, exact=True, sizes=sizes, **params)
        check("window_sum_grad", g, exact=True, sizes=sizes, **params)


def test_the_place_of_a_maximum_is_found_with_it():
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    with Trace() as t:
        value = t.input(Spec(x.shape, "float32"), "x")
        y = ops.max_windows(value, 2)
        graph = t.finish([y, *gradients(ops.sum(y * y), [value])])
    program = Program(graph)
    assert program.kernel_source.count("kernels.window_max_at(") == 1
    assert "window_argmax(" not in program.kernel_source
    pairs = zip(program(x), Program(graph, kernels=False)(x), strict=True)
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)


# Classes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("n", [1, 2, 10, 17, 100, 1000, 5000])
def test_softmax_and_crossentropies_are_what_they_mean(n, edges, dtype):
    rng = np.random.default_rng(n)
    for rows in (1, 7, 130):
        x = (rng.normal(size=(rows, n)) * 3).astype(dtype)
        p = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
        if edges:
            x, p = with_edges(x), with_edges(p)
        dense = rng.random((rows, n)).astype(dtype)
        index = rng.integers(-1, n + 1, rows).astype("int32")  # also what is no class
        g, wide = rng.normal(size=rows).astype(dtype), rng.normal(size=(rows, n))
        check("softmax", x, axis=(1,))
        check("log_softmax", x, axis=(1,))
        check("softmax_grad", wide.astype(dtype), p, axis=(1,))
        for logits, given in ((True, x), (False, p)):
            params = {"from_logits": logits, "axis": 1}
            check("categorical_crossentropy", dense, given, **params)
            check("sparse_categorical_crossentropy", index, given, **params)
            params["wrt"] = 1
            check("categorical_crossentropy_grad", dense, given, g, **params)
            check("sparse_categorical_crossentropy_grad", index, given, g, **params)


def test_a_probability_at_a_bound_gets_half_of_the_gradient():
    p = np.array([[1e-7, 1.0 - 1e-7], [0.0, 1.0], [0.25, 0.75]])
    target, g = np.ones_like(p), np.ones(3)
    params = {"from_logits": False, "axis": 1, "wrt": 1}
    check("categorical_crossentropy_grad", target, p, g, **params)


# Rows by index

TABLES = (
    ((50, 33), 0, (7, 9)),
    ((1000, 32), 0, (25600,)),
    ((9,), 0, (1000,)),
    ((3, 40, 5), 1, (77,)),
    ((20, 300), 1, (3, 4)),
)


@pytest.mark.parametrize("dtype", [*DTYPES, "int32", "int64"])
@pytest.mark.parametrize(("shape", "axis", "indices"), TABLES)
def test_rows_are_looked_up_and_added_in_order(shape, axis, indices, dtype):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=shape) * 1000).astype(dtype)
    index = rng.integers(-shape[axis], shape[axis], indices).astype("int32")
    updates = rng.normal(size=shape[:axis] + indices + shape[axis + 1 :]) * 1000
    check("gather", x, index, exact=True, axis=axis)
    check("scatter_add", x, index, updates.astype(dtype), exact=True, axis=axis)


@pytest.mark.parametrize("index", [10, -11, 2**31 - 1, -(2**31)])
def test_an_index_out_of_range_is_told_as_numpy_tells_it(index):
    table, out = np.zeros((2, 10, 3)), np.zeros((2, 4, 3))
    given = np.array([0, -10, index, 99], np.int32)
    with pytest.raises(IndexError) as numpys:
        np.take(table, given, axis=1)
    for call in (
        lambda: kernels.gather(table, given, out, axis=1),
        lambda: kernels.scatter_add(given, out, table, axis=1),
    ):
        with pytest.raises(IndexError) as found:
            call()
        assert str(found.value) == str(numpys.value)
    assert not table.any()
    assert not out.any()


# Reductions

ARRAYS = (
    ((64, 10), [(0,), (1,), (0, 1)]),
    ((64, 13, 13, 32), [(0, 1, 2), (0,), (3,), (1, 2), (0, 1, 2, 3)]),
    ((7, 33, 5), [(0,), (1,), (2,), (0, 1), (1, 2)]),
    ((1001, 33), [(0,), (1,)]),
    ((5000, 100), [(0,), (1,)]),
    ((300007,), [(0,)]),
    ((3, 1000, 10), [(1,)]),
    ((20, 1, 30), [(0,), (0, 1), (2,), (0, 1, 2)]),
)


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "axes"), ARRAYS)
def test_reductions_are_what_they_mean(shape, axes, dtype, edges):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=shape) + 1.0).astype(dtype)
    x = with_edges(x) if edges else x
    for axis in axes:
        for keep in (False, True):
            params = {"axis": axis, "keepdims": keep}
            if any(n > 1 for i, n in enumerate(shape) if i not in axis):
                # Extremes of a whole array are NumPy's.
                check("reduce_max", x, exact=True, **params)
                check("reduce_min", x, exact=True, **params)
            if dtype == "float64":
                check("reduce_sum", x, **params)
    check("argmax", x, exact=True, axis=len(shape) - 1)
    check("argmin", x, exact=True, axis=len(shape) - 1)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((1_000_000,), (0,)),
        ((300_000, 3), (0,)),
        ((43264, 32), (0,)),
        ((4, 300_000), (1,)),
        ((3, 30_000, 10), (1,)),
    ],
)
def test_long_sums_of_float32_keep_their_digits(shape, axis):
    x = np.random.default_rng(0).random(shape, dtype=np.float32)
    exact = np.asarray(x.astype(np.float64).sum(axis=axis))
    found = np.empty(exact.shape, np.float32)
    for n in (1, 2, 3):
        kernels.set_threads(n)
        kernels.reduce_sum(x, found, axis)
        np.testing.assert_allclose(found, exact, rtol=1e-7)


# Normalization

STANDARDIZED = (
    ((1000, 37), (1,), (1, 37)),
    ((5, 9, 130), (2,), (1, 1, 130)),
    ((3, 700), (0,), (1, 700)),
    ((64, 13, 13, 32), (0, 1, 2), (1, 1, 1, 32)),
    ((1001, 3), (0,), (1, 3)),
    ((4, 5, 600), (1, 2), (1, 5, 600)),
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "axes", "own"), STANDARDIZED)
def test_normalization_is_what_it_means(shape, axes, own, dtype):
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=shape) * 2 + 1).astype(dtype), rng.normal(size=shape)
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    mean = rng.normal(size=kept).astype(dtype)
    variance = rng.uniform(0.5, 2.0, kept).astype(dtype)
    for scale in (False, True):
        for center in (False, True):
            weights = [
                rng.normal(size=own).astype(dtype) for _ in range(scale + center)
            ]
            params = {"axes": axes, "epsilon": 1e-3, "scale": scale, "center": center}
            check("standardize", x, *weights, wide=True, **params)
            given = g.astype(dtype), x, mean, variance, *weights
            check("standardize_grad", *given, wide=True, **params)


def test_a_batch_with_nan_or_infinity_is_none():
    x = np.random.default_rng(0).normal(size=(100, 20))
    x[3, 4], x[5, 6] = np.nan, np.inf
    for axes in ((0,), (1,)):
        params = {"axes": axes, "epsilon": 1e-3, "scale": False, "center": False}
        check("standardize", x, **params)


# Random bits

KEY = np.array([123456789, 4000000000], np.uint32)


@pytest.mark.parametrize("n", [1, 2, 3, 512, 1023, 1025, 300_001])
def test_random_bits_and_masks_are_the_same(n):
    check("random_bits", KEY, exact=True, shape=(n,))
    x = np.random.default_rng(0).normal(size=n)
    x[0], x[-1] = np.nan, np.inf
    for dtype in DTYPES:
        for rate in (0.0, 0.3, 0.5, 0.999):
            params = {"rate": rate, "noise_shape": (n,)}
            check("dropout", x.astype(dtype), KEY, exact=True, **params)


# What does not fit

F, INT = np.float32, np.int32


@pytest.mark.parametrize(
    "call",
    [
        lambda k: k.window_max(
            np.ones((1, 4, 3)), np.ones((1, 3, 3)), [2], [2], [(0, 0)]
        ),
        lambda k: k.window_max(
            np.ones((1, 4, 3)), np.ones((1, 2, 3), F), [2], [2], [(0, 0)]
        ),
        lambda k: k.window_put(
            np.ones((1, 2, 3)),
            np.ones((1, 2, 2), np.int8),
            np.ones((1, 4, 3)),
            [2],
            [2],
            [(0, 0)],
        ),
        lambda k: k.gather(np.ones((3, 2)), np.zeros(4, np.int64), np.ones((4, 2))),
        lambda k: k.gather(np.ones((3, 2)), np.zeros(4, INT), np.ones((4, 3))),
        lambda k: k.scatter_add(np.zeros(4, INT), np.ones((4, 2), F), np.ones((3, 2))),
        lambda k: k.softmax(np.ones((2, 3)), np.ones((3, 2))),
        lambda k: k.crossentropy(
            np.zeros(3, INT), np.ones((2, 3)), np.ones(2), False, 1e-7
        ),
        lambda k: k.crossentropy_grad(
            np.zeros(2, INT), np.ones((2, 3)), np.ones(3), np.ones((2, 3)), False, 1e-7
        ),
        lambda k: k.reduce_sum(np.ones((2, 3, 2)), np.ones(3), (0, 2)),
        lambda k: k.reduce_sum(np.ones((2, 3)), np.ones(2), (0,)),
        lambda k: k.reduce_sum(np.ones((2, 0)), np.ones(2), (1,)),
        lambda k: k.argmax(np.ones((2, 3)), np.ones(2, np.int64)),
        lambda k: k.standardize(
            np.ones((4, 3)),
            None,
            None,
            np.ones((4, 3)),
            np.ones(5),
            np.ones(5),
            True,
            0.1,
        ),
        lambda k: k.standardize(
            np.ones((4, 3)),
            np.ones(4),
            None,
            np.ones((4, 3)),
            np.ones(3),
            np.ones(3),
            True,
            0.1,
        ),
        lambda k: k.standardize_grad(
            np.ones((4, 3)),
            np.ones((4, 3)),
            np.ones(3),
            np.ones(3),
            None,
            np.ones((4, 3)),
            np.ones(2),
            None,
            True,
            0.1,
        ),
        lambda k: k.random_bits(np.ones(3, np.uint32), np.ones(2, INT)),
        lambda k: k.dropout(np.ones(3), KEY, np.ones(2), 5, 0.5),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(ValueError):
        call(kernels)


# Sparse products


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "coo_array"])
def test_products_with_sparse_matrices(threads, dtype, kind):
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(0)
    x = sparse.random(97, 1300, 0.05, "csr", dtype, rng)
    x = getattr(sparse, kind)(x)
    right = rng.normal(size=(1300, 17)).astype(dtype)
    left = rng.normal(size=(97, 17)).astype(dtype)
    places = 1e-12 if dtype == "float64" else 1e-5
    for n in (1, 2, 3):
        threads(n)
        found, over = np.full((97, 17), 7.0, dtype), np.full((1300, 17), 7.0, dtype)
        kernels.sparse_dot(x, right, found)
        kernels.sparse_dot(x, left, over, over=True)
        np.testing.assert_allclose(found, x @ right, rtol=places, atol=places)
        np.testing.assert_allclose(over, x.T @ left, rtol=places, atol=places)


def test_a_sparse_matrix_that_is_broken_is_refused():
    starts, indices = np.array([0, 1, 2]), np.array([0, 5], "int32")
    values, dense, out = np.ones(2), np.ones((3, 4)), np.ones((2, 4))
    with pytest.raises(IndexError, match="out of its range"):
        kernels.csr_dot(starts, indices, values, dense, out, False)
    with pytest.raises(ValueError, match="do not fit"):
        kernels.csr_dot(np.array([0, 1, 9]), indices, values, dense, out, False)
    with pytest.raises(ValueError, match="do not fit"):
        kernels.csr_dot(starts, indices, values, dense, np.ones((3, 4)), False)
