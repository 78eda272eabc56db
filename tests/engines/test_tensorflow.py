"""What is the `tensorflow` engine's own; what engines share is tested beside."""

import ml_dtypes
import numpy as np
import pytest

from cornu import ops
from cornu.graph import OPS, Spec, trace
from cornu.graph.trace import bind

tensorflow = pytest.importorskip("cornu.engines.tensorflow")


def program_of(name, arrays, **params):
    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    graph = trace(lambda *xs: bind(OPS[name], xs, params), specs, name)
    return tensorflow.TensorFlowEngine().compile(graph)


def check(name, *arrays, **params):
    """The program of an operation against its definition, the dtypes too."""
    found = program_of(name, arrays, **params)(*arrays)
    with np.errstate(all="ignore"):
        expected = OPS[name].numpy(*arrays, **params)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


WHOLE = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
WHOLE_AND_BOOL = [*WHOLE, "bool"]


def ends(dtype):
    """The ends of what a dtype holds, and what lies between."""
    if dtype == "bool":
        return np.array([False, True])
    info = np.iinfo(dtype)
    return np.array([info.min, info.min + 1, 0, 1, 2, 7, info.max - 1, info.max], dtype)


@pytest.mark.parametrize("dtype", WHOLE)
@pytest.mark.parametrize(
    "name",
    ["add", "multiply", "maximum", "mod", "floor_divide", "fmod", "less",
     "bitwise_left_shift", "bitwise_right_shift"],
)  # fmt: skip
def test_pairs_of_whole_numbers(name, dtype):
    """Also dtypes for which TensorFlow has no kernel, and shifts by all bits."""
    x = ends(dtype)
    check(name, x[:, None], x)


@pytest.mark.parametrize("dtype", WHOLE_AND_BOOL)
def test_single_whole_numbers(dtype):
    x = ends(dtype)
    names = {"bool": ("absolute", "bitwise_not", "logical_not")}
    for name in names.get(dtype, ("absolute", "sign", "negative", "bitwise_not")):
        check(name, x)
    check("sort", x[::-1], axis=0)
    check("argsort", x[::-1], axis=0)
    check("cumsum", x, axis=0, reverse=True)
    check("pad", x, pads=((2, -1),), value=1)
    for name in ("reduce_sum", "reduce_max"):
        check(name, x, axis=(0,), keepdims=False)


@pytest.mark.parametrize("dtype", WHOLE_AND_BOOL)
def test_products_of_whole_numbers(dtype):
    x = ends(dtype)[-2:]
    check("dot_general", x, x, contract=((0,), (0,)), batch=((), ()))


def test_whole_powers_and_divisors():
    a, b = np.array([12, 0, 7], "uint16"), np.array([18, 5, 3], "uint16")
    check("gcd", a, b)
    check("power", a, b % 4)


@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16])
def test_neighbours_of_small_floats(dtype):
    x = np.array([0, 1, -1, np.inf, -np.inf, np.nan, 2], dtype)
    program = program_of("nextafter", (x[:, None], x))
    (found,) = program(x[:, None], x)
    expected = np.nextafter(x[:, None], x)
    np.testing.assert_array_equal(found.astype(float), expected.astype(float))


def test_edges_of_order():
    x = np.array([3, np.nan, -0.0, 0.0, np.inf, -np.inf, 2, np.nan, 0.0])
    for name in ("sort", "argsort", "argmax", "argmin"):
        check(name, x, axis=0)
    for name in ("reduce_max", "reduce_min"):
        check(name, x, axis=(0,), keepdims=False)


# One matrix with an inverse and a root, one with an inverse alone, two with neither.
MATRICES = np.stack([2 * np.eye(3), -np.eye(3), np.ones((3, 3)), np.zeros((3, 3))])


@pytest.mark.parametrize("name", ["cholesky", "det", "slogdet", "lu_factor"])
def test_matrices_without_inverse_or_root(name):
    """TensorFlow's kernels would stop the program, for the other matrices too."""
    with np.errstate(all="ignore"):
        expected = OPS[name].numpy(MATRICES)
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = program_of(name, (MATRICES,))(MATRICES)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_systems_without_solution():
    b = np.ones((4, 3, 1))
    (x,) = program_of("solve", (MATRICES, b))(MATRICES, b)
    np.testing.assert_allclose(x, OPS["solve"].numpy(MATRICES, b), rtol=1e-12)
    triangular = program_of("solve_triangular", (MATRICES, b), lower=True)
    (x,) = triangular(MATRICES, b)
    np.testing.assert_allclose(x[:3, :, 0], [[0.5] * 3, [-1] * 3, [1, 0, 0]])
    assert np.isnan(x[3]).all()


@pytest.mark.parametrize("index", [4, -5])
def test_numbers_that_are_not_there_are_told(index):
    def taken(x, i):
        return ops.take(x, i, axis=0)

    def added(x, i):
        return ops.scatter_add(x, i, ops.ones((2,), "float64"))

    specs = [Spec((4,), "float64"), Spec((2,), "int32")]
    for function in (taken, added):
        program = tensorflow.TensorFlowEngine().compile(trace(function, specs))
        program(np.zeros(4), np.array([3, -4], np.int32))
        with pytest.raises(IndexError, match=rf"as index {index}\)"):
            program(np.zeros(4), np.array([1, index], np.int32))
