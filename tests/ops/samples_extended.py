"""Samples of what no engine needs for training: elementary functions, Fourier, ..."""

import numpy as np

from cornu.graph import Spec, trace
from cornu.ops import cast, reshape, sum
from tests.ops.samples import PAIRS, SHAPES
from tests.ops.table import (
    away_from_zero,
    call,
    distinct,
    normal,
    rough,
    samples_of,
    whole,
)

RANGES = {
    "tan": (-1.2, 1.2),
    "arcsin": (-0.9, 0.9),
    "arccos": (-0.9, 0.9),
    "arctan": (-3.0, 3.0),
    "sinh": (-2.0, 2.0),
    "cosh": (-2.0, 2.0),
    "arcsinh": (-3.0, 3.0),
    "arccosh": (1.2, 4.0),
    "arctanh": (-0.9, 0.9),
    "log2": (0.2, 3.0),
    "log10": (0.2, 3.0),
    "exp2": (-2.0, 2.0),
    "cbrt": (0.3, 3.0),
    "erfc": (-2.0, 2.0),
    "erfinv": (-0.9, 0.9),
    "i0": (-4.0, 4.0),
}


@samples_of(*RANGES)
def _elementary(rng, name):
    for shape in SHAPES:
        yield call(np.asarray(rng.uniform(*RANGES[name], shape)))


@samples_of("trunc", "signbit")
def _steps(rng, name):
    for shape in SHAPES:
        yield call(whole(rng, -9, 9, *shape) + rng.uniform(0.1, 0.4, shape))
    yield rough(np.array([-2.5, -0.0, 0.0, 2.0, np.inf, np.nan]))


@samples_of("arctan2", "hypot")
def _sides(rng, name):
    for a, b in PAIRS:
        yield call(away_from_zero(rng, a), away_from_zero(rng, b))
    yield rough(np.array([0.0, 0.0, -0.0]), np.array([0.0, -1.0, 1.0]))


@samples_of("logaddexp", "logaddexp2", "nextafter")
def _two(rng, name):
    for a, b in PAIRS:
        yield call(normal(rng, *a), normal(rng, *b))
    yield rough(np.array([np.inf, -np.inf, 0.0]), np.array([np.inf, -np.inf, np.inf]))


@samples_of("fmod")
def _rest(rng, name):
    for a, b in PAIRS:
        divisor = np.asarray(rng.choice([-2.0, 1.5, 3.0], b))
        yield call(whole(rng, -3, 4, *a) + rng.uniform(0.3, 0.4, a), divisor)
    yield call(whole(rng, -9, 9, 2, 3), np.array([2, -3, 4], np.int32))


@samples_of("gcd")
def _divisors(rng, name):
    for a, b in PAIRS:
        yield call(whole(rng, -30, 30, *a), whole(rng, -30, 30, *b))


@samples_of("ldexp")
def _scaled(rng, name):
    for a, b in PAIRS:
        yield call(normal(rng, *a), whole(rng, -4, 5, *b))


@samples_of("view")
def _bytes(rng, name):
    yield call(normal(rng, 2, 4), dtype="int64")
    yield call(normal(rng, 2, 4), dtype="int32")
    yield call(whole(rng, 0, 9, 2, 4), dtype="int64")
    yield call(whole(rng, 0, 9), dtype="uint32")
    yield call(np.zeros((0, 2), np.float32), dtype="uint8")


@samples_of("cumprod")
def _products(rng, name):
    for shape, axis in (((5,), 0), ((2, 4), 1), ((3, 2), 0), ((0, 2), 0), ((1,), 0)):
        yield call(away_from_zero(rng, shape), axis=axis)
    yield call(np.array([1.5, 0.0, 2.0, 0.0, -1.0]), axis=0)
    yield call(whole(rng, -3, 4, 2, 3), axis=1)


# Places


@samples_of("scatter_reduce")
def _scattered(rng, name):
    places = np.array([3, 0, 3, -1, 1], np.int32)
    for how in ("set", "max", "min", "mul"):
        for rest in ((), (2,)):
            values = distinct(rng, (4 + 5, *rest))
            yield call(values[:4], places, values[4:], how=how)
        yield call(distinct(rng, (3,)), np.zeros(0, np.int32), np.zeros(0), how=how)
        yield rough(np.ones(2), np.array([1, 1], np.int32), np.ones(2), how=how)
        yield call(whole(rng, 0, 9, 4), places, whole(rng, 0, 9, 5), how=how)
    zeros = np.array([0.0, 2.0, 0.0, 3.0, 1.5])
    yield call(np.array([1.0, 0.5, 2.0, 1.5]), places, zeros, how="mul")


@samples_of("unique")
def _different(rng, name):
    x = np.array([3.0, 1.0, 3.0, 2.0, 1.0])
    for size in (1, 3, 5):
        yield call(x, axis=0, size=size)
    yield call(whole(rng, 0, 2, 5, 2), axis=0, size=6)
    yield call(whole(rng, 0, 2, 2, 5), axis=1, size=3)


# Fourier


@samples_of("dft")
def _transforms(rng, name):
    for shape, axes in (((5,), (0,)), ((2, 4), (1,)), ((3, 4), (0, 1)), ((1,), (0,))):
        for inverse in (False, True):
            pair = normal(rng, *shape), normal(rng, *shape)
            yield call(*pair, axes=axes, inverse=inverse)


@samples_of("rdft")
def _transforms_of_real_ones(rng, name):
    for shape in ((1,), (2,), (5,), (2, 6), (0, 4)):
        yield call(normal(rng, *shape))


@samples_of("irdft")
def _back_to_real_ones(rng, name):
    for lead, n in (((), 1), ((), 2), ((), 5), ((2,), 6)):
        pair = normal(rng, *lead, n // 2 + 1), normal(rng, *lead, n // 2 + 1)
        yield call(*pair, length=n)


# Linear algebra


def _matrix(rng, *shape):
    """Matrices far from singular ones, with singular values far apart."""
    x = rng.normal(size=shape)
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return u * (1.0 + 0.7 * np.arange(s.shape[-1])[::-1]) @ vh


def _positive(rng, *shape):
    x = _matrix(rng, *shape)
    return x @ np.swapaxes(x, -1, -2)


SQUARE = ((1, 1), (3, 3), (2, 3, 3))


@samples_of("solve")
def _systems(rng, name):
    for shape in SQUARE:
        yield call(_matrix(rng, *shape), normal(rng, *shape[:-1], 2))
    yield call(np.zeros((0, 0)), np.zeros((0, 1)))


@samples_of("solve_triangular")
def _triangles(rng, name):
    for shape in SQUARE:
        for lower in (False, True):
            yield call(_matrix(rng, *shape), normal(rng, *shape[:-1], 2), lower=lower)
    yield call(np.zeros((0, 0)), np.zeros((0, 1)), lower=True)


@samples_of("det", "slogdet", "cofactor")
def _determinants(rng, name):
    for shape in SQUARE:
        yield call(_matrix(rng, *shape))
    if name != "slogdet":
        singular = _matrix(rng, 3, 3)
        singular[2] = singular[0] - singular[1]
        yield rough(singular)


@samples_of("cholesky", "eigh")
def _symmetric(rng, name):
    for shape in SQUARE:
        yield call(_positive(rng, *shape))


@samples_of("lu_factor")
def _triangles_of(rng, name):
    for shape in SQUARE:
        yield call(_matrix(rng, *shape))
    for shape in ((4, 2), (2, 4)):
        yield rough(_matrix(rng, *shape))  # no gradient of these
    yield rough(np.array([[0.0, 1.0], [0.0, 2.0]]))


@samples_of("qr")
def _columns(rng, name):
    for shape in (*SQUARE, (4, 2)):
        yield call(_matrix(rng, *shape), complete=False)
    yield call(_matrix(rng, 3, 3), complete=True)
    yield rough(_matrix(rng, 2, 4), complete=False)  # no gradient of these
    yield rough(_matrix(rng, 4, 2), complete=True)


@samples_of("svd")
def _singular_values(rng, name):
    for shape in (*SQUARE, (4, 2), (2, 4)):
        yield call(_matrix(rng, *shape), full=False)
    yield call(_matrix(rng, 3, 3), full=True)
    yield rough(_matrix(rng, 4, 2), full=True)  # no gradient of these


@samples_of("pinv")
def _inverses(rng, name):
    for shape in (*SQUARE, (4, 2), (2, 4)):
        yield call(_matrix(rng, *shape), rcond=1e-10)


# Loops


@samples_of("while_loop")
def _loops(rng, name):
    specs = Spec((), "int32"), Spec((2,), "int32"), Spec((), "int32")
    condition = trace(lambda i, x, n: sum(x) < n, specs)
    body = trace(lambda i, x, n: (i + 1, x * 2 + reshape(i, (1,))), specs)
    graphs = {"condition": condition, "body": body, "n_carry": 2}
    x = np.array([1, 2], np.int32)
    for n in (0, 50):
        for limit in (None, 2):
            yield call(np.array(0, np.int32), x, np.array(n, np.int32), limit=limit,
                       **graphs)  # fmt: skip
    specs = Spec((), "float64"), Spec((), "int32")
    halved = trace(lambda x, i: (x * 0.5, i + cast(x > 2.0, "int32")), specs)
    large = trace(lambda x, i: x > 1.0, specs)
    graphs = {"condition": large, "body": halved, "n_carry": 2, "limit": None}
    yield rough(np.array(9.0), np.array(0, np.int32), **graphs)  # no gradient of these
