"""Extended functions in compiled programs, their gradients, open axes, and errors."""

import numpy as np
import pytest

from cornu import ops
from cornu.engines.numpy import NumpyEngine
from cornu.graph import GradientTape, Spec, SymbolicTensor, Tensor, trace
from cornu.graph.tensor import TensorBase
from cornu.graph.tree import flatten
from tests.ops.calls import CALLS, F, X, f32
from tests.ops.test_functions import arrays_of, with_leaves

EXTENDED = [c for c in CALLS if c.extended and arrays_of(c)]


@pytest.mark.parametrize("call", [pytest.param(c, id=str(c)) for c in EXTENDED])
def test_a_compiled_program_gives_the_same(call):
    arrays = arrays_of(call)

    def function(*values):
        args, kwargs = with_leaves(call, values)
        out = getattr(ops, call.name)(*args, **kwargs)
        # Something before and after, so that memory is shared and reused.
        return [ops.copy(v) for v in flatten(out) if isinstance(v, TensorBase)]

    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    program = NumpyEngine().compile(trace(function, specs))
    expected = flatten(getattr(ops, call.name)(*call.args, **call.kwargs))
    expected = [np.asarray(v) for v in expected if isinstance(v, Tensor)]
    for _ in range(2):
        for a, b in zip(program(*arrays), expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


# Gradients. Those of operations are in test_gradients; these go through compositions.

SMOOTH = """
angle append array_split cdist conj corrcoef correlate cross cumprod deg2rad diag
diagflat diagonal diff dsplit dstack fabs fft fft2 fliplr flipud fmax fmin fold hsplit
hstack ifft2 inner inv irfft istft kron linspace logdet lstsq median meshgrid
nancumprod nancumsum nanmax nanmean nanmedian nanmin nanprod nanquantile
nanstd nansum nanvar norm percentile pinv ptp quantile rad2deg rearrange real rfft
roll rot90 scatter scatter_update segment_max segment_prod segment_sum select sinc
slice slice_update solve space_to_depth depth_to_space stft tril triu trace trapezoid
unfold unstack vander vdot vsplit vstack top_k extract_sequences cholesky_inverse
"""


@pytest.mark.parametrize("name", SMOOTH.split())
def test_gradients_of_compositions(name):
    calls = [c for c in EXTENDED if c.name == name]
    assert calls
    for call in calls[:4]:
        arrays = [a.astype("float64") for a in arrays_of(call)]
        rng = np.random.default_rng(3)
        weights: list = []

        def number(*values, call=call, weights=weights, rng=rng):
            args, kwargs = with_leaves(call, values)
            total = 0.0
            outs = flatten(getattr(ops, call.name)(*args, **kwargs))
            outs = [v for v in outs if getattr(v, "dtype", "") == "float64"]
            if not weights:
                weights += [rng.normal(size=v.shape) for v in outs]
            for v, w in zip(outs, weights, strict=True):
                finite = ops.isfinite(v)
                total = total + ops.sum(ops.where(finite, v, 0.0) * w)
            return total

        tensors = [ops.array(a) for a in arrays]
        with GradientTape() as tape:
            y = number(*tensors)
        found = tape.gradient(y, tensors)
        moves = [rng.normal(size=a.shape) for a in arrays]
        slope = sum(
            float(np.sum(np.nan_to_num(g) * d))
            for g, d in zip(found, moves, strict=True)
            if g is not None
        )

        def at(step, arrays=arrays, moves=moves, number=number):
            there = [a + step * d for a, d in zip(arrays, moves, strict=True)]
            return float(number(*there))

        h = 1e-5
        expected = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
        np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-7)


def test_gradients_where_a_formula_would_divide_by_zero():
    for function, x, expected in (
        (lambda x: ops.cumprod(x)[-1], [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
        (lambda x: ops.segment_prod(x, [0, 0, 0], 1)[0], [2.0, 0.0, 3.0], [0, 6, 0]),
        (lambda x: ops.sum(ops.cdist([x], [x])), [1.0, 2.0], [0.0, 0.0]),
        (lambda x: ops.det([[x[0], 2.0], [2.0, x[1]]]), [1.0, 4.0], [4.0, 1.0]),
        (lambda x: ops.sinc(x)[0], [0.0], [0.0]),
        (lambda x: ops.sum(ops.logaddexp(x, -np.inf)), [1.0, -np.inf], [1.0, 1.0]),
    ):
        x = ops.array(x)
        with GradientTape() as tape:
            y = function(x)
        np.testing.assert_allclose(tape.gradient(y, x), expected, rtol=1e-6)


def test_of_several_updates_the_last_gets_the_gradient():
    x, u = ops.array([1.0, 2.0]), ops.array([5.0, 6.0, 7.0])
    with GradientTape() as tape:
        y = ops.scatter_update(x, [[0], [0], [0]], u) * [2.0, 3.0]
    assert y.tolist() == [14.0, 6.0]
    gx, gu = tape.gradient(y, [x, u])
    assert gx.tolist() == [0.0, 3.0]
    assert gu.tolist() == [0.0, 0.0, 2.0]


def test_equal_extremes_of_a_segment_share_the_gradient():
    x = ops.array([3.0, 1.0, 3.0])
    with GradientTape() as tape:
        y = ops.segment_max(x, [0, 0, 0], 2)
    assert tape.gradient(y, x, output_gradients=[1.0, 1.0]).tolist() == [0.5, 0.0, 0.5]


# Open axes

OPEN = {
    "top_k": (lambda x: ops.top_k(x, 2)[0], (None, 3, 2)),
    "tril": (lambda x: ops.tril(x), (None, 3, 4)),
    "roll": (lambda x: ops.roll(x, 1, axis=1), (None, 3, 4)),
    "cumprod": (lambda x: ops.cumprod(x, axis=1), (None, 3, 4)),
    "median": (lambda x: ops.median(x, axis=1), (None, 4)),
    "quantile": (lambda x: ops.quantile(x, [0.1, 0.2], axis=-1), (2, None, 3)),
    "isclose": (lambda x: ops.isclose(x, 1.0), (None, 3, 4)),
    "rfft": (lambda x: ops.rfft(x)[0], (None, 3, 3)),
    "inv": (lambda x: ops.inv(x[:, :, :3]), (None, 3, 3)),
    "svd": (lambda x: ops.svd(x, False)[2], (None, 3, 4)),
    "unstack": (lambda x: ops.unstack(x, axis=1)[0], (None, 4)),
    "vstack": (lambda x: ops.vstack([x, x]), (None, 3, 4)),
    "diff": (lambda x: ops.diff(x, axis=1), (None, 2, 4)),
    "nanmean": (lambda x: ops.nanmean(x, axis=2), (None, 3)),
    "slice_update": (lambda x: ops.slice_update(x, (0, 0, 0), x[:, :1]), (None, 3, 4)),
    "map": (lambda x: ops.map(lambda row: row * 2.0, x), (None, 3, 4)),
    "vectorized_map": (
        lambda x: ops.vectorized_map(lambda row: ops.sum(row, 0), x),
        (None, 4),
    ),
    "segment_sum": (
        lambda x: ops.segment_sum(ops.transpose(x, (1, 0, 2)), [0, 1, 0], 2),
        (2, None, 4),
    ),
}


@pytest.mark.parametrize("name", OPEN)
def test_an_open_batch_stays_open(name):
    function, shape = OPEN[name]
    assert function(SymbolicTensor((None, 3, 4))).shape == shape


# Where Keras exports them


def test_the_modules_of_keras_hold_the_same_functions():
    assert ops.linalg.solve is ops.solve
    assert ops.numpy.median is ops.median
    assert ops.numpy.matmul is ops.matmul
    assert ops.nn.sparsemax is ops.sparsemax
    assert ops.nn.conv is ops.conv
    assert ops.is_tensor(ops.array(1))
    assert not ops.is_tensor(np.zeros(1))
    assert ops.dtype(F) == "float32"
    assert ops.empty((2, 3)).shape == (2, 3)


def test_a_grid():
    a, b = ops.meshgrid([1, 2, 3], [10.0, 20.0], indexing="ij")
    assert (a.dtype, b.dtype) == ("int32", "float32")
    assert a.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert b.tolist() == [[10.0, 20.0]] * 3


def test_places_may_be_computed_in_the_program():
    specs = Spec((2, 3, 4), "float32"), Spec((3,), "int32")
    cut = trace(lambda x, at: ops.slice(x, [at[0], at[1], at[2]], (1, 2, 2)), specs)
    put = trace(
        lambda x, at: ops.slice_update(x, [at[0], at[1], at[2]], x[:1, :2, :2]), specs
    )
    at = np.array([1, 0, 9], np.int32)  # the last is moved back inside
    (found,) = NumpyEngine().compile(cut)(X, at)
    np.testing.assert_array_equal(found, X[1:, :2, 2:])
    expected = X.copy()
    expected[1:, :2, 2:] = X[:1, :2, :2]
    np.testing.assert_array_equal(NumpyEngine().compile(put)(X, at)[0], expected)


def test_indices_out_of_range_are_told_in_a_program():
    specs = Spec((2, 3), "float32"), Spec((1, 2), "int32")
    graph = trace(lambda x, i: ops.scatter_update(x, i, [5.0]), specs)
    program = NumpyEngine().compile(graph)
    assert program(F[:, :3], np.array([[-1, 2]], np.int32))[0][1, 2] == 5
    for wrong in ([0, 3], [2, 0], [0, -4]):
        with pytest.raises(IndexError):
            program(F[:, :3], np.array([wrong], np.int32))


ERRORS = [
    (ValueError, lambda: ops.rot90(F, axes=(0, -2))),
    (ValueError, lambda: ops.rot90(F[0])),
    (ValueError, lambda: ops.roll(F, (1, 2, 3), axis=(0, 1))),
    (ValueError, lambda: ops.meshgrid(F, indexing="yx")),
    (ValueError, lambda: ops.unstack(F, 3)),
    (ValueError, lambda: ops.dsplit(F, 2)),
    (ValueError, lambda: ops.unfold(X[None], 5)),
    (ValueError, lambda: ops.unfold(X, 2)),
    (ValueError, lambda: ops.fold(X, 4, 2)),
    (ValueError, lambda: ops.depth_to_space(X[None], 3)),
    (ValueError, lambda: ops.space_to_depth(X[None], 3)),
    (ValueError, lambda: ops.space_to_depth(X[None], 2, "channels")),
    (ValueError, lambda: ops.extract_sequences(F, 5, 1)),
    (ValueError, lambda: ops.rearrange(X, "a b -> b a")),
    (ValueError, lambda: ops.rearrange(X, "a b (c d) -> a b c d", c=3)),
    (ValueError, lambda: ops.rearrange(X, "a b c -> a b d")),
    (ValueError, lambda: ops.diagonal(F[0])),
    (ValueError, lambda: ops.diagonal(F, axis1=1, axis2=-1)),
    (ValueError, lambda: ops.diag(X)),
    (ValueError, lambda: ops.tril(F[0])),
    (ValueError, lambda: ops.triu(F[0])),
    (ValueError, lambda: ops.cross(F, F)),
    (ValueError, lambda: ops.correlate(F, F)),
    (ValueError, lambda: ops.correlate(F[0], F[0], "all")),
    (ValueError, lambda: ops.cdist(F, X[..., :2])),
    (ValueError, lambda: ops.diff(F, n=-1)),
    (ValueError, lambda: ops.view(F[:, :3], "float64")),
    (ValueError, lambda: ops.select([], [])),
    (ValueError, lambda: ops.select([F > 0], [F, F])),
    (ValueError, lambda: ops.quantile(F, 0.5, method="best")),
    (ValueError, lambda: ops.median(F[:0])),
    (ValueError, lambda: ops.bincount(F)),
    (ValueError, lambda: ops.bincount([1, -1])),
    (ValueError, lambda: ops.histogram(F)),
    (ValueError, lambda: ops.histogram(F[0], range=(1, 0))),
    (ValueError, lambda: ops.top_k(F, 5)),
    (ValueError, lambda: ops.argpartition(F, 5)),
    (ValueError, lambda: ops.where(F > 0, F)),
    (ValueError, lambda: trace(ops.nonzero, [Spec((2,), "float32")])),
    (ValueError, lambda: trace(ops.unique, [Spec((2,), "float32")])),
    (ValueError, lambda: trace(ops.bincount, [Spec((2,), "int32")])),
    (ValueError, lambda: ops.scatter([0, 1], F, (4,))),
    (IndexError, lambda: ops.scatter([[5]], F[:1], (2, 4))),
    (IndexError, lambda: ops.scatter_update(F, [[0, 4]], [1.0])),
    (ValueError, lambda: ops.scatter_update(F, [[0, 1]], [1.0], "mean")),
    (ValueError, lambda: ops.slice(F, (0, 0), (3, 1))),
    (ValueError, lambda: ops.slice_update(F, (0,), F)),
    (ValueError, lambda: ops.segment_sum(F, [0, 1, 2])),
    (ValueError, lambda: ops.multi_hot([1])),
    (ValueError, lambda: ops.inv(np.zeros((2, 2)))),
    (ValueError, lambda: ops.psnr(F, F[0], 1.0)),
    (ValueError, lambda: ops.linspace(0, 1, -1)),
    (ValueError, lambda: ops.convert_to_tensor([1.0], ragged=True)),
    (TypeError, lambda: ops.ldexp(F, F)),
    (ValueError, lambda: ops.solve(F, F)),
    (ValueError, lambda: ops.solve(np.zeros((2, 2)), np.zeros(2))),
    (ValueError, lambda: ops.solve(np.eye(3), np.zeros(2))),
    (ValueError, lambda: ops.cholesky(-np.eye(2))),
    (ValueError, lambda: ops.lstsq(X, X)),
    (ValueError, lambda: ops.qr(F, mode="full")),
    (ValueError, lambda: ops.det(F)),
    (ValueError, lambda: ops.pinv(F[0])),
    (ValueError, lambda: ops.fft(F)),
    (ValueError, lambda: ops.fft((F, F[0]))),
    (ValueError, lambda: ops.fft2((F[0], F[0]))),
    (TypeError, lambda: ops.stft([1, 2, 3], 2, 1, 2)),
    (ValueError, lambda: ops.stft(F, 2, 1, 2, window="flat")),
    (ValueError, lambda: ops.stft(F, 4, 1, 2)),
    (ValueError, lambda: ops.stft(F, 2, 1, 2, window=f32([1.0]))),
    (ValueError, lambda: trace(ops.hamming, [Spec((), "int32")])),
    (ValueError, lambda: ops.switch(0, [])),
    (ValueError, lambda: ops.vectorize(3)),
    (ValueError, lambda: ops.vectorize(abs, signature="n->n")),
    (ValueError, lambda: ops.jvp(ops.sin, (F,), (F[0],))),
    (ValueError, lambda: ops.associative_scan(ops.add, [F, F[:1]])),
]


@pytest.mark.parametrize(
    ("kind", "function"), ERRORS, ids=[f"{i}" for i in range(len(ERRORS))]
)
def test_an_error_has_three_parts(kind, function):
    with pytest.raises(kind) as caught:
        function()
    parts = str(caught.value).split("\n")
    assert len(parts) >= 3, str(caught.value)
    assert all(part.strip() for part in parts)


def test_a_singular_matrix_is_nan_in_a_program_and_the_others_are_solved():
    a = np.stack([np.eye(2), np.zeros((2, 2)), 2 * np.eye(2)])
    graph = trace(lambda a: (ops.inv(a), ops.cholesky(a)), [Spec((3, 2, 2), "float64")])
    inverse, triangle = NumpyEngine().compile(graph)(a)
    nan = np.full((2, 2), np.nan)
    np.testing.assert_array_equal(inverse, [np.eye(2), nan, np.eye(2) / 2])
    np.testing.assert_allclose(triangle, [np.eye(2), nan, np.eye(2) * 2**0.5])


def gradient_of(function, x):
    x = ops.array(x)
    with GradientTape() as tape:
        y = function(x)
    return tape.gradient(y, x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.qr(x)[0],
        lambda x: ops.qr(ops.transpose(x), mode="complete")[0],
        lambda x: ops.svd(x)[0],
        lambda x: ops.lu_factor(x)[0],
    ],
)
def test_factors_without_a_gradient_say_so(function):
    with pytest.raises(ValueError, match="gradient") as caught:
        gradient_of(function, F)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 0), (0, 4), (3, 0), (2, 0, 3, 2)])
def test_empty_matrices_have_triangles(shape):
    lu, pivots = ops.lu_factor(np.zeros(shape, "float32"))
    assert (lu.shape, lu.dtype) == (shape, "float32")
    assert pivots.shape == (*shape[:-2], min(shape[-2:]))
    assert pivots.dtype == "int32"
