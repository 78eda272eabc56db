"""Calls of linear algebra, Fourier transforms, scatter, segments and scores."""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.signal

from tests.ops import calls
from tests.ops.calls import RNG, F, X, f32, i32

of = functools.partial(calls.of, extended=True)

A = RNG.normal(size=(2, 3, 3)).astype("float32") + 2 * np.eye(3, dtype="float32")
P = (A @ A.transpose(0, 2, 1)).astype("float32")
T = RNG.normal(size=(4, 3)).astype("float32")
R = RNG.normal(size=(2, 3, 2)).astype("float32")
SIGNAL = RNG.normal(size=(2, 40)).astype("float32")

# Linear algebra

of("solve", A, R)(lambda: np.linalg.solve(A, R))
of("solve", A[0], R[0, :, 0])(lambda: np.linalg.solve(A[0], R[0, :, 0]))
of("solve", A, R[..., 0], keras=False)(lambda: np.linalg.solve(A, R)[..., 0])
for _lower in (False, True):
    of("solve_triangular", A[0], R[0], lower=_lower)(
        lambda low=_lower: scipy.linalg.solve_triangular(A[0], R[0], lower=low)
    )
of("inv", A)(lambda: np.linalg.inv(A))
of("det", A)(lambda: np.linalg.det(A))
of("slogdet", -A)(lambda: tuple(np.linalg.slogdet(-A)))
of("logdet", P)(lambda: np.linalg.slogdet(P)[1])
of("cholesky", P)(lambda: np.linalg.cholesky(P))
of("cholesky", P, upper=True)(lambda: np.linalg.cholesky(P).transpose(0, 2, 1))
_LOWER = np.linalg.cholesky(P[0])
of("cholesky_inverse", _LOWER)(lambda: f32(np.linalg.inv(wide(P[0]))))
of("cholesky_inverse", _LOWER.T.copy(), upper=True)(
    lambda: f32(np.linalg.inv(wide(P[0])))
)
of("lu_factor", A[0])(lambda: tuple(scipy.linalg.lu_factor(A[0])))
of("lu_factor", T, keras=False)(lambda: tuple(scipy.linalg.lu_factor(T)))
of("qr", T)(lambda: tuple(np.linalg.qr(T)))
of("qr", T, mode="complete")(lambda: tuple(np.linalg.qr(T, mode="complete")))
of("eigh", P)(lambda: tuple(np.linalg.eigh(P)))
of("svd", T)(lambda: tuple(np.linalg.svd(T)))
of("svd", T, full_matrices=False)(lambda: tuple(np.linalg.svd(T, full_matrices=False)))
of("svd", T, compute_uv=False)(lambda: np.linalg.svd(T, compute_uv=False))
of("pinv", T)(lambda: np.linalg.pinv(T))
of("pinv", T.T.copy())(lambda: np.linalg.pinv(T.T))
of("lstsq", T, T[:, 0] * 2 + 1)(lambda: np.linalg.lstsq(T, T[:, 0] * 2 + 1)[0])
of("lstsq", T.T.copy(), R[0])(lambda: np.linalg.lstsq(T.T, R[0])[0])
of("matrix_rank", A)(i32([3, 3]))
of("matrix_rank", np.outer(T[0], T[1]))(i32(1))
of("matrix_rank", T, tol=1e3)(i32(0))
for _ord in (2, -2, "nuc", -1, -np.inf):
    of("norm", T, ord=_ord)(lambda o=_ord: np.linalg.norm(T, o))
of("norm", A, ord=2, axis=(2, 0), keepdims=True)(
    lambda: np.linalg.norm(A, 2, (2, 0), keepdims=True)
)


def wide(x):
    return x.astype("float64")


# Fourier transforms


def parts(z):
    return f32(z.real), f32(z.imag)


IMAGE = RNG.normal(size=(2, 4, 6)).astype("float32")
of("fft", (SIGNAL[:, :6], SIGNAL[:, 6:12]))(
    lambda: parts(scipy.fft.fft(SIGNAL[:, :6] + 1j * SIGNAL[:, 6:12]))
)
of("fft2", (IMAGE, IMAGE[::-1].copy()))(
    lambda: parts(scipy.fft.fft2(IMAGE + 1j * IMAGE[::-1]))
)
of("ifft2", (IMAGE, IMAGE[::-1].copy()))(
    lambda: parts(scipy.fft.ifft2(IMAGE + 1j * IMAGE[::-1]))
)
for _n in (None, 5, 8):
    of("rfft", IMAGE, fft_length=_n)(lambda n=_n: parts(scipy.fft.rfft(IMAGE, n)))
    of("irfft", (IMAGE, IMAGE[::-1].copy()), fft_length=_n)(
        lambda n=_n: f32(scipy.fft.irfft(IMAGE + 1j * IMAGE[::-1], n))
    )


def pieces(x, length, stride, size, window, center):
    """By its definition: windows, one by one."""
    x = wide(x)
    if center:
        x = np.pad(x, ((0, 0), (size // 2, size // 2)), "reflect")
    before = (size - length) // 2
    weights = np.pad(window, (before, size - length - before))
    starts = range(0, x.shape[1] - size + 1, stride)
    return np.stack([np.fft.rfft(x[:, s : s + size] * weights) for s in starts], 1)


HANN = scipy.signal.get_window("hann", 8)
HAMMING = scipy.signal.get_window("hamming", 6)
for _length, _stride, _size, _window, _weights, _center in (
    (8, 4, 8, "hann", HANN, True),
    (6, 3, 9, "hamming", HAMMING, False),
    (8, 5, 10, None, np.ones(10), False),
):
    of("stft", SIGNAL, _length, _stride, _size, window=_window, center=_center)(
        lambda a=(_stride, _size, _weights, _center): parts(
            pieces(SIGNAL, len(a[2]), a[0], a[1], a[2], a[3])
        )
    )
STFT = parts(pieces(SIGNAL, 8, 4, 8, HANN, True))
of("istft", STFT, 8, 4, 8)(SIGNAL[:, :40])
of("istft", STFT, 8, 4, 8, length=30)(SIGNAL[:, :30])
of("istft", parts(pieces(SIGNAL, 6, 3, 6, np.ones(6), False)), 6, 3, 6, window=None,
   center=False)(SIGNAL[:, :39] * 2)  # fmt: skip
of("extract_sequences", SIGNAL, 7, 3)(
    np.stack([SIGNAL[:, i : i + 7] for i in range(0, 34, 3)], 1)
)

# Places

of("scatter", i32([[0, 1], [1, 0], [0, 1]]), f32([1, 2, 3]), (2, 2))(
    f32([[0, 4], [2, 0]])
)
of("scatter", i32([[2], [0]]), F, (3, 4))(np.stack([F[1], 0 * F[0], F[0]]))
of("scatter_update", X, i32([[1, 2, 3], [0, 0, 1]]), f32([9, 8]))(
    lambda: put(X, [(1, 2, 3), (0, 0, 1)], [9, 8])
)
of("scatter_update", F, i32([[1]]), F[:1] * 2)(np.stack([F[0], F[0] * 2]))
for _how, _at in (
    ("add", np.add.at),
    ("max", np.maximum.at),
    ("min", np.minimum.at),
    ("mul", np.multiply.at),
):
    of("scatter_update", X, i32([[1, 2], [0, 0], [1, 2]]), X[0], reduction=_how)(
        lambda at=_at: changed(at, X, ([1, 0, 1], [2, 0, 2]), X[0])
    )
of("slice", X, (0, 1, 2), (2, 1, 2))(X[:, 1:2, 2:])
of("slice", X, i32([1, 1, 3]), (1, 2, 2))(X[1:, 1:, 2:])  # moved back inside
of("slice", F, (0, 1), (-1, -1))(F[:, 1:])
of("slice_update", F, (0, 1), F[:, 2:] * 2)(
    np.concatenate([F[:, :1], F[:, 2:] * 2, F[:, 3:]], 1)
)
of("slice_update", F, i32([1, 3]), F[:1, 2:])(
    np.stack([F[0], np.concatenate([F[1, :2], F[0, 2:]])])
)


def put(x, places, values):
    y = x.copy()
    for place, value in zip(places, values, strict=True):
        y[place] = value
    return y


def changed(at, x, places, values):
    y = x.copy()
    at(y, places, values)
    return y


IDS = i32([2, 0, 2, -1, 5])
ROWS = RNG.normal(size=(5, 2)).astype("float32")
of("segment_sum", ROWS, IDS, num_segments=4)(
    np.stack([ROWS[1], 0 * ROWS[0], ROWS[0] + ROWS[2], 0 * ROWS[0]])
)
of("segment_sum", i32([1, 2, 3]), i32([1, 1, 0]), 2)(i32([3, 3]))
of("segment_sum", F, i32([1, 0]), keras=False)(F[::-1])
of("segment_max", ROWS, IDS, num_segments=3)(
    np.stack([ROWS[1], 0 * ROWS[0] - np.inf, np.maximum(ROWS[0], ROWS[2])])
)
of("segment_min", i32([4, 2, 3]), i32([2, 2, 0]), 3)(i32([3, 2**31 - 1, 2]))
of("segment_prod", ROWS, IDS, num_segments=3)(
    np.stack([ROWS[1], 0 * ROWS[0] + 1, ROWS[0] * ROWS[2]])
)

# Folding

BIG = RNG.normal(size=(2, 4, 6, 8)).astype("float32")


def columns(x, kernel, dilation, padding, stride):
    """The patches of images, one by one."""
    p, q = padding
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    found = [
        x[:, :, i : i + reach[0] : dilation[0], j : j + reach[1] : dilation[1]].reshape(
            len(x), -1
        )
        for i in range(0, x.shape[2] - reach[0] + 1, stride[0])
        for j in range(0, x.shape[3] - reach[1] + 1, stride[1])
    ]
    return np.stack(found, 2)


of("unfold", BIG, 2)(lambda: columns(BIG, (2, 2), (1, 1), (0, 0), (1, 1)))
of("unfold", BIG, (3, 2), dilation=(1, 2), padding=(1, 0), stride=2)(
    lambda: columns(BIG, (3, 2), (1, 2), (1, 0), (2, 2))
)


def images(x, size, kernel, padding, stride):
    """Patches back to their places, one by one."""
    (h, w), (p, q) = size, padding
    c = x.shape[1] // (kernel[0] * kernel[1])
    y, n = np.zeros((len(x), c, h + 2 * p, w + 2 * q), x.dtype), 0
    for i in range(0, h + 2 * p - kernel[0] + 1, stride):
        for j in range(0, w + 2 * q - kernel[1] + 1, stride):
            y[:, :, i : i + kernel[0], j : j + kernel[1]] += x[:, :, n].reshape(
                len(x), c, *kernel
            )
            n += 1
    return y[:, :, p : p + h, q : q + w]


PATCHES = RNG.normal(size=(2, 3 * 4, 12)).astype("float32")
of("fold", PATCHES, (4, 5), 2)(lambda: images(PATCHES, (4, 5), (2, 2), (0, 0), 1))
of("fold", PATCHES, (4, 6), 2, padding=1, stride=2)(
    lambda: images(PATCHES, (4, 6), (2, 2), (1, 1), 2)
)


def deeper(x, b):
    n, h, w, c = x.shape
    y = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(n, h // b, w // b, -1)


LAST = RNG.normal(size=(2, 4, 6, 8)).astype("float32")
of("space_to_depth", LAST, 2)(deeper(LAST, 2))
of("depth_to_space", deeper(LAST, 2), 2)(LAST)
_FIRST = LAST.transpose(0, 3, 1, 2).copy()
_TURNED = LAST.reshape(2, 2, 2, 3, 2, 8).transpose(0, 5, 2, 4, 1, 3)
_TURNED = _TURNED.reshape(2, 32, 2, 3).copy()
of("space_to_depth", _FIRST, 2, data_format="channels_first")(_TURNED)
of("depth_to_space", _TURNED, 2, data_format="channels_first")(_FIRST)
of("rearrange", X, "a b c -> c (a b)")(X.transpose(2, 0, 1).reshape(4, 6))
of("rearrange", X, "a b (c d) -> (a d) b c", d=2)(
    X.reshape(2, 3, 2, 2).transpose(0, 3, 1, 2).reshape(4, 3, 2)
)

# Scores

of("multi_hot", i32([0, 2, 0]), 4)(f32([1, 0, 1, 0]))
of("multi_hot", i32([[0, 2], [1, 9]]), 3)(f32([[1, 0, 1], [0, 1, 0]]))
of("multi_hot", i32([[0, 2], [1, 1]]), 3, dtype="int32")(i32([[1, 0, 1], [0, 1, 0]]))
# Keras's sparsemax is right only where one number is left: it adds up sums of sums.
of("sparsemax", f32([[0.5, 0.4, -3.0], [3.0, 0.0, 0.0]]), keras=False)(
    f32([[0.55, 0.45, 0], [1, 0, 0]])
)
of("sparsemax", f32([[0.5, 3.0], [0.4, 0.0], [-3.0, 0.0]]), axis=0, keras=False)(
    f32([[0.55, 1], [0.45, 0], [0, 0]])
)
of("psnr", F, F + f32(0.1), 1.0)(f32(20.0))
of("in_top_k", i32([1, 0]), f32([[0.1, 0.6, 0.3], [0.2, 0.5, 0.3]]), 2)(
    np.array([True, False])
)
of("in_top_k", i32([2, 1]), f32([[0.3, 0.4, 0.3], [0.2, np.nan, 0.3]]), 2)(
    np.array([True, False])
)
